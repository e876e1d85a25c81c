// Reductions of spans of floats over any vector type.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/functions.h"
#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

// The first n lanes of v, `rest` in the others; 0 < n <= W.
template <class V>
inline V first_lanes(V v, V rest, int n) {
  if constexpr (V::W == 1) {
    return v;
  } else {
    static constexpr float lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static_assert(V::W <= 16, "lane numbers");
    if (n == V::W) return v;
    return select(lt(V::load(lane), V::set1(static_cast<typename V::T>(n))), v, rest);
  }
}

// Each operation: identity, combine, and the fold of one vector. A NaN that max and min meet is
// seen by the caller.
template <Reduce f, class V>
inline V identity() {
  using T = typename V::T;
  if constexpr (f == Reduce::sum) return V::zero();
  if constexpr (f == Reduce::prod) return V::set1(T(1));
  if constexpr (f == Reduce::max) return V::set1(static_cast<T>(-INFINITY));
  if constexpr (f == Reduce::min) return V::set1(static_cast<T>(INFINITY));
}
template <Reduce f, class V>
inline V combine(V a, V b) {
  if constexpr (f == Reduce::sum) return a + b;
  if constexpr (f == Reduce::prod) return a * b;
  if constexpr (f == Reduce::max) return vmax(a, b);
  if constexpr (f == Reduce::min) return vmin(a, b);
}
template <Reduce f, class V>
inline typename V::T fold(V v) {
  if constexpr (f == Reduce::sum) return reduce_add(v);
  if constexpr (f == Reduce::max) return reduce_max(v);
  if constexpr (f == Reduce::min) return reduce_min(v);
  if constexpr (f == Reduce::prod) {
    typename V::T lanes[V::W];
    v.store(lanes);
    for (int half = V::W / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) lanes[i] *= lanes[i + half];
    }
    return lanes[0];
  }
}

// Elements that four accumulators take one after another; longer spans are combined pairwise.
template <class V>
constexpr int64_t reduce_block = V::W >= 8 ? 1024 : 128 * V::W;

template <Reduce f, class V>
inline V block_reduce(const typename V::T* x, int64_t n) {
  constexpr int64_t w = V::W;
  V a0 = identity<f, V>();
  if (n < w) return first_lanes(V::load_n(x, static_cast<int>(n)), a0, static_cast<int>(n));
  V a1 = a0, a2 = a0, a3 = a0;
  int64_t i = 0;
  for (; i + 4 * w <= n; i += 4 * w) {
    a0 = combine<f>(a0, V::load(x + i));
    a1 = combine<f>(a1, V::load(x + i + w));
    a2 = combine<f>(a2, V::load(x + i + 2 * w));
    a3 = combine<f>(a3, V::load(x + i + 3 * w));
  }
  for (; i + w <= n; i += w) a0 = combine<f>(a0, V::load(x + i));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    a1 = combine<f>(a1, first_lanes(V::load_n(x + i, rest), identity<f, V>(), rest));
  }
  return combine<f>(combine<f>(a0, a1), combine<f>(a2, a3));
}

template <class V>
inline bool has_nan(const typename V::T* x, int64_t n) {
  constexpr int64_t w = V::W;
  int64_t i = 0;
  auto found = ne(V::zero(), V::zero());
  for (; i + w <= n; i += w) {
    const V v = V::load(x + i);
    found = found | ne(v, v);
  }
  if (i < n) {
    const V v = V::load_n(x + i, static_cast<int>(n - i));
    found = found | ne(v, v);
  }
  return any(found);
}

template <Reduce f, class V>
V pairwise_reduce(const typename V::T* x, int64_t n) {
  constexpr int64_t block = reduce_block<V>;
  if (n <= block) return block_reduce<f, V>(x, n);
  const int64_t half = (n / block + 1) / 2 * block;
  return combine<f>(pairwise_reduce<f, V>(x, half), pairwise_reduce<f, V>(x + half, n - half));
}

template <Reduce f, class V>
inline typename V::T span_reduce(const typename V::T* x, int64_t n) {
  using T = typename V::T;
  constexpr int64_t block = reduce_block<V>;
  if (n <= block) {
    if ((f == Reduce::max || f == Reduce::min) && has_nan<V>(x, n)) return static_cast<T>(NAN);
    return fold<f>(block_reduce<f, V>(x, n));
  }
  if constexpr (f == Reduce::max || f == Reduce::min) {
    V total = identity<f, V>();
    for (int64_t i = 0; i < n; i += block) {
      const int64_t length = n - i < block ? n - i : block;
      // While the block is in L1.
      if (has_nan<V>(x + i, length)) return static_cast<T>(NAN);
      total = combine<f>(total, block_reduce<f, V>(x + i, length));
    }
    return fold<f>(total);
  } else {
    return fold<f>(pairwise_reduce<f, V>(x, n));
  }
}

