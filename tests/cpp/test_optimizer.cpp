// Optimizer updates against the same formulas in double: every level, odd sizes, special values, pieces. Arrays end at
// a guard page.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "guarded.h"
#include "kernels/optimizer.h"
#include "kernels/table.h"
#include "program/optimizer_update.h"

namespace pk {
namespace {

constexpr double nan_d = std::numeric_limits<double>::quiet_NaN();

// One element's update in double. State: w and up to three slots.
struct Element {
  double w = 0, s[3] = {0, 0, 0};
};

double square(double x) { return x * x; }

struct Rule {
  std::string kind;
  Attrs attrs;

  double number(const char* key) const { return attrs.number(key); }

  // `product` is Nadam's, up to step t.
  void step(Element& e, double g, double lr, int64_t t, double product) const {
    e.w -= attrs.number("weight_decay", 0) * lr * e.w;
    const double td = static_cast<double>(t);
    const auto bias = [&](const char* beta) { return 1 - std::pow(number(beta), td); };
    const auto moments = [&](double& m, double& v) {
      m += (g - m) * (1 - number("beta_1"));
      v += (g * g - v) * (1 - number("beta_2"));
    };
    if (kind == "sgd") {
      const double m = number("momentum");
      e.s[0] = m * e.s[0] - lr * g;
      e.w += m != 0 && attrs.boolean("nesterov") ? m * e.s[0] - lr * g : e.s[0];
    } else if (kind == "rmsprop") {
      const double rho = number("rho"), m = number("momentum");
      const bool centered = attrs.boolean("centered");
      double& average = e.s[m > 0 ? 2 : 1];
      e.s[0] = rho * e.s[0] + (1 - rho) * g * g;
      if (centered) average = rho * average + (1 - rho) * g;
      double inc = lr * g / std::sqrt(e.s[0] - (centered ? average * average : 0) + number("epsilon"));
      if (m > 0) inc = e.s[1] = m * e.s[1] + inc;
      e.w -= inc;
    } else if (kind == "adam") {
      moments(e.s[0], e.s[1]);
      e.s[2] = std::max(e.s[2], e.s[1]);
      const double v = attrs.boolean("amsgrad") ? e.s[2] : e.s[1];
      const double alpha = lr * std::sqrt(bias("beta_2")) / bias("beta_1");
      e.w -= e.s[0] * alpha / (std::sqrt(v) + number("epsilon"));
    } else if (kind == "adagrad") {
      e.s[0] += g * g;
      e.w -= lr * g / std::sqrt(e.s[0] + number("epsilon"));
    } else if (kind == "adadelta") {
      const double rho = number("rho"), eps = number("epsilon");
      e.s[0] = rho * e.s[0] + (1 - rho) * g * g;
      const double delta = std::sqrt(e.s[1] + eps) * g / std::sqrt(e.s[0] + eps);
      e.s[1] = rho * e.s[1] + (1 - rho) * delta * delta;
      e.w -= lr * delta;
    } else if (kind == "adamax") {
      e.s[0] += (g - e.s[0]) * (1 - number("beta_1"));
      e.s[1] = std::max(number("beta_2") * e.s[1], std::fabs(g));
      e.w -= lr / bias("beta_1") * e.s[0] / (e.s[1] + number("epsilon"));
    } else if (kind == "nadam") {
      moments(e.s[0], e.s[1]);
      const double now = nadam_momentum(t), next = nadam_momentum(t + 1);
      const double m = next * e.s[0] / (1 - product * next) + (1 - now) * g / (1 - product);
      e.w -= lr * m / (std::sqrt(e.s[1] / bias("beta_2")) + number("epsilon"));
    } else if (kind == "lion") {
      const double c = number("beta_1") * e.s[0] + (1 - number("beta_1")) * g;
      e.w -= lr * (c > 0 ? 1 : (c < 0 ? -1 : 0));
      e.s[0] += (g - e.s[0]) * (1 - number("beta_2"));
    } else if (kind == "ftrl") {
      const double p = -number("learning_rate_power"), l1 = number("l1");
      const double grown = std::pow(e.s[0] + g * g, p), before = std::pow(e.s[0], p);
      e.s[0] += g * g;
      e.s[1] += g + 2 * number("l2_shrinkage") * e.w - (grown - before) / lr * e.w;
      const double l2 = number("l2") + number("beta") / (2 * lr);
      e.w = (std::min(std::max(e.s[1], -l1), l1) - e.s[1]) / (grown / lr + 2 * l2);
    } else {
      const double b1 = number("beta_1");
      double x = (e.w - (1 - b1) * e.s[0]) / b1;
      e.s[1] += (square(g) - e.s[1]) * (1 - number("beta_2"));
      const double rate = lr * std::min(1.0, td / std::max(number("warmup_steps"), 1.0));
      e.s[0] -= rate * g / (std::sqrt(e.s[1] / bias("beta_2")) + number("epsilon"));
      x += (e.s[0] - x) / td;
      e.w = (1 - b1) * e.s[0] + b1 * x;
    }
  }

