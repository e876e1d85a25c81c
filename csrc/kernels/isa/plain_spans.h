// Spans over plain elements, which the compiler vectorises with the level's flags: integers,
// comparisons, predicates, casts, selection, fills, transposes.
#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/functions.h"
#include "kernels/isa/elementwise_table.h"

namespace pk::PK_ISA {
namespace {

template <class T>
constexpr bool is_floating = false;
template <>
constexpr bool is_floating<float> = true;
template <>
constexpr bool is_floating<double> = true;

template <class T>
struct Limits;
template <>
struct Limits<std::int32_t> {
  static constexpr std::int32_t low = INT32_MIN, high = INT32_MAX;
};
template <>
struct Limits<std::int64_t> {
  static constexpr std::int64_t low = INT64_MIN, high = INT64_MAX;
};
template <>
struct Limits<std::uint8_t> {
  static constexpr std::uint8_t low = 0, high = UINT8_MAX;
};

// Integer arithmetic wraps, which only unsigned types may.
template <class T>
struct Wrapping;
template <>
struct Wrapping<std::int32_t> {
  using U = std::uint32_t;
};
template <>
struct Wrapping<std::int64_t> {
  using U = std::uint64_t;
};

template <class T>
T wrapping_power(T base, T exponent) {
  using U = typename Wrapping<T>::U;
  if (exponent < 0) {
    if (base == 1) return 1;
    if (base == -1) return exponent % 2 == 0 ? 1 : -1;
    return 0;
  }
  U result = 1, factor = static_cast<U>(base);
  for (T e = exponent; e != 0; e >>= 1) {
    if (e & 1) result *= factor;
    factor *= factor;
  }
  return static_cast<T>(result);
}

template <class T>
T floored_quotient(T a, T b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<T>(0 - static_cast<typename Wrapping<T>::U>(a));
  const T q = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}
template <class T>
T floored_remainder(T a, T b) {
  if (b == 0 || b == -1) return 0;
  const T m = a % b;
  return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}

// What a function of `numbers` (functions.def) gives for integers.
template <Unary f, class T>
T integer_value(T v) {
  using U = typename Wrapping<T>::U;
  if constexpr (f == Unary::neg) return static_cast<T>(0 - static_cast<U>(v));
  if constexpr (f == Unary::abs) return v < 0 ? static_cast<T>(0 - static_cast<U>(v)) : v;
  if constexpr (f == Unary::sign) return static_cast<T>((v > 0) - (v < 0));
  if constexpr (f == Unary::square) return static_cast<T>(static_cast<U>(v) * static_cast<U>(v));
}

template <Unary f, class T>
void integer_unary(const void* x_ptr, void* y_ptr, int64_t n) {
  const T* x = static_cast<const T*>(x_ptr);
  T* y = static_cast<T*>(y_ptr);
  for (int64_t i = 0; i < n; ++i) y[i] = integer_value<f>(x[i]);
}

template <Binary f, class T>
T integer_value(T a, T b) {
  using U = typename Wrapping<T>::U;
  const U u = static_cast<U>(a), v = static_cast<U>(b);
  if constexpr (f == Binary::add) return static_cast<T>(u + v);
  if constexpr (f == Binary::subtract) return static_cast<T>(u - v);
  if constexpr (f == Binary::multiply) return static_cast<T>(u * v);
  if constexpr (f == Binary::maximum) return a > b ? a : b;
  if constexpr (f == Binary::minimum) return a < b ? a : b;
  if constexpr (f == Binary::power) return wrapping_power(a, b);
  if constexpr (f == Binary::floor_divide) return floored_quotient(a, b);
  if constexpr (f == Binary::mod) return floored_remainder(a, b);
  if constexpr (f == Binary::squared_difference) return static_cast<T>((u - v) * (u - v));
}

// y[i] = f(a[i], b[i]) with the single operand read once, as y may be the other one.
template <SpanForm form, class In, class Out, class F>
void plain_zip(const void* a_ptr, const void* b_ptr, void* y_ptr, int64_t n, F f) {
  const In* a = static_cast<const In*>(a_ptr);
  const In* b = static_cast<const In*>(b_ptr);
  Out* y = static_cast<Out*>(y_ptr);
  if constexpr (form == SpanForm::both_spans) {
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  } else if constexpr (form == SpanForm::b_single) {
    const In single = *b;
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], single);
  } else {
    const In single = *a;
    for (int64_t i = 0; i < n; ++i) y[i] = f(single, b[i]);
  }
}

