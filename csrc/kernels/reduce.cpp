#include "kernels/reduce.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "base/buffer.h"
#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/elementwise.h"
#include "kernels/table.h"

namespace pk {

namespace {

constexpr int64_t long_axis = 16384;  // elements of a piece, where an axis is cut
constexpr int64_t task_elements = 8192;
constexpr int64_t panel_columns = 512;
constexpr int64_t wide_columns = 512;  // up to here, short columns are laid side by side

const char* const names[reduce_count] = {"sum", "mean", "max", "min", "prod"};

const ReduceTable& table() { return kernels().reduce; }

// The largest divisor q of r with q * inner <= wide_columns.
int64_t columns_to_join(int64_t r, int64_t inner) {
  for (int64_t q = wide_columns / inner; q > 1; --q) {
    if (r % q == 0) return q;
  }
  return 1;
}

}  // namespace

void ReduceLoop::add_pass(int64_t outer, int64_t r, int64_t inner) {
  ReducePass p;
  p.outer = outer;
  p.r = r;
  p.inner = inner;
  p.chunk = r;
  if (outer * inner < long_axis / 4) {
    const int64_t chunk = long_axis / inner < 64 ? 64 : long_axis / inner;
    if (r > 2 * chunk) p.chunk = chunk;
  }
  p.chunks = ceil_div(r, p.chunk);
  passes_[count_++] = p;
  if (p.chunks > 1) add_pass(outer, p.chunks, inner);
}

// One reduced group of axes. Few columns waste most of a vector: with r = (r / q) q they are the
// columns of a tensor (outer, r / q, q inner), which a second pass (outer, q, inner) finishes.
void ReduceLoop::add_group(int64_t outer, int64_t r, int64_t inner) {
  if (inner > 1 && inner <= 32 && r * inner >= 2 * wide_columns) {
    const int64_t q = columns_to_join(r, inner);
    if (q > 1 && q < r) {
      add_pass(outer, r / q, q * inner);
      add_pass(outer, q, inner);
      return;
    }
  }
  add_pass(outer, r, inner);
}

ReduceLoop reduce_loop(Reduce f, DType dtype, const Shape& shape, const bool* reduced) {
  const Reduce kernel = f == Reduce::mean ? Reduce::sum : f;
  ReduceLoop loop;
  loop.rows_ = table().rows[static_cast<int>(dtype)][static_cast<int>(kernel)];
  loop.cols_ = table().cols[static_cast<int>(dtype)][static_cast<int>(kernel)];
  if (loop.rows_ == nullptr || (f == Reduce::mean && !is_float(dtype))) {
    fail(std::string(names[static_cast<int>(f)]) + " does not take dtype " + name_of(dtype) + "; cast the input first");
  }
  loop.size_ = static_cast<int64_t>(size_of(dtype));
  loop.ns_ = 0.04 * static_cast<double>(loop.size_);
  loop.fill_ = kernels().elementwise.fill[size_class(dtype)];

  int64_t group[Shape::max_rank] = {};  // extents, alternately kept and reduced
  bool is_reduced[Shape::max_rank] = {};
  int groups = 0;
  int64_t count = 1;
  loop.out_numel_ = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    (reduced[i] ? count : loop.out_numel_) *= shape[i];
    if (shape[i] == 1) continue;
    if (groups > 0 && is_reduced[groups - 1] == reduced[i]) {
      group[groups - 1] *= shape[i];
    } else {
      group[groups] = shape[i];
      is_reduced[groups++] = reduced[i];
    }
  }
  const auto convert = kernels().elementwise.cast[static_cast<int>(DType::f64)][static_cast<int>(dtype)];
  if (count == 0 || loop.out_numel_ == 0) {
    loop.empty_ = true;
    const bool extremum = f == Reduce::max || f == Reduce::min;
    PK_CHECK(!extremum || loop.out_numel_ == 0 || dtype == DType::boolean,
             std::string(names[static_cast<int>(f)]) + " of zero elements (shape " + shape.str() + ") is not defined");
    const double value = f == Reduce::mean                       ? std::numeric_limits<double>::quiet_NaN()
                         : f == Reduce::prod || f == Reduce::min ? 1.0
                                                                 : 0.0;
    convert(&value, loop.value_, 1);
    return loop;
  }
  if (f == Reduce::mean && count > 1) {
    const double divisor = static_cast<double>(count);
    convert(&divisor, loop.value_, 1);
    loop.divide_ = kernels().elementwise.binary[static_cast<int>(dtype)][static_cast<int>(Binary::divide)][1];
  }

