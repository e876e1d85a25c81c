// Elementwise kernels against plain formulas in double, for every ISA level of this machine.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "base/parallel.h"
#include "calls.h"
#include "kernels/elementwise.h"
#include "kernels/table.h"

namespace pk {
namespace {

const double nan = std::numeric_limits<double>::quiet_NaN();
const double inf = std::numeric_limits<double>::infinity();

class Elementwise : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { use_isa(GetParam()); }
  void TearDown() override { use_isa(chosen_isa()); }
};

const int64_t sizes[] = {0, 1, 2, 7, 8, 9, 15, 16, 17, 33, 100, 20000};

template <class T>
std::vector<T> randoms(int64_t n, double lo, double hi, unsigned seed = 1) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<double> u(lo, hi);
  std::vector<T> x(static_cast<std::size_t>(n));
  for (T& v : x) v = static_cast<T>(u(rng));
  return x;
}

template <class T>
void expect_close(T got, double want, double tolerance, const std::string& what) {
  if (std::isnan(want) || std::isinf(want)) {
    EXPECT_TRUE(std::isnan(want) ? std::isnan(got) : got == static_cast<T>(want)) << what << ": " << got << " " << want;
    return;
  }
  EXPECT_NEAR(static_cast<double>(got), want, tolerance * std::fmax(1, std::fabs(want))) << what;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), sizeof(T) * a.size()) == 0);
}

struct ActCase {
  Act act;
  double (*f)(double x, double alpha);
  const char* name() const { return row_of(act).name; }
};

double relu6(double x) { return std::fmin(std::fmax(x, 0), 6); }
double elu(double x, double a) { return x > 0 ? x : a * std::expm1(x); }
double clamped(double x) { return std::fmin(std::fmax(x, -1), 1); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x))); }

const ActCase acts[] = {
    {Act::linear, [](double x, double) { return x; }},
    {Act::relu, [](double x, double) { return std::fmax(x, 0); }},
    {Act::relu6, [](double x, double) { return relu6(x); }},
    {Act::leaky_relu, [](double x, double a) { return x > 0 ? x : a * x; }},
    {Act::elu, elu},
    {Act::selu,
     [](double x, double) { return 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717); }},
    {Act::gelu, [](double x, double) { return x * (1 + std::erf(x / std::sqrt(2.0))) / 2; }},
    {Act::gelu_tanh,
     [](double x, double) { return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }},
    {Act::silu, [](double x, double) { return x * sigmoid(x); }},
    {Act::sigmoid, [](double x, double) { return sigmoid(x); }},
    {Act::hard_sigmoid, [](double x, double) { return relu6(x + 3) / 6; }},
    {Act::hard_silu, [](double x, double) { return x * relu6(x + 3) / 6; }},
    {Act::tanh, [](double x, double) { return std::tanh(x); }},
    {Act::softplus, [](double x, double) { return softplus(x); }},
    {Act::softsign, [](double x, double) { return x / (1 + std::fabs(x)); }},
    {Act::exponential, [](double x, double) { return std::exp(x); }},
    {Act::mish, [](double x, double) { return x * std::tanh(softplus(x)); }},
    {Act::celu, [](double x, double a) { return x > 0 ? x : a * std::expm1(x / a); }},
    {Act::hard_tanh, [](double x, double) { return clamped(x); }},
    {Act::tanh_shrink, [](double x, double) { return x - std::tanh(x); }},
    {Act::soft_shrink, [](double x, double a) { return std::copysign(std::fmax(std::fabs(x) - a, 0), x); }},
    {Act::hard_shrink, [](double x, double a) { return std::fabs(x) > a ? x : 0; }},
    {Act::sparse_plus, [](double x, double) { return x >= 1 ? x : std::pow((clamped(x) + 1) / 2, 2); }},
    {Act::sparse_sigmoid, [](double x, double) { return (clamped(x) + 1) / 2; }},
    {Act::squareplus, [](double x, double a) { return (x + std::sqrt(x * x + a)) / 2; }},
};

