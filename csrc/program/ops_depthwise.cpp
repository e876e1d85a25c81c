// Depthwise convolution and its two backward passes.
#include <memory>
#include <string>

#include "kernels/depthwise.h"
#include "program/act_attr.h"
#include "program/conv_spec.h"
#include "program/image_attrs.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

// image (N, H, W, C), weights (R, S, C, M), result (N, P, Q, C * M): a convolution with a group for every channel.
Conv2dShape depthwise_shape(const OpSpec& spec, const ValueType& image, const ValueType& weights,
                            const ValueType& result) {
  expect_image(spec, image, "the image");
  expect_image(spec, result, "the result");
  const Shape &x = image.shape, &w = weights.shape, &y = result.shape;
  if (w.rank() != 4 || w[2] != x[3] || x[0] != y[0] || y[3] != w[2] * w[3]) {
    op_fail(spec, "image " + x.str() + ", weights " + w.str() + " and result " + y.str() +
                      " do not fit: they must be (N, H, W, C), (R, S, C, M) and (N, P, Q, C * M)");
  }
  return windowed_shape(spec, x, w, y, x[3]);
}

DepthwiseEpilogue bind(const ConvInputs& at, const ActAttr& act, const RunArgs& args) {
  const auto input = [&](int i) { return i < 0 ? nullptr : args.in[i]; };
  return {input(at.scale), input(at.bias), input(at.mask), act.act, act.alpha};
}

void expect_some(const OpSpec& spec, std::size_t in) {
  if (spec.in.size() < in || spec.out.empty()) expect_counts(spec, in, 1);
}

// x, w [, scale] [, bias] -> y
KernelPtr make_forward(const OpSpec& spec) {
  expect_some(spec, 2);
  const DType t = expect_all_float(spec);
  const Conv2dShape s = depthwise_shape(spec, spec.in[0], spec.in[1], spec.out[0]);
  ConvInputs at;
  at.read(spec, false);
  at.check(spec, Shape{s.k});
  const ActAttr act = optional_act_attr(spec);
  const DepthwiseConv conv(t, s, ConvPass::forward);
  auto kernel =
      make_kernel([=](const RunArgs& a) { conv.forward(a.in[0], a.in[1], bind(at, act, a), a.out[0], a.scratch); });
  kernel->scratch_bytes = conv.scratch_bytes();
  kernel->flops = s.flops();
  return kernel;
}

// dy, w [, scale] [, bias] [, mask] -> dx
KernelPtr make_backward_input(const OpSpec& spec) {
  expect_some(spec, 2);
  const DType t = expect_all_float(spec);
  const Conv2dShape s = depthwise_shape(spec, spec.out[0], spec.in[1], spec.in[0]);
  ConvInputs at;
  at.read(spec, true);
  at.check(spec, Shape{s.c});
  const ActAttr act = optional_act_attr(spec);
  const DepthwiseConv conv(t, s, ConvPass::backward_input);
  auto kernel = make_kernel(
      [=](const RunArgs& a) { conv.backward_input(a.in[0], a.in[1], bind(at, act, a), a.out[0], a.scratch); });
  kernel->scratch_bytes = conv.scratch_bytes();
  kernel->flops = s.flops();
  return kernel;
}

// x, dy -> dw [, dbias]
KernelPtr make_backward_weights(const OpSpec& spec) {
  expect_some(spec, 2);
  expect_counts(spec, 2, spec.out.size() == 2 ? 2 : 1);
  const DType t = expect_all_float(spec);
  const Conv2dShape s = depthwise_shape(spec, spec.in[0], spec.out[0], spec.in[1]);
  const bool with_bias = spec.out.size() == 2;
  if (with_bias) expect_shape(spec, spec.out[1], Shape{s.k}, "the bias's gradient");
  const DepthwiseConv conv(t, s, ConvPass::backward_weights);
  auto kernel = make_kernel([=](const RunArgs& a) {
    conv.backward_weights(a.in[0], a.in[1], a.out[0], with_bias ? a.out[1] : nullptr, a.scratch);
  });
  kernel->scratch_bytes = conv.scratch_bytes();
  kernel->flops = s.flops();
  return kernel;
}

}  // namespace

void register_depthwise_ops() {
  register_op("depthwise_conv2d", make_forward,
              "x, w (R, S, C, M) [, scale (K)] [, bias (K)] -> y {strides, pads, dilation, activation, "
              "alpha}, K = C * M");
  register_op(
      "depthwise_conv2d_backward_input", make_backward_input,
      "dy, w [, scale (C)] [, bias (C)] [, mask (shape of dx)] -> dx {strides, pads, dilation, activation, alpha}");
  register_op("depthwise_conv2d_backward_weights", make_backward_weights,
              "x, dy -> dw [, dbias] {strides, pads, dilation}");
}

}  // namespace pk