template <Reduce f, class V>
void float_rows(const void* x_ptr, int64_t rows, int64_t n, void* y_ptr) {
  using T = typename V::T;
  const T* x = static_cast<const T*>(x_ptr);
  T* y = static_cast<T*>(y_ptr);
  for (int64_t i = 0; i < rows; ++i) y[i] = span_reduce<f, V>(x + i * n, n);
}

// `count` vectors of columns at once; the last one holds `rest` columns when partial.
template <Reduce f, class V, int count, bool partial>
inline void column_panel(const typename V::T* x, int64_t ld, int64_t rows, int rest, typename V::T* y) {
  constexpr bool extremum = f == Reduce::max || f == Reduce::min;
  int64_t block = 128;
  while (block * block < rows) block *= 2;
  const auto load = [rest](const typename V::T* p) { return partial ? V::load_n(p, rest) : V::load(p); };
  V total[count];
  for (int k = 0; k < count; ++k) total[k] = identity<f, V>();
  for (int64_t i0 = 0; i0 < rows; i0 += block) {
    const int64_t i1 = i0 + block < rows ? i0 + block : rows;
    V sum[count];
    for (int k = 0; k < count; ++k) sum[k] = load(x + i0 * ld + k * V::W);
    for (int64_t i = i0 + 1; i < i1; ++i) {
      for (int k = 0; k < count; ++k) {
        const V v = load(x + i * ld + k * V::W);
        // vmax and vmin give the second operand where one is NaN.
        sum[k] = extremum ? select(ne(sum[k], sum[k]), sum[k], combine<f>(sum[k], v)) : combine<f>(sum[k], v);
      }
    }
    for (int k = 0; k < count; ++k) {
      total[k] = extremum ? select(ne(total[k], total[k]), total[k], combine<f>(total[k], sum[k]))
                          : combine<f>(total[k], sum[k]);
    }
  }
  for (int k = 0; k < count; ++k) {
    if (partial) {
      total[k].store_n(y + k * V::W, rest);
    } else {
      total[k].store(y + k * V::W);
    }
  }
}

template <Reduce f, class V>
void float_cols(const void* x_ptr, int64_t ld, int64_t rows, int64_t cols, void* y_ptr) {
  using T = typename V::T;
  const T* x = static_cast<const T*>(x_ptr);
  T* y = static_cast<T*>(y_ptr);
  constexpr int64_t w = V::W;
  int64_t j = 0;
  for (; j + 8 * w <= cols; j += 8 * w) column_panel<f, V, 8, false>(x + j, ld, rows, 0, y + j);
  if (j + 4 * w <= cols) {
    column_panel<f, V, 4, false>(x + j, ld, rows, 0, y + j);
    j += 4 * w;
  }
  for (; j + w <= cols; j += w) column_panel<f, V, 1, false>(x + j, ld, rows, 0, y + j);
  if (j < cols) column_panel<f, V, 1, true>(x + j, ld, rows, static_cast<int>(cols - j), y + j);
}

// The first extremum of a span; NaN counts as one.
template <ArgReduce f, class V>
void float_arg_rows(const void* x_ptr, int64_t rows, int64_t n, std::int32_t* y) {
  using T = typename V::T;
  constexpr Reduce best = f == ArgReduce::argmax ? Reduce::max : Reduce::min;
  const T* x = static_cast<const T*>(x_ptr);
  for (int64_t r = 0; r < rows; ++r, x += n) {
    const T target = span_reduce<best, V>(x, n);
    const bool nan = target != target;
    const V wanted = V::set1(target);
    std::int32_t at = 0;
    for (int64_t i = 0; i < n; i += V::W) {
      const bool whole = i + V::W <= n;
      const V v = whole ? V::load(x + i) : V::load_n(x + i, static_cast<int>(n - i));
      // A lane past the end is past every real one, where the extremum is.
      const std::uint32_t hits = nan ? bits(ne(v, v)) : bits(eq(v, wanted));
      if (hits != 0) {
        at = static_cast<std::int32_t>(i + __builtin_ctz(hits));
        break;
      }
    }
    y[r] = at;
  }
}

}  // namespace
}  // namespace pk::PK_ISA
