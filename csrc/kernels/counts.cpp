#include "kernels/counts.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/parallel.h"

namespace pk {

namespace {

constexpr int64_t chunk_elements = 32768;
constexpr int64_t max_chunks = 16;
constexpr double count_ns = 4;  // per element
constexpr int64_t sorted_elements = 16384;
constexpr double sort_ns = 10;  // per element

// How many thresholds x exceeds.
template <class T>
int64_t exceeded(T x, const T* at, int64_t n, bool even, int64_t least) {
  if (even) {
    if (!(x > T(0))) return x == x ? least : 0;
    const T place = std::min(x, T(1)) * static_cast<T>(n - 1);
    const int64_t below = static_cast<int64_t>(place);  // not std::ceil: a call, where the machine's own is not assumed
    return std::max(below + (place > static_cast<T>(below) ? 1 : 0), least);
  }
  if (x != x) return 0;  // no order holds for NaN
  if (n <= 8) {
    int64_t below = 0;
    for (int64_t i = 0; i < n; ++i) below += at[i] < x ? 1 : 0;
    return below;
  }
  return std::lower_bound(at, at + n, x) - at;
}

// One threshold and no weights: four numbers, which the loop keeps in registers. sums: negatives below, above;
// positives.
template <class T>
void count_at_one(const T* target, const T* x, int64_t n, T at, double* sums) {
  int64_t above = 0, positive = 0, both = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int p = x[i] > at ? 1 : 0, t = target[i] != T(0) ? 1 : 0;
    above += p;
    positive += t;
    both += p & t;
  }
  sums[0] = static_cast<double>(n - above - positive + both);
  sums[1] = static_cast<double>(above - both);
  sums[2] = static_cast<double>(positive - both);
  sums[3] = static_cast<double>(both);
}

template <class T>
bool above(T a, T b) {  // NaN above all
  return a > b || (a != a && b == b);
}

}  // namespace

int64_t ConfusionCounts::chunks() const {
  const int64_t size = std::max(chunk_elements, 4 * (thresholds + 1) * labels);
  return std::clamp<int64_t>(rows * labels / size, 1, max_chunks);
}

std::size_t ConfusionCounts::scratch_bytes() const {
  return static_cast<std::size_t>(chunks() * 2 * (thresholds + 1) * labels) * sizeof(double);
}

template <class T>
void ConfusionCounts::operator()(const T* target, const T* x, const T* weights, const T* at, T* const out[4],
                                 void* scratch) const {
  const int64_t pieces = chunks(), table = (thresholds + 1) * labels;
  const int64_t least = even && thresholds > 0 && (at[0] < T(0) || at[thresholds - 1] > T(1)) ? 1 : 0;
  double* sums = static_cast<double*>(scratch);  // per piece: of negatives, of positives, by the thresholds exceeded
  const double work = count_ns * static_cast<double>(rows * labels);
  parallel_for(pieces, work, [&](int64_t piece) {
    double* own = sums + piece * 2 * table;
    const int64_t first = rows * piece / pieces, last = rows * (piece + 1) / pieces;
    if (table == 2 && weights == nullptr) return count_at_one(target + first, x + first, last - first, at[0], own);
    std::fill_n(own, 2 * table, 0.0);
    for (int64_t i = first * labels, label = 0; i < last * labels; ++i) {
      const int64_t bucket = exceeded(x[i], at, thresholds, even, least);
      const double weight = weights != nullptr ? static_cast<double>(weights[i]) : 1.0;
      own[(target[i] != T(0) ? table : 0) + bucket * labels + label] += weight;
      if (++label == labels) label = 0;
    }
  });
  for (int64_t piece = 1; piece < pieces; ++piece) {
    for (int64_t i = 0; i < 2 * table; ++i) sums[i] += sums[piece * 2 * table + i];
  }
  for (int64_t label = 0; label < labels; ++label) {
    double positives = 0, negatives = 0;  // those that exceed the threshold
    for (int64_t t = thresholds; t-- > 0;) {
      negatives += sums[(t + 1) * labels + label];
      positives += sums[table + (t + 1) * labels + label];
      out[0][t * labels + label] = static_cast<T>(positives);
      out[1][t * labels + label] = static_cast<T>(negatives);
    }
    negatives = positives = 0;  // and those that do not
    for (int64_t t = 0; t < thresholds; ++t) {
      negatives += sums[t * labels + label];
      positives += sums[table + t * labels + label];
      out[2][t * labels + label] = static_cast<T>(negatives);
      out[3][t * labels + label] = static_cast<T>(positives);
    }
  }
}

std::size_t top_k_scratch_bytes(int64_t rows, int64_t n) {
  return static_cast<std::size_t>(rows * n) * sizeof(std::int32_t);
}

template <class T>
void top_k(int64_t rows, int64_t n, int64_t k, const T* x, T* values, std::int32_t* index, void* scratch) {
  std::int32_t* places = static_cast<std::int32_t*>(scratch);
  const int64_t grain = std::max<int64_t>(1, sorted_elements / std::max<int64_t>(1, n));
  parallel_ranges(rows, grain, sort_ns * static_cast<double>(rows * n), [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      const T* row = x + r * n;
      std::int32_t* order = places + r * n;
      std::iota(order, order + n, 0);
      const auto before = [row](std::int32_t a, std::int32_t b) {
        return above(row[a], row[b]) || (a < b && !above(row[b], row[a]));
      };
      std::partial_sort(order, order + k, order + n, before);
      for (int64_t i = 0; i < k; ++i) {
        values[r * k + i] = row[order[i]];
        index[r * k + i] = order[i];
      }
    }
  });
}

#define PK_INSTANTIATE(T)                                                                                      \
  template void ConfusionCounts::operator()(const T*, const T*, const T*, const T*, T* const[4], void*) const; \
  template void top_k(int64_t, int64_t, int64_t, const T*, T*, std::int32_t*, void*)
PK_INSTANTIATE(float);
PK_INSTANTIATE(double);

}  // namespace pk
