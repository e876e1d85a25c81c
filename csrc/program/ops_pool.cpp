// Pooling of images and its gradients.
#include <memory>

#include "kernels/pool2d.h"
#include "program/image_attrs.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

// image (N, H, W, C), pooled (N, P, Q, C)
PoolShape pool_shape(const OpSpec& spec, const ValueType& image, const ValueType& pooled) {
  expect_image(spec, image, "the image");
  expect_image(spec, pooled, "the pooled image");
  expect_float(spec, {&image, &pooled});
  const Shape &x = image.shape, &y = pooled.shape;
  if (x[0] != y[0] || x[3] != y[3]) {
    op_fail(spec, "batch and channels of image and pooled image differ: " + x.str() + " and " + y.str());
  }
  const auto window = int_list(spec, "window", 2, 1), strides = int_list(spec, "strides", 2, 1);
  const auto pads = int_list(spec, "pads", 4, 0);
  PoolShape s;
  s.n = x[0];
  s.h = x[1];
  s.w = x[2];
  s.c = x[3];
  s.window_h = window[0];
  s.window_w = window[1];
  s.stride_h = strides[0];
  s.stride_w = strides[1];
  s.pad_top = pads[0];
  s.pad_bottom = pads[1];
  s.pad_left = pads[2];
  s.pad_right = pads[3];
  s.p = y[1];
  s.q = y[2];
  return s;
}

double pool_flops(const PoolShape& s) {
  return static_cast<double>(s.n * s.p * s.q * s.c) * static_cast<double>(s.window_h * s.window_w);
}

// x -> y [, index]
KernelPtr make_max_pool(const OpSpec& spec) {
  expect_counts(spec, 1, spec.out.size() == 2 ? 2 : 1);
  const PoolShape s = pool_shape(spec, spec.in[0], spec.out[0]);
  const Pool2d pool(spec.in[0].dtype, s);
  const bool with_index = spec.out.size() == 2;
  if (with_index) {
    expect_shape(spec, spec.out[1], spec.out[0].shape, "the index");
    expect_dtype(spec, spec.out[1], pool.index_dtype(), "the index");
  }
  auto kernel =
      make_kernel([=](const RunArgs& args) { pool.max(args.in[0], args.out[0], with_index ? args.out[1] : nullptr); });
  kernel->flops = pool_flops(s);
  return kernel;
}

// index, dy -> dx
KernelPtr make_max_pool_grad(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  const PoolShape s = pool_shape(spec, spec.out[0], spec.in[1]);
  const Pool2d pool(spec.in[1].dtype, s);
  expect_shape(spec, spec.in[0], spec.in[1].shape, "the index");
  expect_dtype(spec, spec.in[0], pool.index_dtype(), "the index");
  auto kernel = make_kernel([=](const RunArgs& args) { pool.max_grad(args.in[0], args.in[1], args.out[0]); });
  kernel->flops = pool_flops(s);
  return kernel;
}

// x -> y
KernelPtr make_average_pool(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  const PoolShape s = pool_shape(spec, spec.in[0], spec.out[0]);
  const Pool2d pool(spec.in[0].dtype, s);
  auto kernel = make_kernel([=](const RunArgs& args) { pool.average(args.in[0], args.out[0]); });
  kernel->flops = pool_flops(s);
  return kernel;
}

// dy -> dx
KernelPtr make_average_pool_grad(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  const PoolShape s = pool_shape(spec, spec.out[0], spec.in[0]);
  const Pool2d pool(spec.in[0].dtype, s);
  auto kernel = make_kernel([=](const RunArgs& args) { pool.average_grad(args.in[0], args.out[0]); });
  kernel->flops = pool_flops(s);
  return kernel;
}

}  // namespace

void register_pool_ops() {
  register_op("max_pool2d", make_max_pool,
              "x -> y [, index] {window, strides, pads}; index: position r * window_w + s of the first maximum, "
              "uint8 (int32 where the window has more than 256 places)");
  register_op("max_pool2d_grad", make_max_pool_grad, "index, dy -> dx {window, strides, pads}");
  register_op("average_pool2d", make_average_pool,
              "x -> y {window, strides, pads}, the mean of what lies inside the image");
  register_op("average_pool2d_grad", make_average_pool_grad, "dy -> dx {window, strides, pads}");
}

}  // namespace pk
