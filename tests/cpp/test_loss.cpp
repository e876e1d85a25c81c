// Losses and gradients: against the formulas in double, gradients also against differences of the losses; every level,
// odd sizes, special values. Arrays end at a guard page.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "calls.h"
#include "guarded.h"
#include "kernels/loss.h"
#include "kernels/table.h"
#include "program/op.h"

namespace pk {
namespace {

using std::int32_t;

constexpr double eps = 1e-7;
constexpr double inf = std::numeric_limits<double>::infinity();
constexpr double nan_d = std::numeric_limits<double>::quiet_NaN();

template <class F>
void at_every_level(F f) {
  for (Isa isa : available_isas()) {
    use_isa(isa);
    SCOPED_TRACE(name_of(isa));
    f();
  }
  use_isa(chosen_isa());
}

using Row = std::vector<double>;

// --- the formulas, one row in double; `low` and `high` are the bounds as the type under test has them
// --------------------

struct Bounds {
  double low, high;
};
template <class T>
Bounds bounds_of() {
  return {static_cast<double>(static_cast<T>(eps)), static_cast<double>(static_cast<T>(1 - eps))};
}

double clipped(double p, Bounds b) { return std::min(std::max(p, b.low), b.high); }
double total(const Row& r) {
  double s = 0;
  for (double v : r) s += v;
  return s;
}
Row softmax(const Row& z) {
  const double m = *std::max_element(z.begin(), z.end());
  Row p;
  for (double v : z) p.push_back(std::exp(v - m));
  const double s = total(p);
  for (double& v : p) v /= s;
  return p;
}

double entropy(bool logits, const Row& t, const Row& x, Bounds b) {
  double loss = 0;
  const Row p = logits ? softmax(x) : x;
  const double s = logits ? 1 : total(x);
  for (std::size_t j = 0; j < x.size(); ++j) {
    if (t[j] != 0) loss -= t[j] * std::log(logits ? p[j] : clipped(p[j] / s, b));
  }
  return loss;
}
double binary(bool logits, const Row& t, const Row& x, Bounds b) {
  double loss = 0;
  for (std::size_t j = 0; j < x.size(); ++j) {
    if (logits) {
      loss += std::max(x[j], 0.0) - x[j] * t[j] + std::log1p(std::exp(-std::fabs(x[j])));
    } else {
      const double p = clipped(x[j], b);
      loss -= t[j] * std::log(p) + (1 - t[j]) * std::log(1 - p);
    }
  }
  return loss / static_cast<double>(x.size());
}
double squared(const Row& t, const Row& x) {
  double s = 0;
  for (std::size_t j = 0; j < x.size(); ++j) s += (x[j] - t[j]) * (x[j] - t[j]);
  return s / static_cast<double>(x.size());
}
double absolute(const Row& t, const Row& x) {
  double s = 0;
  for (std::size_t j = 0; j < x.size(); ++j) s += std::fabs(x[j] - t[j]);
  return s / static_cast<double>(x.size());
}

// The gradient of f at x by differences of fourth order.
Row differences(const std::function<double(const Row&)>& f, Row x) {
  Row d(x.size());
  for (std::size_t j = 0; j < x.size(); ++j) {
    const double h = 1e-4 * std::max(0.2, std::fabs(x[j])), v = x[j];
    const auto at = [&](double shift) {
      x[j] = v + shift;
      return f(x);
    };
    d[j] = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    x[j] = v;
  }
  return d;
}

// --- problems
// ----------------------------------------------------------------------------------------------------------

template <class T>
struct Problem {
  int64_t rows, n;
  Guarded<T> logits, probs, soft, ones, dloss, loss, dx;  // soft: a distribution a row; ones: 0 or 1 an element
  Guarded<int32_t> label;

  Problem(int64_t rows_, int64_t n_)
      : rows(rows_),
        n(n_),
        logits(rows * n),
        probs(rows * n),
        soft(rows * n),
        ones(rows * n),
        dloss(rows),
        loss(rows),
        dx(rows * n),
        label(rows) {
    std::mt19937 gen(static_cast<unsigned>(rows * 1000 + n));
    std::normal_distribution<double> normal;
    for (int64_t i = 0; i < rows * n; ++i) {
      logits[i] = static_cast<T>(3 * normal(gen));
      ones[i] = static_cast<T>(gen() % 2);
    }
    for (int64_t r = 0; r < rows; ++r) {
      const Row p = softmax(row(logits, r));
      Row q(static_cast<std::size_t>(n));
      for (double& v : q) v = normal(gen);
      q = softmax(q);
      for (int64_t j = 0; j < n; ++j) {
        probs[r * n + j] = static_cast<T>(0.9 * p[static_cast<std::size_t>(j)] + 0.01);
        soft[r * n + j] = static_cast<T>(q[static_cast<std::size_t>(j)]);
        // Differences across the corner of |x - t| would be no slope.
        if (std::fabs(logits[r * n + j] - soft[r * n + j]) < 0.01) logits[r * n + j] += static_cast<T>(0.05);
      }
      dloss[r] = static_cast<T>(normal(gen));
      label[r] = static_cast<int32_t>(gen() % static_cast<unsigned>(n));
    }
  }

