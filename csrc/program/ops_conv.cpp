// conv2d and its gradients.
#include <array>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "kernels/conv2d.h"
#include "program/act_attr.h"
#include "program/image_attrs.h"
#include "program/op.h"

namespace pk {

namespace {

// Marks that a pointer will be there.
template <class T>
T* some() {
  static T value{};
  return &value;
}

ConvAlgorithm algorithm_attr(const OpSpec& spec) {
  if (!spec.attrs.has("algorithm")) return ConvAlgorithm::automatic;
  const std::string& name = spec.attrs.text("algorithm");
  const char* const names[] = {"auto", "direct", "winograd2", "winograd4", "gemm"};
  const ConvAlgorithm all[] = {ConvAlgorithm::automatic, ConvAlgorithm::direct, ConvAlgorithm::winograd2,
                               ConvAlgorithm::winograd4, ConvAlgorithm::gemm};
  for (std::size_t i = 0; i < std::size(all); ++i) {
    if (name == names[i]) return all[i];
  }
  op_fail(spec, "no algorithm is called '" + name + "'; there are auto, direct, winograd2, winograd4, gemm");
}

// The shape of a convolution from those of x, w and y.
Conv2dShape conv_shape(const OpSpec& spec, const ValueType& x, const Shape& w, const ValueType& y) {
  expect_image(spec, x, "x");
  expect_image(spec, y, "y");
  if (w.rank() != 4) {
    op_fail(spec, "w must have shape (height, width, channels / groups, filters), got " + w.str());
  }
  const auto list = [&](const char* key, std::size_t count, int64_t least, std::vector<int64_t> absent) {
    return spec.attrs.has(key) ? int_list(spec, key, count, least) : absent;
  };
  const auto strides = list("strides", 2, 1, {1, 1}), pads = list("pads", 4, 0, {0, 0, 0, 0});
  const auto dilation = list("dilation", 2, 1, {1, 1});
  Conv2dShape s;
  s.groups = spec.attrs.integer("groups", 1);
  s.n = x.shape[0], s.h = x.shape[1], s.w = x.shape[2], s.c = x.shape[3];
  s.r = w[0], s.s = w[1], s.k = w[3];
  s.stride_h = strides[0], s.stride_w = strides[1];
  s.dilation_h = dilation[0], s.dilation_w = dilation[1];
  s.pad_top = pads[0], s.pad_bottom = pads[1], s.pad_left = pads[2], s.pad_right = pads[3];
  s.p = y.shape[1], s.q = y.shape[2];
  if (s.groups < 1 || s.c % s.groups != 0 || s.k % s.groups != 0) {
    op_fail(spec, "groups must divide the input and output channels, got groups=" + std::to_string(s.groups) + ", x " +
                      x.shape.str() + " and w " + w.str());
  }
  if (w[2] != s.c / s.groups) {
    op_fail(spec, "w has shape " + w.str() + ", expected " + std::to_string(s.c / s.groups) +
                      " channels on its axis 2 for x " + x.shape.str() + " and groups=" + std::to_string(s.groups));
  }
  if (y.shape[0] != s.n || y.shape[3] != s.k) {
    op_fail(spec, "y has shape " + y.shape.str() + ", expected (" + std::to_string(s.n) + ", ..., " +
                      std::to_string(s.k) + ")");
  }
  return s;
}

// Where the optional inputs are; -1: absent.
struct Inputs {
  int scale = -1, bias = -1, mask = -1;
};

template <class T>
struct Conv2d final : Kernel {
  PlannedConv2d<T> conv;
  ConvPass pass;
  ConvEpilogue<T> like;
  Inputs at;

  Conv2d(const Conv2dShape& s, ConvPass p, ConvAlgorithm algorithm, const ConvEpilogue<T>& epilogue, Inputs inputs)
      : conv(s, p, algorithm, epilogue), pass(p), like(epilogue), at(inputs) {
    scratch_bytes = conv.scratch_bytes();
    flops = s.flops();
    prepared_bytes = conv.packed_bytes();
    if (prepared_bytes > 0) prepared_input = 1;
  }

