// Elementwise ops: unary functions, predicates, clip, activations, broadcasting arithmetic and
// comparisons, where, cast.
#include "kernels/elementwise.h"
#include "program/act_attr.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

KernelPtr make_map(const OpSpec& spec, MapLoop loop, bool in_place) {
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

void register_unary() {
  register_op("negative", unary_op<Unary::neg>);
  register_op("absolute", unary_op<Unary::abs>);
  register_op("sign", unary_op<Unary::sign>);
  register_op("square", unary_op<Unary::square>);
  register_op("sqrt", unary_op<Unary::sqrt>);
  register_op("rsqrt", unary_op<Unary::rsqrt>);
  register_op("reciprocal", unary_op<Unary::reciprocal>);
  register_op("exp", unary_op<Unary::exp>);
  register_op("expm1", unary_op<Unary::expm1>);
  register_op("log", unary_op<Unary::log>);
  register_op("log1p", unary_op<Unary::log1p>);
  register_op("sin", unary_op<Unary::sin>);
  register_op("cos", unary_op<Unary::cos>);
  register_op("tan", unary_op<Unary::tan>);
  register_op("arcsin", unary_op<Unary::asin>);
  register_op("arccos", unary_op<Unary::acos>);
  register_op("arctan", unary_op<Unary::atan>);
  register_op("sinh", unary_op<Unary::sinh>);
  register_op("cosh", unary_op<Unary::cosh>);
  register_op("erf", unary_op<Unary::erf>);
  register_op("floor", unary_op<Unary::floor>);
  register_op("ceil", unary_op<Unary::ceil>);
  register_op("round", unary_op<Unary::round>);
  register_op("log_sigmoid", unary_op<Unary::log_sigmoid>);
  register_op("isnan", predicate_op<Predicate::isnan>);
  register_op("isinf", predicate_op<Predicate::isinf>);
  register_op("isfinite", predicate_op<Predicate::isfinite>);
  register_op("logical_not", predicate_op<Predicate::logical_not>);
}

void register_zip() {
  register_op("add", binary_op<Binary::add>);
  register_op("subtract", binary_op<Binary::subtract>);
  register_op("multiply", binary_op<Binary::multiply>);
  register_op("divide", binary_op<Binary::divide>);
  register_op("maximum", binary_op<Binary::maximum>);
  register_op("minimum", binary_op<Binary::minimum>);
  register_op("power", binary_op<Binary::power>);
  register_op("floor_divide", binary_op<Binary::floor_divide>);
  register_op("mod", binary_op<Binary::mod>);
  register_op("arctan2", binary_op<Binary::arctan2>);
  register_op("squared_difference", binary_op<Binary::squared_difference>);
  register_op("equal", compare_op<Compare::equal>);
  register_op("not_equal", compare_op<Compare::not_equal>);
  register_op("less", compare_op<Compare::less>);
  register_op("less_equal", compare_op<Compare::less_equal>);
  register_op("greater", compare_op<Compare::greater>);
  register_op("greater_equal", compare_op<Compare::greater_equal>);
  register_op("logical_and", compare_op<Compare::logical_and>);
  register_op("logical_or", compare_op<Compare::logical_or>);
  register_op("logical_xor", compare_op<Compare::logical_xor>);
}

}  // namespace

void register_elementwise_ops() {
  register_unary();
  register_zip();
  register_op("clip", clip_op);
  register_op("activation", activation_op);
  register_op("activation_grad", activation_grad_op);
  register_op("where", where_op);
  register_op("cast", cast_op);
}

}  // namespace pk