TEST(ElementwiseCases, EveryActivationHasOne) {
  for (const ActivationRow& row : activation_rows) {
    EXPECT_TRUE(std::any_of(std::begin(acts), std::end(acts), [&](const ActCase& c) {
      return c.act == static_cast<Act>(&row - activation_rows);
    })) << row.name;
  }
}

template <class T>
void check_activations(double value_tolerance, double slope_tolerance) {
  for (const ActCase& c : acts) {
    for (const int64_t n : sizes) {
      const double alpha = 0.3;
      const std::vector<T> x = randoms<T>(n, -9, 9), dy = randoms<T>(n, -2, 2, 2);
      std::vector<T> y(x.size()), dx(x.size());
      activation(c.act, alpha, dtype_of<T>::value, x.data(), y.data(), n);
      const std::vector<T>& ref = grad_reads_output(c.act) ? y : x;
      activation_grad(c.act, alpha, dtype_of<T>::value, ref.data(), dy.data(), dx.data(), n);
      for (int64_t i = 0; i < n; ++i) {
        const double xi = static_cast<double>(x[i]), h = 1e-5;
        expect_close(y[i], c.f(xi, alpha), value_tolerance, c.name());
        const auto near = [&](double kink) { return std::fabs(std::fabs(xi) - kink) < 1e-3; };
        if (near(0) || near(alpha) || near(1) || near(3) || near(6)) continue;
        const double slope = (c.f(xi + h, alpha) - c.f(xi - h, alpha)) / (2 * h);
        expect_close(dx[i], slope * static_cast<double>(dy[i]), slope_tolerance, std::string(c.name()) + " gradient");
      }
      // In place: over x, over dy.
      std::vector<T> z = x;
      activation(c.act, alpha, dtype_of<T>::value, z.data(), z.data(), n);
      EXPECT_TRUE(same_bits(z, y)) << c.name();
      z = dy;
      activation_grad(c.act, alpha, dtype_of<T>::value, ref.data(), z.data(), z.data(), n);
      EXPECT_TRUE(same_bits(z, dx)) << c.name();
    }
  }
}

TEST_P(Elementwise, ActivationsFloat) { check_activations<float>(2e-6, 3e-6); }
TEST_P(Elementwise, ActivationsDouble) { check_activations<double>(1e-14, 1e-8); }

TEST_P(Elementwise, ActivationsAtTheEdges) {
  const std::vector<float> x = {0.0F, 1e30F, -1e30F, 88.0F, -88.0F, 200.0F, -200.0F, static_cast<float>(nan)};
  const int64_t n = static_cast<int64_t>(x.size());
  for (const ActCase& c : acts) {
    std::vector<float> y(x.size()), dx(x.size()), ones(x.size(), 1.0F);
    activation(c.act, 0.3, DType::f32, x.data(), y.data(), n);
    activation_grad(c.act, 0.3, DType::f32, grad_reads_output(c.act) ? y.data() : x.data(), ones.data(), dx.data(), n);
    for (std::size_t i = 0; i + 1 < x.size(); ++i) {
      const double want = c.f(x[i], 0.3);
      if (std::fabs(want) < 1e30) expect_close(y[i], want, 2e-6, c.name());
      EXPECT_FALSE(std::isnan(y[i])) << c.name() << " " << x[i];
      EXPECT_FALSE(std::isnan(dx[i])) << c.name() << " gradient at " << x[i];
    }
    EXPECT_TRUE(std::isnan(y.back())) << c.name();
  }
  // Kinks as JAX has them.
  const float zero = 0, one = 1;
  const auto slope_at_zero = [&](Act act, double alpha) {
    float y = 0, dx = 0;
    activation(act, alpha, DType::f32, &zero, &y, 1);
    activation_grad(act, alpha, DType::f32, &y, &one, &dx, 1);
    return dx;
  };
  EXPECT_EQ(0.0F, slope_at_zero(Act::relu, 0));
  EXPECT_EQ(0.0F, slope_at_zero(Act::relu6, 0));
  EXPECT_EQ(1.0F, slope_at_zero(Act::leaky_relu, 0.2));
  EXPECT_EQ(0.5F, slope_at_zero(Act::elu, 0.5));
  EXPECT_THROW(act_loop(Act::elu, -1, DType::f32), std::invalid_argument);
  EXPECT_THROW(act_loop(Act::relu, 0, DType::i32), std::invalid_argument);
}