  double nadam_momentum(int64_t t) const {
    return number("beta_1") * (1 - 0.5 * std::pow(0.96, number("schedule") * static_cast<double>(t)));
  }
};

Rule rule(const char* kind, std::initializer_list<std::pair<const char*, double>> numbers) {
  Rule r{kind, {}};
  for (const auto& [key, value] : numbers) r.attrs.set(key, value);
  return r;
}
Rule sgd_rule(double momentum, bool nesterov) {
  Rule r{"sgd", {}};
  r.attrs.set("momentum", momentum);
  r.attrs.set("nesterov", nesterov);
  return r;
}
Rule rmsprop_rule(double momentum, bool centered) {
  Rule r{"rmsprop", {}};
  r.attrs.set("rho", 0.9);
  r.attrs.set("momentum", momentum);
  r.attrs.set("epsilon", 1e-7);
  r.attrs.set("centered", centered);
  return r;
}
Rule adam_rule(bool amsgrad, double epsilon = 1e-7) {
  Rule r{"adam", {}};
  r.attrs.set("beta_1", 0.9);
  r.attrs.set("beta_2", 0.999);
  r.attrs.set("epsilon", epsilon);
  r.attrs.set("amsgrad", amsgrad);
  return r;
}

std::vector<Rule> all_rules() {
  std::vector<Rule> rules{
      sgd_rule(0, false),
      sgd_rule(0.9, false),
      sgd_rule(0.9, true),
      rmsprop_rule(0, false),
      rmsprop_rule(0.9, false),
      rmsprop_rule(0, true),
      rmsprop_rule(0.9, true),
      adam_rule(false),
      adam_rule(true),
      rule("adagrad", {{"epsilon", 1e-7}}),
      rule("adadelta", {{"rho", 0.9}, {"epsilon", 1e-6}}),
      rule("adamax", {{"beta_1", 0.9}, {"beta_2", 0.99}, {"epsilon", 1e-7}}),
      rule("nadam", {{"beta_1", 0.9}, {"beta_2", 0.99}, {"epsilon", 1e-7}, {"schedule", 1}}),
      rule("nadam", {{"beta_1", 0.9}, {"beta_2", 0.99}, {"epsilon", 1e-7}, {"schedule", 0.004}}),
      rule("lion", {{"beta_1", 0.9}, {"beta_2", 0.99}}),
      rule("schedule_free", {{"beta_1", 0.9}, {"beta_2", 0.99}, {"epsilon", 1e-8}, {"warmup_steps", 7}}),
  };
  for (double power : {-0.5, -0.3}) {
    rules.push_back(rule(
        "ftrl", {{"learning_rate_power", power}, {"l1", 0.1}, {"l2", 0.2}, {"l2_shrinkage", 0.01}, {"beta", 0.1}}));
  }
  for (const char* kind : {"sgd", "adam"}) {
    rules.push_back(kind[0] == 's' ? sgd_rule(0.9, true) : adam_rule(false));
    rules.back().attrs.set("weight_decay", 0.3);
  }
  return rules;
}

std::string named(const Rule& r) {
  std::string s = r.kind;
  for (const char* key : {"momentum", "learning_rate_power", "schedule", "weight_decay"})
    s += r.attrs.has(key) ? std::string(" ") + key + " " + std::to_string(r.number(key)) : "";
  for (const char* key : {"nesterov", "centered", "amsgrad"}) {
    if (r.attrs.has(key) && r.attrs.boolean(key)) s += std::string(" ") + key;
  }
  return s;
}

// A variable, its slots and gradient, with an update bound to them.
template <class T>
struct Variable {
  OptimizerUpdate update;
  Guarded<T> w, g;
  std::vector<std::unique_ptr<Guarded<T>>> slots;
  float lr;
  int64_t iterations = 0;
  T product = 1;  // of Nadam's momentums
  const Rule rule;

  Variable(const Rule& rule_, int64_t n, float lr_)
      : update(OptimizerUpdate::make(rule_.kind, rule_.attrs, dtype_of<T>::value, 1)),
        w(n),
        g(n),
        lr(lr_),
        rule(rule_) {
    for (int i = 0; i < update.slots(); ++i) slots.push_back(std::make_unique<Guarded<T>>(n));
  }

