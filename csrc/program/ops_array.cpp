// Ops that move elements: reshape, broadcast_to, transpose, slices, concatenate, pad, fill,
// one_hot, take, assignments.
#include <cstring>

#include "base/parallel.h"
#include "kernels/elementwise.h"
#include "program/absent.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

// Element strides of a row-major tensor.
struct Strides {
  int64_t of[Shape::max_rank] = {};
  explicit Strides(const Shape& shape) {
    int64_t step = 1;
    for (int i = shape.rank() - 1; i >= 0; --i) {
      of[i] = step;
      step *= shape[i];
    }
  }
};

// A copy of n elements, from several threads where it is long.
struct CopyLoop {
  StridedLoop loop;
  CopyLoop(DType dtype, int64_t n) {
    const int64_t one = 1;
    loop = strided_loop(dtype, Shape{n}, &one);
  }
  void operator()(const void* x, void* y) const {
    if (x != y) loop.gather(x, y);
  }
};

char* advanced(void* p, int64_t bytes) { return static_cast<char*>(p) + bytes; }
const char* advanced(const void* p, int64_t bytes) { return static_cast<const char*>(p) + bytes; }

KernelPtr reshape_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  const int64_t n = spec.in[0].shape.numel();
  if (spec.out[0].shape.numel() != n) {
    op_fail(spec, "shape " + spec.in[0].shape.str() + " cannot become " + spec.out[0].shape.str());
  }
  const CopyLoop copy(spec.in[0].dtype, n);
  auto kernel = make_kernel([copy](const RunArgs& args) { copy(args.in[0], args.out[0]); });
  kernel->in_place = {0};
  return kernel;
}

KernelPtr broadcast_to_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  const StridedLoop loop = broadcast_loop(spec.in[0].dtype, spec.out[0].shape, spec.in[0].shape);
  return make_kernel([loop](const RunArgs& args) { loop.gather(args.in[0], args.out[0]); });
}

KernelPtr transpose_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  const Shape& x = spec.in[0].shape;
  const std::vector<int64_t>& axes = spec.attrs.integers("axes");
  if (static_cast<int>(axes.size()) != x.rank()) {
    op_fail(spec, "axes has " + std::to_string(axes.size()) + " entries for shape " + x.str());
  }
  const Strides of_x(x);
  bool seen[Shape::max_rank] = {};
  int64_t strides[Shape::max_rank] = {};
  Shape want;
  for (int i = 0; i < x.rank(); ++i) {
    const int64_t axis = axes[i];
    if (axis < 0 || axis >= x.rank() || seen[axis]) op_fail(spec, "axes must be a permutation of the input's axes");
    seen[axis] = true;
    want.push_back(x[static_cast<int>(axis)]);
    strides[i] = of_x.of[axis];
  }
  expect_shape(spec, spec.out[0], want, "the output");
  const StridedLoop loop = strided_loop(spec.in[0].dtype, want, strides);
  return make_kernel([loop](const RunArgs& args) { loop.gather(args.in[0], args.out[0]); });
}

// The part of a tensor that a slice names.
struct SliceView {
  int64_t offset = 0;  // in elements
  int64_t strides[Shape::max_rank] = {};
};
SliceView slice_view(const OpSpec& spec, const Shape& whole, const Shape& part) {
  const std::vector<int64_t>& start = spec.attrs.integers("start");
  const std::vector<int64_t>& step = spec.attrs.integers("step");
  const std::size_t rank = static_cast<std::size_t>(whole.rank());
  if (start.size() != rank || step.size() != rank || part.rank() != whole.rank()) {
    op_fail(spec, "start, step and both shapes must have one entry per axis; shapes are " + whole.str() + " and " +
                      part.str());
  }
  const Strides of_whole(whole);
  SliceView p;
  if (part.numel() == 0) return p;
  for (int i = 0; i < whole.rank(); ++i) {
    const int64_t steps = part[i] - 1, n = whole[i];
    bool inside = step[i] != 0 && start[i] >= 0 && start[i] < n;
    if (inside && steps > 0) {  // the product of steps and step may overflow: room divided by step cannot
      const int64_t room = step[i] > 0 ? n - 1 - start[i] : start[i];
      inside = step[i] > -n && step[i] < n && steps <= room / (step[i] > 0 ? step[i] : -step[i]);
    }
    if (!inside) {
      op_fail(spec, "axis " + std::to_string(i) + ": " + std::to_string(part[i]) + " elements from " +
                        std::to_string(start[i]) + " by " + std::to_string(step[i]) + " leave the extent " +
                        std::to_string(n));
    }
    p.strides[i] = steps > 0 ? step[i] * of_whole.of[i] : of_whole.of[i];
    p.offset += start[i] * of_whole.of[i];
  }
  return p;
}

