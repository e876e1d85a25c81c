// Broadcasting, selection and strided copies against plain indexing, for every ISA level of this
// machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/cpu.h"
#include "calls.h"
#include "kernels/elementwise.h"
#include "kernels/table.h"

namespace pk {
namespace {

class Broadcasting : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { use_isa(GetParam()); }
  void TearDown() override { use_isa(chosen_isa()); }
};

template <class T>
std::vector<T> randoms(int64_t n, double lo, double hi, unsigned seed = 1) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<double> u(lo, hi);
  std::vector<T> x(static_cast<std::size_t>(n));
  for (T& v : x) v = static_cast<T>(u(rng));
  return x;
}

// The element of x that NumPy's rules put at position i of `out`.
int64_t broadcast_index(const Shape& out, const Shape& x, int64_t i) {
  int64_t at = 0, step = 1;
  for (int d = out.rank() - 1, e = x.rank() - 1; d >= 0; --d, --e) {
    const int64_t k = i % out[d];
    i /= out[d];
    if (e >= 0) {
      at += (x[e] == 1 ? 0 : k) * step;
      step *= x[e];
    }
  }
  return at;
}

const std::pair<Shape, Shape> shape_pairs[] = {
    {Shape{}, Shape{}},
    {Shape{5}, Shape{}},
    {Shape{}, Shape{5}},
    {Shape{17}, Shape{17}},
    {Shape{7, 33}, Shape{33}},
    {Shape{33}, Shape{7, 33}},
    {Shape{7, 33}, Shape{7, 1}},
    {Shape{7, 1}, Shape{1, 33}},
    {Shape{1, 33}, Shape{7, 1}},
    {Shape{3, 4, 5}, Shape{4, 1}},
    {Shape{3, 1, 5}, Shape{1, 4, 1}},
    {Shape{2, 3, 1, 5}, Shape{3, 4, 5}},
    {Shape{0, 3}, Shape{3}},
    {Shape{3, 0}, Shape{3, 1}},
    {Shape{1, 1}, Shape{1}},
    {Shape{300, 200}, Shape{200}},
    {Shape{3000, 10}, Shape{10}},
    {Shape{3}, Shape{129, 3}},
    {Shape{64, 1, 64}, Shape{1, 64}},
    {Shape{50000}, Shape{1}},
    {Shape{2, 40000}, Shape{2, 1}},
};

TEST_P(Broadcasting, BinaryBroadcasts) {
  for (const auto& [sa, sb] : shape_pairs) {
    const Shape out = broadcast_shape(sa, sb);
    const std::vector<float> a = randoms<float>(sa.numel(), -3, 3), b = randoms<float>(sb.numel(), -3, 3, 5);
    std::vector<float> y(static_cast<std::size_t>(out.numel()), 99.0F);
    const Broadcast bc = Broadcast::make(out, sa, sb);
    binary(Binary::subtract, DType::f32, bc, a.data(), b.data(), y.data());
    for (int64_t i = 0; i < out.numel(); ++i) {
      ASSERT_EQ(y[i], a[broadcast_index(out, sa, i)] - b[broadcast_index(out, sb, i)])
          << sa.str() << " " << sb.str() << " at " << i;
    }
    std::vector<char> less(y.size(), 2);
    compare(Compare::less, DType::f32, bc, a.data(), b.data(), reinterpret_cast<bool*>(less.data()));
    for (int64_t i = 0; i < out.numel(); ++i) {
      ASSERT_EQ(less[i] != 0, a[broadcast_index(out, sa, i)] < b[broadcast_index(out, sb, i)]);
    }
  }
  EXPECT_THROW(broadcast_shape(Shape{3}, Shape{4}), std::invalid_argument);
  EXPECT_THROW(Broadcast::make(Shape{3}, Shape{4}, Shape{3}), std::invalid_argument);
}

TEST_P(Broadcasting, OutputLargerThanBothInputs) {
  const float a = 2, b = 3;
  std::vector<float> y(20);
  binary(Binary::add, DType::f32, Broadcast::make(Shape{4, 5}, Shape{}, Shape{1}), &a, &b, y.data());
  EXPECT_EQ(y, std::vector<float>(20, 5.0F));
}

TEST_P(Broadcasting, InPlaceBinary) {
  const std::vector<float> a = randoms<float>(6 * 37, -3, 3), b = randoms<float>(37, -3, 3, 8);
  const Broadcast bc = Broadcast::make(Shape{6, 37}, Shape{6, 37}, Shape{37});
  std::vector<float> y(a.size()), z = a;
  binary(Binary::multiply, DType::f32, bc, a.data(), b.data(), y.data());
  binary(Binary::multiply, DType::f32, bc, z.data(), b.data(), z.data());
  EXPECT_EQ(y, z);
}