  // Applies g in pieces of `piece` elements by span(), or by sweep() where piece is 0.
  void step(int64_t piece = 0) {
    if (rule.kind == "nadam") product *= static_cast<T>(rule.nadam_momentum(iterations + 1));
    const void* in[] = {g.data(), &lr, &iterations, &product};
    void* out[4] = {w.data(), nullptr, nullptr, nullptr};
    for (std::size_t i = 0; i < slots.size(); ++i) out[i + 1] = slots[i]->data();
    const auto bound = update.bind(RunArgs{in, out, nullptr, 0, 0});
    if (piece == 0) {
      bound.sweep(w.size(), g.data());
    } else {
      for (int64_t i = 0; i < w.size(); i += piece) bound.span(i, std::min(piece, w.size() - i), g.data() + i);
    }
    ++iterations;
  }

  bool same_bits(const Variable& o) const {
    const auto equal = [](const Guarded<T>& a, const Guarded<T>& b) {
      return std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(T)) == 0;
    };
    bool same = equal(w, o.w);
    for (std::size_t i = 0; i < slots.size(); ++i) same = same && equal(*slots[i], *o.slots[i]);
    return same;
  }
};

template <class T>
void randomize(Guarded<T>& x, std::mt19937& gen, double scale) {
  std::normal_distribution<double> normal;
  for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(normal(gen) * scale);
}

template <class F>
void at_every_level(F f) {
  for (Isa isa : available_isas()) {
    use_isa(isa);
    SCOPED_TRACE(name_of(isa));
    f();
  }
  use_isa(chosen_isa());
}

template <class T>
void expect_follows_formula() {
  const double eps = std::numeric_limits<T>::epsilon();
  const float lr = 0.01F;
  at_every_level([&] {
    for (const Rule& rule : all_rules()) {
      for (int64_t n : {1, 7, 16, 33, 64, 100, 259}) {
        SCOPED_TRACE(named(rule) + " n=" + std::to_string(n));
        std::mt19937 gen(static_cast<unsigned>(n));
        Variable<T> v(rule, n, lr);
        randomize(v.w, gen, 1);
        std::vector<Element> want(static_cast<std::size_t>(n));
        for (int64_t i = 0; i < n; ++i) want[static_cast<std::size_t>(i)].w = static_cast<double>(v.w[i]);
        double path = 0;  // how far weights may have moved, which scales what rounding adds up to
        for (int t = 1; t <= 20; ++t) {
          randomize(v.g, gen, t % 5 == 0 ? 1e-4 : 1);
          v.step();
          for (int64_t i = 0; i < n; ++i) {
            Element& e = want[static_cast<std::size_t>(i)];
            const double before = e.w;
            rule.step(e, static_cast<double>(v.g[i]), static_cast<double>(lr), t, static_cast<double>(v.product));
            path = std::max(path, std::fabs(e.w - before) * t);
          }
        }
        for (int64_t i = 0; i < n; ++i) {
          const Element& e = want[static_cast<std::size_t>(i)];
          // Hyperparameters rounded to T move adam's alpha by up to eps / (1 - beta_2) / 2; 20 steps' roundings.
          ASSERT_NEAR(static_cast<double>(v.w[i]), e.w, eps * (20 * std::fabs(e.w) + 600 * path)) << "i=" << i;
        }
      }
    }
  });
}

TEST(Optimizer, FloatFollowsTheFormula) { expect_follows_formula<float>(); }
TEST(Optimizer, DoubleFollowsTheFormula) { expect_follows_formula<double>(); }

// With moments that stay as they are: the accuracy of the quotient itself.
TEST(Optimizer, AdamQuotientWithinUnitsInTheLastPlace) {
  at_every_level([] {
    const int64_t n = 100003;
    Guarded<float> w(n), m(n), v(n), g(n);
    std::mt19937 gen(3);
    std::uniform_real_distribution<float> exponent(-25, 30), unit(-1, 1);
    for (int64_t i = 0; i < n; ++i) {
      w[i] = g[i] = 0;
      m[i] = unit(gen);
      v[i] = std::exp2(exponent(gen));
    }
    std::vector<float> m0(m.data(), m.data() + n), v0(v.data(), v.data() + n);
    float* const slots[max_update_slots] = {m.data(), v.data(), nullptr};
    update<float>(Update::adam, {0, {0.5F, 0, 0, 1e-7F}}, n, w.data(), slots, g.data());
    double worst = 0;
    for (int64_t i = 0; i < n; ++i) {
      const auto j = static_cast<std::size_t>(i);
      const double want = -0.5 * m0[j] / (std::sqrt(static_cast<double>(v0[j])) + 1e-7F);
      if (want != 0) worst = std::max(worst, std::fabs(w[i] / want - 1));
    }
    EXPECT_LT(worst, 4 * 0x1p-24);
  });
}

TEST(Optimizer, RmspropQuotientWithinUnitsInTheLastPlace) {
  at_every_level([] {
    const int64_t n = 100003;
    Guarded<float> w(n), v(n), g(n);
    std::mt19937 gen(4);
    std::uniform_real_distribution<float> exponent(-25, 60), unit(-1, 1);
    for (int64_t i = 0; i < n; ++i) {
      w[i] = 0;
      g[i] = unit(gen);
      v[i] = std::exp2(exponent(gen));
    }
    float* const slots[max_update_slots] = {v.data(), nullptr, nullptr};
    update<float>(Update::rmsprop, {0, {0.5F, 1, 0, 1e-7F}}, n, w.data(), slots, g.data());
    double worst = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double want = -0.5 * g[i] / std::sqrt(static_cast<double>(v[i] + 1e-7F));
      if (want != 0) worst = std::max(worst, std::fabs(w[i] / want - 1));
    }
    EXPECT_LT(worst, 4 * 0x1p-24);
  });
}

