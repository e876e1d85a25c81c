// Elementwise ops: unary functions, predicates, clip, activations, broadcasting arithmetic and
// comparisons, where, cast.
#include "kernels/elementwise.h"
#include "program/act_attr.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

KernelPtr make_map(const OpSpec& spec, UnaryLoop loop, bool in_place) {
  const int64_t n = spec.in[0].shape.numel();
  auto kernel = make_kernel([loop, n](const RunArgs& args) { loop(args.in[0], args.out[0], n); });
  if (in_place) kernel->in_place = {0};
  return kernel;
}

template <Unary f>
KernelPtr unary_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  KernelPtr kernel = make_map(spec, unary_loop(f, spec.in[0].dtype), true);
  kernel->flops = static_cast<double>(spec.in[0].shape.numel());
  return kernel;
}

template <Predicate f>
KernelPtr predicate_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  expect_dtype(spec, spec.out[0], DType::boolean, "the output");
  return make_map(spec, predicate_loop(f, spec.in[0].dtype), false);
}

KernelPtr cast_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  return make_map(spec, cast_loop(spec.in[0].dtype, spec.out[0].dtype), spec.in[0].dtype == spec.out[0].dtype);
}

KernelPtr clip_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  expect_dtype(spec, spec.out[0], spec.in[0].dtype, "the output");
  const ClipLoop loop = clip_loop(spec.in[0].dtype, spec.attrs.number("min"), spec.attrs.number("max"));
  const int64_t n = spec.in[0].shape.numel();
  auto kernel = make_kernel([loop, n](const RunArgs& args) { loop(args.in[0], args.out[0], n); });
  kernel->in_place = {0};
  kernel->flops = static_cast<double>(n);
  return kernel;
}

KernelPtr activation_op(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  const DType dtype = expect_float(spec, {&spec.in[0], &spec.out[0]});
  const ActAttr a = act_attr(spec);
  const ActLoop loop = act_loop(a.act, a.alpha, dtype);
  const int64_t n = spec.in[0].shape.numel();
  auto kernel = make_kernel([loop, n](const RunArgs& args) { loop.forward(args.in[0], args.out[0], n); });
  kernel->in_place = {0};
  kernel->flops = static_cast<double>(n);
  return kernel;
}

// ref, dy -> dx
KernelPtr activation_grad_op(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  expect_shape(spec, spec.in[1], spec.in[0].shape, "dy");
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the output");
  const DType dtype = expect_float(spec, {&spec.in[0], &spec.in[1], &spec.out[0]});
  const ActAttr a = act_attr(spec);
  const ActLoop loop = act_loop(a.act, a.alpha, dtype);
  const int64_t n = spec.in[0].shape.numel();
  auto kernel = make_kernel([loop, n](const RunArgs& args) { loop.backward(args.in[0], args.in[1], args.out[0], n); });
  kernel->in_place = {0, 1};
  kernel->flops = 2 * static_cast<double>(n);
  return kernel;
}

void expect_broadcast(const OpSpec& spec, const Shape& want) { expect_shape(spec, spec.out[0], want, "the output"); }

// Inputs as large as the output lie element for element where the output does.
std::vector<int> inputs_of_output_size(const OpSpec& spec, int first) {
  std::vector<int> found;
  for (int i = first; i < static_cast<int>(spec.in.size()); ++i) {
    if (spec.in[i].dtype == spec.out[0].dtype && spec.in[i].shape.numel() == spec.out[0].shape.numel()) {
      found.push_back(i);
    }
  }
  return found;
}

template <class Loop>
KernelPtr make_zip(const OpSpec& spec, const Loop& loop) {
  auto kernel = make_kernel([loop](const RunArgs& args) { loop(args.in[0], args.in[1], args.out[0]); });
  kernel->flops = static_cast<double>(spec.out[0].shape.numel());
  kernel->in_place = inputs_of_output_size(spec, 0);
  return kernel;
}

Broadcast zip_space(const OpSpec& spec, DType out) {
  expect_counts(spec, 2, 1);
  expect_dtype(spec, spec.in[1], spec.in[0].dtype, "the second operand");
  expect_dtype(spec, spec.out[0], out, "the output");
  expect_broadcast(spec, broadcast_shape(spec.in[0].shape, spec.in[1].shape));
  return Broadcast::make(spec.out[0].shape, spec.in[0].shape, spec.in[1].shape);
}

template <Binary f>
KernelPtr binary_op(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  const Broadcast bc = zip_space(spec, spec.in[0].dtype);
  return make_zip(spec, binary_loop(f, spec.in[0].dtype, bc));
}

template <Compare f>
KernelPtr compare_op(const OpSpec& spec) {
  const Broadcast bc = zip_space(spec, DType::boolean);
  return make_zip(spec, compare_loop(f, spec.in[0].dtype, bc));
}

KernelPtr where_op(const OpSpec& spec) {
  expect_counts(spec, 3, 1);
  expect_dtype(spec, spec.in[0], DType::boolean, "the condition");
  expect_dtype(spec, spec.in[2], spec.in[1].dtype, "the third operand");
  expect_dtype(spec, spec.out[0], spec.in[1].dtype, "the output");
  const Shape& c = spec.in[0].shape;
  const Shape& a = spec.in[1].shape;
  const Shape& b = spec.in[2].shape;
  expect_broadcast(spec, broadcast_shape(c, broadcast_shape(a, b)));
  const SelectLoop loop = select_loop(spec.in[1].dtype, Broadcast::make(spec.out[0].shape, c, a, b));
  auto kernel =
      make_kernel([loop](const RunArgs& args) { loop(args.input<bool>(0), args.in[1], args.in[2], args.out[0]); });
  kernel->in_place = inputs_of_output_size(spec, 1);
  return kernel;
}

}  // namespace

void register_elementwise_ops() {
#define UNARY(id, name, ...) register_op(name, unary_op<Unary::id>, "x -> y");
#define PREDICATE(id, name, ...) register_op(name, predicate_op<Predicate::id>, "x -> bool");
#define BINARY(id, name, ...) register_op(name, binary_op<Binary::id>, "a, b -> y, broadcasting, one dtype");
#define COMPARE(id, name, ...) register_op(name, compare_op<Compare::id>, "a, b -> bool, broadcasting");
#include "kernels/functions.def"
  register_op("where", where_op, "c (bool), a, b -> y, broadcasting");
  register_op("cast", cast_op, "x -> y, of the output's dtype");
  register_op("clip", clip_op, "x -> y {min, max}");
  register_op("activation", activation_op, "x -> y {activation, alpha}");
  register_op("activation_grad", activation_grad_op,
              "ref, dy -> dx {activation, alpha}; ref: the activation's output or its input, as the table below says");
}

}  // namespace pk