  // From the last reduced group to the first: the first pass reads x, later ones what is left.
  int64_t inner = 1, outer = shape.numel();
  for (int g = groups - 1; g >= 0; --g) {
    outer /= group[g];
    if (is_reduced[g]) {
      loop.add_group(outer, group[g], inner);
    } else {
      inner *= group[g];
    }
  }
  int64_t largest = 0;
  for (int i = 0; i + 1 < loop.count_; ++i) {
    const ReducePass& p = loop.passes_[i];
    const int64_t n = p.outer * p.chunks * p.inner;
    if (n > largest) largest = n;
  }
  loop.half_ = static_cast<std::size_t>(ceil_div(largest * loop.size_, 64) * 64);
  loop.scratch_bytes = loop.count_ > 2 ? 2 * loop.half_ : loop.half_;
  return loop;
}

void ReduceLoop::operator()(const void* x, void* y, void* scratch) const {
  if (empty_) return fill_(value_, y, out_numel_);
  if (count_ == 0) {
    if (x != y) std::memcpy(y, x, static_cast<std::size_t>(out_numel_ * size_));
    return;
  }
  const char* from = static_cast<const char*>(x);
  for (int i = 0; i < count_; ++i) {
    char* to = i + 1 == count_ ? static_cast<char*>(y) : static_cast<char*>(scratch) + (i % 2 == 0 ? 0 : half_);
    run_pass(passes_[i], from, to);
    from = to;
  }
  if (divide_ != nullptr) divide_(y, value_, y, out_numel_);
}

void ReduceLoop::run_pass(const ReducePass& p, const char* x, char* y) const {
  const int64_t numel = p.outer * p.r * p.inner;
  const double work = ns_ * static_cast<double>(numel);
  if (p.inner == 1 && p.chunks == 1) {
    if (numel <= task_elements) return rows_(x, p.outer, p.r, y);
    const int64_t grain = p.r >= task_elements ? 1 : task_elements / p.r;
    return parallel_ranges(p.outer, grain, work, [&](int64_t begin, int64_t end) {
      rows_(x + begin * p.r * size_, end - begin, p.r, y + begin * size_);
    });
  }
  if (numel <= task_elements && p.outer * p.chunks == 1) return cols_(x, p.inner, p.r, p.inner, y);
  // Units: one piece of the axis times one panel of columns; short ones are grouped.
  const int64_t panels = ceil_div(p.inner, panel_columns);
  const int64_t units = p.outer * p.chunks * panels;
  const int64_t unit_elements = p.chunk * (p.inner < panel_columns ? p.inner : panel_columns);
  const int64_t grain = unit_elements >= task_elements ? 1 : task_elements / unit_elements;
  parallel_ranges(units, grain, work, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const int64_t column = u % panels * panel_columns;
      const int64_t piece = u / panels;  // of outer * chunks
      const int64_t first = piece % p.chunks * p.chunk;
      const int64_t length = first + p.chunk < p.r ? p.chunk : p.r - first;
      const int64_t width = column + panel_columns < p.inner ? panel_columns : p.inner - column;
      const char* from = x + ((piece / p.chunks * p.r + first) * p.inner + column) * size_;
      char* to = y + (piece * p.inner + column) * size_;
      if (p.inner == 1) {
        rows_(from, 1, length, to);
      } else {
        cols_(from, p.inner, length, width, to);
      }
    }
  });
}