// A unit that is off passes nothing, whatever comes: 0 times infinity is no gradient.
template <class T>
void off_passes_nothing() {
  struct Off {
    Act act;
    double alpha;
    std::vector<double> x;
  };
  const Off cases[] = {{Act::relu, 0, {-1, 0}},
                       {Act::relu6, 0, {-1, 0, 6, 9}},
                       {Act::leaky_relu, 0, {-1, 0}},
                       {Act::elu, 1, {-800}},
                       {Act::selu, 0, {-800}},
                       {Act::hard_sigmoid, 0, {-4, -3, 3, 4}},
                       {Act::hard_silu, 0, {-1000, -4, -3}}};
  const int64_t n = 37;
  for (const Off& off : cases) {
    for (double dy : {inf, -inf, nan}) {
      std::vector<T> x(n), y(n), d(n, static_cast<T>(dy)), dx(n, T(7));
      for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<T>(off.x[i % off.x.size()]);
      activation(off.act, off.alpha, dtype_of<T>::value, x.data(), y.data(), n);
      const std::vector<T>& ref = grad_reads_output(off.act) ? y : x;
      activation_grad(off.act, off.alpha, dtype_of<T>::value, ref.data(), d.data(), dx.data(), n);
      for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(T(0), dx[i]) << static_cast<int>(off.act) << " at " << x[i];
    }
  }
}

TEST_P(Elementwise, UnitsThatAreOffPassNothing) {
  off_passes_nothing<float>();
  off_passes_nothing<double>();
}

struct UnaryCase {
  Unary f;
  double (*reference)(double);
  double lo, hi;
};
const UnaryCase unaries[] = {
    {Unary::neg, [](double x) { return -x; }, -9, 9},
    {Unary::abs, [](double x) { return std::fabs(x); }, -9, 9},
    {Unary::sign, [](double x) { return static_cast<double>((x > 0) - (x < 0)); }, -9, 9},
    {Unary::square, [](double x) { return x * x; }, -9, 9},
    {Unary::sqrt, [](double x) { return std::sqrt(x); }, 0, 9},
    {Unary::rsqrt, [](double x) { return 1 / std::sqrt(x); }, 0.1, 9},
    {Unary::reciprocal, [](double x) { return 1 / x; }, 0.1, 9},
    {Unary::floor, [](double x) { return std::floor(x); }, -9, 9},
    {Unary::ceil, [](double x) { return std::ceil(x); }, -9, 9},
    {Unary::round, [](double x) { return std::nearbyint(x); }, -9, 9},
    {Unary::exp, [](double x) { return std::exp(x); }, -9, 9},
    {Unary::log, [](double x) { return std::log(x); }, 0.01, 9},
    {Unary::log_sigmoid, [](double x) { return -softplus(-x); }, -9, 9},
};

