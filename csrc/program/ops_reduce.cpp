// Reductions and the softmax family.
#include "kernels/reduce.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

// `axis` in [0, rank), negative ones counted from the end.
int axis_of(const OpSpec& spec, int64_t axis) {
  const int rank = spec.in[0].shape.rank();
  if (axis < -rank || axis >= rank) {
    op_fail(spec, "axis " + std::to_string(axis) + " is out of range for shape " + spec.in[0].shape.str());
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

// The output has the kept axes, with or without ones for the reduced.
void expect_reduced_shape(const OpSpec& spec, const bool* reduced) {
  const Shape& x = spec.in[0].shape;
  Shape kept, with_ones;
  for (int i = 0; i < x.rank(); ++i) {
    if (!reduced[i]) kept.push_back(x[i]);
    with_ones.push_back(reduced[i] ? 1 : x[i]);
  }
  if (spec.out[0].shape != kept && spec.out[0].shape != with_ones) {
    op_fail(spec,
            "the output has shape " + spec.out[0].shape.str() + ", expected " + kept.str() + " or " + with_ones.str());
  }
}

KernelPtr make_reduce(const OpSpec& spec, Reduce f) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  bool reduced[Shape::max_rank] = {};
  for (const int64_t axis : spec.attrs.integers("axes")) {
    const int i = axis_of(spec, axis);
    if (reduced[i]) op_fail(spec, "axis " + std::to_string(axis) + " is given twice");
    reduced[i] = true;
  }
  expect_reduced_shape(spec, reduced);
  const ReduceLoop loop = reduce_loop(f, spec.in[0].dtype, spec.in[0].shape, reduced);
  auto kernel = make_kernel([loop](const RunArgs& args) { loop(args.in[0], args.out[0], args.scratch); });
  kernel->scratch_bytes = loop.scratch_bytes;
  kernel->flops = static_cast<double>(spec.in[0].shape.numel());
  return kernel;
}

template <Reduce f>
KernelPtr reduce_op(const OpSpec& spec) {
  if (!spec.in.empty() && spec.in[0].dtype == DType::boolean) op_fail(spec, "takes numbers, got bool; cast it first");
  return make_reduce(spec, f);
}

template <bool all>
KernelPtr bool_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.in[0], DType::boolean, "the input");
  return make_reduce(spec, all ? Reduce::min : Reduce::max);
}

template <ArgReduce f>
KernelPtr arg_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], DType::i32, "the output");
  bool reduced[Shape::max_rank] = {};
  const int axis = axis_of(spec, spec.attrs.integer("axis"));
  reduced[axis] = true;
  expect_reduced_shape(spec, reduced);
  const ArgLoop loop = arg_loop(f, spec.in[0].dtype, spec.in[0].shape, axis);
  return make_kernel([loop](const RunArgs& args) { loop(args.in[0], args.output<std::int32_t>(0)); });
}

// All values of one float dtype and one shape, taken as (rows, n).
DType expect_rows(const OpSpec& spec, std::size_t inputs, int64_t& rows, int64_t& n) {
  expect_counts(spec, inputs, 1);
  const Shape& shape = spec.out[0].shape;
  if (shape.rank() == 0) op_fail(spec, "takes tensors with at least one dimension, got a scalar");
  for (const ValueType& v : spec.in) {
    expect_shape(spec, v, shape, "an input");
    expect_float(spec, {&spec.out[0], &v});
  }
  n = shape[-1];
  rows = n == 0 ? 0 : shape.numel() / n;
  return spec.out[0].dtype;
}

template <RowMapLoop (*make)(DType, int64_t, int64_t)>
KernelPtr softmax_op(const OpSpec& spec) {
  int64_t rows = 0, n = 0;
  const DType dtype = expect_rows(spec, 1, rows, n);
  const RowMapLoop loop = make(dtype, rows, n);
  auto kernel = make_kernel([loop](const RunArgs& args) { loop(args.in[0], args.out[0]); });
  kernel->in_place = {0};
  kernel->flops = 5 * static_cast<double>(rows * n);
  return kernel;
}

// y, dy -> dx
template <RowGradLoop (*make)(DType, int64_t, int64_t)>
KernelPtr softmax_grad_op(const OpSpec& spec) {
  int64_t rows = 0, n = 0;
  const DType dtype = expect_rows(spec, 2, rows, n);
  const RowGradLoop loop = make(dtype, rows, n);
  auto kernel = make_kernel([loop](const RunArgs& args) { loop(args.in[0], args.in[1], args.out[0]); });
  kernel->in_place = {1};
  kernel->flops = 4 * static_cast<double>(rows * n);
  return kernel;
}

}  // namespace

void register_reduce_ops() {
  register_op("sum", reduce_op<Reduce::sum>, "x -> y {axes}; the output's shape says whether the dimensions are kept");
  register_op("mean", reduce_op<Reduce::mean>,
              "x -> y {axes}; the output's shape says whether the dimensions are kept");
  register_op("max", reduce_op<Reduce::max>, "x -> y {axes}; the output's shape says whether the dimensions are kept");
  register_op("min", reduce_op<Reduce::min>, "x -> y {axes}; the output's shape says whether the dimensions are kept");
  register_op("prod", reduce_op<Reduce::prod>,
              "x -> y {axes}; the output's shape says whether the dimensions are kept");
  register_op("any", bool_op<false>, "bool x -> y {axes}; as sum");
  register_op("all", bool_op<true>, "bool x -> y {axes}; as sum");
  register_op("argmax", arg_op<ArgReduce::argmax>, "x -> i32 y {axis}");
  register_op("argmin", arg_op<ArgReduce::argmin>, "x -> i32 y {axis}");
  register_op("softmax", softmax_op<softmax_loop>, "x -> y, over the last axis");
  register_op("log_softmax", softmax_op<log_softmax_loop>, "x -> y, over the last axis");
  register_op("softmax_grad", softmax_grad_op<softmax_grad_loop>, "y, dy -> dx");
  register_op("log_softmax_grad", softmax_grad_op<log_softmax_grad_loop>, "y, dy -> dx");
}

}  // namespace pk
