#include "kernels/order.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"

namespace pk {

namespace {

// Numbers before NaN; for integers the second half is always false.
template <class T>
bool less(T a, T b) {
  return a < b || (b != b && a == a);
}

constexpr double compare_ns = 5;
constexpr double add_ns = 1;

double sort_work(int64_t rows, int64_t n) {
  double levels = 1;
  for (int64_t m = n; m > 1; m /= 2) ++levels;
  return static_cast<double>(rows) * static_cast<double>(n) * levels * compare_ns;
}

// f(T()) for the element type; bool is ordered as uint8.
template <class F>
void with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(float());
    case DType::f64:
      return f(double());
    case DType::i32:
      return f(std::int32_t());
    case DType::i64:
      return f(int64_t());
    case DType::u8:
    case DType::boolean:
      return f(std::uint8_t());
  }
}

template <class F>
void with_number(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32:
      return f(float(), double());
    case DType::f64:
      return f(double(), double());
    case DType::i32:
      return f(std::int32_t(), std::uint32_t());  // unsigned: integers wrap round
    default:
      return f(int64_t(), std::uint64_t());
  }
}

// Tasks own columns of (outer, n, inner): some of the inner extent of one outer index.
template <class F>
void for_columns(int64_t outer, int64_t n, int64_t inner, F&& f) {
  constexpr int64_t width = 64;
  const int64_t per_outer = ceil_div(inner, width);
  const double work = static_cast<double>(outer) * static_cast<double>(n) * static_cast<double>(inner) * add_ns;
  parallel_for(outer * per_outer, work, [&](int64_t task) {
    const int64_t o = task / per_outer, begin = task % per_outer * width;
    const int64_t end = std::min(begin + width, inner);
    for (int64_t column = begin; column < end; ++column) f(o * n * inner + column, o * inner + column);
  });
}

}  // namespace

void OrderLoop::sort(const void* x, void* y) const {
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    parallel_for(rows, sort_work(rows, n), [&](int64_t row) {
      const T* from = static_cast<const T*>(x) + row * n;
      T* to = static_cast<T*>(y) + row * n;
      if (from != to) std::copy(from, from + n, to);
      std::sort(to, to + n, less<T>);
    });
  });
}

void OrderLoop::argsort(const void* x, std::int32_t* index) const {
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    parallel_for(rows, sort_work(rows, n), [&](int64_t row) {
      const T* from = static_cast<const T*>(x) + row * n;
      std::int32_t* to = index + row * n;
      std::iota(to, to + n, 0);
      std::sort(to, to + n, [from](std::int32_t a, std::int32_t b) {
        return less(from[a], from[b]) || (!less(from[b], from[a]) && a < b);
      });
    });
  });
}

OrderLoop order_loop(DType dtype, int64_t rows, int64_t n) {
  PK_CHECK(n <= std::numeric_limits<std::int32_t>::max(), "an axis of more than 2^31 - 1 elements cannot be ordered");
  OrderLoop loop;
  loop.dtype = dtype;
  loop.rows = rows;
  loop.n = n;
  return loop;
}

void PickLoop::pick(const void* x, const std::int32_t* index, const void* absent, void* y) const {
  with_type(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T missing = *static_cast<const T*>(absent);
    parallel_for(rows, static_cast<double>(rows) * static_cast<double>(m) * add_ns, [&](int64_t row) {
      const T* from = static_cast<const T*>(x) + row * n;
      T* to = static_cast<T*>(y) + row * m;
      for (int64_t j = 0; j < m; ++j) {
        const int64_t given = index[row * m + j], i = given < 0 ? given + n : given;
        to[j] = i >= 0 && i < n ? from[i] : missing;
      }
    });
  });
}

void PickLoop::add(const void* dy, const std::int32_t* index, void* dx) const {
  with_number(dtype, [&](auto zero, auto wide_zero) {
    using T = decltype(zero);
    using Wide = decltype(wide_zero);
    parallel_for(rows, static_cast<double>(rows) * static_cast<double>(m + n) * add_ns, [&](int64_t row) {
      const T* from = static_cast<const T*>(dy) + row * m;
      T* to = static_cast<T*>(dx) + row * n;
      std::fill(to, to + n, T(0));
      for (int64_t j = 0; j < m; ++j) {
        const int64_t given = index[row * m + j], i = given < 0 ? given + n : given;
        if (i >= 0 && i < n) to[i] = static_cast<T>(static_cast<Wide>(to[i]) + static_cast<Wide>(from[j]));
      }
    });
  });
}

void CumulateLoop::operator()(const void* x, void* y) const {
  with_number(dtype, [&](auto zero, auto wide_zero) {
    using T = decltype(zero);
    using Wide = decltype(wide_zero);
    const bool sum = f == Cumulate::sum;
    for_columns(outer, n, inner, [&](int64_t first, int64_t) {
      const T* from = static_cast<const T*>(x) + first;
      T* to = static_cast<T*>(y) + first;
      Wide total = sum ? Wide(0) : Wide(1);
      for (int64_t j = 0; j < n; ++j) {
        const int64_t i = (reverse ? n - 1 - j : j) * inner;
        const Wide value = static_cast<Wide>(from[i]);
        total = sum ? total + value : total * value;
        to[i] = static_cast<T>(total);
      }
    });
  });
}

void CumulateLoop::product_grad(const void* x, const void* dy, void* dx, void* scratch) const {
  // dx[i] = before[i] after[i]: before is the product of x[0..i), after[i] = dy[i] + x[i + 1] after[i + 1].
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    double* after = static_cast<double*>(scratch);
    for_columns(outer, n, inner, [&](int64_t first, int64_t) {
      const T* value = static_cast<const T*>(x) + first;
      const T* gradient = static_cast<const T*>(dy) + first;
      T* to = static_cast<T*>(dx) + first;
      double* tail = after + first;
      double total = 0;
      for (int64_t j = n - 1; j >= 0; --j) {
        total = static_cast<double>(gradient[j * inner]) +
                (j + 1 < n ? static_cast<double>(value[(j + 1) * inner]) * total : 0.0);
        tail[j * inner] = total;
      }
      double before = 1;
      for (int64_t j = 0; j < n; ++j) {
        to[j * inner] = static_cast<T>(before * tail[j * inner]);
        before *= static_cast<double>(value[j * inner]);
      }
    });
  };
  if (dtype == DType::f32) {
    run(float());
  } else {
    run(double());
  }
}

CumulateLoop cumulate_loop(Cumulate f, DType dtype, bool reverse, int64_t outer, int64_t n, int64_t inner) {
  PK_CHECK(dtype != DType::u8 && dtype != DType::boolean,
           std::string("takes float32, float64, int32 and int64, got ") + name_of(dtype));
  CumulateLoop loop;
  loop.f = f;
  loop.dtype = dtype;
  loop.reverse = reverse;
  loop.outer = outer;
  loop.n = n;
  loop.inner = inner;
  loop.grad_scratch_bytes = static_cast<std::size_t>(outer * n * inner) * sizeof(double);
  return loop;
}

}  // namespace pk
