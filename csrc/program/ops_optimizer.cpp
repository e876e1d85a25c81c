// sgd_update, rmsprop_update, adam_update: a gradient applied to a variable and its slots, in place.
#include "program/op.h"
#include "program/optimizer_update.h"

namespace pk {

namespace {

// g, lr [, iterations] -> w [, slots]
std::unique_ptr<Kernel> make_update(const OpSpec& spec, const char* kind) {
  if (spec.in.empty() || spec.out.empty()) op_fail(spec, "takes a gradient and the scalars, and updates a variable");
  const ValueType& g = spec.in[0];
  const auto update = OptimizerUpdate::make(kind, spec.attrs, g.dtype, 1);
  update.expect_types(spec);
  expect_shape(spec, g, spec.out[0].shape, "the gradient");
  const int64_t n = g.shape.numel();
  auto kernel = make_kernel([update, n](const RunArgs& args) { update.bind(args).sweep(n, args.in[0]); });
  kernel->flops = update.flops_per_element() * static_cast<double>(n);
  return kernel;
}

}  // namespace

void register_optimizer_ops() {
  register_op(
      "sgd_update", [](const OpSpec& spec) { return make_update(spec, "sgd"); },
      "g, lr -> w [, velocity] {momentum, nesterov}");
  register_op(
      "rmsprop_update", [](const OpSpec& spec) { return make_update(spec, "rmsprop"); },
      "g, lr -> w, velocity [, momentum] [, average] {rho, momentum, epsilon, centered}");
  register_op(
      "adam_update", [](const OpSpec& spec) { return make_update(spec, "adam"); },
      "g, lr, iterations -> w, m, v [, vhat] {beta_1, beta_2, epsilon, amsgrad}");
}

}  // namespace pk