template <Binary f, class T, SpanForm form>
void integer_binary(const void* a, const void* b, void* y, int64_t n) {
  plain_zip<form, T, T>(a, b, y, n, [](T u, T v) { return integer_value<f>(u, v); });
}

template <Compare f, class T>
bool compare_value(T a, T b) {
#define COMPARE(id, name, value) \
  if constexpr (f == Compare::id) return value;
#include "kernels/functions.def"
}

template <Compare f, class T, SpanForm form>
void compare_span(const void* a, const void* b, void* y, int64_t n) {
  plain_zip<form, T, bool>(a, b, y, n, [](T u, T v) { return compare_value<f>(u, v); });
}

template <Predicate f, class T>
bool predicate_value(T x) {
  if constexpr (is_floating<T>) {
    constexpr T inf = static_cast<T>(INFINITY);
#define PREDICATE(id, name, of_float, of_int) \
  if constexpr (f == Predicate::id) return of_float;
#include "kernels/functions.def"
    static_cast<void>(inf);
  } else {
#define PREDICATE(id, name, of_float, of_int) \
  if constexpr (f == Predicate::id) return of_int;
#include "kernels/functions.def"
  }
}

template <Predicate f, class T>
void predicate_span(const void* x_ptr, void* y_ptr, int64_t n) {
  const T* x = static_cast<const T*>(x_ptr);
  bool* y = static_cast<bool*>(y_ptr);
  for (int64_t i = 0; i < n; ++i) y[i] = predicate_value<f>(x[i]);
}

// C's conversion, but float to integer saturates and NaN gives 0 (undefined in C; as XLA).
template <class From, class To>
To converted(From v) {
  if constexpr (sizeof(To) == 1 && To(2) == To(1)) {  // bool
    return v != From(0);
  } else if constexpr (is_floating<From> && !is_floating<To>) {
    // The first float that is too large: 2^31, 2^63, 2^8.
    constexpr From beyond = static_cast<From>(Limits<To>::high / 2 + 1) * From(2);
    constexpr From least = static_cast<From>(Limits<To>::low);
    if (!(v > least)) return v == v ? Limits<To>::low : To(0);
    return v < beyond ? static_cast<To>(v) : Limits<To>::high;
  } else {
    return static_cast<To>(v);
  }
}

template <class From, class To>
void cast_span(const void* x_ptr, void* y_ptr, int64_t n) {
  const From* x = static_cast<const From*>(x_ptr);
  To* y = static_cast<To*>(y_ptr);
  for (int64_t i = 0; i < n; ++i) y[i] = converted<From, To>(x[i]);
}

// The integers within [lo, hi]; NaN bounds are refused before.
template <class T>
void integer_clip(const void* x_ptr, void* y_ptr, int64_t n, double lo, double hi) {
  const T* x = static_cast<const T*>(x_ptr);
  T* y = static_cast<T*>(y_ptr);
  const T low = converted<double, T>(std::ceil(lo)), high = converted<double, T>(std::floor(hi));
  for (int64_t i = 0; i < n; ++i) {
    const T v = x[i] < low ? low : x[i];
    y[i] = v > high ? high : v;
  }
}

template <class T>
void fill_span(const void* value, void* y_ptr, int64_t n) {
  const T v = *static_cast<const T*>(value);
  T* y = static_cast<T*>(y_ptr);
  for (int64_t i = 0; i < n; ++i) y[i] = v;
}

template <class T>
void select_span(const bool* c, const void* a_ptr, int64_t a_step, const void* b_ptr, int64_t b_step, void* y_ptr,
                 int64_t n) {
  const T* a = static_cast<const T*>(a_ptr);
  const T* b = static_cast<const T*>(b_ptr);
  T* y = static_cast<T*>(y_ptr);
  if (n == 0) return;
  const T a0 = *a, b0 = *b;
  if (a_step == 0 && b_step == 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? a0 : b0;
  } else if (a_step == 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? a0 : b[i];
  } else if (b_step == 0) {
    for (int64_t i = 0; i < n; ++i) y[i] = c[i] ? a[i] : b0;
  } else {
    for (int64_t i = 0; i < n; ++i) {
      const T u = a[i], v = b[i];
      y[i] = c[i] ? u : v;
    }
  }
}

