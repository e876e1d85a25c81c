#include "program/conv_spec.h"

#include <iterator>
#include <string>

#include "program/image_attrs.h"

namespace pk {

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

Conv2dShape windowed_shape(const OpSpec& spec, const Shape& x, const Shape& w, const Shape& y, int64_t groups) {
  const auto list = [&](const char* key, std::size_t count, int64_t least, std::vector<int64_t> absent) {
    return spec.attrs.has(key) ? int_list(spec, key, count, least) : absent;
  };
  const auto strides = list("strides", 2, 1, {1, 1}), pads = list("pads", 4, 0, {0, 0, 0, 0});
  const auto dilation = list("dilation", 2, 1, {1, 1});
  Conv2dShape s;
  s.groups = groups;
  s.n = x[0], s.h = x[1], s.w = x[2], s.c = x[3];
  s.r = w[0], s.s = w[1];
  s.stride_h = strides[0], s.stride_w = strides[1];
  s.dilation_h = dilation[0], s.dilation_w = dilation[1];
  s.pad_top = pads[0], s.pad_bottom = pads[1], s.pad_left = pads[2], s.pad_right = pads[3];
  s.p = y[1], s.q = y[2], s.k = y[3];
  return s;
}

Conv2dShape conv_shape(const OpSpec& spec, const ValueType& x, const Shape& w, const ValueType& y) {
  expect_image(spec, x, "x");
  expect_image(spec, y, "y");
  if (w.rank() != 4) {
    op_fail(spec, "w must have shape (height, width, channels / groups, filters), got " + w.str());
  }
  const Conv2dShape s = windowed_shape(spec, x.shape, w, y.shape, spec.attrs.integer("groups", 1));
  if (s.groups < 1 || s.c % s.groups != 0 || s.k % s.groups != 0) {
    op_fail(spec, "groups must divide the input and output channels, got groups=" + std::to_string(s.groups) + ", x " +
                      x.shape.str() + " and w " + w.str());
  }
  if (w[2] != s.c / s.groups) {
    op_fail(spec, "w has shape " + w.str() + ", expected " + std::to_string(s.c / s.groups) +
                      " channels on its axis 2 for x " + x.shape.str() + " and groups=" + std::to_string(s.groups));
  }
  if (y.shape[0] != s.n || w[3] != s.k) {
    op_fail(spec, "y has shape " + y.shape.str() + ", expected (" + std::to_string(s.n) + ", ..., " +
                      std::to_string(w[3]) + ")");
  }
  return s;
}

int ConvInputs::read(const OpSpec& spec, bool backward) {
  int inputs = 2;
  if (spec.attrs.boolean("scale", false)) scale = inputs++;
  if (spec.attrs.boolean("bias", false)) bias = inputs++;
  if (spec.attrs.boolean("mask", false)) {
    if (!backward) op_fail(spec, "mask is an input of the gradient only");
    mask = inputs++;
  }
  if (static_cast<int>(spec.in.size()) != inputs) {
    op_fail(spec, "the attributes scale, bias and mask announce " + std::to_string(inputs) + " inputs, got " +
                      std::to_string(spec.in.size()));
  }
  return inputs;
}

void ConvInputs::check(const OpSpec& spec, const Shape& channels) const {
  const auto at = [&](int i) -> const ValueType& { return spec.in[static_cast<std::size_t>(i)]; };
  if (scale >= 0) expect_shape(spec, at(scale), channels, "scale");
  if (bias >= 0) expect_shape(spec, at(bias), channels, "bias");
  if (mask >= 0) expect_shape(spec, at(mask), spec.out[0].shape, "mask");
}

}  // namespace pk
