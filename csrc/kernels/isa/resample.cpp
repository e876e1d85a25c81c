#include <cstdint>

#include "kernels/isa/four.h"
#include "kernels/isa/lanes.h"
#include "kernels/isa/resample_table.h"

namespace pk::PK_ISA {

namespace {

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

template <int C, class T>
void few_channels(const ResampleAxis<T>& axis, const T* x, T* y) {
  for (int64_t q = 0; q < axis.out; ++q, y += C) {
    const int64_t count = axis.count[q];
    const T *weights = axis.weights + q * axis.taps, *p = x + axis.first[q] * static_cast<int64_t>(C);
    T sum[C] = {};
    for (int64_t k = 0; k < count; ++k, p += C) {
      for (int i = 0; i < C; ++i) sum[i] += weights[k] * p[i];
    }
    for (int i = 0; i < C; ++i) y[i] = sum[i];
  }
}

// Three or four channels: of three, a fourth is computed where the row of x goes on, and overwritten by the next pixel.
template <int C>
void in_fours(const ResampleAxis<float>& axis, int64_t w, const float* x, float* y) {
  const int64_t end = w * C - 4;  // the last place where four floats can be read
  for (int64_t q = 0; q < axis.out; ++q, y += C) {
    const int64_t count = axis.count[q], first = axis.first[q] * static_cast<int64_t>(C);
    const float* weights = axis.weights + q * axis.taps;
    const float* p = x + first;
    if (first + (count - 1) * C <= end) {
      Four sum = load_four(p) * four_of(weights[0]);
      if (count == 2) {
        sum += load_four(p + C) * four_of(weights[1]);
      } else {
        for (int64_t k = 1; k < count; ++k) sum += load_four(p + k * C) * four_of(weights[k]);
      }
      store_four(sum, y);
    } else {
      Four sum = {};
      for (int64_t k = 0; k < count; ++k) sum += load_exactly<C>(p + k * C) * four_of(weights[k]);
      store_exactly<C>(sum, y);
    }
  }
}

template <class V>
void many_channels(const ResampleAxis<typename V::T>& axis, int64_t c, const typename V::T* x, typename V::T* y) {
  using T = typename V::T;
  for (int64_t q = 0; q < axis.out; ++q, y += c) {
    const int64_t count = axis.count[q];
    const T *weights = axis.weights + q * axis.taps, *from = x + axis.first[q] * c;
    const V first = V::set1(weights[0]), second = V::set1(count > 1 ? weights[1] : T(0));
    for (int64_t i = 0; i < c; i += V::W) {
      const int n = static_cast<int>(least(V::W, c - i));
      V sum = load_lanes<V>(from + i, n) * first;
      if (count > 1) sum = fma(load_lanes<V>(from + c + i, n), second, sum);
      for (int64_t k = 2; k < count; ++k) {
        sum = fma(load_lanes<V>(from + k * c + i, n), V::set1(weights[k]), sum);
      }
      store_lanes(sum, y + i, n);
    }
  }
}

template <class V>
void columns(const ResampleAxis<typename V::T>& axis, [[maybe_unused]] int64_t w, int64_t c, const typename V::T* x,
             typename V::T* y) {
  if constexpr (sizeof(typename V::T) == sizeof(float)) {
    if (c == 3) return in_fours<3>(axis, w, x, y);
    if (c == 4) return in_fours<4>(axis, w, x, y);
  }
  switch (c) {
    case 1:
      return few_channels<1>(axis, x, y);
    case 2:
      return few_channels<2>(axis, x, y);
    case 3:
      return few_channels<3>(axis, x, y);
    default:
      return many_channels<V>(axis, c, x, y);
  }
}

// Count: the number of lines where it is known, else 0.
template <class V, int Count>
void sum_rows(const typename V::T* const* lines, const typename V::T* weights, int64_t any_count, int64_t n, bool past,
              typename V::T* y) {
  const int64_t count = Count > 0 ? Count : any_count;
  for (int64_t i = 0; i < n; i += V::W) {
    const int part = static_cast<int>(least(V::W, n - i));
    V sum = load_lanes<V>(lines[0] + i, part) * V::set1(weights[0]);
    for (int64_t k = 1; k < count; ++k) sum = fma(load_lanes<V>(lines[k] + i, part), V::set1(weights[k]), sum);
    past ? stream(sum, y + i) : store_lanes(sum, y + i, part);
  }
  if (past) stream_end();
}

template <class V>
void rows(const typename V::T* const* lines, const typename V::T* weights, int64_t count, int64_t n, bool past,
          typename V::T* y) {
  switch (count) {
    case 1:
      return sum_rows<V, 1>(lines, weights, count, n, past, y);
    case 2:
      return sum_rows<V, 2>(lines, weights, count, n, past, y);
    case 4:
      return sum_rows<V, 4>(lines, weights, count, n, past, y);
    default:
      return sum_rows<V, 0>(lines, weights, count, n, past, y);
  }
}

void widen(const std::uint8_t* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i]);
}

template <int C>
void pick_few(const std::int32_t* from, int64_t q, const float* x, float* y) {
  for (int64_t j = 0; j < q; ++j) __builtin_memcpy(y + j * C, x + static_cast<int64_t>(from[j]) * C, C * sizeof(float));
}

void pick(const std::int32_t* from, int64_t q, int64_t c, const float* x, bool past, float* y) {
  switch (c) {
    case 1:
      return pick_few<1>(from, q, x, y);
    case 2:
      return pick_few<2>(from, q, x, y);
    case 3:
      return pick_few<3>(from, q, x, y);
    case 4:
      return pick_few<4>(from, q, x, y);
    default:
      break;
  }
  for (int64_t j = 0; j < q; ++j, y += c) {
    const float* p = x + static_cast<int64_t>(from[j]) * c;
    for (int64_t i = 0; i < c; i += VecF::W) {
      const int n = static_cast<int>(least(VecF::W, c - i));
      const VecF v = load_lanes<VecF>(p + i, n);
      past ? stream(v, y + i) : store_lanes(v, y + i, n);
    }
  }
  if (past) stream_end();
}

template <class V>
void fill(ResampleLoops<typename V::T>& t) {
  t.columns = columns<V>;
  t.rows = rows<V>;
}

}  // namespace

void fill(ResampleTable& t) {
  fill<VecF>(t.f32);
  fill<Vec1<double>>(t.f64);
  t.widen = widen;
  t.pick = pick;
  t.vector_f32 = VecF::W;
}

}  // namespace pk::PK_ISA
