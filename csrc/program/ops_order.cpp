// Ops that order elements, and cumulative sums and products.
#include "kernels/elementwise.h"
#include "kernels/order.h"
#include "program/absent.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

OrderLoop last_axis_loop(const OpSpec& spec) {
  const ValueType& x = spec.in[0];
  if (x.shape.rank() == 0) op_fail(spec, "takes tensors with at least one dimension, got a scalar");
  const int64_t n = x.shape[-1];
  return order_loop(x.dtype, n == 0 ? 0 : x.shape.numel() / n, n);
}

double comparisons(const OrderLoop& loop) { return static_cast<double>(loop.rows) * static_cast<double>(loop.n); }

KernelPtr sort_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  const OrderLoop loop = last_axis_loop(spec);
  auto kernel = make_kernel([loop](const RunArgs& args) { loop.sort(args.in[0], args.out[0]); });
  kernel->in_place = {0};
  kernel->flops = comparisons(loop);
  return kernel;
}

KernelPtr argsort_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], DType::i32, "the output");
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  const OrderLoop loop = last_axis_loop(spec);
  auto kernel = make_kernel([loop](const RunArgs& args) { loop.argsort(args.in[0], args.output<std::int32_t>(0)); });
  kernel->flops = comparisons(loop);
  return kernel;
}

CumulateLoop axis_loop(const OpSpec& spec, Cumulate f, bool reverse) {
  const Shape& x = spec.in[0].shape;
  const int64_t axis = spec.attrs.integer("axis");
  if (axis < 0 || axis >= x.rank()) op_fail(spec, "axis " + std::to_string(axis) + " is out of range for " + x.str());
  int64_t outer = 1, inner = 1;
  for (int i = 0; i < x.rank(); ++i) {
    if (i < axis) outer *= x[i];
    if (i > axis) inner *= x[i];
  }
  return cumulate_loop(f, spec.in[0].dtype, reverse, outer, x[static_cast<int>(axis)], inner);
}

template <Cumulate f>
KernelPtr cumulate_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  const CumulateLoop loop = axis_loop(spec, f, spec.attrs.boolean("reverse", false));
  auto kernel = make_kernel([loop](const RunArgs& args) { loop(args.in[0], args.out[0]); });
  kernel->in_place = {0};
  kernel->flops = static_cast<double>(spec.in[0].shape.numel());
  return kernel;
}

KernelPtr cumprod_grad_op(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  expect_all_float(spec);
  expect_shape(spec, spec.in[1], spec.in[0].shape, "the gradient");
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  const CumulateLoop loop = axis_loop(spec, Cumulate::product, false);
  auto kernel = make_kernel(
      [loop](const RunArgs& args) { loop.product_grad(args.in[0], args.in[1], args.out[0], args.scratch); });
  kernel->scratch_bytes = loop.grad_scratch_bytes;
  kernel->flops = 4 * static_cast<double>(spec.in[0].shape.numel());
  return kernel;
}

// `whole` (..., n), indices and `part` (..., m)
PickLoop pick_loop(const OpSpec& spec, const ValueType& whole, const ValueType& part) {
  const ValueType& index = spec.in[1];
  expect_dtype(spec, index, DType::i32, "the indices");
  expect_dtype(spec, part, whole.dtype, "the output");
  if (whole.shape.rank() == 0) op_fail(spec, "takes tensors with at least one dimension, got a scalar");
  Shape want = whole.shape;
  if (index.shape.rank() == want.rank()) want[-1] = index.shape[-1];
  expect_shape(spec, index, want, "the indices");
  expect_shape(spec, part, want, "what is taken");
  const int64_t n = whole.shape[-1], m = want[-1];
  int64_t rows = 1;
  for (int i = 0; i + 1 < want.rank(); ++i) rows *= want[i];
  return {whole.dtype, rows, n, m};
}

KernelPtr take_along_axis_op(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  const PickLoop loop = pick_loop(spec, spec.in[0], spec.out[0]);
  const FillLoop absent = fill_loop(loop.dtype, absent_value(spec));
  return make_kernel([loop, absent](const RunArgs& args) {
    loop.pick(args.in[0], args.input<std::int32_t>(1), absent.value, args.out[0]);
  });
}

KernelPtr take_along_axis_grad_op(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  const PickLoop loop = pick_loop(spec, spec.out[0], spec.in[0]);
  if (loop.dtype == DType::u8 || loop.dtype == DType::boolean) {
    op_fail(spec, std::string("takes float32, float64, int32 and int64, got ") + name_of(loop.dtype));
  }
  auto kernel =
      make_kernel([loop](const RunArgs& args) { loop.add(args.in[0], args.input<std::int32_t>(1), args.out[0]); });
  kernel->flops = static_cast<double>(loop.rows) * static_cast<double>(loop.m);
  return kernel;
}

}  // namespace

void register_order_ops() {
  register_op("sort", sort_op, "x -> y, ascending along the last axis, NaN last");
  register_op("argsort", argsort_op, "x -> i32 y: the places of the ascending order along the last axis, stable");
  register_op("take_along_axis", take_along_axis_op, "x (..., n), i32 indices (..., m) -> (..., m) {zeros}; as take");
  register_op("take_along_axis_grad", take_along_axis_grad_op, "dy, i32 indices -> dx: zeros, then sums");
  register_op("cumsum", cumulate_op<Cumulate::sum>, "x -> y {axis, reverse}");
  register_op("cumprod", cumulate_op<Cumulate::product>, "x -> y {axis, reverse}");
  register_op("cumprod_grad", cumprod_grad_op, "x, dy -> dx {axis}");
}

}  // namespace pk