// By square tiles, read row by row into a buffer: each cache line of x is touched once, whatever
// the sets that a power-of-two leading dimension maps them to.
template <class T>
void transpose_block(const void* x_ptr, int64_t ldx, void* y_ptr, int64_t ldy, int64_t rows, int64_t cols) {
  const T* x = static_cast<const T*>(x_ptr);
  T* y = static_cast<T*>(y_ptr);
  constexpr int64_t tile = 16;
  T held[tile][tile];
  for (int64_t i0 = 0; i0 < rows; i0 += tile) {
    const int64_t height = i0 + tile < rows ? tile : rows - i0;
    for (int64_t j0 = 0; j0 < cols; j0 += tile) {
      const int64_t width = j0 + tile < cols ? tile : cols - j0;
      const T* from = x + i0 * ldx + j0;
      T* to = y + j0 * ldy + i0;
      if (height == tile && width == tile) {
        for (int64_t i = 0; i < tile; ++i) {
          for (int64_t j = 0; j < tile; ++j) held[i][j] = from[i * ldx + j];
        }
        for (int64_t j = 0; j < tile; ++j) {
          for (int64_t i = 0; i < tile; ++i) to[j * ldy + i] = held[i][j];
        }
      } else {
        for (int64_t j = 0; j < width; ++j) {
          for (int64_t i = 0; i < height; ++i) to[j * ldy + i] = from[i * ldx + j];
        }
      }
    }
  }
}

template <class T, int i = unary_count - 1>
void fill_integer_unary(UnarySpan* table) {
  if constexpr (unary_rows[i].dtypes == Dtypes::numbers) table[i] = integer_unary<static_cast<Unary>(i), T>;
  if constexpr (i > 0) fill_integer_unary<T, i - 1>(table);
}
template <class T, int i = binary_count - 1>
void fill_integer_binary(BinarySpan (*table)[span_form_count]) {
  if constexpr (binary_rows[i].dtypes == Dtypes::numbers) {
    constexpr auto f = static_cast<Binary>(i);
    table[i][0] = integer_binary<f, T, SpanForm::both_spans>;
    table[i][1] = integer_binary<f, T, SpanForm::b_single>;
    table[i][2] = integer_binary<f, T, SpanForm::a_single>;
  }
  if constexpr (i > 0) fill_integer_binary<T, i - 1>(table);
}

template <class T>
void fill_integer(ElementwiseTable& t, DType dtype) {
  fill_integer_unary<T>(t.unary[static_cast<int>(dtype)]);
  fill_integer_binary<T>(t.binary[static_cast<int>(dtype)]);
  t.clip[static_cast<int>(dtype)] = integer_clip<T>;
}

template <class T, int i = predicate_count - 1>
void fill_predicate(UnarySpan* table) {
  table[i] = predicate_span<static_cast<Predicate>(i), T>;
  if constexpr (i > 0) fill_predicate<T, i - 1>(table);
}
template <class T, int i = compare_count - 1>
void fill_compare(BinarySpan (*table)[span_form_count]) {
  constexpr auto f = static_cast<Compare>(i);
  table[i][0] = compare_span<f, T, SpanForm::both_spans>;
  table[i][1] = compare_span<f, T, SpanForm::b_single>;
  table[i][2] = compare_span<f, T, SpanForm::a_single>;
  if constexpr (i > 0) fill_compare<T, i - 1>(table);
}

// What exists for every dtype.
template <class T>
void fill_any(ElementwiseTable& t, DType dtype) {
  const int d = static_cast<int>(dtype);
  fill_compare<T>(t.compare[d]);
  fill_predicate<T>(t.predicate[d]);
  t.cast[d][static_cast<int>(DType::f32)] = cast_span<T, float>;
  t.cast[d][static_cast<int>(DType::f64)] = cast_span<T, double>;
  t.cast[d][static_cast<int>(DType::i32)] = cast_span<T, std::int32_t>;
  t.cast[d][static_cast<int>(DType::i64)] = cast_span<T, std::int64_t>;
  t.cast[d][static_cast<int>(DType::u8)] = cast_span<T, std::uint8_t>;
  t.cast[d][static_cast<int>(DType::boolean)] = cast_span<T, bool>;
}

}  // namespace
}  // namespace pk::PK_ISA
