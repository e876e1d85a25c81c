// Normalization against plain loops in double, for every ISA level of this machine.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/cpu.h"
#include "base/parallel.h"
#include "guarded.h"
#include "kernels/normalization.h"
#include "kernels/table.h"

namespace pk {
namespace {

class Normalization : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { use_isa(GetParam()); }
  void TearDown() override {
    use_isa(chosen_isa());
    set_num_threads(threads_);
  }
  int threads_ = num_threads();
};

struct Sizes {
  int64_t n, s, c, groups;
};
const Sizes sizes[] = {{1, 1, 1, 1},      {1, 7, 3, 3},      {1, 200, 1, 1}, {1, 129, 16, 16}, {1, 300, 17, 17},
                       {1, 65, 130, 130}, {1, 1000, 32, 32}, {3, 10, 6, 2},  {2, 37, 48, 8},   {2, 5, 12, 1},
                       {1, 0, 3, 3},      {0, 4, 4, 2},      {2, 1, 7, 7},   {1, 70, 300, 300}};

template <class T>
void fill(Guarded<T>& x, double centre, double spread, unsigned seed) {
  std::mt19937 rng(seed);
  std::normal_distribution<double> normal(centre, spread);
  for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(normal(rng));
}

template <class T>
struct Case {
  Sizes z;
  Guarded<T> x, dy, y, dx, gamma, beta, mean, variance, rstd, dgamma, dbeta;
  explicit Case(const Sizes& s, double centre)
      : z(s),
        x(s.n * s.s * s.c),
        dy(x.size()),
        y(x.size()),
        dx(x.size()),
        gamma(s.c),
        beta(s.c),
        mean(s.n * s.groups),
        variance(mean.size()),
        rstd(mean.size()),
        dgamma(s.c),
        dbeta(s.c) {
    fill(x, centre, 1, 1);
    fill(dy, 0, 1, 2);
    fill(gamma, 1, 0.2, 3);
    fill(beta, 0, 1, 4);
  }
  int64_t members() const { return z.c / z.groups; }
  int64_t group_of(int64_t n, int64_t c) const { return n * z.groups + c / members(); }
  template <class F>
  void each(F&& f) const {
    for (int64_t n = 0; n < z.n; ++n)
      for (int64_t s = 0; s < z.s; ++s)
        for (int64_t c = 0; c < z.c; ++c) f((n * z.s + s) * z.c + c, group_of(n, c), c);
  }
};

// `centre` may be thousands of deviations: what is lost then is what the data themselves have lost.
template <class T>
void check_group_norm(const Sizes& z, double centre) {
  constexpr double epsilon = 1e-3;
  Case<T> k(z, centre);
  const GroupNorm norm(dtype_of<T>::value, z.n, z.s, z.c, z.groups, epsilon);
  const Buffer scratch(norm.scratch_bytes());
  norm.forward(k.x.data(), k.gamma.data(), k.beta.data(), k.y.data(), k.mean.data(), k.variance.data(), k.rstd.data(),
               scratch.data());
  const double count = static_cast<double>(z.s * k.members());
  const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
  // Blocks of 64 rows in the element type: a few tens of roundings at most. Blocks meet in double, which holds their
  // means to 2^-52 of the centre.
  const double merged = 4 * 0x1p-52 * centre;
  const auto groups = static_cast<std::size_t>(z.n * z.groups);
  std::vector<long double> mean(groups, 0);
  std::vector<double> variance(groups, 0), direct(groups, 0), along(groups, 0);
  k.each([&](int64_t i, int64_t g, int64_t) { mean[g] += static_cast<long double>(k.x[i]) / count; });
  k.each([&](int64_t i, int64_t g, int64_t) {
    const double d = static_cast<double>(static_cast<long double>(k.x[i]) - mean[g]);
    variance[g] += d * d / count;
  });
  for (int64_t g = 0; g < z.n * z.groups && z.s > 0; ++g) {
    EXPECT_NEAR(static_cast<double>(k.mean[g]), static_cast<double>(mean[g]), 2 * eps * (std::fabs(centre) + 4));
    EXPECT_NEAR(static_cast<double>(k.variance[g]), variance[g], (64 * eps + merged) * variance[g]);
    EXPECT_NEAR(static_cast<double>(k.rstd[g]) * std::sqrt(variance[g] + epsilon), 1, 64 * eps + merged);
  }
  std::vector<double> dgamma(static_cast<std::size_t>(z.c), 0), dbeta(dgamma.size(), 0),
      hat(static_cast<std::size_t>(k.x.size()));
  k.each([&](int64_t i, int64_t g, int64_t c) {
    hat[i] = static_cast<double>(static_cast<long double>(k.x[i]) - mean[g]) / std::sqrt(variance[g] + epsilon);
    const double want = hat[i] * static_cast<double>(k.gamma[c]) + static_cast<double>(k.beta[c]);
    ASSERT_NEAR(static_cast<double>(k.y[i]), want, (64 * eps + merged) * 8) << i;
    const double d = static_cast<double>(k.dy[i]), weighted = d * static_cast<double>(k.gamma[c]);
    dgamma[c] += d * hat[i];
    dbeta[c] += d;
    direct[g] += weighted / count;
    along[g] += weighted * hat[i] / count;
  });
  // The backward pass reads the mean as the element type holds it, `eps * centre` away.
  const double off = eps * std::fabs(centre) + 64 * eps;
  for (const bool by_variance : {true, false}) {
    norm.backward(k.x.data(), k.gamma.data(), k.mean.data(), by_variance ? k.variance.data() : nullptr,
                  by_variance ? nullptr : k.rstd.data(), k.dy.data(), k.dx.data(), k.dgamma.data(), k.dbeta.data(),
                  scratch.data());
    const double terms = static_cast<double>(z.n * z.s);
    for (int64_t c = 0; c < z.c; ++c) {
      ASSERT_NEAR(static_cast<double>(k.dgamma[c]), dgamma[static_cast<std::size_t>(c)], off * 20 * terms) << c;
      ASSERT_NEAR(static_cast<double>(k.dbeta[c]), dbeta[static_cast<std::size_t>(c)], 64 * eps * terms * 4) << c;
    }
    k.each([&](int64_t i, int64_t g, int64_t c) {
      const double inverse = 1 / std::sqrt(variance[g] + epsilon);
      const double want =
          inverse * (static_cast<double>(k.dy[i]) * static_cast<double>(k.gamma[c]) - direct[g] - hat[i] * along[g]);
      ASSERT_NEAR(static_cast<double>(k.dx[i]), want, off * 64 * std::fmax(1, inverse)) << i;
    });
  }
}

TEST_P(Normalization, GroupsAndBatches) {
  for (const Sizes& z : sizes) {
    SCOPED_TRACE(::testing::Message() << z.n << " x " << z.s << " x " << z.c << ", groups " << z.groups);
    check_group_norm<float>(z, 0.5);
    check_group_norm<double>(z, 0.5);
  }
}

TEST_P(Normalization, MeanFarAboveTheDeviation) {
  for (const Sizes& z : {Sizes{1, 3000, 16, 16}, Sizes{1, 5000, 3, 3}, Sizes{2, 500, 12, 3}}) {
    SCOPED_TRACE(::testing::Message() << z.n << " x " << z.s << " x " << z.c << ", groups " << z.groups);
    check_group_norm<float>(z, 1e4);
    check_group_norm<double>(z, 1e8);
  }
}

template <class T>
void check_layer_norm(int64_t rows, int64_t d) {
  constexpr double epsilon = 1e-3;
  Guarded<T> x(rows * d), dy(rows * d), y(rows * d), dx(rows * d), gamma(d), beta(d), mean(rows), rstd(rows), dgamma(d),
      dbeta(d);
  fill(x, 100, 1, 1);
  fill(dy, 0, 1, 2);
  fill(gamma, 1, 0.2, 3);
  fill(beta, 0, 1, 4);
  const LayerNorm norm(dtype_of<T>::value, rows, d, epsilon);
  const Buffer scratch(norm.scratch_bytes());
  norm.forward(x.data(), gamma.data(), beta.data(), y.data(), mean.data(), rstd.data());
  norm.backward(x.data(), gamma.data(), mean.data(), rstd.data(), dy.data(), dx.data(), dgamma.data(), dbeta.data(),
                scratch.data());
  const double eps = static_cast<double>(std::numeric_limits<T>::epsilon()), count = static_cast<double>(d);
  const double near = 100 * eps * 64;  // of deviations from a mean of 100
  std::vector<double> want_gamma(static_cast<std::size_t>(d), 0), want_beta(want_gamma.size(), 0),
      hat(want_gamma.size());
  for (int64_t r = 0; r < rows; ++r) {
    double m = 0, v = 0, direct = 0, along = 0;
    for (int64_t j = 0; j < d; ++j) m += static_cast<double>(x[r * d + j]) / count;
    for (int64_t j = 0; j < d; ++j)
      v += (static_cast<double>(x[r * d + j]) - m) * (static_cast<double>(x[r * d + j]) - m) / count;
    const double inverse = 1 / std::sqrt(v + epsilon);
    for (int64_t j = 0; j < d; ++j) {
      const double g = static_cast<double>(dy[r * d + j]), weighted = g * static_cast<double>(gamma[j]);
      hat[j] = (static_cast<double>(x[r * d + j]) - m) * inverse;
      ASSERT_NEAR(static_cast<double>(y[r * d + j]),
                  hat[j] * static_cast<double>(gamma[j]) + static_cast<double>(beta[j]), near * std::fmax(1, inverse));
      want_gamma[j] += g * hat[j];
      want_beta[j] += g;
      direct += weighted / count;
      along += weighted * hat[j] / count;
    }
    for (int64_t j = 0; j < d; ++j) {
      const double want =
          inverse * (static_cast<double>(dy[r * d + j]) * static_cast<double>(gamma[j]) - direct - hat[j] * along);
      ASSERT_NEAR(static_cast<double>(dx[r * d + j]), want, near * std::fmax(1, inverse * inverse)) << r << ", " << j;
    }
  }
  for (int64_t j = 0; j < d; ++j) {
    ASSERT_NEAR(static_cast<double>(dgamma[j]), want_gamma[j], near * static_cast<double>(rows + 1) * 40);
    ASSERT_NEAR(static_cast<double>(dbeta[j]), want_beta[j], near * static_cast<double>(rows + 1));
  }
}

TEST_P(Normalization, Rows) {
  for (const int64_t rows : {0, 1, 3, 130}) {
    for (const int64_t d : {1, 5, 16, 33, 64, 257}) {
      SCOPED_TRACE(::testing::Message() << rows << " x " << d);
      check_layer_norm<float>(rows, d);
      check_layer_norm<double>(rows, d);
    }
  }
}

TEST_P(Normalization, ScaleAndShift) {
  for (const int64_t rows : {0, 1, 7, 260}) {
    for (const int64_t c : {1, 3, 16, 17, 200}) {
      for (const Act act : {Act::linear, Act::relu, Act::tanh}) {
        Guarded<float> x(rows * c), y(rows * c), scale(c), shift(c);
        fill(x, 0, 1, 1);
        fill(scale, 0, 1, 2);
        fill(shift, 0, 1, 3);
        const ScaleShift loop(DType::f32, rows, c, act, 0);
        const Buffer scratch(loop.scratch_bytes());
        loop(x.data(), scale.data(), shift.data(), y.data(), scratch.data());
        for (int64_t i = 0; i < rows * c; ++i) {
          const double z =
              static_cast<double>(x[i]) * static_cast<double>(scale[i % c]) + static_cast<double>(shift[i % c]);
          const double want = act == Act::relu ? std::fmax(z, 0) : act == Act::tanh ? std::tanh(z) : z;
          ASSERT_NEAR(static_cast<double>(y[i]), want, 8 * 0x1p-23 * 4);
        }
        loop(x.data(), scale.data(), shift.data(), x.data(), scratch.data());
        ASSERT_EQ(std::memcmp(x.data(), y.data(), static_cast<std::size_t>(rows * c) * 4), 0);
      }
    }
  }
}

// Large enough for several tasks, and for stores past the caches.
TEST_P(Normalization, SameBitsForAnyNumberOfThreads) {
  for (const Sizes& z : {Sizes{1, 56 * 56 * 20, 128, 128}, Sizes{3, 1111, 33, 11}}) {
    const GroupNorm norm(DType::f32, z.n, z.s, z.c, z.groups, 1e-3);
    const int64_t numel = z.n * z.s * z.c;
    const Buffer scratch(norm.scratch_bytes());
    const auto bytes = static_cast<std::size_t>(numel) * 4;
    const Buffer x(bytes), dy(bytes), y(bytes), dx(bytes + 64), gamma(static_cast<std::size_t>(z.c) * 4);
    std::mt19937 rng(1);
    for (int64_t i = 0; i < numel; ++i) {
      x.as<float>()[i] = static_cast<float>(rng() % 1000) / 7;
      dy.as<float>()[i] = static_cast<float>(rng() % 1000) / 700;
    }
    for (int64_t i = 0; i < z.c; ++i) gamma.as<float>()[i] = 1 + static_cast<float>(i % 7);
    std::vector<float> first;
    for (const int threads : {1, 2}) {
      set_num_threads(threads);
      std::vector<float> mean(static_cast<std::size_t>(z.n * z.groups)), rstd(mean.size()),
          dgamma(static_cast<std::size_t>(z.c)), dbeta(dgamma.size());
      float* out = dx.as<float>() + (threads == 1 ? 1 : 0);  // plain stores once
      norm.forward(x.data(), gamma.data(), gamma.data(), out, mean.data(), nullptr, rstd.data(), scratch.data());
      std::vector<float> all(out, out + numel);
      norm.backward(x.data(), gamma.data(), mean.data(), nullptr, rstd.data(), dy.data(), out, dgamma.data(),
                    dbeta.data(), scratch.data());
      all.insert(all.end(), out, out + numel);
      for (const auto* v : {&mean, &rstd, &dgamma, &dbeta}) all.insert(all.end(), v->begin(), v->end());
      if (threads == 1) first = all;
      EXPECT_EQ(std::memcmp(first.data(), all.data(), all.size() * 4), 0);
    }
  }
  const int64_t rows = 3000, d = 77;
  const LayerNorm norm(DType::f32, rows, d, 1e-3);
  const Buffer scratch(norm.scratch_bytes());
  std::vector<float> x(static_cast<std::size_t>(rows * d)), gamma(static_cast<std::size_t>(d), 1.5F), first;
  std::mt19937 rng(1);
  for (float& v : x) v = static_cast<float>(rng() % 1000) / 7;
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    std::vector<float> y(x.size()), dx(x.size()), mean(static_cast<std::size_t>(rows)), rstd(mean.size()),
        dgamma(gamma.size()), dbeta(gamma.size());
    norm.forward(x.data(), gamma.data(), gamma.data(), y.data(), mean.data(), rstd.data());
    norm.backward(x.data(), gamma.data(), mean.data(), rstd.data(), y.data(), dx.data(), dgamma.data(), dbeta.data(),
                  scratch.data());
    for (const auto* v : {&dx, &dgamma, &dbeta}) y.insert(y.end(), v->begin(), v->end());
    if (threads == 1) first = y;
    EXPECT_EQ(std::memcmp(first.data(), y.data(), y.size() * 4), 0);
  }
}

TEST(NormalizationArguments, Refused) {
  EXPECT_THROW(GroupNorm(DType::i32, 1, 4, 4, 4, 1e-3), std::invalid_argument);
  EXPECT_THROW(GroupNorm(DType::f32, 1, 4, 4, 3, 1e-3), std::invalid_argument);
  EXPECT_THROW(GroupNorm(DType::f32, 1, 4, 4, 0, 1e-3), std::invalid_argument);
  EXPECT_THROW(GroupNorm(DType::f32, 1, 4, 4, 4, -1), std::invalid_argument);
  EXPECT_THROW(LayerNorm(DType::boolean, 1, 4, 1e-3), std::invalid_argument);
  EXPECT_THROW(ScaleShift(DType::i64, 1, 4, Act::linear, 0), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Levels, Normalization, ::testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace pk
