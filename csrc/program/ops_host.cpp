// A call of a function of the host language.
#include "base/float_mode.h"
#include "program/op.h"

namespace pk {

namespace {

std::unique_ptr<Kernel> host_op(const OpSpec& spec) {
  const std::shared_ptr<const HostFunction> function = spec.attrs.host_function("function");
  std::unique_ptr<Kernel> kernel = make_kernel([function, in = spec.in, out = spec.out](const RunArgs& args) {
    const KeepSubnormals mode;
    (*function)(in, args.in, out, args.out);
  });
  return kernel;
}

}  // namespace

void register_host_ops() {
  register_op("host", host_op, "x... -> y... {function}: what a Python function gives; programs wait for it");
}

}  // namespace pk