TEST_P(Elementwise, Unary) {
  for (const UnaryCase& c : unaries) {
    for (const int64_t n : sizes) {
      const std::vector<float> x = randoms<float>(n, c.lo, c.hi);
      const std::vector<double> xd = randoms<double>(n, c.lo, c.hi);
      std::vector<float> y(x.size());
      std::vector<double> yd(xd.size());
      unary(c.f, DType::f32, x.data(), y.data(), n);
      unary(c.f, DType::f64, xd.data(), yd.data(), n);
      for (int64_t i = 0; i < n; ++i) {
        expect_close(y[i], c.reference(x[i]), 4e-7, "unary " + std::to_string(static_cast<int>(c.f)));
        expect_close(yd[i], c.reference(xd[i]), 1e-15, "unary " + std::to_string(static_cast<int>(c.f)));
      }
    }
  }
  const std::vector<float> halves = {0.5F, 1.5F, 2.5F, -0.5F, -1.5F};
  std::vector<float> y(5);
  unary(Unary::round, DType::f32, halves.data(), y.data(), 5);
  EXPECT_EQ(y, (std::vector<float>{0, 2, 2, -0.0F, -2}));
}

TEST_P(Elementwise, UnaryIntegers) {
  const std::vector<std::int32_t> x = {0, 3, -4, std::numeric_limits<std::int32_t>::min()};
  std::vector<std::int32_t> y(4);
  unary(Unary::abs, DType::i32, x.data(), y.data(), 4);
  EXPECT_EQ(y, (std::vector<std::int32_t>{0, 3, 4, std::numeric_limits<std::int32_t>::min()}));
  unary(Unary::sign, DType::i32, x.data(), y.data(), 4);
  EXPECT_EQ(y, (std::vector<std::int32_t>{0, 1, -1, -1}));
  EXPECT_THROW(unary(Unary::exp, DType::i32, x.data(), y.data(), 4), std::invalid_argument);
  EXPECT_THROW(unary(Unary::neg, DType::u8, x.data(), y.data(), 4), std::invalid_argument);
}

TEST_P(Elementwise, Predicates) {
  std::vector<float> x(37, 1.0F);
  x[3] = static_cast<float>(nan);
  x[20] = static_cast<float>(inf);
  x[36] = -static_cast<float>(inf);
  x[5] = 0;
  bool y[37];
  predicate(Predicate::isnan, DType::f32, x.data(), y, 37);
  for (int i = 0; i < 37; ++i) EXPECT_EQ(y[i], i == 3);
  predicate(Predicate::isinf, DType::f32, x.data(), y, 37);
  for (int i = 0; i < 37; ++i) EXPECT_EQ(y[i], i == 20 || i == 36);
  predicate(Predicate::isfinite, DType::f32, x.data(), y, 37);
  for (int i = 0; i < 37; ++i) EXPECT_EQ(y[i], i != 3 && i != 20 && i != 36);
  predicate(Predicate::logical_not, DType::f32, x.data(), y, 37);
  for (int i = 0; i < 37; ++i) EXPECT_EQ(y[i], i == 5);
  const std::int64_t k[] = {0, 7};
  predicate(Predicate::isfinite, DType::i64, k, y, 2);
  EXPECT_TRUE(y[0] && y[1]);
}

TEST_P(Elementwise, Clip) {
  std::vector<float> x = randoms<float>(35, -5, 5);
  x[7] = static_cast<float>(nan);
  x[34] = static_cast<float>(inf);
  std::vector<float> y(35);
  clip(DType::f32, x.data(), y.data(), 35, -1.5, 2);
  for (int i = 0; i < 34; ++i) {
    if (i == 7) continue;
    EXPECT_EQ(y[i], std::fmin(std::fmax(x[i], -1.5F), 2.0F));
  }
  EXPECT_TRUE(std::isnan(y[7]));
  EXPECT_EQ(y[34], 2.0F);
  const std::int32_t k[] = {-7, 0, 9};
  std::int32_t z[3];
  clip(DType::i32, k, z, 3, -1.5, inf);
  EXPECT_EQ(z[0], -1);
  EXPECT_EQ(z[2], 9);
  EXPECT_THROW(clip(DType::f32, x.data(), y.data(), 1, nan, 0), std::invalid_argument);
  EXPECT_THROW(clip(DType::boolean, x.data(), y.data(), 1, 0, 1), std::invalid_argument);
}

