// Maps of images against their definition in double precision, on arrays that end at unreadable memory.
#include "kernels/transform.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "guarded.h"
#include "kernels/table.h"

namespace pk {
namespace {

const Fill kFills[] = {Fill::grid_constant, Fill::nearest, Fill::reflect, Fill::mirror, Fill::grid_wrap};
// Nothing; mirrored; moved by whole and by broken numbers; zoomed; turned; far outside; projective.
const std::array<float, 8> kMaps[] = {{1, 0, 0, 0, 1, 0, 0, 0},
                                      {-1, 0, 6, 0, -1, 4, 0, 0},
                                      {1, 0, -2, 0, 1, 3, 0, 0},
                                      {1, 0, 0.25F, 0, 1, -1.5F, 0, 0},
                                      {0.7F, 0, 0.9F, 0, 1.3F, -0.6F, 0, 0},
                                      {0.8F, -0.6F, 2.1F, 0.6F, 0.8F, -1.3F, 0, 0},
                                      {3, 0, -1e7F, 0, 2, 1e8F, 0, 0},
                                      {0.9F, 0.1F, 0, -0.2F, 1.1F, 0.4F, 0.03F, -0.02F}};

TransformShape shape_of(int64_t h, int64_t w, int64_t c, int64_t p, int64_t q) {
  TransformShape s;
  s.n = static_cast<int64_t>(std::size(kMaps));
  s.h = h;
  s.w = w;
  s.c = c;
  s.p = p;
  s.q = q;
  s.fill_value = 9;
  return s;
}

double round_away(double v) { return v < 0 ? std::ceil(v - 0.5) : std::floor(v + 0.5); }

template <class X>
double value(const TransformShape& s, const X* x, const std::array<float, 8>& m, int64_t r, int64_t col, int64_t k) {
  const double k0 =
      static_cast<double>(m[6]) * static_cast<double>(col) + static_cast<double>(m[7]) * static_cast<double>(r) + 1;
  const auto along = [&](int i) {
    return (static_cast<double>(m[static_cast<std::size_t>(i)]) * static_cast<double>(col) +
            static_cast<double>(m[static_cast<std::size_t>(i + 1)]) * static_cast<double>(r) +
            static_cast<double>(m[static_cast<std::size_t>(i + 2)])) /
           k0;
  };
  const double u = along(0), v = along(3);
  const auto at = [&](double row, double column) {
    const int64_t i = fill_index(static_cast<int64_t>(row), s.h, s.fill),
                  j = fill_index(static_cast<int64_t>(column), s.w, s.fill);
    return i < 0 || j < 0 ? s.fill_value : static_cast<double>(x[(i * s.w + j) * s.c + k]);
  };
  if (!s.linear) return at(round_away(v), round_away(u));
  const double i = std::floor(v), j = std::floor(u), a = v - i, b = u - j;
  return (1 - a) * ((1 - b) * at(i, j) + b * at(i, j + 1)) + a * ((1 - b) * at(i + 1, j) + b * at(i + 1, j + 1));
}

template <class X, class Y>
void forward(DType dtype) {
  for (const auto& [h, w, c] :
       std::vector<std::array<int64_t, 3>>{{5, 7, 3}, {6, 5, 4}, {4, 4, 1}, {1, 1, 3}, {3, 6, 17}, {2, 2, 2}}) {
    TransformShape s = shape_of(h, w, c, h == 6 ? 4 : h, h == 6 ? 9 : w);
    Guarded<X> x(s.n * h * w * c);
    for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<X>((i * 37 + 11) % 251);
    Guarded<Y> y(s.n * s.p * s.q * c);
    for (const Fill fill : kFills) {
      for (const bool linear : {true, false}) {
        s.fill = fill;
        s.linear = linear;
        for (int64_t i = 0; i < y.size(); ++i) y[i] = -1;
        transform_images(dtype, s, x.data(), kMaps[0].data(), y.data());
        for (int64_t n = 0; n < s.n; ++n) {
          const auto& m = kMaps[static_cast<std::size_t>(n)];
          for (int64_t r = 0; r < s.p; ++r) {
            for (int64_t q = 0; q < s.q; ++q) {
              for (int64_t k = 0; k < c; ++k) {
                const double want = value(s, x.data() + n * h * w * c, m, r, q, k);
                ASSERT_NEAR(static_cast<double>(y[((n * s.p + r) * s.q + q) * c + k]), want,
                            251 * 8 * static_cast<double>(std::numeric_limits<Y>::epsilon()))
                    << "map " << n << " row " << r << " column " << q << " fill " << static_cast<int>(fill);
              }
            }
          }
        }
      }
    }
  }
}

TEST(Transform, Forward) {
  for (const Isa isa : available_isas()) {
    use_isa(isa);
    forward<float, float>(DType::f32);
    forward<double, double>(DType::f64);
    forward<std::uint8_t, float>(DType::u8);
  }
  use_isa(chosen_isa());
}

TEST(Transform, GradientIsTheTransposedMap) {
  for (const Isa isa : available_isas()) {
    use_isa(isa);
    TransformShape s = shape_of(5, 7, 3, 6, 5);
    s.fill_value = 0;
    Guarded<double> x(s.n * s.h * s.w * s.c), dx(x.size()), y(s.n * s.p * s.q * s.c), dy(y.size());
    for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>((i * 37 + 11) % 251);
    for (int64_t i = 0; i < dy.size(); ++i) dy[i] = static_cast<double>((i * 53 + 7) % 17);
    for (const Fill fill : kFills) {
      for (const bool linear : {true, false}) {
        s.fill = fill;
        s.linear = linear;
        transform_images(DType::f64, s, x.data(), kMaps[0].data(), y.data());
        transform_gradient(DType::f64, s, dy.data(), kMaps[0].data(), dx.data());
        double left = 0, right = 0;
        for (int64_t i = 0; i < y.size(); ++i) left += y[i] * dy[i];
        for (int64_t i = 0; i < x.size(); ++i) right += x[i] * dx[i];
        ASSERT_NEAR(left, right, std::fabs(left) * 64 * std::numeric_limits<double>::epsilon());
      }
    }
  }
  use_isa(chosen_isa());
}

TEST(Transform, PositionsThatAreNoNumbers) {
  TransformShape s = shape_of(3, 4, 3, 3, 4);
  s.n = 1;
  const float zero_denominator[8] = {0, 0, 0, 0, 0, 0, 0, -1};  // 0 / 0 in the second row
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const float no_numbers[8] = {nan, inf, 0, -inf, nan, 0, 0, 0};
  Guarded<float> x(s.h * s.w * s.c), y(x.size());
  for (int64_t i = 0; i < x.size(); ++i) x[i] = 1;
  for (const Fill fill : kFills) {
    s.fill = fill;
    for (const float* m : {zero_denominator, no_numbers}) {
      for (const bool linear : {true, false}) {
        s.linear = linear;
        transform_images(DType::f32, s, x.data(), m, y.data());
        for (int64_t i = 0; i < y.size(); ++i) ASSERT_TRUE(y[i] == 1 || y[i] == 9);
      }
    }
  }
}

TEST(Transform, SameBitsForAnyNumberOfThreads) {
  TransformShape s = shape_of(211, 190, 3, 211, 190);
  std::vector<float> x(static_cast<std::size_t>(s.n * s.h * s.w * s.c)), one(x.size()), two(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 1009) / 1009;
  const int threads = num_threads();
  set_num_threads(1);
  transform_images(DType::f32, s, x.data(), kMaps[0].data(), one.data());
  set_num_threads(3);
  transform_images(DType::f32, s, x.data(), kMaps[0].data(), two.data());
  set_num_threads(threads);
  ASSERT_EQ(0, std::memcmp(one.data(), two.data(), one.size() * sizeof(float)));
}

TEST(Transform, Refusals) {
  TransformShape s = shape_of(2, 2, 1, 2, 2);
  float x[4] = {}, y[4] = {};
  s.fill = Fill::constant;
  EXPECT_THROW(transform_images(DType::f32, s, x, kMaps[0].data(), y), std::invalid_argument);
  s.fill = Fill::nearest;
  EXPECT_THROW(transform_images(DType::i32, s, x, kMaps[0].data(), y), std::invalid_argument);
  s.q = 0;
  EXPECT_THROW(transform_images(DType::f32, s, x, kMaps[0].data(), y), std::invalid_argument);
}

}  // namespace
}  // namespace pk