  void run(const RunArgs& args) const override {
    ConvRun<T> r;
    r.epilogue = like;
    (pass == ConvPass::backward_input ? r.dy : r.x) = args.input<T>(0);
    (pass == ConvPass::backward_weights ? r.dy : r.w) = args.input<T>(1);
    r.result = args.output<T>(0);
    r.packed = args.prepared;
    if (at.scale >= 0) r.epilogue.scale = args.input<T>(at.scale);
    if (at.bias >= 0) r.epilogue.bias = args.input<T>(at.bias);
    if (at.mask >= 0) r.epilogue.mask = args.input<T>(at.mask);
    if (like.preact != nullptr) r.epilogue.preact = args.output<T>(1);
    if (like.dbias != nullptr) r.epilogue.dbias = args.output<T>(1);
    conv.run(r, args.scratch);
  }

  void prepare(const void* input, void* prepared) const override {
    conv.pack_weights(static_cast<const T*>(input), prepared);
  }
};

DType all_float(const OpSpec& spec) {
  DType t = DType::f32;
  for (const auto* list : {&spec.in, &spec.out}) {
    for (const ValueType& v : *list) t = expect_float(spec, {&spec.in[0], &v});
  }
  return t;
}

template <ConvPass kPass>
std::unique_ptr<Kernel> make_conv2d(const OpSpec& spec) {
  constexpr bool forward = kPass == ConvPass::forward;
  Inputs at;
  int inputs = 2;
  if (spec.attrs.boolean("scale", false)) at.scale = inputs++;
  if (spec.attrs.boolean("bias", false)) at.bias = inputs++;
  if (spec.attrs.boolean("mask", false)) {
    if (forward) op_fail(spec, "mask is an input of the gradient only");
    at.mask = inputs++;
  }
  const std::size_t outputs = spec.out.size();
  if (static_cast<int>(spec.in.size()) != inputs || outputs < 1 || outputs > 2) {
    op_fail(spec, "the attributes scale, bias and mask announce " + std::to_string(inputs) +
                      " inputs, and there are 1 or 2 outputs; got " + std::to_string(spec.in.size()) + " inputs and " +
                      std::to_string(outputs) + " outputs");
  }
  const ValueType &x = forward ? spec.in[0] : spec.out[0], &y = forward ? spec.out[0] : spec.in[0];
  const Conv2dShape s = conv_shape(spec, x, spec.in[1].shape, y);
  const Shape channels{forward ? s.k : s.c};
  const auto at_in = [&](int i) -> const ValueType& { return spec.in[static_cast<std::size_t>(i)]; };
  if (at.scale >= 0) expect_shape(spec, at_in(at.scale), channels, "scale");
  if (at.bias >= 0) expect_shape(spec, at_in(at.bias), channels, "bias");
  if (at.mask >= 0) expect_shape(spec, at_in(at.mask), spec.out[0].shape, "mask");
  if (outputs == 2) expect_shape(spec, spec.out[1], spec.out[0].shape, "the value before the activation");
  const ActAttr act = spec.attrs.has("activation") ? act_attr(spec) : ActAttr{};
  const auto make = [&](auto zero) -> std::unique_ptr<Kernel> {
    using T = decltype(zero);
    ConvEpilogue<T> e;
    e.act = act.act;
    e.act_alpha = static_cast<T>(act.alpha);
    e.scale = at.scale >= 0 ? some<T>() : nullptr;
    e.bias = at.bias >= 0 ? some<T>() : nullptr;
    e.mask = at.mask >= 0 ? some<T>() : nullptr;
    e.preact = outputs == 2 ? some<T>() : nullptr;
    return std::make_unique<Conv2d<T>>(s, kPass, algorithm_attr(spec), e, at);
  };
  return all_float(spec) == DType::f32 ? make(0.0F) : make(0.0);
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
    e.dbias = spec.out.size() == 2 ? some<T>() : nullptr;
    return std::make_unique<Conv2d<T>>(s, ConvPass::backward_weights, algorithm_attr(spec), e, Inputs{});
  };
  return all_float(spec) == DType::f32 ? make(0.0F) : make(0.0);
}

}  // namespace

void register_conv_ops() {
  register_op("conv2d", make_conv2d<ConvPass::forward>);
  register_op("conv2d_backward_input", make_conv2d<ConvPass::backward_input>);
  register_op("conv2d_backward_weights", make_conv2d_backward_weights);
}

}  // namespace pk
