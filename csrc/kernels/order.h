// Order along the last axis of (rows, n), and cumulative sums and products along any axis. The results are the same for
// any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace pk {

using std::int64_t;

// What is ordered. NaN counts as the largest value; among equal elements the first comes first.
struct OrderLoop {
  DType dtype = DType::f32;
  int64_t rows = 0, n = 0;
  // y (rows, n): the elements in ascending order. y may be x.
  void sort(const void* x, void* y) const;
  // index (rows, n): where the elements of the ascending order are in x.
  void argsort(const void* x, std::int32_t* index) const;
};
// Any dtype. Throws std::invalid_argument when n does not fit int32.
OrderLoop order_loop(DType dtype, int64_t rows, int64_t n);

// y (rows, m) = x (rows, n) at index (rows, m); negative indices count from the end, those out of range give `absent`
// (one element of the dtype).
struct PickLoop {
  DType dtype = DType::f32;
  int64_t rows = 0, n = 0, m = 0;
  void pick(const void* x, const std::int32_t* index, const void* absent, void* y) const;
  // dx (rows, n): zeros, to which dy (rows, m) is added at index, in its order. Numbers only.
  void add(const void* dy, const std::int32_t* index, void* dx) const;
};

enum class Cumulate : std::uint8_t { sum, product };

// y of x's shape (outer, n, inner): y[i] combines x[0..i] along the middle axis (x[i..n) when `reverse`). float32 is
// accumulated in double. y may be x.
struct CumulateLoop {
  Cumulate f = Cumulate::sum;
  DType dtype = DType::f32;
  bool reverse = false;
  int64_t outer = 0, n = 0, inner = 0;
  void operator()(const void* x, void* y) const;
  // dx of the cumulative product that begins at the first element; exact where elements are 0. f32, f64.
  void product_grad(const void* x, const void* dy, void* dx, void* scratch) const;
  std::size_t grad_scratch_bytes = 0;
};
// f32 f64 i32 i64. Throws std::invalid_argument for others.
CumulateLoop cumulate_loop(Cumulate f, DType dtype, bool reverse, int64_t outer, int64_t n, int64_t inner);

}  // namespace pk
