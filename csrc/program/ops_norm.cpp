// Normalization and its gradients.
#include <memory>
#include <string>

#include "kernels/normalization.h"
#include "program/act_attr.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

void expect_all(const OpSpec& spec, const std::vector<ValueType>& values, std::size_t from, const Shape& shape,
                const char* what) {
  for (std::size_t i = from; i < values.size(); ++i) expect_shape(spec, values[i], shape, what);
}

// x (..., c) as rows of channels.
struct Rows {
  int64_t rows = 0, c = 0;
};
Rows rows_of(const OpSpec& spec) {
  const Shape& x = spec.in[0].shape;
  if (x.rank() < 1) op_fail(spec, "takes a tensor with at least one dimension, got a scalar");
  Rows r;
  r.c = x[-1];
  r.rows = 1;
  for (int i = 0; i + 1 < x.rank(); ++i) r.rows *= x[i];
  return r;
}

// x, gamma, beta -> y, mean, variance
KernelPtr make_batch_norm(const OpSpec& spec) {
  expect_counts(spec, 3, 3);
  const DType t = expect_all_float(spec);
  const Rows r = rows_of(spec);
  expect_all(spec, spec.in, 1, Shape{r.c}, "gamma or beta");
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the result");
  expect_all(spec, spec.out, 1, Shape{r.c}, "mean or variance");
  const GroupNorm norm(t, 1, r.rows, r.c, r.c, spec.attrs.number("epsilon"));
  auto kernel = make_kernel([=](const RunArgs& a) {
    norm.forward(a.in[0], a.in[1], a.in[2], a.out[0], a.out[1], a.out[2], nullptr, a.scratch);
  });
  kernel->scratch_bytes = norm.scratch_bytes();
  kernel->flops = 8 * static_cast<double>(r.rows * r.c);
  return kernel;
}

// x, gamma, mean, variance, dy -> dx, dgamma, dbeta
KernelPtr make_batch_norm_grad(const OpSpec& spec) {
  expect_counts(spec, 5, 3);
  const DType t = expect_all_float(spec);
  const Rows r = rows_of(spec);
  for (int i = 1; i < 4; ++i) expect_shape(spec, spec.in[i], Shape{r.c}, "gamma, mean or variance");
  expect_shape(spec, spec.in[4], spec.in[0].shape, "the result's gradient");
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the input's gradient");
  expect_all(spec, spec.out, 1, Shape{r.c}, "gamma's or beta's gradient");
  const GroupNorm norm(t, 1, r.rows, r.c, r.c, spec.attrs.number("epsilon"));
  auto kernel = make_kernel([=](const RunArgs& a) {
    norm.backward(a.in[0], a.in[1], a.in[2], a.in[3], nullptr, a.in[4], a.out[0], a.out[1], a.out[2], a.scratch);
  });
  kernel->scratch_bytes = norm.scratch_bytes();
  kernel->flops = 10 * static_cast<double>(r.rows * r.c);
  return kernel;
}

// x, scale, shift -> y
KernelPtr make_scale_shift(const OpSpec& spec) {
  expect_counts(spec, 3, 1);
  const DType t = expect_all_float(spec);
  const Rows r = rows_of(spec);
  expect_all(spec, spec.in, 1, Shape{r.c}, "scale or shift");
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the result");
  const ActAttr act = optional_act_attr(spec);
  const ScaleShift loop(t, r.rows, r.c, act.act, act.alpha);
  auto kernel = make_kernel([=](const RunArgs& a) { loop(a.in[0], a.in[1], a.in[2], a.out[0], a.scratch); });
  kernel->scratch_bytes = loop.scratch_bytes();
  kernel->in_place = {0};
  kernel->flops = 2 * static_cast<double>(r.rows * r.c);
  return kernel;
}

void expect_rank(const OpSpec& spec, int rank, const char* form) {
  if (spec.in[0].shape.rank() != rank) {
    op_fail(spec, std::string("the input must have shape ") + form + ", got " + spec.in[0].shape.str());
  }
}

// x, gamma, beta -> y, mean, rstd
KernelPtr make_layer_norm(const OpSpec& spec) {
  expect_counts(spec, 3, 3);
  const DType t = expect_all_float(spec);
  expect_rank(spec, 2, "(rows, elements)");
  const int64_t rows = spec.in[0].shape[0], d = spec.in[0].shape[1];
  expect_all(spec, spec.in, 1, Shape{d}, "gamma or beta");
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the result");
  expect_all(spec, spec.out, 1, Shape{rows}, "mean or rstd");
  const LayerNorm norm(t, rows, d, spec.attrs.number("epsilon"));
  auto kernel =
      make_kernel([=](const RunArgs& a) { norm.forward(a.in[0], a.in[1], a.in[2], a.out[0], a.out[1], a.out[2]); });
  kernel->flops = 8 * static_cast<double>(rows * d);
  return kernel;
}