// A variable of which some elements have special gradients, and what their weights must become.
TEST(Optimizer, SpecialValues) {
  const double inf = std::numeric_limits<double>::infinity();
  at_every_level([&] {
    for (const Rule& rule : all_rules()) {
      SCOPED_TRACE(named(rule));
      const int64_t n = 70;
      Variable<float> v(rule, n, 0.1F), plain(rule, n, 0.1F);
      for (int64_t i = 0; i < n; ++i) v.w[i] = plain.w[i] = 1, v.g[i] = plain.g[i] = 0.5F;
      v.g[3] = static_cast<float>(nan_d);
      v.g[67] = static_cast<float>(nan_d);
      v.g[20] = 0;
      v.g[21] = 1e-30F;  // its square is no float
      v.g[22] = 1e30F;
      v.g[23] = static_cast<float>(inf);
      v.step();
      plain.step();
      EXPECT_TRUE(std::isnan(v.w[3]));
      EXPECT_TRUE(std::isnan(v.w[67]));
      const auto any_of = [&](std::initializer_list<const char*> kinds) {
        return std::find(kinds.begin(), kinds.end(), rule.kind) != kinds.end();
      };
      const bool decays = rule.attrs.has("weight_decay");
      if (!decays && !any_of({"ftrl", "schedule_free"})) {
        EXPECT_EQ(v.w[20], 1.0F);
      }
      EXPECT_TRUE(std::isfinite(v.w[21]));
      if (rule.kind == "sgd") {
        EXPECT_LT(v.w[22], -1e28F);
        EXPECT_EQ(v.w[23], -std::numeric_limits<float>::infinity());
      } else if (any_of({"rmsprop", "adam", "adagrad", "adadelta", "nadam"})) {
        // Centered, the variance is infinity less infinity.
        const bool centered = rule.attrs.has("centered") && rule.attrs.boolean("centered");
        EXPECT_TRUE(v.w[22] == (decays ? v.w[20] : 1.0F) || (centered && std::isnan(v.w[22])))
            << "divided by an infinite root";
        EXPECT_TRUE(std::isnan(v.w[23])) << "infinity over infinity";
      } else if (rule.kind == "lion") {
        EXPECT_EQ(v.w[22], 1 - 0.1F);
        EXPECT_EQ(v.w[23], 1 - 0.1F);
      }
      for (int64_t i = 0; i < n; ++i) {
        if (i == 3 || i == 67 || (i >= 20 && i <= 23)) continue;
        EXPECT_EQ(v.w[i], plain.w[i]) << i;
      }
      v.g[3] = 0.5F;
      v.step();
      EXPECT_TRUE(std::isnan(v.w[3])) << "a NaN stays";
    }
  });
}

// A moment without gradient never becomes a slow subnormal number.
TEST(Optimizer, MomentsAreNeverSubnormal) {
  at_every_level([] {
    if (kernels().isa == Isa::neon) return;  // subnormals are as fast there, and kept
    Variable<float> v(adam_rule(false), 40, 0.001F);
    for (int64_t i = 0; i < 40; ++i) v.g[i] = 1e-30F;
    v.step();
    for (int64_t i = 0; i < 40; ++i) v.g[i] = 0;
    for (int t = 0; t < 200; ++t) {
      v.step();
      for (int64_t i = 0; i < 40; ++i) ASSERT_NE(std::fpclassify((*v.slots[0])[i]), FP_SUBNORMAL) << t;
    }
    EXPECT_LT((*v.slots[0])[0], 2e-37F);
  });
}