  Row row(const Guarded<T>& a, int64_t r) const {
    Row v;
    for (int64_t j = 0; j < n; ++j) v.push_back(static_cast<double>(a.data()[r * n + j]));
    return v;
  }
  Row one_hot(int64_t r) const {
    Row v(static_cast<std::size_t>(n));
    v[static_cast<std::size_t>(label.data()[r])] = 1;
    return v;
  }

  // The written losses and gradients against f(row number, x row). A row of the gradient is as accurate as its sums.
  void expect(const Guarded<T>& x, const std::function<double(int64_t, const Row&)>& f) {
    const double unit = std::numeric_limits<T>::epsilon() * (8 + std::sqrt(static_cast<double>(n)));
    for (int64_t r = 0; r < rows; ++r) {
      const Row at = row(x, r);
      const double want = f(r, at);
      ASSERT_NEAR(static_cast<double>(loss[r]), want, unit * (1 + 2 * std::fabs(want))) << "row " << r;
      const Row slope = differences([&](const Row& v) { return f(r, v); }, at);
      double largest = 0;
      for (double v : slope) largest = std::max(largest, std::fabs(v));
      for (int64_t j = 0; j < n; ++j) {
        const double d = static_cast<double>(dloss[r]);
        ASSERT_NEAR(static_cast<double>(dx[r * n + j]), d * slope[static_cast<std::size_t>(j)],
                    std::fabs(d) * (4 * unit + 1e-9) * (1 + largest))
            << "row " << r << " element " << j;
      }
    }
  }
};

template <class T>
void expect_losses() {
  const Bounds b = bounds_of<T>();
  const T e = static_cast<T>(eps);
  at_every_level([&] {
    for (int64_t n : {1, 2, 7, 10, 16, 17, 33, 130}) {
      for (int64_t rows : {1, 5, 67}) {
        if (rows * n > 1200) continue;  // differences take n^2
        SCOPED_TRACE("rows=" + std::to_string(rows) + " n=" + std::to_string(n));
        Problem<T> p(rows, n);
        T *loss = p.loss.data(), *dx = p.dx.data();
        const T* d = p.dloss.data();
        for (bool logits : {false, true}) {
          SCOPED_TRACE(logits ? "from logits" : "from probabilities");
          const Guarded<T>& x = logits ? p.logits : p.probs;
          categorical_crossentropy(logits, rows, n, p.soft.data(), x.data(), loss, e);
          categorical_crossentropy_grad(logits, rows, n, p.soft.data(), x.data(), d, dx, e);
          p.expect(x, [&](int64_t r, const Row& v) { return entropy(logits, p.row(p.soft, r), v, b); });
          sparse_categorical_crossentropy(logits, rows, n, p.label.data(), x.data(), loss, e);
          sparse_categorical_crossentropy_grad(logits, rows, n, p.label.data(), x.data(), d, dx, e);
          p.expect(x, [&](int64_t r, const Row& v) { return entropy(logits, p.one_hot(r), v, b); });
          binary_crossentropy(logits, rows, n, p.ones.data(), x.data(), loss, e);
          binary_crossentropy_grad(logits, rows, n, p.ones.data(), x.data(), d, dx, e);
          p.expect(x, [&](int64_t r, const Row& v) { return binary(logits, p.row(p.ones, r), v, b); });
        }
        mean_squared_error(rows, n, p.soft.data(), p.logits.data(), loss);
        mean_squared_error_grad(rows, n, p.soft.data(), p.logits.data(), d, dx);
        p.expect(p.logits, [&](int64_t r, const Row& v) { return squared(p.row(p.soft, r), v); });
        mean_absolute_error(rows, n, p.soft.data(), p.logits.data(), loss);
        mean_absolute_error_grad(rows, n, p.soft.data(), p.logits.data(), d, dx);
        p.expect(p.logits, [&](int64_t r, const Row& v) { return absolute(p.row(p.soft, r), v); });
      }
    }
  });
}

TEST(Loss, FloatFollowsTheFormulas) { expect_losses<float>(); }
TEST(Loss, DoubleFollowsTheFormulas) { expect_losses<double>(); }

// The gradients from logits, given their softmax or sigmoid.
TEST(Loss, FusedGradients) {
  const Bounds b = bounds_of<double>();
  at_every_level([&] {
    for (int64_t n : {1, 3, 10, 35}) {
      const int64_t rows = 9;
      Problem<double> p(rows, n);
      Guarded<double> prob(rows * n), side(rows * n);
      for (int64_t r = 0; r < rows; ++r) {
        const Row z = p.row(p.logits, r), q = softmax(z);
        for (int64_t j = 0; j < n; ++j) {
          prob[r * n + j] = q[static_cast<std::size_t>(j)];
          side[r * n + j] = 1 / (1 + std::exp(-z[static_cast<std::size_t>(j)]));
        }
      }
      const double* d = p.dloss.data();
      categorical_crossentropy(true, rows, n, p.soft.data(), p.logits.data(), p.loss.data(), eps);
      softmax_categorical_crossentropy_grad(rows, n, p.soft.data(), prob.data(), d, p.dx.data());
      p.expect(p.logits, [&](int64_t r, const Row& v) { return entropy(true, p.row(p.soft, r), v, b); });
      sparse_categorical_crossentropy(true, rows, n, p.label.data(), p.logits.data(), p.loss.data(), eps);
      softmax_sparse_categorical_crossentropy_grad(rows, n, p.label.data(), prob.data(), d, p.dx.data());
      p.expect(p.logits, [&](int64_t r, const Row& v) { return entropy(true, p.one_hot(r), v, b); });
      binary_crossentropy(true, rows, n, p.ones.data(), p.logits.data(), p.loss.data(), eps);
      sigmoid_binary_crossentropy_grad(rows, n, p.ones.data(), side.data(), d, p.dx.data());
      p.expect(p.logits, [&](int64_t r, const Row& v) { return binary(true, p.row(p.ones, r), v, b); });
    }
  });
}

// Probabilities beyond and at the bounds: Keras's clip passes nothing and one half.
TEST(Loss, ClippedProbabilities) {
  at_every_level([] {
    const float e = 1e-7F, high = static_cast<float>(1 - 1e-7), one = 1;
    const float t[] = {1, 0, 1, 0, 1, 0}, p[] = {0, 1, e, high, high, e}, d[] = {1, 1, 1, 1, 1, 1};
    float loss[6], dx[6];
    binary_crossentropy(false, 6, 1, t, p, loss, e);
    const double top = -std::log(static_cast<double>(e)), side = -std::log(static_cast<double>(one - high));
    const double want[] = {top, side, top, side, -std::log(static_cast<double>(high)), -std::log1p(-1e-7)};
    for (int i = 0; i < 6; ++i) EXPECT_NEAR(loss[i], want[i], 2e-7 * (1 + want[i])) << i;
    binary_crossentropy_grad(false, 6, 1, t, p, d, dx, e);
    const float slope[] = {0, 0, -0.5F / e, 0.5F / (one - high), -0.5F / high, 0.5F / (one - e)};
    for (int i = 0; i < 6; ++i) EXPECT_NEAR(dx[i], slope[i], 2e-7F * std::fabs(slope[i])) << i;
    // A row that is sure and wrong learns nothing, as in Keras on JAX; given the logits it does, also in their place.
    const float sure[] = {1, 0, 0};
    const int32_t label[] = {2};
    const float certain = 1, impossible = 0;
    softmax_sparse_categorical_crossentropy_grad(1, 3, label, sure, d, dx);
    EXPECT_TRUE(dx[0] == 1 && dx[1] == 0 && dx[2] == -1);
    softmax_categorical_crossentropy_grad(1, 3, std::vector<float>{0, 0, 1}.data(), sure, d, dx);
    EXPECT_TRUE(dx[0] == 1 && dx[1] == 0 && dx[2] == -1);
    sigmoid_binary_crossentropy_grad(1, 1, &certain, &impossible, d, dx);
    EXPECT_EQ(dx[0], -1);
    sparse_categorical_crossentropy_grad(false, 1, 3, label, sure, d, dx, e);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(dx[i], 0) << i;
  });
}

TEST(Loss, SpecialValues) {
  at_every_level([] {
    const double e = eps;
    for (int64_t n : {3, 40}) {
      Problem<float> p(6, n);
      for (int64_t j = 0; j < n; ++j) p.logits[2 * n + j] += 1e4F;
      p.logits[0] = static_cast<float>(nan_d);
      p.logits[n + 1] = static_cast<float>(-inf);
      p.label[1] = 0;
      p.label[3] = -1;
      p.label[4] = static_cast<int32_t>(n);
      const auto is_nan_row = [&](int64_t r) {
        return std::all_of(p.dx.data() + r * n, p.dx.data() + (r + 1) * n, [](float v) { return std::isnan(v); });
      };
      const auto is_finite_row = [&](int64_t r) {
        return std::all_of(p.dx.data() + r * n, p.dx.data() + (r + 1) * n, [](float v) { return std::isfinite(v); });
      };
      sparse_categorical_crossentropy(true, 6, n, p.label.data(), p.logits.data(), p.loss.data(), 1e-7F);
      sparse_categorical_crossentropy_grad(true, 6, n, p.label.data(), p.logits.data(), p.dloss.data(), p.dx.data(),
                                           static_cast<float>(e));
      for (int64_t r : {0, 3, 4}) EXPECT_TRUE(std::isnan(p.loss[r]) && is_nan_row(r)) << r;
      for (int64_t r : {1, 2, 5}) EXPECT_TRUE(std::isfinite(p.loss[r]) && is_finite_row(r)) << r;
      EXPECT_EQ(p.dx[n + 1], 0) << "a logit of minus infinity is a class that cannot be";
      sparse_categorical_crossentropy(false, 6, n, p.label.data(), p.probs.data(), p.loss.data(), 1e-7F);
      sparse_categorical_crossentropy_grad(false, 6, n, p.label.data(), p.probs.data(), p.dloss.data(), p.dx.data(),
                                           1e-7F);
      for (int64_t r : {3, 4}) EXPECT_TRUE(std::isnan(p.loss[r]) && is_nan_row(r)) << r;
      softmax_sparse_categorical_crossentropy_grad(6, n, p.label.data(), p.probs.data(), p.dloss.data(), p.dx.data());
      for (int64_t r : {3, 4}) EXPECT_TRUE(is_nan_row(r)) << r;
      mean_absolute_error_grad(6, n, p.logits.data(), p.logits.data(), p.dloss.data(), p.dx.data());
      EXPECT_TRUE(std::isnan(p.dx[0]));
      EXPECT_EQ(p.dx[1], 0) << "sign(0)";
    }
  });
}

// 0 / 0 counts as 1 / n; no gradient where a clip or an equality stops it, not even an infinite one.
TEST(Loss, NothingToDivideAndNothingToPass) {
  at_every_level([] {
    const float infinite = static_cast<float>(inf);
    for (int64_t n : {1, 3, 16, 40}) {
      std::vector<float> zeros(n), t(n), dx(n, 7.0F);
      t[0] = 1;
      const int32_t label = 0;
      float loss = 0;
      const float log_n = std::log(static_cast<float>(n)), one = 1;
      const auto all_zero = [&] { return std::all_of(dx.begin(), dx.end(), [](float v) { return v == 0; }); };
      sparse_categorical_crossentropy(false, 1, n, &label, zeros.data(), &loss, 1e-7F);
      EXPECT_NEAR(loss, log_n, 1e-6);
      sparse_categorical_crossentropy_grad(false, 1, n, &label, zeros.data(), &one, dx.data(), 1e-7F);
      EXPECT_TRUE(all_zero()) << n;
      categorical_crossentropy(false, 1, n, t.data(), zeros.data(), &loss, 1e-7F);
      EXPECT_NEAR(loss, log_n, 1e-6);
      std::fill(dx.begin(), dx.end(), 7.0F);
      categorical_crossentropy_grad(false, 1, n, t.data(), zeros.data(), &one, dx.data(), 1e-7F);
      EXPECT_TRUE(all_zero()) << n;
      mean_absolute_error_grad(1, n, t.data(), t.data(), &infinite, dx.data());
      EXPECT_TRUE(all_zero()) << n;
      const std::vector<float> beyond(n, 2.0F);
      std::fill(dx.begin(), dx.end(), 7.0F);
      binary_crossentropy_grad(false, 1, n, t.data(), beyond.data(), &infinite, dx.data(), 1e-7F);
      EXPECT_TRUE(all_zero()) << n;
    }
  });
}

// Gradients in place of the predictions, and rows dealt to threads, change no bit.
TEST(Loss, InPlaceAndThreads) {
  const int threads = num_threads();
  at_every_level([] {
    const int64_t rows = 1001, n = 37;
    Problem<float> p(rows, n);
    for (bool logits : {false, true}) {
      const Guarded<float>& x = logits ? p.logits : p.probs;
      set_num_threads(1);
      categorical_crossentropy_grad(logits, rows, n, p.soft.data(), x.data(), p.dloss.data(), p.dx.data(), 1e-7F);
      std::vector<float> y(x.data(), x.data() + rows * n);
      set_num_threads(2);
      categorical_crossentropy_grad(logits, rows, n, p.soft.data(), y.data(), p.dloss.data(), y.data(), 1e-7F);
      EXPECT_TRUE(std::equal(y.begin(), y.end(), p.dx.data()));
      sparse_categorical_crossentropy_grad(logits, rows, n, p.label.data(), x.data(), p.dloss.data(), p.dx.data(),
                                           1e-7F);
      std::copy(x.data(), x.data() + rows * n, y.begin());
      sparse_categorical_crossentropy_grad(logits, rows, n, p.label.data(), y.data(), p.dloss.data(), y.data(), 1e-7F);
      EXPECT_TRUE(std::equal(y.begin(), y.end(), p.dx.data()));
    }
  });
  set_num_threads(threads);
}

TEST(InTopK, CountsWhatIsGreater) {
  const float nan_f = static_cast<float>(nan_d);
  const float x[] = {0.1F, 0.5F, 0.5F, 0.2F};
  const auto hit = [&](int32_t target, int64_t k, const float* row) {
    bool y = false;
    in_top_k<float>(1, 4, k, &target, row, &y);
    return y;
  };
  EXPECT_TRUE(hit(1, 1, x) && hit(2, 1, x)) << "ties count for the target";
  EXPECT_TRUE(!hit(3, 2, x) && hit(3, 3, x) && !hit(0, 3, x) && hit(0, 4, x) && !hit(1, 0, x));
  EXPECT_TRUE(!hit(-1, 2, x) && hit(-1, 3, x)) << "from the end";
  EXPECT_TRUE(!hit(4, 4, x) && hit(4, 5, x) && !hit(-5, 4, x)) << "outside: below all";
  const float y[] = {nan_f, 0.5F, 0.1F, 0.2F};
  EXPECT_TRUE(!hit(0, 3, y) && hit(0, 4, y) && hit(1, 1, y));
}

OpSpec loss_spec(const std::string& name, bool sparse, bool gradient) {
  OpSpec s{name, {}, {}, {}};
  s.in = {{sparse ? DType::i32 : DType::f32, sparse ? Shape{2, 3} : Shape{2, 3, 5}}, {DType::f32, {2, 3, 5}}};
  if (gradient) s.in.push_back({DType::f32, {2, 3}});
  s.out = {{DType::f32, gradient ? Shape{2, 3, 5} : Shape{2, 3}}};
  s.attrs.set("epsilon", eps);
  s.attrs.set("from_logits", true);
  return s;
}

TEST(LossOp, ChecksWhatItIsGiven) {
  for (const OpEntry& entry : op_entries()) {
    const std::string& name = entry.name;
    const bool entropy = name.find("crossentropy") != std::string::npos;
    if (!entropy && name.rfind("mean_squared", 0) != 0 && name.rfind("mean_absolute", 0) != 0) continue;
    SCOPED_TRACE(name);
    const bool gradient = name.find("_grad") != std::string::npos, sparse = name.find("sparse") != std::string::npos;
    const OpSpec good = loss_spec(name, sparse, gradient);
    const auto kernel = make_op(good);
    EXPECT_GT(kernel->flops, 0);
    EXPECT_EQ(kernel->in_place, gradient ? std::vector<int>{1} : std::vector<int>{});
    const auto refused = [&](auto change) {
      OpSpec bad = good;
      change(bad);
      EXPECT_THROW(make_op(bad), std::invalid_argument);
    };
    refused([](OpSpec& s) { s.in[0].shape = {2, 4}; });
    refused([](OpSpec& s) { s.in[0].dtype = DType::f64; });
    refused([](OpSpec& s) { s.in[1].shape = {}; });
    refused([](OpSpec& s) { s.out[0].shape = {2}; });
    refused([](OpSpec& s) { s.out[0].dtype = DType::f64; });
    refused([](OpSpec& s) { s.in.pop_back(); });
    const bool given_probabilities = name.rfind("softmax_", 0) == 0 || name.rfind("sigmoid_", 0) == 0;
    if (entropy && !given_probabilities) refused([](OpSpec& s) { s.attrs = {}; });
    if (gradient) refused([](OpSpec& s) { s.in[2].shape = {3, 2}; });
  }
}

}  // namespace
}  // namespace pk
