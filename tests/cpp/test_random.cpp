// Random numbers: Philox's published vectors, the same bits everywhere, distributions, dropout.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "guarded.h"
#include "kernels/random.h"
#include "kernels/table.h"
#include "program/op.h"

namespace pk {
namespace {

template <class F>
void at_every_level(F f) {
  for (Isa isa : available_isas()) {
    use_isa(isa);
    SCOPED_TRACE(name_of(isa));
    f();
  }
  use_isa(chosen_isa());
}

// The known answers of philox4x32 with 10 rounds that come with Random123.
TEST(Philox, KnownAnswers) {
  struct Answer {
    std::uint64_t low_counter, stream, seed;
    std::uint32_t word[4];
  };
  const Answer answers[] = {
      {0, 0, 0, {0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U}},
      {~0ULL, ~0ULL, ~0ULL, {0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU}},
      {0x85a308d3243f6a88ULL,
       0x0370734413198a2eULL,
       0x299f31d0a4093822ULL,
       {0xd16cfe09U, 0x94fdcceb, 0x5001e420U, 0x24126ea1U}},
  };
  at_every_level([&] {
    for (const Answer& a : answers) {
      for (std::int64_t count = 1; count <= 17; ++count) {
        // The block itself, and the same reached from blocks before it.
        const std::int64_t before = a.low_counter == 0 ? 0 : count - 1;
        Guarded<std::uint32_t> y(4 * count);
        kernels().random.blocks(a.seed, a.stream, a.low_counter - static_cast<std::uint64_t>(before), count, y.data());
        for (int i = 0; i < 4; ++i) EXPECT_EQ(y[4 * before + i], a.word[i]) << "count " << count;
      }
    }
  });
}

// f(n, y) fills n elements; the first n of a longer run must be the same, at each level and for 1 and 2 threads.
template <class T, class F>
void expect_same_bits(F f) {
  const std::int64_t most = 50001;
  const int threads = num_threads();
  std::vector<T> want(static_cast<std::size_t>(most));
  use_isa(Isa::scalar);
  set_num_threads(1);
  f(most, want.data());
  at_every_level([&] {
    for (int team : {1, 2}) {
      set_num_threads(team);
      for (std::int64_t n :
           {std::int64_t{0}, std::int64_t{1}, std::int64_t{3}, std::int64_t{33}, std::int64_t{1025}, most}) {
        Guarded<T> y(n);
        f(n, y.data());
        EXPECT_EQ(std::memcmp(y.data(), want.data(), static_cast<std::size_t>(n) * sizeof(T)), 0) << "n=" << n;
      }
    }
  });
  set_num_threads(threads);
}

const RandomKey key{0x123456789abcdef0ULL, 42};

TEST(Random, SameBitsAtEveryLevelAndSize) {
  expect_same_bits<std::uint32_t>([](std::int64_t n, std::uint32_t* y) { random_bits(key, n, y); });
  expect_same_bits<float>([](std::int64_t n, float* y) { random_uniform(key, DType::f32, -0.3, 0.9, n, y); });
  expect_same_bits<double>([](std::int64_t n, double* y) { random_uniform(key, DType::f64, -0.3, 0.9, n, y); });
  expect_same_bits<double>([](std::int64_t n, double* y) { random_normal(key, DType::f64, 0, 1, false, n, y); });
  expect_same_bits<float>([](std::int64_t n, float* y) {
    std::fill_n(y, n, 1.25F);
    dropout(key, DType::f32, 0.3, n, y, y);
  });
}

TEST(Random, StreamsAndSeedsDiffer) {
  std::set<std::uint32_t> firsts;
  for (std::uint64_t seed : {0, 1}) {
    for (std::uint64_t id = 0; id < 50; ++id) {
      for (std::uint64_t step = 0; step < 50; ++step) {
        std::uint32_t word = 0;
        random_bits({seed, mix_stream(id, step)}, 1, &word);
        firsts.insert(word);
      }
    }
  }
  EXPECT_GE(firsts.size(), 4998U);  // of 5000, 0.003 collisions are expected
}

// Sum over cells of (seen - expected)^2 / expected for equally likely cells, scaled to a standard normal.
double chi_square_deviations(const std::vector<double>& cells) {
  const double expected = std::accumulate(cells.begin(), cells.end(), 0.0) / static_cast<double>(cells.size());
  double chi = 0;
  for (double seen : cells) chi += (seen - expected) * (seen - expected) / expected;
  const double freedom = static_cast<double>(cells.size()) - 1;
  return (chi - freedom) / std::sqrt(2 * freedom);
}

// f maps each number to its distribution function's value.
template <class T, class F>
void expect_distributed(const std::vector<T>& y, F cumulative) {
  std::vector<double> cells(100);
  for (T v : y) {
    const double u = cumulative(static_cast<double>(v));
    ASSERT_TRUE(u >= 0 && u <= 1) << v;
    ++cells[std::min<std::size_t>(99, static_cast<std::size_t>(u * 100))];
  }
  EXPECT_LT(std::fabs(chi_square_deviations(cells)), 5);
}

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

template <class T>
void expect_distributions() {
  const std::int64_t n = 400000;
  std::vector<T> y(static_cast<std::size_t>(n));
  const DType t = dtype_of<T>::value;
  random_uniform(key, t, -2, 3, n, y.data());
  expect_distributed(y, [](double v) { return v < 3 ? (v + 2) / 5 : 2; });
  random_normal(key, t, 1, 2, false, n, y.data());
  expect_distributed(y, [](double v) { return normal_cdf((v - 1) / 2); });
  EXPECT_GT(*std::max_element(y.begin(), y.end()), 1 + 2 * 4.2);
  EXPECT_LT(*std::min_element(y.begin(), y.end()), 1 - 2 * 4.2);
  random_normal(key, t, 1, 2, true, n, y.data());
  const double tail = normal_cdf(-2);
  expect_distributed(y, [=](double v) {
    return std::fabs(v - 1) <= 4.00001 ? std::min(1.0, std::max(0.0, (normal_cdf((v - 1) / 2) - tail) / (1 - 2 * tail)))
                                       : 2;
  });
}

TEST(Random, Distributions) {
  at_every_level([] {
    expect_distributions<float>();
    expect_distributions<double>();
  });
}

// The float normals against the double quantile of the same 32 bits.
TEST(Random, NormalInvertsTheDistribution) {
  at_every_level([] {
    std::vector<std::uint32_t> bits = {0, 1, 2, 0x7fffffffU, 0x80000000U, 0xffffffffU, 0x40000000U, 0x3fffffffU, 12345};
    for (std::uint32_t w = 3; w < 0x7fffffffU - 500000U; w += 437501) bits.push_back(w);
    const auto n = static_cast<std::int64_t>(bits.size());
    for (bool truncated : {false, true}) {
      Guarded<float> y(n);
      kernels().random.normal_f32(bits.data(), 0.0F, 1.0F, truncated, n, y.data());
      for (std::int64_t i = 0; i < n; ++i) {
        const std::uint32_t word = bits[static_cast<std::size_t>(i)];
        const double u = (static_cast<double>(word & 0x7fffffffU) + 0.5) * 0x1p-31;
        const double tail = truncated ? normal_cdf(-2) + (0.5 - normal_cdf(-2)) * u : 0.5 * u;
        const double z = std::fabs(static_cast<double>(y[i]));
        EXPECT_EQ(y[i] < 0, word >> 31 != 0 && z != 0);
        // Relative to the tail's mass: an error of 1e-6 of z moves it by z^2 times as much. Beyond 2^-24, where the
        // polynomial leaves its domain, a hundredth will do.
        EXPECT_NEAR(normal_cdf(-z) / tail, 1, tail < 0x1p-24 ? 0.02 : 3e-6 * (1 + z * z)) << word;
      }
    }
  });
}

TEST(Random, UniformBounds) {
  float y[1000];
  random_uniform(key, DType::f32, 1, std::nextafter(1.0F, 2.0F), 1000, y);
  for (float v : y) EXPECT_EQ(v, 1.0F);  // hi is left out
  random_uniform(key, DType::f32, 0.5, 0.5, 1000, y);
  for (float v : y) EXPECT_EQ(v, 0.5F);
  EXPECT_THROW(random_uniform(key, DType::f32, 1, 0, 1, y), std::invalid_argument);
  EXPECT_THROW(random_uniform(key, DType::i32, 0, 1, 1, y), std::invalid_argument);
}

TEST(Dropout, KeepsAndScales) {
  at_every_level([] {
    const std::int64_t n = 100001;
    Guarded<float> x(n), y(n);
    for (std::int64_t i = 0; i < n; ++i) x[i] = static_cast<float>(i + 1);
    for (double rate : {0.0, 0.1, 0.5, 0.9, 0.999, 1.0}) {
      dropout(key, DType::f32, rate, n, x.data(), y.data());
      std::int64_t kept = 0;
      for (std::int64_t i = 0; i < n; ++i) {
        if (y[i] == 0) continue;
        ++kept;
        ASSERT_FLOAT_EQ(y[i], static_cast<float>(static_cast<double>(x[i]) / (1 - rate)));
      }
      const double want = (1 - rate) * static_cast<double>(n);
      EXPECT_NEAR(static_cast<double>(kept), want, 5 * std::sqrt(want * rate) + 1e-9) << rate;
    }
    // The same elements for another value, type, and in place.
    Guarded<double> d(n);
    for (std::int64_t i = 0; i < n; ++i) d[i] = 1;
    dropout(key, DType::f64, 0.5, n, d.data(), d.data());
    dropout(key, DType::f32, 0.5, n, x.data(), y.data());
    for (std::int64_t i = 0; i < n; ++i) ASSERT_EQ(d[i] == 0, y[i] == 0);
    // What is dropped is dropped, whatever it was.
    for (std::int64_t i = 0; i < n; ++i) x[i] = std::numeric_limits<float>::quiet_NaN();
    dropout(key, DType::f32, 0.5, n, x.data(), x.data());
    for (std::int64_t i = 0; i < n; ++i) ASSERT_EQ(std::isnan(x[i]), d[i] != 0);
  });
}

OpSpec random_spec(const std::string& name, const Shape& shape) {
  OpSpec s{name, {}, {{DType::f32, shape}}, {}};
  s.attrs.set("stream", int64_t{3});
  if (name == "dropout") {
    s.in.push_back({DType::f32, shape});
    s.attrs.set("rate", 0.5);
  } else if (name == "random_uniform") {
    s.attrs.set("minval", 0.0);
    s.attrs.set("maxval", 1.0);
  } else {
    s.attrs.set("mean", 0.0);
    s.attrs.set("stddev", 1.0);
    s.attrs.set("truncated", true);
  }
  return s;
}

TEST(RandomOp, KeyedBySeedStreamAndStep) {
  for (const char* name : {"dropout", "random_uniform", "random_normal"}) {
    SCOPED_TRACE(name);
    const auto run = [&](OpSpec spec, std::uint64_t seed, std::uint64_t step) {
      std::vector<float> x(100, 1.0F), y(100);
      const void* in[] = {x.data()};
      void* out[] = {y.data()};
      make_op(spec)->run(RunArgs{in, out, nullptr, seed, step});
      return y;
    };
    const OpSpec spec = random_spec(name, {4, 25});
    OpSpec other = spec, seeded = spec;
    other.attrs.set("stream", int64_t{4});
    seeded.attrs.set("seed", int64_t{7});
    EXPECT_EQ(run(spec, 7, 0), run(spec, 7, 0));
    EXPECT_NE(run(spec, 7, 0), run(spec, 8, 0));
    EXPECT_NE(run(spec, 7, 0), run(spec, 7, 1));
    EXPECT_NE(run(spec, 7, 0), run(other, 7, 0));
    EXPECT_EQ(run(spec, 7, 5), run(seeded, 99, 5));
  }
}

TEST(RandomOp, ChecksWhatItIsGiven) {
  const auto refused = [](const char* name, auto change) {
    OpSpec s = random_spec(name, {8});
    EXPECT_NE(make_op(s), nullptr);
    change(s);
    EXPECT_THROW(make_op(s), std::invalid_argument) << name;
  };
  refused("dropout", [](OpSpec& s) { s.attrs.set("rate", 1.5); });
  refused("dropout", [](OpSpec& s) { s.attrs.set("rate", -0.1); });
  refused("dropout", [](OpSpec& s) { s.attrs.set("rate", std::nan("")); });
  refused("dropout", [](OpSpec& s) { s.out[0].shape = {2, 4}; });
  refused("dropout", [](OpSpec& s) { s.in[0].dtype = DType::i32; });
  refused("random_uniform", [](OpSpec& s) { s.attrs.set("minval", 2.0); });
  refused("random_uniform", [](OpSpec& s) { s.attrs.set("maxval", std::numeric_limits<double>::infinity()); });
  refused("random_uniform", [](OpSpec& s) { s.out[0].dtype = DType::i32; });
  refused("random_normal", [](OpSpec& s) { s.attrs.set("stddev", -1.0); });
  refused("random_normal", [](OpSpec& s) { s.attrs.set("truncated", 1.0); });
}

}  // namespace
}  // namespace pk
