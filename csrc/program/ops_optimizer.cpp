// sgd_update, adam_update and the other kinds: a gradient applied to a variable and its slots, in place.
#include "program/op.h"
#include "program/optimizer_update.h"

namespace pk {

namespace {

// g, lr [, iterations [, a third scalar]] -> w [, slots]
std::unique_ptr<Kernel> make_update(const OpSpec& spec) {
  if (spec.in.empty() || spec.out.empty()) op_fail(spec, "takes a gradient and the scalars, and updates a variable");
  const ValueType& g = spec.in[0];
  const std::string kind = spec.name.substr(0, spec.name.rfind("_update"));
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
  for (const UpdateKind* kind = update_kinds(); kind->name != nullptr; ++kind) {
    register_op(std::string(kind->name) + "_update", make_update, kind->form);
  }
}

}  // namespace pk
