// Spans of the float types: unary and binary functions, clip. V is VecF or Vec1<double>.
#pragma once

#include <cmath>

#include "kernels/functions.h"
#include "kernels/isa/act_math.h"
#include "kernels/isa/elementwise_table.h"
#include "kernels/isa/span.h"
#include "kernels/isa/vec_special.h"

namespace pk::PK_ISA {
namespace {

template <Unary f, class V>
V unary_value(V x) {
#define UNARY(id, name, dtypes, work, value) \
  if constexpr (f == Unary::id) return value;
#include "kernels/functions.def"
}

template <Unary f, class V>
void float_unary(const void* x, void* y, int64_t n) {
  using T = typename V::T;
  unary_span<V>(static_cast<const T*>(x), static_cast<T*>(y), n, [](V v) { return unary_value<f>(v); });
}

// NumPy's: the remainder has the sign of the divisor.
template <class T>
T python_mod(T a, T b) {
  const T m = std::fmod(a, b);
  if (b == T(0)) return m;
  if (m == T(0)) return std::copysign(T(0), b);
  return (b < T(0)) != (m < T(0)) ? m + b : m;
}
template <class T>
T python_floor_divide(T a, T b) {
  if (b == T(0)) return a / b;
  T m = std::fmod(a, b);
  T quotient = (a - m) / b;
  if (m != T(0) && (b < T(0)) != (m < T(0))) quotient -= T(1);
  if (quotient == T(0)) return std::copysign(T(0), a / b);
  const T below = std::floor(quotient);
  return quotient - below > T(0.5) ? below + T(1) : below;
}

template <class T>
Vec1<T> vpow(Vec1<T> a, Vec1<T> b) {
  return {static_cast<T>(std::pow(a.v, b.v))};
}
template <class T>
Vec1<T> vmod(Vec1<T> a, Vec1<T> b) {
  return {python_mod(a.v, b.v)};
}
template <class T>
Vec1<T> vfloor_divide(Vec1<T> a, Vec1<T> b) {
  return {python_floor_divide(a.v, b.v)};
}
template <class T>
Vec1<T> vatan2(Vec1<T> a, Vec1<T> b) {
  return {static_cast<T>(std::atan2(a.v, b.v))};
}

template <Binary f, class V>
V binary_value(V a, V b) {
#define BINARY(id, name, dtypes, work, value) \
  if constexpr (f == Binary::id) return value;
#include "kernels/functions.def"
}

// x to a power that needs no pow(); false where it does.
template <class V>
bool special_power(const typename V::T* x, typename V::T b, typename V::T* y, int64_t n) {
  using T = typename V::T;
  if (b == T(2)) {
    unary_span<V>(x, y, n, [](V v) { return v * v; });
  } else if (b == T(1)) {
    unary_span<V>(x, y, n, [](V v) { return v; });
  } else if (b == T(3)) {
    unary_span<V>(x, y, n, [](V v) { return v * v * v; });
  } else if (b == T(-1)) {
    unary_span<V>(x, y, n, [](V v) { return one<V>() / v; });
  } else if (b == T(0.5)) {
    // pow(-0, 1/2) is +0 and pow(-inf, 1/2) is +inf.
    const V inf = V::set1(static_cast<T>(INFINITY));
    unary_span<V>(x, y, n, [inf](V v) { return select(eq(v, -inf), inf, vsqrt(v + V::zero())); });
  } else {
    return false;
  }
  return true;
}

template <Binary f, class Wide, SpanForm form>
void float_binary(const void* a_ptr, const void* b_ptr, void* y_ptr, int64_t n) {
  using T = typename Wide::T;
  const T* a = static_cast<const T*>(a_ptr);
  const T* b = static_cast<const T*>(b_ptr);
  T* y = static_cast<T*>(y_ptr);
  if constexpr (row_of(f).work == Work::moves) {
    using V = Wide;
    if constexpr (form == SpanForm::both_spans) {
      binary_span<V>(a, b, y, n, [](V u, V v) { return binary_value<f>(u, v); });
    } else if constexpr (form == SpanForm::b_single) {
      const V v = V::set1(*b);
      unary_span<V>(a, y, n, [v](V u) { return binary_value<f>(u, v); });
    } else {
      const V u = V::set1(*a);
      unary_span<V>(b, y, n, [u](V v) { return binary_value<f>(u, v); });
    }
  } else {
    using V = Vec1<T>;
    if (f == Binary::power && form == SpanForm::b_single && special_power<Wide>(a, *b, y, n)) return;
    // The single operand is read once: y may be the other one.
    const V single = V::set1(form == SpanForm::a_single ? *a : *b);
    if constexpr (form == SpanForm::both_spans) {
      binary_span<V>(a, b, y, n, [](V u, V v) { return binary_value<f>(u, v); });
    } else if constexpr (form == SpanForm::b_single) {
      unary_span<V>(a, y, n, [single](V u) { return binary_value<f>(u, single); });
    } else {
      unary_span<V>(b, y, n, [single](V v) { return binary_value<f>(single, v); });
    }
  }
}

// min(hi, max(lo, x)), NaN stays.
template <class V>
void float_clip(const void* x, void* y, int64_t n, double lo, double hi) {
  using T = typename V::T;
  const V low = V::set1(static_cast<T>(lo)), high = V::set1(static_cast<T>(hi));
  unary_span<V>(static_cast<const T*>(x), static_cast<T*>(y), n, [=](V v) { return vmin(high, vmax(low, v)); });
}

template <class V, int i = unary_count - 1>
void fill_float_unary(UnarySpan* table) {
  table[i] = float_unary<static_cast<Unary>(i), V>;
  if constexpr (i > 0) fill_float_unary<V, i - 1>(table);
}
template <class V, int i = binary_count - 1>
void fill_float_binary(BinarySpan (*table)[span_form_count]) {
  constexpr auto f = static_cast<Binary>(i);
  table[i][0] = float_binary<f, V, SpanForm::both_spans>;
  table[i][1] = float_binary<f, V, SpanForm::b_single>;
  table[i][2] = float_binary<f, V, SpanForm::a_single>;
  if constexpr (i > 0) fill_float_binary<V, i - 1>(table);
}

template <class V>
void act_span(Act act, typename V::T alpha, const typename V::T* x, typename V::T* y, int64_t n) {
  const V a = V::set1(alpha);
  switch (act) {
#define ACTIVATION(name, ...)                                                \
  case Act::name:                                                            \
    unary_span<V>(x, y, n, [a](V v) { return act_value<Act::name>(v, a); }); \
    return;
#include "kernels/activations.def"
  }
}

template <class V>
void act_grad_span(Act act, typename V::T alpha, const typename V::T* ref, const typename V::T* dy, typename V::T* dx,
                   int64_t n) {
  const V a = V::set1(alpha);
  switch (act) {
#define ACTIVATION(name, ...)                                                                   \
  case Act::name:                                                                               \
    binary_span<V>(ref, dy, dx, n, [a](V r, V d) { return act_backward<Act::name>(r, a, d); }); \
    return;
#include "kernels/activations.def"
  }
}

}  // namespace
}  // namespace pk::PK_ISA