// However a variable is cut and on however many threads.
TEST(Optimizer, SameBitsForAnyPieces) {
  const int threads = num_threads();
  at_every_level([&] {
    for (const Rule& rule : all_rules()) {
      SCOPED_TRACE(named(rule));
      const int64_t n = 40011;
      Variable<float> whole(rule, n, 0.01F);
      std::mt19937 gen(5);
      randomize(whole.w, gen, 1);
      std::vector<float> w0(whole.w.data(), whole.w.data() + n);
      std::vector<Variable<float>*> others;
      Variable<float> two(rule, n, 0.01F), small(rule, n, 0.01F), odd(rule, n, 0.01F);
      for (Variable<float>* o : {&two, &small, &odd}) std::copy(w0.begin(), w0.end(), o->w.data());
      for (int t = 0; t < 3; ++t) {
        randomize(whole.g, gen, 1);
        for (Variable<float>* o : {&two, &small, &odd}) std::copy_n(whole.g.data(), n, o->g.data());
        set_num_threads(1);
        whole.step();
        set_num_threads(2);
        two.step();
        small.step(16);
        odd.step(97);
      }
      EXPECT_TRUE(whole.same_bits(two));
      EXPECT_TRUE(whole.same_bits(small));
      EXPECT_TRUE(whole.same_bits(odd));
    }
  });
  set_num_threads(threads);
}

OpSpec update_spec(const Rule& rule, DType dtype, const Shape& shape, int slots) {
  OpSpec spec{rule.kind + "_update", {{dtype, shape}, {DType::f32, {}}}, {}, rule.attrs};
  const int scalars = update_kind(rule.kind).scalars;
  if (scalars > 1) spec.in.push_back({DType::i64, {}});
  if (scalars > 2) spec.in.push_back({dtype, {}});
  for (int i = 0; i <= slots; ++i) spec.out.push_back({dtype, shape});
  return spec;
}

TEST(OptimizerOp, ChecksWhatItIsGiven) {
  for (const Rule& rule : all_rules()) {
    SCOPED_TRACE(named(rule));
    const int slots = OptimizerUpdate::make(rule.kind, rule.attrs, DType::f32, 1).slots();
    const OpSpec good = update_spec(rule, DType::f32, {3, 4}, slots);
    EXPECT_GT(make_op(good)->flops, 0);
    EXPECT_THROW(make_op(update_spec(rule, DType::f32, {3, 4}, slots + 1)), std::invalid_argument);
    EXPECT_THROW(make_op(update_spec(rule, DType::i32, {3, 4}, slots)), std::invalid_argument);
    const auto refused = [&](auto change) {
      OpSpec bad = good;
      change(bad);
      EXPECT_THROW(make_op(bad), std::invalid_argument);
    };
    refused([](OpSpec& s) { s.in[0].shape = {4, 3}; });
    refused([](OpSpec& s) { s.in[1].dtype = DType::f64; });
    refused([](OpSpec& s) { s.in[1].shape = {1}; });
    refused([](OpSpec& s) { s.out.back().shape = {12}; });
    refused([](OpSpec& s) { s.in.pop_back(); });
    refused([](OpSpec& s) { s.attrs = {}; });
  }
  EXPECT_THROW(OptimizerUpdate::make("adamw", {}, DType::f32, 1), std::invalid_argument);
}

TEST(OptimizerOp, RunsTheUpdate) {
  const Rule rule = adam_rule(true);
  const int64_t n = 12;
  Variable<double> direct(rule, n, 0.01F), op(rule, n, 0.01F);
  const auto kernel = make_op(update_spec(rule, DType::f64, {3, 4}, 3));
  for (int64_t i = 0; i < n; ++i) direct.g[i] = op.g[i] = static_cast<double>(i) - 4;
  for (int64_t t = 0; t < 3; ++t) {
    direct.step();
    const void* in[] = {op.g.data(), &op.lr, &t};
    void* out[] = {op.w.data(), op.slots[0]->data(), op.slots[1]->data(), op.slots[2]->data()};
    kernel->run(RunArgs{in, out, nullptr, 0, 0});
  }
  EXPECT_TRUE(direct.same_bits(op));
}

}  // namespace
}  // namespace pk
