#include "kernels/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/parallel.h"
#include "kernels/table.h"

namespace pk {

namespace {

// Nanoseconds of one thread on an element of a row, with and without an exponential or a logarithm.
template <class T>
constexpr double function_ns = std::is_same_v<T, float> ? 0.8 : 12.0;
template <class T>
constexpr double plain_ns = std::is_same_v<T, float> ? 0.3 : 1.0;
constexpr double row_ns = 10;

// f(first, count) on blocks of rows.
template <class F>
void over_rows(int64_t rows, int64_t n, double element_ns, F&& f) {
  constexpr int64_t elements = 4096;  // of one task
  const int64_t grain = std::max<int64_t>(1, elements / std::max<int64_t>(1, n));
  const double ns = static_cast<double>(rows) * (row_ns + element_ns * static_cast<double>(n));
  parallel_ranges(rows, grain, ns, [&](int64_t begin, int64_t end) { f(begin, end - begin); });
}

}  // namespace

template <class T>
void categorical_crossentropy(bool from_logits, int64_t rows, int64_t n, const T* target, const T* x, T* loss, T eps) {
  const auto loop = loops_of<T>(kernels().loss).categorical;
  over_rows(rows, n, function_ns<T>,
            [&](int64_t r, int64_t count) { loop(from_logits, count, n, target + r * n, x + r * n, loss + r, eps); });
}

template <class T>
void categorical_crossentropy_grad(bool from_logits, int64_t rows, int64_t n, const T* target, const T* x,
                                   const T* dloss, T* dx, T eps) {
  const auto loop = loops_of<T>(kernels().loss).categorical_grad;
  over_rows(rows, n, function_ns<T>, [&](int64_t r, int64_t count) {
    loop(from_logits, count, n, target + r * n, x + r * n, dloss + r, dx + r * n, eps);
  });
}

template <class T>
void softmax_categorical_crossentropy_grad(int64_t rows, int64_t n, const T* target, const T* p, const T* dloss,
                                           T* dz) {
  const auto loop = loops_of<T>(kernels().loss).softmax_categorical_grad;
  over_rows(rows, n, plain_ns<T>,
            [&](int64_t r, int64_t count) { loop(count, n, target + r * n, p + r * n, dloss + r, dz + r * n); });
}

template <class T>
void sparse_categorical_crossentropy(bool from_logits, int64_t rows, int64_t n, const std::int32_t* target, const T* x,
                                     T* loss, T eps) {
  const auto loop = loops_of<T>(kernels().loss).sparse;
  over_rows(rows, n, from_logits ? function_ns<T> : plain_ns<T>,
            [&](int64_t r, int64_t count) { loop(from_logits, count, n, target + r, x + r * n, loss + r, eps); });
}

template <class T>
void sparse_categorical_crossentropy_grad(bool from_logits, int64_t rows, int64_t n, const std::int32_t* target,
                                          const T* x, const T* dloss, T* dx, T eps) {
  const auto loop = loops_of<T>(kernels().loss).sparse_grad;
  over_rows(rows, n, from_logits ? function_ns<T> : plain_ns<T>, [&](int64_t r, int64_t count) {
    loop(from_logits, count, n, target + r, x + r * n, dloss + r, dx + r * n, eps);
  });
}

template <class T>
void softmax_sparse_categorical_crossentropy_grad(int64_t rows, int64_t n, const std::int32_t* target, const T* p,
                                                  const T* dloss, T* dz) {
  const auto loop = loops_of<T>(kernels().loss).softmax_sparse_grad;
  over_rows(rows, n, plain_ns<T>,
            [&](int64_t r, int64_t count) { loop(count, n, target + r, p + r * n, dloss + r, dz + r * n); });
}

template <class T>
void binary_crossentropy(bool from_logits, int64_t rows, int64_t n, const T* target, const T* x, T* loss, T eps) {
  const auto loop = loops_of<T>(kernels().loss).binary;
  over_rows(rows, n, 2 * function_ns<T>,
            [&](int64_t r, int64_t count) { loop(from_logits, count, n, target + r * n, x + r * n, loss + r, eps); });
}

template <class T>
void binary_crossentropy_grad(bool from_logits, int64_t rows, int64_t n, const T* target, const T* x, const T* dloss,
                              T* dx, T eps) {
  const auto loop = loops_of<T>(kernels().loss).binary_grad;
  over_rows(rows, n, function_ns<T>, [&](int64_t r, int64_t count) {
    loop(from_logits, count, n, target + r * n, x + r * n, dloss + r, dx + r * n, eps);
  });
}

template <class T>
void sigmoid_binary_crossentropy_grad(int64_t rows, int64_t n, const T* target, const T* p, const T* dloss, T* dz) {
  const auto loop = loops_of<T>(kernels().loss).sigmoid_binary_grad;
  over_rows(rows, n, plain_ns<T>,
            [&](int64_t r, int64_t count) { loop(count, n, target + r * n, p + r * n, dloss + r, dz + r * n); });
}

template <class T>
void mean_squared_error(int64_t rows, int64_t n, const T* target, const T* x, T* loss) {
  const auto loop = loops_of<T>(kernels().loss).squared;
  over_rows(rows, n, plain_ns<T>,
            [&](int64_t r, int64_t count) { loop(count, n, target + r * n, x + r * n, loss + r); });
}

template <class T>
void mean_squared_error_grad(int64_t rows, int64_t n, const T* target, const T* x, const T* dloss, T* dx) {
  const auto loop = loops_of<T>(kernels().loss).squared_grad;
  over_rows(rows, n, plain_ns<T>,
            [&](int64_t r, int64_t count) { loop(count, n, target + r * n, x + r * n, dloss + r, dx + r * n); });
}

template <class T>
void mean_absolute_error(int64_t rows, int64_t n, const T* target, const T* x, T* loss) {
  const auto loop = loops_of<T>(kernels().loss).absolute;
  over_rows(rows, n, plain_ns<T>,
            [&](int64_t r, int64_t count) { loop(count, n, target + r * n, x + r * n, loss + r); });
}

template <class T>
void mean_absolute_error_grad(int64_t rows, int64_t n, const T* target, const T* x, const T* dloss, T* dx) {
  const auto loop = loops_of<T>(kernels().loss).absolute_grad;
  over_rows(rows, n, plain_ns<T>,
            [&](int64_t r, int64_t count) { loop(count, n, target + r * n, x + r * n, dloss + r, dx + r * n); });
}

template <class T>
void in_top_k(int64_t rows, int64_t n, int64_t k, const std::int32_t* target, const T* x, bool* y) {
  over_rows(rows, n, plain_ns<T>, [&](int64_t first, int64_t count) {
    for (int64_t r = first; r < first + count; ++r) {
      const T* row = x + r * n;
      const int64_t c = target[r] < 0 ? target[r] + n : target[r];
      const bool known = c >= 0 && c < n && !std::isnan(row[c]);
      const T own = known ? row[c] : -std::numeric_limits<T>::infinity();
      int64_t above = 0;
      for (int64_t j = 0; j < n; ++j) above += row[j] > own ? 1 : 0;
      y[r] = above < k;
    }
  });
}

#define PK_INSTANTIATE(T)                                                                                             \
  template void categorical_crossentropy(bool, int64_t, int64_t, const T*, const T*, T*, T);                          \
  template void categorical_crossentropy_grad(bool, int64_t, int64_t, const T*, const T*, const T*, T*, T);           \
  template void softmax_categorical_crossentropy_grad(int64_t, int64_t, const T*, const T*, const T*, T*);            \
  template void sparse_categorical_crossentropy(bool, int64_t, int64_t, const std::int32_t*, const T*, T*, T);        \
  template void sparse_categorical_crossentropy_grad(bool, int64_t, int64_t, const std::int32_t*, const T*, const T*, \
                                                     T*, T);                                                          \
  template void softmax_sparse_categorical_crossentropy_grad(int64_t, int64_t, const std::int32_t*, const T*,         \
                                                             const T*, T*);                                           \
  template void binary_crossentropy(bool, int64_t, int64_t, const T*, const T*, T*, T);                               \
  template void binary_crossentropy_grad(bool, int64_t, int64_t, const T*, const T*, const T*, T*, T);                \
  template void sigmoid_binary_crossentropy_grad(int64_t, int64_t, const T*, const T*, const T*, T*);                 \
  template void mean_squared_error(int64_t, int64_t, const T*, const T*, T*);                                         \
  template void mean_squared_error_grad(int64_t, int64_t, const T*, const T*, const T*, T*);                          \
  template void mean_absolute_error(int64_t, int64_t, const T*, const T*, T*);                                        \
  template void mean_absolute_error_grad(int64_t, int64_t, const T*, const T*, const T*, T*);                         \
  template void in_top_k(int64_t, int64_t, int64_t, const std::int32_t*, const T*, bool*)
PK_INSTANTIATE(float);
PK_INSTANTIATE(double);

}  // namespace pk
