// Counts of right and wrong decisions at many thresholds, in one pass over the predictions, and the largest elements of
// rows. T is float or double.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pk {

using std::int64_t;

// For each threshold t and each label: the weights of true positives (target != 0, x > t), false positives, true
// negatives and false negatives. x, target and weights are (rows, labels); each output is (thresholds, labels).
struct ConfusionCounts {
  int64_t rows = 0, labels = 1, thresholds = 0;
  // The thresholds are i / (thresholds - 1), and x > t is decided as Keras decides it for these: x within [0, 1], times
  // thresholds - 1, rounded up. The first and the last may be moved by an epsilon out of [0, 1]: then the first
  // lies below every x.
  bool even = false;

  std::size_t scratch_bytes() const;  // 64-byte aligned, contents ignored

  // `weights` may be null: 1 each. `at` holds the thresholds, ascending. A NaN in x exceeds no threshold. Sums are made
  // in double, in an order that depends on the shape only.
  template <class T>
  void operator()(const T* target, const T* x, const T* weights, const T* at, T* const out[4], void* scratch) const;

 private:
  int64_t chunks() const;
};

// The k largest elements of each row of x (rows, n), the largest first, and where they stand. Of equal elements the
// first comes first; NaN is larger than all numbers. 0 <= k <= n; `scratch` holds top_k_scratch_bytes().
std::size_t top_k_scratch_bytes(int64_t rows, int64_t n);
template <class T>
void top_k(int64_t rows, int64_t n, int64_t k, const T* x, T* values, std::int32_t* index, void* scratch);

}  // namespace pk