KernelPtr slice_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  const SliceView part = slice_view(spec, spec.in[0].shape, spec.out[0].shape);
  const StridedLoop loop = strided_loop(spec.in[0].dtype, spec.out[0].shape, part.strides);
  const int64_t offset = part.offset * loop.size;
  return make_kernel([loop, offset](const RunArgs& args) { loop.gather(advanced(args.in[0], offset), args.out[0]); });
}

// y = value outside the part, x in it.
KernelPtr make_insert(const OpSpec& spec, const SliceView& part, double value) {
  const ValueType& x = spec.in[0];
  const int64_t n = spec.out[0].shape.numel();
  const bool covered = x.shape.numel() == n;
  const StridedLoop loop = strided_loop(x.dtype, x.shape, part.strides);
  const FillLoop background = fill_loop(x.dtype, value);
  const int64_t offset = part.offset * loop.size;
  return make_kernel([=](const RunArgs& args) {
    if (!covered) background(args.out[0], n);
    loop.scatter(args.in[0], advanced(args.out[0], offset));
  });
}

KernelPtr slice_grad_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  return make_insert(spec, slice_view(spec, spec.out[0].shape, spec.in[0].shape), 0);
}

KernelPtr pad_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  const Shape& x = spec.in[0].shape;
  const Shape& y = spec.out[0].shape;
  const std::vector<int64_t>& before = spec.attrs.integers("before");
  if (static_cast<int>(before.size()) != x.rank() || y.rank() != x.rank()) {
    op_fail(spec, "before and the output must have one entry per axis of " + x.str());
  }
  const Strides of_y(y);
  SliceView part;
  for (int i = 0; i < x.rank(); ++i) {
    if (before[i] < 0 || x[i] > y[i] || before[i] > y[i] - x[i]) {
      op_fail(spec, "axis " + std::to_string(i) + ": extent " + std::to_string(x[i]) + " after " +
                        std::to_string(before[i]) + " does not fit in " + std::to_string(y[i]));
    }
    part.strides[i] = of_y.of[i];
    part.offset += before[i] * of_y.of[i];
  }
  return make_insert(spec, part, spec.attrs.number("value"));
}

KernelPtr concatenate_op(const OpSpec& spec) {
  if (spec.in.empty() || spec.out.size() != 1) op_fail(spec, "takes at least one input and gives one output");
  const Shape& y = spec.out[0].shape;
  const int64_t axis = spec.attrs.integer("axis");
  if (axis < 0 || axis >= y.rank()) op_fail(spec, "axis " + std::to_string(axis) + " is out of range for " + y.str());
  int64_t outer = 1, inner = 1, total = 0;
  for (int i = 0; i < y.rank(); ++i) {
    if (i < axis) outer *= y[i];
    if (i > axis) inner *= y[i];
  }
  struct Piece {
    StridedLoop loop;
    int64_t offset;
  };
  std::vector<Piece> pieces;
  for (const ValueType& x : spec.in) {
    expect_dtype(spec, x, spec.out[0].dtype, "an input");
    Shape want = y;
    if (x.shape.rank() == y.rank()) want[static_cast<int>(axis)] = x.shape[static_cast<int>(axis)];
    expect_shape(spec, x, want, "an input");
    const int64_t width = x.shape[static_cast<int>(axis)] * inner;
    const int64_t strides[] = {y[static_cast<int>(axis)] * inner, 1};
    const StridedLoop loop = strided_loop(x.dtype, Shape{outer, width}, strides);
    pieces.push_back({loop, total * inner * loop.size});
    total += x.shape[static_cast<int>(axis)];
  }
  if (total != y[static_cast<int>(axis)]) {
    op_fail(spec,
            "the inputs have " + std::to_string(total) + " entries along the axis, the output has shape " + y.str());
  }
  return make_kernel([pieces = std::move(pieces)](const RunArgs& args) {
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      pieces[i].loop.scatter(args.in[i], advanced(args.out[0], pieces[i].offset));
    }
  });
}