TEST_P(Elementwise, CastsSaturateAndTruncate) {
  const std::vector<float> x = {1.9F, -1.9F, 300.0F, -5.0F, 3e9F, -3e9F, 1e30F, static_cast<float>(nan), -0.5F, 0.0F};
  const int64_t n = static_cast<int64_t>(x.size());
  std::vector<std::int32_t> k(x.size());
  cast(DType::f32, DType::i32, x.data(), k.data(), n);
  EXPECT_EQ(k, (std::vector<std::int32_t>{1, -1, 300, -5, INT32_MAX, INT32_MIN, INT32_MAX, 0, 0, 0}));
  std::vector<std::int64_t> l(x.size());
  cast(DType::f32, DType::i64, x.data(), l.data(), n);
  EXPECT_EQ(l[4], 3000000000LL);
  EXPECT_EQ(l[6], INT64_MAX);
  std::vector<std::uint8_t> u(x.size());
  cast(DType::f32, DType::u8, x.data(), u.data(), n);
  EXPECT_EQ(u, (std::vector<std::uint8_t>{1, 0, 255, 0, 255, 0, 255, 0, 0, 0}));
  bool b[10];
  cast(DType::f32, DType::boolean, x.data(), b, n);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(b[i], i != 9);
  std::vector<double> d(x.size());
  cast(DType::boolean, DType::f64, b, d.data(), n);
  EXPECT_EQ(d[0], 1.0);
  EXPECT_EQ(d[9], 0.0);
  const std::vector<std::uint8_t> pixels = {0, 1, 127, 128, 255};
  std::vector<float> f(5);
  cast(DType::u8, DType::f32, pixels.data(), f.data(), 5);
  EXPECT_EQ(f, (std::vector<float>{0, 1, 127, 128, 255}));
}

double numpy_mod(double a, double b) {
  const double m = std::fmod(a, b);
  return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}

template <class T>
void check_binary_functions() {
  const struct {
    Binary f;
    double (*reference)(double, double);
    bool integers;
  } cases[] = {
      {Binary::add, [](double a, double b) { return a + b; }, true},
      {Binary::multiply, [](double a, double b) { return a * b; }, true},
      {Binary::divide, [](double a, double b) { return a / b; }, false},
      {Binary::maximum, [](double a, double b) { return a > b ? a : b; }, true},
      {Binary::minimum, [](double a, double b) { return a < b ? a : b; }, true},
      {Binary::floor_divide, [](double a, double b) { return std::floor(a / b); }, true},
      {Binary::mod, numpy_mod, true},
      {Binary::arctan2, [](double a, double b) { return std::atan2(a, b); }, false},
      {Binary::squared_difference, [](double a, double b) { return (a - b) * (a - b); }, true},
  };
  const int64_t n = 50;
  std::vector<T> a = randoms<T>(n, -20, 20, 3), b = randoms<T>(n, -9, 9, 4);
  for (T& v : b) v = v == T(0) ? T(2) : v;
  for (const auto& c : cases) {
    if (!c.integers && !is_float(dtype_of<T>::value)) continue;
    std::vector<T> y(a.size());
    binary(c.f, dtype_of<T>::value, Broadcast::make(Shape{n}, Shape{n}, Shape{n}), a.data(), b.data(), y.data());
    for (int64_t i = 0; i < n; ++i) {
      expect_close(y[i], c.reference(static_cast<double>(a[i]), static_cast<double>(b[i])), 2e-6,
                   "binary " + std::to_string(static_cast<int>(c.f)));
    }
  }
}

TEST_P(Elementwise, BinaryFunctions) {
  check_binary_functions<float>();
  check_binary_functions<double>();
  check_binary_functions<std::int32_t>();
  check_binary_functions<std::int64_t>();
}

