// Counts at thresholds and the largest elements, against plain loops in double; arrays end at a guard page.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "base/buffer.h"
#include "base/parallel.h"
#include "guarded.h"
#include "kernels/counts.h"

namespace pk {
namespace {

template <class T>
void check_counts(int64_t rows, int64_t labels, std::vector<double> at, bool even, bool weighted) {
  SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(labels) + ", " + std::to_string(at.size()) +
               " thresholds" + (even ? ", even" : ""));
  std::mt19937 rng(5);
  std::uniform_real_distribution<double> u(0, 1);
  const int64_t n = rows * labels, m = static_cast<int64_t>(at.size());
  Guarded<T> target(n), x(n), weights(n), thresholds(m);
  for (int64_t i = 0; i < n; ++i) {
    target[i] = u(rng) < 0.4 ? T(1) : T(0);
    x[i] = u(rng) < 0.3 ? static_cast<T>(at[static_cast<std::size_t>(i % m)]) : static_cast<T>(u(rng));
    weights[i] = static_cast<T>(u(rng));
  }
  if (n > 3) x[3] = std::numeric_limits<T>::quiet_NaN();
  for (int64_t t = 0; t < m; ++t) thresholds[t] = static_cast<T>(at[static_cast<std::size_t>(t)]);
  ConfusionCounts counts;
  counts.rows = rows;
  counts.labels = labels;
  counts.thresholds = m;
  counts.even = even;
  const Buffer scratch(counts.scratch_bytes());
  Guarded<T> got[] = {Guarded<T>(m * labels), Guarded<T>(m * labels), Guarded<T>(m * labels), Guarded<T>(m * labels)};
  T* const out[] = {got[0].data(), got[1].data(), got[2].data(), got[3].data()};
  counts(target.data(), x.data(), weighted ? weights.data() : nullptr, thresholds.data(), out, scratch.data());
  std::vector<T> first;
  for (const auto& part : got) first.insert(first.end(), part.data(), part.data() + m * labels);
  set_num_threads(1);
  counts(target.data(), x.data(), weighted ? weights.data() : nullptr, thresholds.data(), out, scratch.data());
  set_num_threads(2);
  for (int64_t t = 0; t < m; ++t) {
    for (int64_t label = 0; label < labels; ++label) {
      double want[4] = {};
      for (int64_t r = 0; r < rows; ++r) {
        const int64_t i = r * labels + label;
        bool above = x[i] > thresholds[t];
        if (even && x[i] == x[i]) above = std::ceil(std::min(x[i], T(1)) * T(m - 1)) > T(t);
        want[above ? (target[i] != 0 ? 0 : 1) : (target[i] != 0 ? 3 : 2)] += weighted ? weights[i] : 1.0;
      }
      for (int kind = 0; kind < 4; ++kind) {
        const T value = got[kind][t * labels + label];
        EXPECT_NEAR(value, want[kind], 1e-6 * (1 + want[kind])) << kind << " at " << t << " of " << label;
        EXPECT_EQ(value, first[static_cast<std::size_t>((kind * m + t) * labels + label)]) << "on one thread";
      }
    }
  }
}

TEST(ConfusionCounts, AgreeWithPlainLoops) {
  std::vector<double> many(20), spread(11);
  for (int i = 0; i < 20; ++i) many[static_cast<std::size_t>(i)] = 0.03 + 0.05 * i;
  for (int i = 0; i < 11; ++i) spread[static_cast<std::size_t>(i)] = i / 10.0;
  for (const bool weighted : {false, true}) {
    check_counts<float>(7, 1, {0.5}, false, weighted);
    check_counts<double>(70001, 1, {0.25}, false, weighted);
    check_counts<float>(33, 3, {0.1, 0.4, 0.9}, false, weighted);
    check_counts<double>(33, 3, many, false, weighted);
    check_counts<float>(17, 5, spread, true, weighted);
    check_counts<double>(70001, 3, spread, true, weighted);
  }
  check_counts<float>(0, 2, {0.5}, false, false);
}

TEST(ConfusionCounts, ThresholdsMovedByAnEpsilonLieBelowAll) {
  const float target[] = {1, 0}, x[] = {0, 0.4F}, at[] = {-1e-7F, 0.5F, 1 + 1e-7F};
  float tp[3], fp[3], tn[3], fn[3];
  float* const out[] = {tp, fp, tn, fn};
  ConfusionCounts counts;
  counts.rows = 2;
  counts.thresholds = 3;
  counts.even = true;
  const Buffer scratch(counts.scratch_bytes());
  counts(target, x, static_cast<const float*>(nullptr), at, out, scratch.data());
  EXPECT_EQ(tp[0], 1);
  EXPECT_EQ(fp[0], 1);
  EXPECT_EQ(tp[1] + fp[1], 0);
  EXPECT_EQ(fn[2] + tn[2], 2);
}

template <class T>
void check_top_k(int64_t rows, int64_t n, int64_t k) {
  SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(n) + ", " + std::to_string(k));
  std::mt19937 rng(3);
  Guarded<T> x(rows * n), values(rows * k);
  Guarded<std::int32_t> index(rows * k);
  for (int64_t i = 0; i < rows * n; ++i) x[i] = static_cast<T>(static_cast<int>(rng() % 7));  // many ties
  if (rows * n > 1) x[1] = std::numeric_limits<T>::quiet_NaN();
  const Buffer scratch(top_k_scratch_bytes(rows, n));
  top_k(rows, n, k, x.data(), values.data(), index.data(), scratch.data());
  for (int64_t r = 0; r < rows; ++r) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(n));
    std::iota(order.begin(), order.end(), 0);
    const auto key = [&](std::int32_t i) {
      return std::isnan(x[r * n + i]) ? 100.0 : static_cast<double>(x[r * n + i]);
    };
    std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) { return key(a) > key(b); });
    for (int64_t i = 0; i < k; ++i) {
      const std::int32_t want = order[static_cast<std::size_t>(i)];
      EXPECT_EQ(index[r * k + i], want);
      EXPECT_TRUE(values[r * k + i] == x[r * n + want] || std::isnan(x[r * n + want]));
    }
  }
}

TEST(TopK, AgreesWithAStableSort) {
  check_top_k<float>(3, 10, 3);
  check_top_k<double>(1, 1, 1);
  check_top_k<float>(5, 33, 33);
  check_top_k<float>(2, 7, 0);
  check_top_k<double>(60, 1000, 5);
  check_top_k<float>(0, 4, 2);
}

}  // namespace
}  // namespace pk
