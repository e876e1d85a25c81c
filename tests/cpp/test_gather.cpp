// Rows of user arrays: every source type, both byte orders, any strides.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "kernels/gather.h"

namespace pk {
namespace {

// An array of bytes, with the values 0, 1, 2, ... (mod 100) as `T`.
template <class T>
std::vector<unsigned char> bytes_of(int64_t n, bool swapped) {
  std::vector<unsigned char> bytes(static_cast<std::size_t>(n) * sizeof(T));
  for (int64_t i = 0; i < n; ++i) {
    const T v = static_cast<T>(i % 100);
    unsigned char* p = &bytes[static_cast<std::size_t>(i) * sizeof(T)];
    std::memcpy(p, &v, sizeof(T));
    if (swapped) {
      for (std::size_t a = 0, b = sizeof(T) - 1; a < b; ++a, --b) std::swap(p[a], p[b]);
    }
  }
  return bytes;
}

ArrayView packed_view(const void* data, SourceType type, bool swapped, const Shape& shape) {
  ArrayView v;
  v.data = data;
  v.type = type;
  v.swapped = swapped;
  v.shape = shape;
  int64_t step = size_of(type);
  for (int i = shape.rank() - 1; i >= 0; --i) {
    v.strides[i] = step;
    step *= shape[i];
  }
  return v;
}

template <class To>
void expect_rows(const ArrayView& view, const std::vector<int64_t>& rows, int64_t width) {
  std::vector<To> out(rows.size() * static_cast<std::size_t>(width) + 1, To(77));
  gather_rows(view, rows.data(), 0, static_cast<int64_t>(rows.size()), dtype_of<To>::value, out.data());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (int64_t j = 0; j < width; ++j) {
      ASSERT_EQ(static_cast<double>(out[r * width + j]), static_cast<double>((rows[r] * width + j) % 100));
    }
  }
  EXPECT_EQ(out.back(), To(77));
  gather_rows(view, nullptr, 1, 2, dtype_of<To>::value, out.data());
  for (int64_t j = 0; j < 2 * width; ++j) {
    ASSERT_EQ(static_cast<double>(out[j]), static_cast<double>((width + j) % 100));
  }
}

template <class T>
void check_type(SourceType type) {
  for (const bool swapped : {false, true}) {
    for (const int64_t width : {1, 2, 4, 7, 33}) {
      const std::vector<unsigned char> bytes = bytes_of<T>(5 * width, swapped);
      const ArrayView view = packed_view(bytes.data(), type, swapped, Shape{5, width});
      EXPECT_TRUE(view.row_contiguous());
      const std::vector<int64_t> rows = {4, 0, 0, 3};
      expect_rows<float>(view, rows, width);
      expect_rows<double>(view, rows, width);
      expect_rows<std::int32_t>(view, rows, width);
      expect_rows<std::int64_t>(view, rows, width);
      expect_rows<std::uint8_t>(view, rows, width);
    }
  }
}

TEST(Gather, EveryTypeAndByteOrder) {
  check_type<float>(SourceType::f32);
  check_type<double>(SourceType::f64);
  check_type<std::int8_t>(SourceType::i8);
  check_type<std::uint8_t>(SourceType::u8);
  check_type<std::int16_t>(SourceType::i16);
  check_type<std::uint16_t>(SourceType::u16);
  check_type<std::int32_t>(SourceType::i32);
  check_type<std::uint32_t>(SourceType::u32);
  check_type<std::int64_t>(SourceType::i64);
  check_type<std::uint64_t>(SourceType::u64);
}

TEST(Gather, HalfPrecision) {
  const std::uint16_t x[] = {0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001,
                             0x03ff, 0x0400, 0x7c00, 0xfc00, 0x7e00, 0x3555};
  const double want[] = {0,       -0.0,     1,         -2,  65504,         0x1p-24, 1023 * 0x1p-24,
                         0x1p-14, HUGE_VAL, -HUGE_VAL, NAN, 0.333251953125};
  float y[12];
  gather_rows(packed_view(x, SourceType::f16, false, Shape{12}), nullptr, 0, 12, DType::f32, y);
  for (int i = 0; i < 12; ++i) {
    if (std::isnan(want[i])) {
      EXPECT_TRUE(std::isnan(y[i]));
    } else {
      EXPECT_EQ(y[i], want[i]) << i;
    }
  }
  EXPECT_TRUE(std::signbit(y[1]));
}

TEST(Gather, Booleans) {
  const unsigned char x[] = {0, 1, 0, 2};
  float y[4];
  gather_rows(packed_view(x, SourceType::boolean, false, Shape{4}), nullptr, 0, 3, DType::f32, y);
  EXPECT_EQ(y[0], 0.0F);
  EXPECT_EQ(y[1], 1.0F);
  unsigned char b[4];
  gather_rows(packed_view(x, SourceType::boolean, false, Shape{4}), nullptr, 0, 4, DType::boolean, b);
  EXPECT_EQ(b[0], 0);
  EXPECT_EQ(b[3], 1);
  const float f[] = {0.0F, -3.0F};
  gather_rows(packed_view(f, SourceType::f32, false, Shape{2}), nullptr, 0, 2, DType::boolean, b);
  EXPECT_EQ(b[0], 0);
  EXPECT_EQ(b[1], 1);
}

TEST(Gather, AnyStrides) {
  // A (6, 4, 5) array seen transposed, flipped, stepped, and broadcast.
  std::vector<float> x(120);
  for (int i = 0; i < 120; ++i) x[i] = static_cast<float>(i);
  struct {
    Shape shape;
    int64_t offset, strides[3];
  } const views[] = {
      {Shape{5, 4, 6}, 0, {1, 5, 20}},  {Shape{6, 4, 5}, 119, {-20, -5, -1}}, {Shape{3, 2, 5}, 0, {40, 10, 1}},
      {Shape{6, 2, 5}, 0, {20, 10, 1}}, {Shape{6, 3, 5}, 0, {20, 0, 1}},      {Shape{4, 6, 5}, 0, {5, 20, 1}},
      {Shape{6, 4, 2}, 1, {20, 5, 2}},
  };
  for (const auto& c : views) {
    ArrayView v;
    v.data = x.data() + c.offset;
    v.shape = c.shape;
    for (int i = 0; i < 3; ++i) v.strides[i] = c.strides[i] * 4;
    const int64_t rows[] = {2, 0, c.shape[0] - 1};
    const int64_t width = c.shape[1] * c.shape[2];
    for (const DType to : {DType::f32, DType::i32}) {
      std::vector<float> y(static_cast<std::size_t>(3 * width));
      gather_rows(v, rows, 0, 3, to, y.data());
      for (int64_t i = 0; i < 3 * width; ++i) {
        const int64_t r = rows[i / width], j = i % width / c.shape[2], k = i % c.shape[2];
        const float want = x[c.offset + r * c.strides[0] + j * c.strides[1] + k * c.strides[2]];
        std::int32_t whole;
        std::memcpy(&whole, &y[i], sizeof(whole));
        if (to == DType::f32) {
          ASSERT_EQ(y[i], want) << c.shape.str();
        } else {
          ASSERT_EQ(whole, static_cast<std::int32_t>(want)) << c.shape.str();
        }
      }
    }
  }
}

TEST(Gather, UnalignedRecords) {
  // Fields of 9-byte records: a float64 after one byte.
  std::vector<unsigned char> bytes(9 * 20 + 8);
  for (int i = 0; i < 20; ++i) {
    const double v = i * 0.5;
    std::memcpy(&bytes[9 * i + 1], &v, 8);
  }
  ArrayView v;
  v.data = &bytes[1];
  v.type = SourceType::f64;
  v.shape = Shape{10, 2};
  v.strides[0] = 18;
  v.strides[1] = 9;
  EXPECT_FALSE(v.row_contiguous());
  float y[20];
  gather_rows(v, nullptr, 0, 10, DType::f32, y);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(y[i], static_cast<float>(i) * 0.5F);
}

TEST(Gather, ConversionsAreThoseOfCast) {
  const double x[] = {1e300, -1e300, NAN, -1.9, 3e9, 255.9};
  std::int32_t k[6];
  gather_rows(packed_view(x, SourceType::f64, false, Shape{6}), nullptr, 0, 6, DType::i32, k);
  EXPECT_EQ(k[0], INT32_MAX);
  EXPECT_EQ(k[1], INT32_MIN);
  EXPECT_EQ(k[2], 0);
  EXPECT_EQ(k[3], -1);
  EXPECT_EQ(k[4], INT32_MAX);
  std::uint8_t u[6];
  gather_rows(packed_view(x, SourceType::f64, false, Shape{6}), nullptr, 0, 6, DType::u8, u);
  EXPECT_EQ(u[3], 0);
  EXPECT_EQ(u[5], 255);
}

TEST(Gather, LargeBatchesWithThreads) {
  const int64_t n = 3000, width = 784;
  const std::vector<unsigned char> bytes = bytes_of<std::uint8_t>(n * width, false);
  const ArrayView view = packed_view(bytes.data(), SourceType::u8, false, Shape{n, 28, 28});
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < n; ++i) rows.push_back((i * 7919) % n);
  const int before = num_threads();
  set_num_threads(2);
  std::vector<float> y(static_cast<std::size_t>(n * width));
  RowGather(view, DType::f32)(rows.data(), 0, n, y.data());
  set_num_threads(before);
  for (int64_t i = 0; i < n * width; ++i)
    ASSERT_EQ(y[i], static_cast<float>((rows[i / width] * width + i % width) % 100));
}

TEST(Gather, EmptyAndRankZero) {
  gather_rows(packed_view(nullptr, SourceType::f32, false, Shape{3, 0}), nullptr, 0, 3, DType::f32, nullptr);
  gather_rows(packed_view(nullptr, SourceType::f32, false, Shape{0, 3}), nullptr, 0, 0, DType::f32, nullptr);
  EXPECT_THROW(gather_rows(packed_view(nullptr, SourceType::f32, false, Shape{}), nullptr, 0, 0, DType::f32, nullptr),
               std::invalid_argument);
}

}  // namespace
}  // namespace pk