TEST_P(Broadcasting, Select) {
  const Shape shapes[] = {Shape{}, Shape{33}, Shape{7, 1}, Shape{7, 33}, Shape{1, 1}};
  for (const Shape& sc : shapes) {
    for (const Shape& sa : shapes) {
      for (const Shape& sb : shapes) {
        const Shape out = broadcast_shape(sc, broadcast_shape(sa, sb));
        const std::vector<double> a = randoms<double>(sa.numel(), 0, 1), b = randoms<double>(sb.numel(), 2, 3);
        const std::vector<int> flips = randoms<int>(sc.numel(), 0, 2);
        bool c[7 * 33];
        for (std::size_t i = 0; i < flips.size(); ++i) c[i] = flips[i] != 0;
        std::vector<double> y(static_cast<std::size_t>(out.numel()));
        select(DType::f64, Broadcast::make(out, sc, sa, sb), c, a.data(), b.data(), y.data());
        for (int64_t i = 0; i < out.numel(); ++i) {
          ASSERT_EQ(y[i],
                    c[broadcast_index(out, sc, i)] ? a[broadcast_index(out, sa, i)] : b[broadcast_index(out, sb, i)]);
        }
      }
    }
  }
}

template <class T>
void check_transposes() {
  const Shape shapes[] = {Shape{3, 5},         Shape{70, 41},   Shape{4, 3, 5},
                          Shape{2, 17, 1, 33}, Shape{600, 130}, Shape{0, 4}};
  for (const Shape& x : shapes) {
    std::vector<int> axes(static_cast<std::size_t>(x.rank()));
    for (int i = 0; i < x.rank(); ++i) axes[i] = i;
    do {
      Shape out;
      int64_t of_x[Shape::max_rank], strides[Shape::max_rank], step = 1;
      for (int i = x.rank() - 1; i >= 0; --i) {
        of_x[i] = step;
        step *= x[i];
      }
      for (int i = 0; i < x.rank(); ++i) {
        out.push_back(x[axes[i]]);
        strides[i] = of_x[axes[i]];
      }
      const int64_t n = x.numel();
      std::vector<T> from(static_cast<std::size_t>(n)), to(from.size()), back(from.size());
      for (int64_t i = 0; i < n; ++i) from[i] = static_cast<T>(i * 7 + 1);
      strided_copy(dtype_of<T>::value, out, strides, from.data(), to.data());
      for (int64_t i = 0; i < n; ++i) {
        int64_t at = 0, rest = i;
        for (int d = out.rank() - 1; d >= 0; --d) {
          at += rest % out[d] * strides[d];
          rest /= out[d];
        }
        ASSERT_EQ(to[i], from[at]) << x.str() << " -> " << out.str() << " at " << i;
      }
      strided_scatter(dtype_of<T>::value, out, strides, to.data(), back.data());
      ASSERT_EQ(from, back);
    } while (std::next_permutation(axes.begin(), axes.end()));
  }
}

TEST_P(Broadcasting, Transposes) {
  check_transposes<float>();
  check_transposes<double>();
  check_transposes<std::uint8_t>();
}

TEST_P(Broadcasting, FlipsAndSteps) {
  std::vector<float> x(60);
  for (int i = 0; i < 60; ++i) x[i] = static_cast<float>(i);
  const int64_t strides[] = {-30, 4, -1};  // from element (1, 0, 2) of (2, 6, 5): [::-1, ::..., 2::-1]
  std::vector<float> y(2 * 3 * 3);
  strided_copy(DType::f32, Shape{2, 3, 3}, strides, x.data() + 32, y.data());
  for (int i = 0; i < 18; ++i) EXPECT_EQ(y[i], static_cast<float>(32 - 30 * (i / 9) + 4 * (i / 3 % 3) - i % 3));
}

TEST_P(Broadcasting, BroadcastTo) {
  const std::vector<float> x = {1, 2, 3};
  std::vector<float> z(24);
  broadcast_loop(DType::f32, Shape{2, 3, 4}, Shape{3, 1}).gather(x.data(), z.data());
  for (int i = 0; i < 24; ++i) EXPECT_EQ(z[i], x[i / 4 % 3]);
  EXPECT_THROW(broadcast_loop(DType::f32, Shape{2, 4}, Shape{3, 1}), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Isas, Broadcasting, ::testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace pk
