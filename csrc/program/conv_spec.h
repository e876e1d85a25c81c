// What a convolution's op reads from its spec: shapes, attributes, optional inputs.
#pragma once

#include "base/placeholder.h"
#include "kernels/conv2d.h"
#include "program/act_attr.h"
#include "program/op.h"

namespace pk {

// Attribute {algorithm}; automatic where it is absent.
ConvAlgorithm algorithm_attr(const OpSpec& spec);

// The shape of a convolution from those of x (N, H, W, C), w (R, S, C/groups, K) and y (N, P, Q, K), and the attributes
// {strides, pads, dilation, groups}. Throws std::invalid_argument where they do not fit.
Conv2dShape conv_shape(const OpSpec& spec, const ValueType& x, const Shape& w, const ValueType& y);

// The shape of a convolution of x (N, H, W, C) with windows w (R, S, C/groups, K) or, for a depthwise one, (R, S, C, M)
// to y (N, P, Q, K), with the attributes {strides, pads, dilation}; extents are not checked against each other.
Conv2dShape windowed_shape(const OpSpec& spec, const Shape& x, const Shape& w, const Shape& y, int64_t groups);

// Which optional inputs there are, by the attributes that announce them; -1: absent.
struct ConvInputs {
  int scale = -1, bias = -1, mask = -1;

  // The number of inputs. `backward`: a mask is possible.
  int read(const OpSpec& spec, bool backward);
  // Throws where scale and bias are not `channels`.
  void check(const OpSpec& spec, const Shape& channels) const;

  // What a plan is made from: the activation and which pointers there will be.
  template <class T>
  ConvEpilogue<T> epilogue(const OpSpec& spec) const {
    const ActAttr act = optional_act_attr(spec);
    ConvEpilogue<T> e;
    e.act = act.act;
    e.act_alpha = static_cast<T>(act.alpha);
    e.scale = scale >= 0 ? placeholder<T>() : nullptr;
    e.bias = bias >= 0 ? placeholder<T>() : nullptr;
    e.mask = mask >= 0 ? placeholder<T>() : nullptr;
    return e;
  }

  // The pointers of a run.
  template <class T>
  void bind(const RunArgs& args, ConvEpilogue<T>& e) const {
    if (scale >= 0) e.scale = args.input<T>(scale);
    if (bias >= 0) e.bias = args.input<T>(bias);
    if (mask >= 0) e.mask = args.input<T>(mask);
  }
};

}  // namespace pk
