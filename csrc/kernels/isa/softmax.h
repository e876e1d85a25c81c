// Softmax, its logarithm and their gradients, row by row, over any vector type.
#pragma once

#include "kernels/isa/lanes.h"
#include "kernels/isa/row_reduce.h"
#include "kernels/isa/vec_math.h"

namespace pk::PK_ISA {
namespace {

// f(i, lanes) for each vector of a row of n, lanes = W but for the last.
template <class V, class F>
inline void for_vectors(int64_t n, F f) {
  int64_t i = 0;
  for (; i + V::W <= n; i += V::W) f(i, V::W);
  if (V::W > 1 && i < n) f(i, static_cast<int>(n - i));
}

// The maximum, which may miss a NaN: the sum of exponentials that follows does not.
template <class V>
inline typename V::T row_max(const typename V::T* x, int64_t n) {
  return fold<Reduce::max>(block_reduce<Reduce::max, V>(x, n));
}

// sum(exp(x - m)); the terms go to y unless it is null. In blocks, so that no chain of additions is
// long.
template <class V>
inline typename V::T sum_exp(const typename V::T* x, int64_t n, V m, typename V::T* y) {
  constexpr int64_t block = 64 * V::W;
  V total = V::zero();
  for (int64_t begin = 0; begin < n; begin += block) {
    V sum = V::zero();
    for_vectors<V>(n - begin < block ? n - begin : block, [&](int64_t i, int lanes) {
      const V e = first_lanes(vexp(load_lanes<V>(x + begin + i, lanes) - m), V::zero(), lanes);
      if (y != nullptr) store_lanes(e, y + begin + i, lanes);
      sum = sum + e;
    });
    total = total + sum;
  }
  return reduce_add(total);
}

// A row that fits one vector stays in it.
template <class V>
void short_softmax_rows(int64_t rows, int n, const typename V::T* x, typename V::T* y) {
  const V lowest = identity<Reduce::max, V>();
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const V v = V::load_n(x, n);
    const V m = V::set1(reduce_max(first_lanes(v, lowest, n)));
    const V e = first_lanes(vexp(v - m), V::zero(), n);
    (e * V::set1(1 / reduce_add(e))).store_n(y, n);
  }
}

template <class V>
void softmax_rows(int64_t rows, int64_t n, const void* x_ptr, void* y_ptr) {
  using T = typename V::T;
  const T* x = static_cast<const T*>(x_ptr);
  T* y = static_cast<T*>(y_ptr);
  if (V::W > 1 && n <= V::W) return short_softmax_rows<V>(rows, static_cast<int>(n), x, y);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const V m = V::set1(row_max<V>(x, n));
    const V scale = V::set1(T(1) / sum_exp(x, n, m, y));
    for_vectors<V>(n, [&](int64_t i, int lanes) { store_lanes(load_lanes<V>(y + i, lanes) * scale, y + i, lanes); });
  }
}

template <class V>
void log_softmax_rows(int64_t rows, int64_t n, const void* x_ptr, void* y_ptr) {
  using T = typename V::T;
  const T* x = static_cast<const T*>(x_ptr);
  T* y = static_cast<T*>(y_ptr);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    const V m = V::set1(row_max<V>(x, n));
    const V log_sum = vlog(V::set1(sum_exp(x, n, m, static_cast<T*>(nullptr))));
    for_vectors<V>(
        n, [&](int64_t i, int lanes) { store_lanes((load_lanes<V>(x + i, lanes) - m) - log_sum, y + i, lanes); });
  }
}

// dx = y (dy - sum(y dy)).
template <class V>
void softmax_grad_rows(int64_t rows, int64_t n, const void* y_ptr, const void* dy_ptr, void* dx_ptr) {
  using T = typename V::T;
  const T* y = static_cast<const T*>(y_ptr);
  const T* dy = static_cast<const T*>(dy_ptr);
  T* dx = static_cast<T*>(dx_ptr);
  for (int64_t r = 0; r < rows; ++r, y += n, dy += n, dx += n) {
    V dot = V::zero();
    for_vectors<V>(
        n, [&](int64_t i, int lanes) { dot = fma(load_lanes<V>(y + i, lanes), load_lanes<V>(dy + i, lanes), dot); });
    const V total = V::set1(reduce_add(dot));
    for_vectors<V>(n, [&](int64_t i, int lanes) {
      store_lanes(load_lanes<V>(y + i, lanes) * (load_lanes<V>(dy + i, lanes) - total), dx + i, lanes);
    });
  }
}

// dx = dy - exp(y) sum(dy).
template <class V>
void log_softmax_grad_rows(int64_t rows, int64_t n, const void* y_ptr, const void* dy_ptr, void* dx_ptr) {
  using T = typename V::T;
  const T* y = static_cast<const T*>(y_ptr);
  const T* dy = static_cast<const T*>(dy_ptr);
  T* dx = static_cast<T*>(dx_ptr);
  for (int64_t r = 0; r < rows; ++r, y += n, dy += n, dx += n) {
    const V total = V::set1(span_reduce<Reduce::sum, V>(dy, n));
    for_vectors<V>(n, [&](int64_t i, int lanes) {
      store_lanes(fnma(vexp(load_lanes<V>(y + i, lanes)), total, load_lanes<V>(dy + i, lanes)), dx + i, lanes);
    });
  }
}

}  // namespace
}  // namespace pk::PK_ISA