ArgLoop arg_loop(ArgReduce f, DType dtype, const Shape& shape, int axis) {
  PK_CHECK(axis >= 0 && axis < shape.rank(),
           "axis " + std::to_string(axis) + " is out of range for shape " + shape.str());
  ArgLoop loop;
  loop.rows = table().arg_rows[static_cast<int>(dtype)][static_cast<int>(f)];
  loop.cols = table().arg_cols[static_cast<int>(dtype)][static_cast<int>(f)];
  loop.outer = loop.inner = 1;
  for (int i = 0; i < axis; ++i) loop.outer *= shape[i];
  for (int i = axis + 1; i < shape.rank(); ++i) loop.inner *= shape[i];
  loop.n = shape[axis];
  loop.size = static_cast<int64_t>(size_of(dtype));
  PK_CHECK(loop.n <= std::numeric_limits<std::int32_t>::max(), "the axis is too long for int32 indices");
  PK_CHECK(loop.n > 0 || loop.outer * loop.inner == 0,
           "the index of the extremum of zero elements (shape " + shape.str() + ") is not defined");
  return loop;
}

void ArgLoop::operator()(const void* x, std::int32_t* y) const {
  if (outer * inner == 0) return;
  const char* from = static_cast<const char*>(x);
  const double work = 0.5 * static_cast<double>(outer * n * inner);
  const int64_t grain = n * inner >= task_elements ? 1 : task_elements / (n * inner);
  if (inner == 1) {
    if (outer <= grain) return rows(from, outer, n, y);
    return parallel_ranges(outer, grain, work, [&](int64_t begin, int64_t end) {
      rows(from + begin * n * size, end - begin, n, y + begin);
    });
  }
  parallel_ranges(outer, grain, work, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) cols(from + o * n * inner * size, inner, n, inner, y + o * inner);
  });
}

namespace {

template <class Loop, class Span>
Loop row_loop(const Span* spans, DType dtype, int64_t rows, int64_t n, double ns_f32, const char* name) {
  if (!is_float(dtype)) fail(std::string(name) + " does not take dtype " + name_of(dtype) + "; cast the input first");
  Loop loop;
  loop.span = spans[dtype == DType::f32 ? 0 : 1];
  loop.rows = n == 0 ? 0 : rows;
  loop.n = n;
  loop.size = static_cast<int64_t>(size_of(dtype));
  const double element = dtype == DType::f32 ? ns_f32 : 12;
  const double row = 10 + element * static_cast<double>(n);
  loop.grain = static_cast<int64_t>(2000 / row) + 1;
  loop.ns = row * static_cast<double>(rows);
  return loop;
}

}  // namespace

void RowMapLoop::operator()(const void* x, void* y) const {
  if (rows <= grain) return span(rows, n, x, y);
  parallel_ranges(rows, grain, ns, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * n * size;
    span(end - begin, n, static_cast<const char*>(x) + at, static_cast<char*>(y) + at);
  });
}
void RowGradLoop::operator()(const void* y, const void* dy, void* dx) const {
  if (rows <= grain) return span(rows, n, y, dy, dx);
  parallel_ranges(rows, grain, ns, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * n * size;
    span(end - begin, n, static_cast<const char*>(y) + at, static_cast<const char*>(dy) + at,
         static_cast<char*>(dx) + at);
  });
}

RowMapLoop softmax_loop(DType dtype, int64_t rows, int64_t n) {
  return row_loop<RowMapLoop>(table().softmax, dtype, rows, n, 1.0, "softmax");
}
RowMapLoop log_softmax_loop(DType dtype, int64_t rows, int64_t n) {
  return row_loop<RowMapLoop>(table().log_softmax, dtype, rows, n, 1.0, "log_softmax");
}
RowGradLoop softmax_grad_loop(DType dtype, int64_t rows, int64_t n) {
  return row_loop<RowGradLoop>(table().softmax_grad, dtype, rows, n, 0.3, "softmax_grad");
}
RowGradLoop log_softmax_grad_loop(DType dtype, int64_t rows, int64_t n) {
  return row_loop<RowGradLoop>(table().log_softmax_grad, dtype, rows, n, 1.0, "log_softmax_grad");
}

}  // namespace pk