KernelPtr fill_op(const OpSpec& spec) {
  expect_counts(spec, 0, 1);
  const FillLoop loop = fill_loop(spec.out[0].dtype, spec.attrs.number("value"));
  const int64_t n = spec.out[0].shape.numel();
  return make_kernel([loop, n](const RunArgs& args) { loop(args.out[0], n); });
}

// i32 indices (...) -> y (..., n)
KernelPtr one_hot_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.in[0], DType::i32, "the indices");
  const Shape& y = spec.out[0].shape;
  if (y.rank() == 0) op_fail(spec, "the output needs an axis for the classes");
  const int64_t n = y[-1];
  Shape want = spec.in[0].shape;
  want.push_back(n);
  expect_shape(spec, spec.out[0], want, "the output");
  const int64_t rows = spec.in[0].shape.numel();
  const FillLoop zeros = fill_loop(spec.out[0].dtype, 0);
  const FillLoop one = fill_loop(spec.out[0].dtype, 1);
  return make_kernel([=](const RunArgs& args) {
    const std::int32_t* index = args.input<std::int32_t>(0);
    zeros(args.out[0], rows * n);
    for (int64_t r = 0; r < rows; ++r) {
      if (index[r] >= 0 && index[r] < n) {
        std::memcpy(advanced(args.out[0], (r * n + index[r]) * one.size), one.value,
                    static_cast<std::size_t>(one.size));
      }
    }
  });
}

struct TakeShape {
  int64_t rows, width, indices;
};
// `whole` (N, ...), `part` (indices..., ...)
TakeShape take_shape(const OpSpec& spec, const ValueType& whole, const ValueType& index, const ValueType& part) {
  expect_dtype(spec, index, DType::i32, "the indices");
  expect_dtype(spec, part, whole.dtype, "the output");
  if (whole.shape.rank() == 0) op_fail(spec, "cannot take from a scalar");
  Shape want = index.shape;
  int64_t width = 1;
  for (int i = 1; i < whole.shape.rank(); ++i) {
    want.push_back(whole.shape[i]);
    width *= whole.shape[i];
  }
  expect_shape(spec, part, want, "the rows taken");
  return {whole.shape[0], width, index.shape.numel()};
}

// Python's: negative indices count from the end; -1 where out of range.
int64_t wrapped(std::int32_t index, int64_t n) {
  const int64_t i = index < 0 ? index + n : index;
  return i >= 0 && i < n ? i : -1;
}

constexpr int64_t take_task_bytes = 32768;
constexpr double take_ns_per_byte = 0.1;

KernelPtr take_op(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  const TakeShape s = take_shape(spec, spec.in[0], spec.in[1], spec.out[0]);
  const FillLoop absent = fill_loop(spec.in[0].dtype, absent_value(spec));
  const int64_t bytes = s.width * absent.size;
  const int64_t grain = bytes >= take_task_bytes ? 1 : take_task_bytes / (bytes + 16);
  const double work = static_cast<double>(s.indices) * (5 + take_ns_per_byte * static_cast<double>(bytes));
  return make_kernel([=](const RunArgs& args) {
    if (bytes == 0) return;
    const std::int32_t* index = args.input<std::int32_t>(1);
    parallel_ranges(s.indices, grain, work, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = wrapped(index[i], s.rows);
        char* to = advanced(args.out[0], i * bytes);
        if (row < 0) {
          absent.span(absent.value, to, s.width);
        } else {
          std::memcpy(to, advanced(args.in[0], row * bytes), static_cast<std::size_t>(bytes));
        }
      }
    });
  });
}

