// The float functions of isa/vec_math.h and isa/vec_special.h, through the kernels that apply them: the stated error in
// ulp over a sweep of all floats, and the values at the edges of each function's domain.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "calls.h"
#include "kernels/elementwise.h"
#include "kernels/table.h"

namespace pk {
namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
const float nan = std::numeric_limits<float>::quiet_NaN();

template <Unary f>
void run(const float* x, float* y, int64_t n) {
  unary(f, DType::f32, x, y, n);
}
template <Act act>
void run(const float* x, float* y, int64_t n) {
  activation(act, 0, DType::f32, x, y, n);
}

struct Case {
  const char* name;
  void (*function)(const float* x, float* y, int64_t n);
  double (*reference)(double);
  double ulp;  // as stated in vec_math.h and vec_special.h
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double log_sigmoid(double x) { return x < 0 ? x - std::log1p(std::exp(x)) : -std::log1p(std::exp(-x)); }

// Newton's method in long double, from Winitzki's approximation (2e-3).
double erfinv(double x) {
  const long double a = std::fabs(static_cast<long double>(x));
  if (!(a < 1)) return a == 1 ? std::copysign(HUGE_VAL, x) : std::numeric_limits<double>::quiet_NaN();
  const long double log_gap = std::log1p(-a * a), middle = 2 / (0.147L * 3.14159265358979323846L) + log_gap / 2;
  long double y = std::sqrt(std::sqrt(middle * middle - log_gap / 0.147L) - middle);
  for (int i = 0; i < 5; ++i) {
    const long double residual = a < 0.5L ? std::erf(y) - a : (1 - a) - std::erfc(y);
    y -= residual * 0.88622692545275801365L * std::exp(y * y);
  }
  return std::copysign(static_cast<double>(y), x);
}

double sinc(double x) {
  if (x == 0) return 1;
  const double a = std::fabs(x), whole = std::nearbyint(a), s = std::sin(M_PI * (a - whole));
  return (std::fmod(whole, 2) == 0 ? s : -s) / (M_PI * a);
}
// The integral of exp(x cos t) or of that times cos t over half a circle, by the trapezoidal rule, which converges
// geometrically; scaled by exp(-|x|).
template <int order>
double bessel(double x) {
  const double a = std::fabs(x);
  if (!(a < 1e4)) return std::isnan(x) ? x : order == 0 || x > 0 ? HUGE_VAL : -HUGE_VAL;
  const int n = 40 + static_cast<int>(6 * std::sqrt(a));
  double sum = 0;
  for (int i = 0; i < n; ++i) {
    const double c = std::cos(M_PI * (i + 0.5) / n);
    sum += std::exp(a * (c - 1)) * (order == 0 ? 1 : c);
  }
  // Near 0 the terms of order 1 cancel: its series.
  if (order == 1 && a < 0.1) return x / 2 * (1 + x * x / 8 * (1 + x * x / 24 * (1 + x * x / 48)));
  return std::copysign(std::exp(a / 2) * (sum / n) * std::exp(a / 2), order == 0 ? 1 : x);
}

const Case cases[] = {
    {"exp", run<Unary::exp>, std::exp, 1.1},
    {"expm1", run<Unary::expm1>, std::expm1, 1.5},
    {"log", run<Unary::log>, std::log, 0.9},
    {"log1p", run<Unary::log1p>, std::log1p, 0.9},
    {"tanh", run<Act::tanh>, std::tanh, 2.3},
    {"sigmoid", run<Act::sigmoid>, sigmoid, 2.4},
    {"erf", run<Unary::erf>, std::erf, 1.1},
    {"erfinv", run<Unary::erfinv>, erfinv, 2.7},
    {"sin", run<Unary::sin>, std::sin, 1.5},
    {"cos", run<Unary::cos>, std::cos, 1.5},
    {"tan", run<Unary::tan>, std::tan, 3.1},
    {"arcsin", run<Unary::asin>, std::asin, 2.4},
    {"arccos", run<Unary::acos>, std::acos, 1.2},
    {"arctan", run<Unary::atan>, std::atan, 1.4},
    {"sinh", run<Unary::sinh>, std::sinh, 2.5},
    {"cosh", run<Unary::cosh>, std::cosh, 2.5},
    {"log_sigmoid", run<Unary::log_sigmoid>, log_sigmoid, 1.7},
    {"exp2", run<Unary::exp2>, std::exp2, 1.1},
    {"log2", run<Unary::log2>, std::log2, 1},
    {"log10", run<Unary::log10>, std::log10, 2},
    {"arcsinh", run<Unary::asinh>, std::asinh, 2},
    {"arccosh", run<Unary::acosh>, std::acosh, 2.2},
    {"arctanh", run<Unary::atanh>, std::atanh, 2.1},
    {"cbrt", run<Unary::cbrt>, std::cbrt, 1.2},
    {"erfc", run<Unary::erfc>, std::erfc, 3.7},
    {"sinc", run<Unary::sinc>, sinc, 3},
    {"i0", run<Unary::i0>, bessel<0>, 4.5},
    {"i1", run<Unary::i1>, bessel<1>, 4.5},
};

// |y - exact| in units in the last place of the float nearest to exact; infinite where one of the
// two is not finite and they differ.
double ulp_error(float y, double exact) {
  const float rounded = static_cast<float>(exact);
  if (std::isnan(rounded)) return std::isnan(y) ? 0 : inf;
  if (std::isinf(rounded) || std::isinf(y)) {
    if (y == rounded) return 0;
    // The largest float and infinity are neighbours.
    const double bound = 0x1p128;
    if (std::signbit(y) != std::signbit(rounded) || std::isnan(y)) return inf;
    const double got = std::isinf(y) ? bound : std::fabs(y), want = std::isinf(rounded) ? bound : std::fabs(exact);
    return std::fabs(got - want) / 0x1p104;
  }
  if (std::isnan(y)) return inf;
  const int e = std::fmax(rounded == 0 ? -126 : std::ilogb(rounded), -126);
  return std::fabs(static_cast<double>(y) - exact) / std::ldexp(1.0, e - 23);
}

class VecMath : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { use_isa(GetParam()); }
  void TearDown() override { use_isa(chosen_isa()); }
};

// Every `step`-th bit pattern, and `dense` values over [-20, 20], where networks live.
std::vector<float> sweep(std::uint32_t step, int dense) {
  std::vector<float> x;
  for (std::uint64_t bits = 0; bits <= 0xffffffffU; bits += step) {
    const std::uint32_t b = static_cast<std::uint32_t>(bits);
    float v;
    std::memcpy(&v, &b, sizeof(v));
    x.push_back(v);
  }
  for (int i = 0; i <= dense; ++i) x.push_back(-20.0F + 40.0F * static_cast<float>(i) / static_cast<float>(dense));
  return x;
}

TEST_P(VecMath, ErrorsAreWithinTheStatedUlp) {
  const std::vector<float> x = sweep(20011, 100000);
  std::vector<float> y(x.size());
  for (const Case& c : cases) {
    c.function(x.data(), y.data(), static_cast<int64_t>(x.size()));
    double worst = 0;
    float at = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double e = ulp_error(y[i], c.reference(x[i]));
      if (e > worst) {
        worst = e;
        at = x[i];
      }
    }
    EXPECT_LE(worst, c.ulp) << c.name << " at " << at;
  }
}