// x, gamma, mean, rstd, dy -> dx, dgamma, dbeta
KernelPtr make_layer_norm_grad(const OpSpec& spec) {
  expect_counts(spec, 5, 3);
  const DType t = expect_all_float(spec);
  expect_rank(spec, 2, "(rows, elements)");
  const int64_t rows = spec.in[0].shape[0], d = spec.in[0].shape[1];
  expect_shape(spec, spec.in[1], Shape{d}, "gamma");
  expect_shape(spec, spec.in[2], Shape{rows}, "mean");
  expect_shape(spec, spec.in[3], Shape{rows}, "rstd");
  expect_shape(spec, spec.in[4], spec.in[0].shape, "the result's gradient");
  expect_shape(spec, spec.out[0], spec.in[0].shape, "the input's gradient");
  expect_all(spec, spec.out, 1, Shape{d}, "gamma's or beta's gradient");
  const LayerNorm norm(t, rows, d, 0);
  auto kernel = make_kernel([=](const RunArgs& a) {
    norm.backward(a.in[0], a.in[1], a.in[2], a.in[3], a.in[4], a.out[0], a.out[1], a.out[2], a.scratch);
  });
  kernel->scratch_bytes = norm.scratch_bytes();
  kernel->flops = 10 * static_cast<double>(rows * d);
  return kernel;
}

struct Groups {
  Shape channels, per_group;
  int64_t groups;
};
Groups groups_of(const OpSpec& spec) {
  expect_rank(spec, 3, "(batch, positions, channels)");
  const Shape& x = spec.in[0].shape;
  Groups g;
  g.groups = spec.attrs.integer("groups");
  if (g.groups < 1 || x[2] % g.groups != 0) {
    op_fail(spec, "the number of groups " + std::to_string(g.groups) + " must divide the number of channels " +
                      std::to_string(x[2]));
  }
  g.channels = Shape{x[2]};
  g.per_group = Shape{x[0], g.groups};
  return g;
}

// x, gamma, beta -> y, mean, rstd
KernelPtr make_group_norm(const OpSpec& spec) {
  expect_counts(spec, 3, 3);
  const DType t = expect_all_float(spec);
  const Groups g = groups_of(spec);
  const Shape& x = spec.in[0].shape;
  expect_all(spec, spec.in, 1, g.channels, "gamma or beta");
  expect_shape(spec, spec.out[0], x, "the result");
  expect_all(spec, spec.out, 1, g.per_group, "mean or rstd");
  const GroupNorm norm(t, x[0], x[1], x[2], g.groups, spec.attrs.number("epsilon"));
  auto kernel = make_kernel([=](const RunArgs& a) {
    norm.forward(a.in[0], a.in[1], a.in[2], a.out[0], a.out[1], nullptr, a.out[2], a.scratch);
  });
  kernel->scratch_bytes = norm.scratch_bytes();
  kernel->flops = 8 * static_cast<double>(x.numel());
  return kernel;
}

// x, gamma, mean, rstd, dy -> dx, dgamma, dbeta
KernelPtr make_group_norm_grad(const OpSpec& spec) {
  expect_counts(spec, 5, 3);
  const DType t = expect_all_float(spec);
  const Groups g = groups_of(spec);
  const Shape& x = spec.in[0].shape;
  expect_shape(spec, spec.in[1], g.channels, "gamma");
  expect_shape(spec, spec.in[2], g.per_group, "mean");
  expect_shape(spec, spec.in[3], g.per_group, "rstd");
  expect_shape(spec, spec.in[4], x, "the result's gradient");
  expect_shape(spec, spec.out[0], x, "the input's gradient");
  expect_all(spec, spec.out, 1, g.channels, "gamma's or beta's gradient");
  const GroupNorm norm(t, x[0], x[1], x[2], g.groups, 0);
  auto kernel = make_kernel([=](const RunArgs& a) {
    norm.backward(a.in[0], a.in[1], a.in[2], nullptr, a.in[3], a.in[4], a.out[0], a.out[1], a.out[2], a.scratch);
  });
  kernel->scratch_bytes = norm.scratch_bytes();
  kernel->flops = 10 * static_cast<double>(x.numel());
  return kernel;
}

}  // namespace

void register_norm_ops() {
  register_op("batch_norm", make_batch_norm,
              "x (..., C), gamma (C), beta (C) -> y, mean (C), variance (C) {epsilon}; the biased variance over all "
              "but the last axis");
  register_op("batch_norm_grad", make_batch_norm_grad, "x, gamma, mean, variance, dy -> dx, dgamma, dbeta {epsilon}");
  register_op("scale_shift", make_scale_shift, "x (..., C), scale (C), shift (C) -> y {activation, alpha}");
  register_op("layer_norm", make_layer_norm, "x (M, D), gamma (D), beta (D) -> y, mean (M), rstd (M) {epsilon}");
  register_op("layer_norm_grad", make_layer_norm_grad, "x, gamma, mean, rstd, dy -> dx, dgamma, dbeta");
  register_op("group_norm", make_group_norm,
              "x (N, S, C), gamma (C), beta (C) -> y, mean (N, G), rstd (N, G) {groups, epsilon}");
  register_op("group_norm_grad", make_group_norm_grad, "x, gamma, mean, rstd, dy -> dx, dgamma, dbeta {groups}");
}

}  // namespace pk
