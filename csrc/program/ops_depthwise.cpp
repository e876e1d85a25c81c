// Depthwise convolution and its two backward passes.
#include <memory>
#include <string>

#include "kernels/depthwise.h"
#include "program/act_attr.h"
#include "program/image_attrs.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

// image (N, H, W, C), weights (R, S, C, M), result (N, P, Q, C * M)
Conv2dShape depthwise_shape(const OpSpec& spec, const ValueType& image, const ValueType& weights,
                            const ValueType& result) {
  expect_image(spec, image, "the image");
  expect_image(spec, result, "the result");
  const Shape &x = image.shape, &w = weights.shape, &y = result.shape;
  if (w.rank() != 4 || w[2] != x[3] || x[0] != y[0] || y[3] != w[2] * w[3]) {
    op_fail(spec, "image " + x.str() + ", weights " + w.str() + " and result " + y.str() +
                      " do not fit: they must be (N, H, W, C), (R, S, C, M) and (N, P, Q, C * M)");
  }
  const auto strides = int_list(spec, "strides", 2, 1), pads = int_list(spec, "pads", 4, 0);
  const auto dilation = int_list(spec, "dilation", 2, 1);
  Conv2dShape s;
  s.n = x[0];
  s.h = x[1];
  s.w = x[2];
  s.c = s.groups = x[3];
  s.r = w[0];
  s.s = w[1];
  s.k = y[3];
  s.stride_h = strides[0];
  s.stride_w = strides[1];
  s.dilation_h = dilation[0];
  s.dilation_w = dilation[1];
  s.pad_top = pads[0];
  s.pad_bottom = pads[1];
  s.pad_left = pads[2];
  s.pad_right = pads[3];
  s.p = y[1];
  s.q = y[2];
  return s;
}

// Inputs from 2 on: [scale] [bias] [mask], as the attributes announce them.
struct Extras {
  int scale = -1, bias = -1, mask = -1;
  ActAttr act;

  Extras(const OpSpec& spec, bool with_mask) {
    int next = 2;
    const Shape channels{spec.out[0].shape[-1]};
    const auto announced = [&](const char* name, const Shape& shape) {
      if (!spec.attrs.boolean(name, false)) return -1;
      if (next < static_cast<int>(spec.in.size()))
        expect_shape(spec, spec.in[static_cast<std::size_t>(next)], shape, name);
      return next++;
    };
    scale = announced("scale", channels);
    bias = announced("bias", channels);
    if (with_mask) mask = announced("mask", spec.out[0].shape);
    if (!with_mask && spec.attrs.boolean("mask", false)) op_fail(spec, "takes no mask");
    expect_counts(spec, static_cast<std::size_t>(next), 1);
    if (spec.attrs.has("activation")) act = act_attr(spec);
  }

  DepthwiseEpilogue bind(const RunArgs& args) const {
    const auto input = [&](int i) { return i < 0 ? nullptr : args.in[i]; };
    return {input(scale), input(bias), input(mask), act.act, act.alpha};
  }
};

DType one_float(const OpSpec& spec) {
  for (const ValueType& v : spec.in) expect_float(spec, {&spec.in[0], &v});
  for (const ValueType& v : spec.out) expect_float(spec, {&spec.in[0], &v});
  return spec.in[0].dtype;
}

void expect_some(const OpSpec& spec, std::size_t in) {
  if (spec.in.size() < in || spec.out.empty()) expect_counts(spec, in, 1);
}

// x, w [, scale] [, bias] -> y
KernelPtr make_forward(const OpSpec& spec) {
  expect_some(spec, 2);
  const DType t = one_float(spec);
  const Conv2dShape s = depthwise_shape(spec, spec.in[0], spec.in[1], spec.out[0]);
  const Extras extras(spec, false);
  const DepthwiseConv conv(t, s, ConvPass::forward);
  auto kernel =
      make_kernel([=](const RunArgs& a) { conv.forward(a.in[0], a.in[1], extras.bind(a), a.out[0], a.scratch); });
  kernel->scratch_bytes = conv.scratch_bytes();
  kernel->flops = s.flops();
  return kernel;
}

// dy, w [, scale] [, bias] [, mask] -> dx
KernelPtr make_backward_input(const OpSpec& spec) {
  expect_some(spec, 2);
  const DType t = one_float(spec);
  const Conv2dShape s = depthwise_shape(spec, spec.out[0], spec.in[1], spec.in[0]);
  const Extras extras(spec, true);
  const DepthwiseConv conv(t, s, ConvPass::backward_input);
  auto kernel = make_kernel(
      [=](const RunArgs& a) { conv.backward_input(a.in[0], a.in[1], extras.bind(a), a.out[0], a.scratch); });
  kernel->scratch_bytes = conv.scratch_bytes();
  kernel->flops = s.flops();
  return kernel;
}

// x, dy -> dw [, dbias]
KernelPtr make_backward_weights(const OpSpec& spec) {
  expect_some(spec, 2);
  expect_counts(spec, 2, spec.out.size() == 2 ? 2 : 1);
  const DType t = one_float(spec);
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
  register_op("depthwise_conv2d", make_forward);
  register_op("depthwise_conv2d_backward_input", make_backward_input);
  register_op("depthwise_conv2d_backward_weights", make_backward_weights);
}

}  // namespace pk