TEST_P(VecMath, EdgesOfTheDomain) {
  const float tiny = std::numeric_limits<float>::denorm_min();
  const std::vector<float> x = {0.0F,   -0.0F,    1.0F,     -1.0F,      inf,         -inf,     nan,
                                tiny,   -tiny,    1e-39F,   -1e-39F,    3.4e38F,     -3.4e38F, 88.72F,
                                88.73F, 89.41F,   89.42F,   -87.5F,     -103.9F,     -104.1F,  1e10F,
                                -1e10F, 16384.0F, 16385.0F, 1.0000001F, -1.0000001F, 0.5F};
  const int64_t n = static_cast<int64_t>(x.size());
  for (const Case& c : cases) {
    std::vector<float> y(x.size());
    c.function(x.data(), y.data(), n);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double want = c.reference(x[i]);
      EXPECT_LE(ulp_error(y[i], want), c.ulp) << c.name << "(" << x[i] << ") = " << y[i] << ", expected " << want;
      if (want == 0) {
        EXPECT_EQ(std::signbit(y[i]), std::signbit(want)) << c.name << "(" << x[i] << ")";
      }
      // Alone as in the crowd: a lane's neighbours and padding do not matter.
      float single = 0;
      c.function(&x[i], &single, 1);
      EXPECT_LE(ulp_error(single, want), c.ulp) << c.name << "(" << x[i] << ") alone";
    }
  }
}

// A function that is more than a few instructions is held to a stated error.
TEST(VecMathCases, EveryTranscendentalFunctionHasOne) {
  for (const FunctionRow& row : unary_rows) {
    if (row.work != Work::transcendental) continue;
    EXPECT_TRUE(std::any_of(std::begin(cases), std::end(cases), [&](const Case& c) {
      return std::string(c.name) == row.name;
    })) << row.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, VecMath, ::testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace pk
