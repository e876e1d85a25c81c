#include "kernels/isa/reduce_table.h"
#include "kernels/isa/row_reduce.h"
#include "kernels/isa/softmax.h"

namespace pk::PK_ISA {

namespace {

// Integer sums and products wrap, which only unsigned types may.
template <class T>
struct Accumulator {
  using U = T;
};
template <>
struct Accumulator<std::int32_t> {
  using U = std::uint32_t;
};
template <>
struct Accumulator<std::int64_t> {
  using U = std::uint64_t;
};

template <Reduce f, class T>
T integer_combine(T a, T b) {
  using U = typename Accumulator<T>::U;
  if constexpr (f == Reduce::sum) return static_cast<T>(static_cast<U>(a) + static_cast<U>(b));
  if constexpr (f == Reduce::prod) return static_cast<T>(static_cast<U>(a) * static_cast<U>(b));
  if constexpr (f == Reduce::max) return a > b ? a : b;
  if constexpr (f == Reduce::min) return a < b ? a : b;
}

template <Reduce f, class T>
void integer_rows(const void* x_ptr, int64_t rows, int64_t n, void* y_ptr) {
  const T* x = static_cast<const T*>(x_ptr);
  T* y = static_cast<T*>(y_ptr);
  for (int64_t r = 0; r < rows; ++r, x += n) {
    T total = x[0];
    for (int64_t i = 1; i < n; ++i) total = integer_combine<f>(total, x[i]);
    y[r] = total;
  }
}

template <Reduce f, class T>
void integer_cols(const void* x_ptr, int64_t ld, int64_t rows, int64_t cols, void* y_ptr) {
  const T* x = static_cast<const T*>(x_ptr);
  T* y = static_cast<T*>(y_ptr);
  for (int64_t j = 0; j < cols; ++j) y[j] = x[j];
  for (int64_t r = 1; r < rows; ++r) {
    for (int64_t j = 0; j < cols; ++j) y[j] = integer_combine<f>(y[j], x[r * ld + j]);
  }
}

// Whether b replaces a, which came first.
template <ArgReduce f, class T>
bool replaces(T b, T a) {
  const bool better = f == ArgReduce::argmax ? b > a : b < a;
  return better || (b != b && a == a);
}

template <ArgReduce f, class T>
void plain_arg_rows(const void* x_ptr, int64_t rows, int64_t n, std::int32_t* y) {
  const T* x = static_cast<const T*>(x_ptr);
  for (int64_t r = 0; r < rows; ++r, x += n) {
    int64_t at = 0;
    for (int64_t i = 1; i < n; ++i) {
      if (replaces<f>(x[i], x[at])) at = i;
    }
    y[r] = static_cast<std::int32_t>(at);
  }
}

template <ArgReduce f, class T>
void plain_arg_cols(const void* x_ptr, int64_t ld, int64_t rows, int64_t cols, std::int32_t* y) {
  constexpr int64_t block = 64;
  const T* x = static_cast<const T*>(x_ptr);
  for (int64_t j0 = 0; j0 < cols; j0 += block) {
    const int64_t width = j0 + block < cols ? block : cols - j0;
    T best[block];
    for (int64_t j = 0; j < width; ++j) {
      best[j] = x[j0 + j];
      y[j0 + j] = 0;
    }
    for (int64_t r = 1; r < rows; ++r) {
      const T* row = x + r * ld + j0;
      for (int64_t j = 0; j < width; ++j) {
        const bool better = replaces<f>(row[j], best[j]);
        best[j] = better ? row[j] : best[j];
        y[j0 + j] = better ? static_cast<std::int32_t>(r) : y[j0 + j];
      }
    }
  }
}

template <Reduce f, class V>
void set_float(ReduceTable& t, DType dtype) {
  t.rows[static_cast<int>(dtype)][static_cast<int>(f)] = float_rows<f, V>;
  t.cols[static_cast<int>(dtype)][static_cast<int>(f)] = float_cols<f, V>;
}
template <class V>
void fill_float(ReduceTable& t, DType dtype) {
  set_float<Reduce::sum, V>(t, dtype);
  set_float<Reduce::max, V>(t, dtype);
  set_float<Reduce::min, V>(t, dtype);
  set_float<Reduce::prod, V>(t, dtype);
}

template <Reduce f, class T>
void set_integer(ReduceTable& t, DType dtype) {
  t.rows[static_cast<int>(dtype)][static_cast<int>(f)] = integer_rows<f, T>;
  t.cols[static_cast<int>(dtype)][static_cast<int>(f)] = integer_cols<f, T>;
}
template <class T>
void fill_integer(ReduceTable& t, DType dtype) {
  set_integer<Reduce::sum, T>(t, dtype);
  set_integer<Reduce::max, T>(t, dtype);
  set_integer<Reduce::min, T>(t, dtype);
  set_integer<Reduce::prod, T>(t, dtype);
}

template <class T>
void fill_arg(ReduceTable& t, DType dtype) {
  t.arg_rows[static_cast<int>(dtype)][0] = plain_arg_rows<ArgReduce::argmax, T>;
  t.arg_rows[static_cast<int>(dtype)][1] = plain_arg_rows<ArgReduce::argmin, T>;
  t.arg_cols[static_cast<int>(dtype)][0] = plain_arg_cols<ArgReduce::argmax, T>;
  t.arg_cols[static_cast<int>(dtype)][1] = plain_arg_cols<ArgReduce::argmin, T>;
}

void fill_bytes(ReduceTable& t, DType dtype) {
  set_integer<Reduce::max, std::uint8_t>(t, dtype);
  set_integer<Reduce::min, std::uint8_t>(t, dtype);
  fill_arg<std::uint8_t>(t, dtype);
}

template <class V>
void fill_softmax(ReduceTable& t, int i) {
  t.softmax[i] = softmax_rows<V>;
  t.log_softmax[i] = log_softmax_rows<V>;
  t.softmax_grad[i] = softmax_grad_rows<V>;
  t.log_softmax_grad[i] = log_softmax_grad_rows<V>;
}

}  // namespace

void fill(ReduceTable& t) {
  using VecD = Vec1<double>;
  fill_float<VecF>(t, DType::f32);
  fill_float<VecD>(t, DType::f64);
  fill_integer<std::int32_t>(t, DType::i32);
  fill_integer<std::int64_t>(t, DType::i64);
  fill_bytes(t, DType::u8);
  fill_bytes(t, DType::boolean);
  fill_arg<float>(t, DType::f32);
  fill_arg<double>(t, DType::f64);
  fill_arg<std::int32_t>(t, DType::i32);
  fill_arg<std::int64_t>(t, DType::i64);
  t.arg_rows[static_cast<int>(DType::f32)][0] = float_arg_rows<ArgReduce::argmax, VecF>;
  t.arg_rows[static_cast<int>(DType::f32)][1] = float_arg_rows<ArgReduce::argmin, VecF>;
  fill_softmax<VecF>(t, 0);
  fill_softmax<VecD>(t, 1);
}

}  // namespace pk::PK_ISA
