// Reductions and softmax against plain loops, for every ISA level of this machine.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/parallel.h"
#include "calls.h"
#include "kernels/reduce.h"
#include "kernels/table.h"

namespace pk {
namespace {

const float nan = std::numeric_limits<float>::quiet_NaN();
const float inf = std::numeric_limits<float>::infinity();

class Reductions : public ::testing::TestWithParam<Isa> {
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

const Shape shapes[] = {Shape{},           Shape{1},         Shape{10},        Shape{1000},
                        Shape{64, 10},     Shape{64, 500},   Shape{7, 1, 33},  Shape{4, 5, 6},
                        Shape{2, 3, 4, 5}, Shape{3, 130, 3}, Shape{300, 4, 3}, Shape{100, 1023},
                        Shape{2, 40000},   Shape{40000, 2},  Shape{97, 89, 3}, Shape{2, 3, 2, 3, 2, 3}};

// Position in the output of element i of x.
int64_t kept_index(const Shape& shape, const bool* reduced, int64_t i) {
  int64_t at = 0, step = 1;
  for (int d = shape.rank() - 1; d >= 0; --d) {
    const int64_t k = i % shape[d];
    i /= shape[d];
    if (!reduced[d]) {
      at += k * step;
      step *= shape[d];
    }
  }
  return at;
}

template <class T>
void check_reduce(Reduce f, double lo, double hi, double tolerance) {
  for (const Shape& shape : shapes) {
    const int64_t n = shape.numel();
    const std::vector<T> x = randoms<T>(n, lo, hi);
    for (int mask = 0; mask < 1 << shape.rank(); ++mask) {
      bool reduced[Shape::max_rank] = {};
      int64_t kept = 1;
      for (int d = 0; d < shape.rank(); ++d) {
        reduced[d] = (mask >> d & 1) != 0;
        if (!reduced[d]) kept *= shape[d];
      }
      const int64_t count = n / kept;
      if (f == Reduce::prod && count > 1000) continue;
      const double start = f == Reduce::prod  ? 1
                           : f == Reduce::max ? -std::numeric_limits<double>::infinity()
                           : f == Reduce::min ? std::numeric_limits<double>::infinity()
                                              : 0;
      std::vector<double> want(static_cast<std::size_t>(kept), start), scale(want.size(), 0);
      for (int64_t i = 0; i < n; ++i) {
        const int64_t at = kept_index(shape, reduced, i);
        double& w = want[at];
        const double v = static_cast<double>(x[i]);
        w = f == Reduce::prod ? w * v : f == Reduce::max ? std::fmax(w, v) : f == Reduce::min ? std::fmin(w, v) : w + v;
        scale[at] += std::fabs(v);
      }
      std::vector<T> y(want.size(), T(99));
      reduce(f, dtype_of<T>::value, shape, reduced, x.data(), y.data());
      for (int64_t i = 0; i < kept; ++i) {
        const double w = f == Reduce::mean ? want[i] / static_cast<double>(count) : want[i];
        const double s = f == Reduce::sum    ? scale[i]
                         : f == Reduce::mean ? scale[i] / static_cast<double>(count)
                                             : std::fabs(w);
        ASSERT_NEAR(static_cast<double>(y[i]), w, tolerance * s)
            << "function " << static_cast<int>(f) << " of " << shape.str() << " axes " << mask << " at " << i;
      }
    }
  }
}

// Blocked sums: a few tens of additions in a row, so a few units of 2^-24 of the sum of magnitudes.
constexpr double float_tolerance = 10 * 0x1p-24;

TEST_P(Reductions, Sum) {
  check_reduce<float>(Reduce::sum, -1, 1, float_tolerance);
  check_reduce<float>(Reduce::sum, 0, 1, float_tolerance);
  check_reduce<double>(Reduce::sum, -1, 1, 1e-13);
  check_reduce<std::int32_t>(Reduce::sum, -100, 100, 0);
  check_reduce<std::int64_t>(Reduce::sum, -100, 100, 0);
}
TEST_P(Reductions, Mean) {
  check_reduce<float>(Reduce::mean, -1, 1, float_tolerance);
  check_reduce<double>(Reduce::mean, -1, 1, 1e-13);
}
TEST_P(Reductions, Extrema) {
  check_reduce<float>(Reduce::max, -9, -1, 0);
  check_reduce<float>(Reduce::min, 1, 9, 0);
  check_reduce<double>(Reduce::max, -9, -1, 0);
  check_reduce<std::int32_t>(Reduce::min, 5, 90, 0);
  check_reduce<std::int64_t>(Reduce::max, -90, -5, 0);
}
TEST_P(Reductions, Product) {
  check_reduce<float>(Reduce::prod, 0.99, 1.01, 1e-4);
  check_reduce<double>(Reduce::prod, 0.99, 1.01, 1e-12);
}

TEST_P(Reductions, NaNPropagatesThroughExtrema) {
  for (const int64_t n : {1, 5, 16, 40, 3000}) {
    for (const int64_t at : {int64_t{0}, n / 2, n - 1}) {
      std::vector<float> x = randoms<float>(n * 3, -1, 1);
      const bool all[] = {true}, first[] = {true, false}, last[] = {false, true};
      x[at] = nan;
      for (const Reduce f : {Reduce::max, Reduce::min}) {
        float y[3];
        reduce(f, DType::f32, Shape{n}, all, x.data(), y);
        EXPECT_TRUE(std::isnan(y[0])) << n << " " << at;
        reduce(f, DType::f32, Shape{3, n}, last, x.data(), y);
        EXPECT_TRUE(std::isnan(y[0]) && !std::isnan(y[1]) && !std::isnan(y[2]));
        reduce(f, DType::f32, Shape{n, 3}, first, x.data(), y);
        EXPECT_EQ(1, std::isnan(y[0]) + std::isnan(y[1]) + std::isnan(y[2]));
        EXPECT_TRUE(std::isnan(y[at % 3]));
      }
    }
  }
  const float infinite[] = {-inf, -inf, -inf};
  const bool all[] = {true};
  float y = 0;
  reduce(Reduce::max, DType::f32, Shape{3}, all, infinite, &y);
  EXPECT_EQ(y, -inf);
}

TEST_P(Reductions, NothingToReduce) {
  const bool first[] = {true, false};
  float y[3] = {9, 9, 9};
  reduce(Reduce::sum, DType::f32, Shape{0, 3}, first, nullptr, y);
  EXPECT_EQ(y[2], 0.0F);
  reduce(Reduce::prod, DType::f32, Shape{0, 3}, first, nullptr, y);
  EXPECT_EQ(y[2], 1.0F);
  reduce(Reduce::mean, DType::f32, Shape{0, 3}, first, nullptr, y);
  EXPECT_TRUE(std::isnan(y[2]));
  EXPECT_THROW(reduce(Reduce::max, DType::f32, Shape{0, 3}, first, nullptr, y), std::invalid_argument);
  const bool last[] = {false, true};
  reduce(Reduce::max, DType::f32, Shape{0, 3}, last, nullptr, y);  // no output
  bool b[3] = {true, true, true};
  reduce_bool(false, Shape{0, 3}, first, nullptr, b);
  EXPECT_FALSE(b[0]);
  reduce_bool(true, Shape{0, 3}, first, nullptr, b);
  EXPECT_TRUE(b[0]);
}

TEST_P(Reductions, AnyAll) {
  bool x[6 * 40] = {};
  x[41] = true;
  for (int j = 0; j < 40; ++j) x[5 * 40 + j] = true;
  bool y[40];
  const bool last[] = {false, true}, first[] = {true, false};
  reduce_bool(false, Shape{6, 40}, last, x, y);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(y[i], i == 1 || i == 5);
  reduce_bool(true, Shape{6, 40}, last, x, y);
  for (int i = 0; i < 6; ++i) EXPECT_EQ(y[i], i == 5);
  reduce_bool(false, Shape{6, 40}, first, x, y);
  for (int j = 0; j < 40; ++j) EXPECT_TRUE(y[j]);
}

TEST_P(Reductions, RefusesWhatItCannot) {
  const bool all[] = {true};
  std::int32_t y = 0;
  EXPECT_THROW(reduce(Reduce::mean, DType::i32, Shape{1}, all, &y, &y), std::invalid_argument);
  EXPECT_THROW(reduce(Reduce::sum, DType::u8, Shape{1}, all, &y, &y), std::invalid_argument);
  EXPECT_THROW(arg_reduce(ArgReduce::argmax, DType::f32, Shape{2, 0}, 1, nullptr, &y), std::invalid_argument);
  EXPECT_THROW(arg_reduce(ArgReduce::argmax, DType::f32, Shape{2}, 1, nullptr, &y), std::invalid_argument);
}

TEST_P(Reductions, SumsOfManyEqualTermsStayAccurate) {
  const int64_t n = 4000000;
  const std::vector<float> x(static_cast<std::size_t>(n), 0.1F);
  const bool all[] = {true}, first[] = {true, false};
  float y[2];
  reduce(Reduce::sum, DType::f32, Shape{n}, all, x.data(), y);
  const double want = static_cast<double>(0.1F) * static_cast<double>(n);
  EXPECT_NEAR(y[0], want, 2e-6 * want);
  reduce(Reduce::sum, DType::f32, Shape{n / 2, 2}, first, x.data(), y);
  EXPECT_NEAR(y[1], want / 2, 2e-6 * want);
}

template <class T>
void check_arg() {
  for (const Shape& shape : shapes) {
    // Few distinct values, so that there are ties.
    std::vector<T> x = randoms<T>(shape.numel(), 0, 40);
    for (T& v : x) v = static_cast<T>(std::floor(static_cast<double>(v)));
    for (int axis = 0; axis < shape.rank(); ++axis) {
      int64_t inner = 1, outer = 1;
      for (int d = 0; d < shape.rank(); ++d) (d < axis ? outer : inner) *= d == axis ? 1 : shape[d];
      const int64_t n = shape[axis];
      std::vector<std::int32_t> y(static_cast<std::size_t>(outer * inner), -1);
      for (const ArgReduce f : {ArgReduce::argmax, ArgReduce::argmin}) {
        arg_reduce(f, dtype_of<T>::value, shape, axis, x.data(), y.data());
        for (int64_t o = 0; o < outer; ++o) {
          for (int64_t j = 0; j < inner; ++j) {
            int64_t best = 0;
            for (int64_t k = 1; k < n; ++k) {
              const T a = x[(o * n + k) * inner + j], b = x[(o * n + best) * inner + j];
              if (f == ArgReduce::argmax ? a > b : a < b) best = k;
            }
            ASSERT_EQ(y[o * inner + j], best) << shape.str() << " axis " << axis;
          }
        }
      }
    }
  }
}

TEST_P(Reductions, ArgReduce) {
  check_arg<float>();
  check_arg<double>();
  check_arg<std::int32_t>();
  check_arg<std::int64_t>();
  check_arg<std::uint8_t>();
}

TEST_P(Reductions, ArgReduceTakesTheFirstNaN) {
  for (const int axis : {0, 1}) {
    std::vector<float> x(50, -1.0F);
    x[20] = nan;
    x[30] = nan;
    x[40] = inf;
    std::int32_t y = -1;
    arg_reduce(ArgReduce::argmax, DType::f32, axis == 0 ? Shape{50, 1} : Shape{1, 50}, axis, x.data(), &y);
    EXPECT_EQ(y, 20);
    arg_reduce(ArgReduce::argmin, DType::f32, axis == 0 ? Shape{50, 1} : Shape{1, 50}, axis, x.data(), &y);
    EXPECT_EQ(y, 20);
  }
  // Two columns, so that the loop over columns runs.
  std::vector<float> x = {1, 2, nan, 3, 5, nan, nan, nan};
  std::int32_t y[2];
  arg_reduce(ArgReduce::argmin, DType::f32, Shape{4, 2}, 0, x.data(), y);
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[1], 2);
}

template <class T>
void check_softmax(double tolerance) {
  for (const int64_t n : {1, 2, 3, 10, 15, 16, 17, 31, 33, 100, 1000, 5000}) {
    const int64_t rows = n > 500 ? 3 : 21;
    const std::vector<T> x = randoms<T>(rows * n, -8, 8), dy = randoms<T>(rows * n, -1, 1, 4);
    std::vector<T> p(x.size()), l(x.size()), dp(x.size()), dl(x.size());
    const DType t = dtype_of<T>::value;
    softmax(t, rows, n, x.data(), p.data());
    log_softmax(t, rows, n, x.data(), l.data());
    softmax_grad(t, rows, n, p.data(), dy.data(), dp.data());
    log_softmax_grad(t, rows, n, l.data(), dy.data(), dl.data());
    for (int64_t r = 0; r < rows; ++r) {
      const T* xr = &x[r * n];
      double m = xr[0], sum = 0, dot = 0, total = 0;
      for (int64_t i = 1; i < n; ++i) m = std::fmax(m, xr[i]);
      for (int64_t i = 0; i < n; ++i) sum += std::exp(xr[i] - m);
      for (int64_t i = 0; i < n; ++i) {
        dot += std::exp(xr[i] - m) / sum * dy[r * n + i];
        total += dy[r * n + i];
      }
      for (int64_t i = 0; i < n; ++i) {
        const double q = std::exp(xr[i] - m) / sum;
        ASSERT_NEAR(p[r * n + i], q, tolerance * q) << n;
        ASSERT_NEAR(l[r * n + i], xr[i] - m - std::log(sum), tolerance * 20) << n;
        ASSERT_NEAR(dp[r * n + i], q * (dy[r * n + i] - dot), tolerance * q * 3) << n;
        ASSERT_NEAR(dl[r * n + i], dy[r * n + i] - q * total, tolerance * (1 + q * 50)) << n;
      }
    }
    std::vector<T> z = x;
    softmax(t, rows, n, z.data(), z.data());
    EXPECT_EQ(z, p);
    z = x;
    log_softmax(t, rows, n, z.data(), z.data());
    EXPECT_EQ(z, l);
    z = dy;
    softmax_grad(t, rows, n, p.data(), z.data(), z.data());
    EXPECT_EQ(z, dp);
    z = dy;
    log_softmax_grad(t, rows, n, l.data(), z.data(), z.data());
    EXPECT_EQ(z, dl);
  }
}

TEST_P(Reductions, Softmax) {
  check_softmax<float>(2e-6);
  check_softmax<double>(1e-13);
}

TEST_P(Reductions, SoftmaxAtTheEdges) {
  for (const int64_t n : {3, 40}) {
    std::vector<float> x(static_cast<std::size_t>(n), -1e30F), y(x.size());
    x[1] = 1e30F;
    softmax(DType::f32, 1, n, x.data(), y.data());
    EXPECT_EQ(y[0], 0.0F);
    EXPECT_EQ(y[1], 1.0F);
    x.assign(x.size(), -inf);
    x[2] = 5;
    softmax(DType::f32, 1, n, x.data(), y.data());
    EXPECT_EQ(y[2], 1.0F);
    EXPECT_EQ(y[0], 0.0F);
    x[0] = nan;
    softmax(DType::f32, 1, n, x.data(), y.data());
    for (const float v : y) EXPECT_TRUE(std::isnan(v));
    log_softmax(DType::f32, 1, n, x.data(), y.data());
    for (const float v : y) EXPECT_TRUE(std::isnan(v));
  }
  softmax(DType::f32, 4, 0, nullptr, nullptr);
  softmax(DType::f32, 0, 4, nullptr, nullptr);
}

TEST_P(Reductions, SameBitsForAnyThreads) {
  const std::vector<float> x = randoms<float>(1 << 20, -1, 1);
  const int before = num_threads();
  for (const Shape& shape : {Shape{1 << 20}, Shape{1 << 10, 1 << 10}, Shape{1 << 18, 4}, Shape{4, 1 << 16, 4}}) {
    for (int mask = 1; mask < 1 << shape.rank(); ++mask) {
      bool reduced[Shape::max_rank] = {};
      int64_t kept = 1;
      for (int d = 0; d < shape.rank(); ++d) {
        reduced[d] = (mask >> d & 1) != 0;
        if (!reduced[d]) kept *= shape[d];
      }
      std::vector<float> one(static_cast<std::size_t>(kept)), two(one.size());
      set_num_threads(1);
      reduce(Reduce::sum, DType::f32, shape, reduced, x.data(), one.data());
      set_num_threads(2);
      reduce(Reduce::sum, DType::f32, shape, reduced, x.data(), two.data());
      EXPECT_EQ(0, std::memcmp(one.data(), two.data(), sizeof(float) * one.size())) << shape.str() << " " << mask;
    }
  }
  set_num_threads(before);
}

INSTANTIATE_TEST_SUITE_P(Isas, Reductions, ::testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace pk
