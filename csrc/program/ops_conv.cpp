// conv2d and its gradients.
#include <string>
#include <type_traits>

#include "base/error.h"
#include "base/placeholder.h"
#include "kernels/conv2d.h"
#include "program/conv_spec.h"
#include "program/op.h"

namespace pk {

namespace {

template <class T>
struct Conv2d final : Kernel {
  PlannedConv2d<T> conv;
  ConvPass pass;
  ConvEpilogue<T> prototype;
  ConvInputs at;

  Conv2d(const Conv2dShape& s, ConvPass p, ConvAlgorithm algorithm, const ConvEpilogue<T>& epilogue, ConvInputs inputs)
      : conv(s, p, algorithm, epilogue), pass(p), prototype(epilogue), at(inputs) {
    scratch_bytes = conv.scratch_bytes();
    flops = s.flops();
    prepared_bytes = conv.packed_bytes();
    if (prepared_bytes > 0) prepared_input = 1;
    if (at.mask >= 0 && conv.result_over_mask()) in_place = {at.mask};
  }

  void run(const RunArgs& args) const override {
    ConvRun<T> r;
    r.epilogue = prototype;
    (pass == ConvPass::backward_input ? r.dy : r.x) = args.input<T>(0);
    (pass == ConvPass::backward_weights ? r.dy : r.w) = args.input<T>(1);
    r.result = args.output<T>(0);
    r.packed = args.prepared;
    at.bind(args, r.epilogue);
    if (prototype.preact != nullptr) r.epilogue.preact = args.output<T>(1);
    if (prototype.dbias != nullptr) r.epilogue.dbias = args.output<T>(1);
    conv.run(r, args.scratch);
  }

  void prepare(const void* input, void* prepared) const override {
    conv.pack_weights(static_cast<const T*>(input), prepared);
  }
};

template <ConvPass kPass>
std::unique_ptr<Kernel> make_conv2d(const OpSpec& spec) {
  constexpr bool forward = kPass == ConvPass::forward;
  ConvInputs at;
  at.read(spec, !forward);
  const std::size_t outputs = spec.out.size();
  if (outputs < 1 || outputs > 2) op_fail(spec, "has 1 or 2 outputs, got " + std::to_string(outputs));
  const ValueType &x = forward ? spec.in[0] : spec.out[0], &y = forward ? spec.out[0] : spec.in[0];
  const Conv2dShape s = conv_shape(spec, x, spec.in[1].shape, y);
  const Shape channels{forward ? s.k : s.c};
  at.check(spec, channels);
  if (outputs == 2) expect_shape(spec, spec.out[1], spec.out[0].shape, "the value before the activation");
  const auto make = [&](auto zero) -> std::unique_ptr<Kernel> {
    using T = decltype(zero);
    ConvEpilogue<T> e = at.epilogue<T>(spec);
    e.preact = outputs == 2 ? placeholder<T>() : nullptr;
    return std::make_unique<Conv2d<T>>(s, kPass, algorithm_attr(spec), e, at);
  };
  return expect_all_float(spec) == DType::f32 ? make(0.0F) : make(0.0);
}

// x, dy -> dw [, dbias]
std::unique_ptr<Kernel> make_conv2d_backward_weights(const OpSpec& spec) {
  if (spec.in.size() != 2 || spec.out.empty() || spec.out.size() > 2) {
    op_fail(spec, "takes x, dy and gives dw [, dbias], got " + std::to_string(spec.in.size()) + " inputs and " +
                      std::to_string(spec.out.size()) + " outputs");
  }
  const Conv2dShape s = conv_shape(spec, spec.in[0], spec.out[0].shape, spec.in[1]);
  if (spec.out.size() == 2) expect_shape(spec, spec.out[1], Shape{s.k}, "dbias");
  const auto make = [&](auto zero) -> std::unique_ptr<Kernel> {
    using T = decltype(zero);
    ConvEpilogue<T> e;
    e.dbias = spec.out.size() == 2 ? placeholder<T>() : nullptr;
    return std::make_unique<Conv2d<T>>(s, ConvPass::backward_weights, algorithm_attr(spec), e, ConvInputs{});
  };
  return expect_all_float(spec) == DType::f32 ? make(0.0F) : make(0.0);
}

}  // namespace

void register_conv_ops() {
  register_op("conv2d", make_conv2d<ConvPass::forward>,
              "x, w [, scale (K)] [, bias (K)] -> y [, preact] {strides, pads, dilation, groups, activation, alpha, "
              "algorithm}: act(conv * scale + bias); algorithm: auto direct winograd2 winograd4 gemm");
  register_op("conv2d_backward_input", make_conv2d<ConvPass::backward_input>,
              "dy, w [, scale (C)] [, bias (C)] [, mask (shape of dx)] -> dx {as conv2d}; also the transposed "
              "convolution; 0 where mask <= 0");
  register_op("conv2d_backward_weights", make_conv2d_backward_weights,
              "x, dy -> dw [, dbias] {strides, pads, dilation, groups, algorithm}");
}

}  // namespace pk