// dy, indices -> dx: zeros, then each row of dy is added, in the order of the indices. Tasks own
// ranges of columns.
KernelPtr take_grad_op(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  const TakeShape s = take_shape(spec, spec.out[0], spec.in[1], spec.in[0]);
  const DType dtype = spec.in[0].dtype;
  const FillLoop zeros = fill_loop(dtype, 0);
  const BinarySpan add = binary_loop(Binary::add, dtype, Broadcast::make(Shape{1}, Shape{1}, Shape{1})).span[0];
  constexpr int64_t grain = 64;
  const double work = static_cast<double>(s.indices * s.width * zeros.size) * take_ns_per_byte;
  auto kernel = make_kernel([=](const RunArgs& args) {
    const std::int32_t* index = args.input<std::int32_t>(1);
    zeros(args.out[0], s.rows * s.width);
    parallel_ranges(s.width, grain, work, [&](int64_t begin, int64_t end) {
      for (int64_t i = 0; i < s.indices; ++i) {
        const int64_t row = wrapped(index[i], s.rows);
        if (row < 0) continue;
        char* to = advanced(args.out[0], (row * s.width + begin) * zeros.size);
        add(to, advanced(args.in[0], (i * s.width + begin) * zeros.size), to, end - begin);
      }
    });
  });
  kernel->flops = static_cast<double>(s.indices * s.width);
  return kernel;
}

KernelPtr assign_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_shape(spec, spec.in[0], spec.out[0].shape, "the value");
  expect_dtype(spec, spec.in[0], spec.out[0].dtype, "the value");
  const CopyLoop copy(spec.in[0].dtype, spec.in[0].shape.numel());
  return make_kernel([copy](const RunArgs& args) { copy(args.in[0], args.out[0]); });
}

KernelPtr assign_add_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_shape(spec, spec.in[0], spec.out[0].shape, "the value");
  expect_dtype(spec, spec.in[0], spec.out[0].dtype, "the value");
  const Shape& shape = spec.out[0].shape;
  const BinaryLoop add = binary_loop(Binary::add, spec.out[0].dtype, Broadcast::make(shape, shape, shape));
  auto kernel = make_kernel([add](const RunArgs& args) { add(args.out[0], args.in[0], args.out[0]); });
  kernel->flops = static_cast<double>(shape.numel());
  return kernel;
}

}  // namespace

void register_array_ops() {
  register_op("reshape", reshape_op, "x -> y, the same elements; never copies in a program");
  register_op("broadcast_to", broadcast_to_op, "x -> y, repeated to the output's shape");
  register_op("transpose", transpose_op, "x -> y {axes}");
  register_op("slice", slice_op,
              "x -> y {start, step}: lists with an entry per axis, the extent from the output's shape");
  register_op("slice_grad", slice_grad_op, "dy -> dx {start, step}, zeros elsewhere");
  register_op("concatenate", concatenate_op, "x... -> y {axis}");
  register_op("pad", pad_op, "x -> y {before, value}: `before` per axis, the extent from the output's shape");
  register_op("fill", fill_op, "-> y {value}");
  register_op("one_hot", one_hot_op, "i32 indices -> y (..., n); out of range gives a row of zeros");
  register_op("take", take_op, "x (N, ...), i32 indices -> (indices..., ...) {zeros}: NaN out of range, or 0");
  register_op("take_grad", take_grad_op, "dy, i32 indices -> dx: zeros, then sums");
  register_op("assign", assign_op, "x -> variable");
  register_op("assign_add", assign_add_op, "x -> variable");
}

}  // namespace pk
