// Copies between packed and strided tensors (kernels/elementwise.h).
#include <cstring>
#include <utility>

#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/elementwise.h"
#include "kernels/table.h"

namespace pk {

namespace {

constexpr int64_t task_bytes = 65536;
constexpr double ns_per_byte = 0.1;

template <class T>
void copy_line(const char* x, int64_t x_step, char* y, int64_t y_step, int64_t n) {
  const T* from = reinterpret_cast<const T*>(x);
  T* to = reinterpret_cast<T*>(y);
  for (int64_t i = 0; i < n; ++i) to[i * y_step] = from[i * x_step];
}

void copy_line(const char* x, int64_t x_step, char* y, int64_t y_step, int64_t n, int64_t size) {
  if (x_step == 1 && y_step == 1) {
    std::memcpy(y, x, static_cast<std::size_t>(n * size));
  } else if (size == 4) {
    copy_line<std::uint32_t>(x, x_step, y, y_step, n);
  } else if (size == 8) {
    copy_line<std::uint64_t>(x, x_step, y, y_step, n);
  } else {
    copy_line<std::uint8_t>(x, x_step, y, y_step, n);
  }
}

// Calls f(strided offset, packed offset) in elements for every index of the first `outer`
// dimensions in [begin, end).
template <class F>
void for_each_outer(const StridedLoop& s, int outer, int64_t begin, int64_t end, F f) {
  int64_t index[Shape::max_rank] = {};
  int64_t at = 0, packed = 0;
  int64_t rest = begin;
  for (int i = outer - 1; i >= 0; --i) {
    index[i] = rest % s.dims[i];
    rest /= s.dims[i];
    at += index[i] * s.strided[i];
    packed += index[i] * s.packed[i];
  }
  for (int64_t row = begin; row < end; ++row) {
    f(at, packed);
    for (int i = outer - 1; i >= 0; --i) {
      at += s.strided[i];
      packed += s.packed[i];
      if (++index[i] < s.dims[i]) break;
      at -= s.strided[i] * s.dims[i];
      packed -= s.packed[i] * s.dims[i];
      index[i] = 0;
    }
  }
}

// Runs line(strided offset, packed offset) for each innermost line.
template <class F>
void for_each_line(const StridedLoop& s, F line) {
  const int outer = s.rank - 1;
  const int64_t n = s.dims[outer], lines = s.numel / n;
  if (lines == 1) return line(0, 0);
  const int64_t grain = n * s.size >= task_bytes ? 1 : task_bytes / (n * s.size);
  parallel_ranges(lines, grain, ns_per_byte * static_cast<double>(s.numel * s.size),
                  [&](int64_t begin, int64_t end) { for_each_outer(s, outer, begin, end, line); });
}

// Runs plane(strided offset, packed offset, extent of the last dimension but one) for slabs of the
// planes of the last two dimensions.
template <class F>
void for_each_plane(const StridedLoop& s, F plane) {
  const int outer = s.rank - 2;
  const int64_t rows = s.dims[outer], cols = s.dims[outer + 1], planes = s.numel / (rows * cols);
  int64_t slab = task_bytes / (cols * s.size) / 16 * 16;
  if (slab < 16) slab = 16;
  const int64_t slabs = ceil_div(rows, slab);
  parallel_for(planes * slabs, ns_per_byte * static_cast<double>(s.numel * s.size), [&](int64_t task) {
    const int64_t first = task % slabs * slab;
    const int64_t count = first + slab < rows ? slab : rows - first;
    for_each_outer(s, outer, task / slabs, task / slabs + 1, [&](int64_t at, int64_t packed) {
      plane(at + first * s.strided[outer], packed + first * s.packed[outer], count);
    });
  });
}

void append(StridedLoop& s, int64_t extent, int64_t stride, int64_t packed) {
  s.dims[s.rank] = extent;
  s.strided[s.rank] = stride;
  s.packed[s.rank] = packed;
  ++s.rank;
}

}  // namespace

StridedLoop strided_loop(DType dtype, const Shape& shape, const int64_t* strides) {
  StridedLoop s;
  s.size = static_cast<int64_t>(size_of(dtype));
  s.numel = shape.numel();
  s.repeat = kernels().elementwise.fill[size_class(dtype)];
  if (s.numel == 0) return s;
  int64_t packed = s.numel;
  for (int i = 0; i < shape.rank(); ++i) {
    packed /= shape[i];
    if (shape[i] == 1) continue;
    if (s.rank > 0 && s.strided[s.rank - 1] == strides[i] * shape[i]) {
      s.dims[s.rank - 1] *= shape[i];
      s.strided[s.rank - 1] = strides[i];
      s.packed[s.rank - 1] = packed;
    } else {
      append(s, shape[i], strides[i], packed);
    }
  }
  if (s.rank == 0) append(s, 1, 1, 1);
  const int last = s.rank - 1;
  if (s.strided[last] == 0 || s.strided[last] == 1) return s;
  for (int k = 0; k < last; ++k) {
    if (s.strided[k] != 1) continue;
    for (; k + 1 < last; ++k) {
      std::swap(s.dims[k], s.dims[k + 1]);
      std::swap(s.strided[k], s.strided[k + 1]);
      std::swap(s.packed[k], s.packed[k + 1]);
    }
    s.transpose = kernels().elementwise.transpose[size_class(dtype)];
  }
  return s;
}

StridedLoop broadcast_loop(DType dtype, const Shape& out, const Shape& x) {
  const Broadcast bc = Broadcast::make(out, x);  // checks
  static_cast<void>(bc);
  int64_t strides[Shape::max_rank] = {};
  int64_t step = 1;
  for (int i = out.rank() - 1, j = x.rank() - 1; j >= 0; --i, --j) {
    strides[i] = x[j] == 1 ? 0 : step;
    step *= x[j];
  }
  return strided_loop(dtype, out, strides);
}

void StridedLoop::gather(const void* x, void* y) const {
  if (numel == 0) return;
  const char* from = static_cast<const char*>(x);
  char* to = static_cast<char*>(y);
  const int last = rank - 1;
  if (transpose != nullptr) {
    return for_each_plane(*this, [&](int64_t at, int64_t to_at, int64_t count) {
      transpose(from + at * size, strided[last], to + to_at * size, packed[last - 1], dims[last], count);
    });
  }
  const int64_t n = dims[last], step = strided[last];
  for_each_line(*this, [&](int64_t at, int64_t to_at) {
    if (step == 0) return repeat(from + at * size, to + to_at * size, n);
    copy_line(from + at * size, step, to + to_at * size, 1, n, size);
  });
}

void StridedLoop::scatter(const void* x, void* y) const {
  if (numel == 0) return;
  const char* from = static_cast<const char*>(x);
  char* to = static_cast<char*>(y);
  const int last = rank - 1;
  if (transpose != nullptr) {
    return for_each_plane(*this, [&](int64_t at, int64_t from_at, int64_t count) {
      transpose(from + from_at * size, packed[last - 1], to + at * size, strided[last], count, dims[last]);
    });
  }
  const int64_t n = dims[last], step = strided[last];
  for_each_line(
      *this, [&](int64_t at, int64_t from_at) { copy_line(from + from_at * size, 1, to + at * size, step, n, size); });
}

}  // namespace pk