TEST_P(Elementwise, BinaryCorners) {
  const Broadcast one = Broadcast::make(Shape{1}, Shape{1}, Shape{1});
  const auto call = [&](Binary f, float a, float b) {
    float y = 0;
    binary(f, DType::f32, one, &a, &b, &y);
    return y;
  };
  const float qnan = static_cast<float>(nan);
  EXPECT_TRUE(std::isnan(call(Binary::maximum, qnan, 1)));
  EXPECT_TRUE(std::isnan(call(Binary::maximum, 1, qnan)));
  EXPECT_TRUE(std::isnan(call(Binary::minimum, qnan, 1)));
  EXPECT_TRUE(std::isnan(call(Binary::minimum, 1, qnan)));
  EXPECT_TRUE(std::isnan(call(Binary::mod, 1, 0)));
  EXPECT_EQ(call(Binary::mod, -1, 3), 2.0F);
  EXPECT_EQ(call(Binary::mod, 1, -3), -2.0F);
  EXPECT_EQ(call(Binary::floor_divide, -1, 3), -1.0F);
  EXPECT_EQ(call(Binary::floor_divide, 1, 0), static_cast<float>(inf));
  const auto whole = [&](Binary f, std::int32_t a, std::int32_t b) {
    std::int32_t y = 0;
    binary(f, DType::i32, one, &a, &b, &y);
    return y;
  };
  EXPECT_EQ(whole(Binary::floor_divide, 7, 0), 0);
  EXPECT_EQ(whole(Binary::mod, 7, 0), 0);
  EXPECT_EQ(whole(Binary::floor_divide, INT32_MIN, -1), INT32_MIN);
  EXPECT_EQ(whole(Binary::mod, INT32_MIN, -1), 0);
  EXPECT_EQ(whole(Binary::power, 3, 5), 243);
  EXPECT_EQ(whole(Binary::power, -1, -3), -1);
  EXPECT_EQ(whole(Binary::power, 2, -3), 0);
  EXPECT_EQ(whole(Binary::add, INT32_MAX, 1), INT32_MIN);
  const std::int32_t k = 1;
  std::int32_t y = 0;
  EXPECT_THROW(binary(Binary::divide, DType::i32, one, &k, &k, &y), std::invalid_argument);
  EXPECT_THROW(binary(Binary::add, DType::boolean, one, &k, &k, &y), std::invalid_argument);
}

TEST_P(Elementwise, PowersOfOneExponent) {
  std::vector<float> x = randoms<float>(40, 0.1, 9);
  x[0] = -0.0F;
  x[1] = -static_cast<float>(inf);
  x[2] = -2;
  std::vector<float> y(x.size());
  for (const float e : {0.0F, 1.0F, 2.0F, 3.0F, -1.0F, 0.5F, 1.7F}) {
    binary(Binary::power, DType::f32, Broadcast::make(Shape{40}, Shape{40}, Shape{}), x.data(), &e, y.data());
    for (std::size_t i = 0; i < x.size(); ++i) expect_close(y[i], std::pow(x[i], e), 5e-7, "power");
    EXPECT_EQ(std::signbit(y[0]), std::signbit(std::pow(x[0], e)));
  }
}

TEST_P(Elementwise, Fill) {
  std::vector<float> y(70000, 0.0F);
  fill(DType::f32, y.data(), 70000, 2.5);
  EXPECT_EQ(y, std::vector<float>(70000, 2.5F));
  std::int64_t k = 0;
  fill(DType::i64, &k, 1, -7);
  EXPECT_EQ(k, -7);
}

TEST_P(Elementwise, SameBitsForAnyThreads) {
  const std::vector<float> x = randoms<float>(200000, -9, 9);
  std::vector<float> one(x.size()), two(x.size());
  const int before = num_threads();
  set_num_threads(1);
  unary(Unary::exp, DType::f32, x.data(), one.data(), 200000);
  set_num_threads(2);
  unary(Unary::exp, DType::f32, x.data(), two.data(), 200000);
  set_num_threads(before);
  EXPECT_TRUE(same_bits(one, two));
}

INSTANTIATE_TEST_SUITE_P(Isas, Elementwise, ::testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace pk
