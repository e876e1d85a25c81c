// Resizing and maps of images, and their gradients.
#include <memory>

#include "kernels/adjust.h"
#include "kernels/resample.h"
#include "kernels/transform.h"
#include "program/image_attrs.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

// image (N, H, W, C), resized (N, P, Q, C)
ResizeShape resize_shape(const OpSpec& spec, const ValueType& image, const ValueType& resized) {
  expect_image(spec, image, "the image");
  expect_image(spec, resized, "the resized image");
  const Shape &x = image.shape, &y = resized.shape;
  if (x[0] != y[0] || x[3] != y[3]) {
    op_fail(spec, "batch and channels of image and resized image differ: " + x.str() + " and " + y.str());
  }
  return {x[0], x[1], x[2], x[3], y[1], y[2]};
}

void expect_pixels(const OpSpec& spec, const ValueType& image) {
  if (!is_float(image.dtype) && image.dtype != DType::u8) {
    op_fail(spec, std::string("images must be float32, float64 or uint8, got ") + name_of(image.dtype));
  }
}

Resize2d plan(const OpSpec& spec, const ValueType& image, const ValueType& resized) {
  return Resize2d(image.dtype, resize_shape(spec, image, resized), resize_method(spec.attrs.text("method")),
                  spec.attrs.boolean("antialias"));
}

// x -> y
KernelPtr make_resize(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  const Resize2d resize = plan(spec, spec.in[0], spec.out[0]);
  expect_dtype(spec, spec.out[0], resize.out_dtype(), "the output");
  return make_kernel([=](const RunArgs& args) { resize.run(args.in[0], args.out[0]); });
}

// dy -> dx
KernelPtr make_resize_grad(const OpSpec& spec) {
  expect_counts(spec, 1, 1);
  expect_float(spec, {&spec.in[0], &spec.out[0]});
  const Resize2d resize = plan(spec, spec.out[0], spec.in[0]);
  return make_kernel([=](const RunArgs& args) { resize.gradient(args.in[0], args.out[0]); });
}

TransformShape transform_shape(const OpSpec& spec, const ValueType& image, const ValueType& maps,
                               const ValueType& mapped) {
  const ResizeShape r = resize_shape(spec, image, mapped);
  expect_pixels(spec, image);
  for (const int64_t extent : {r.h, r.w, r.p, r.q}) {
    if (extent < 1 || extent > int64_t{1} << 30) {
      op_fail(spec, "heights and widths must be in [1, 2^30], got " + std::to_string(extent));
    }
  }
  expect_dtype(spec, maps, DType::f32, "the maps");
  expect_shape(spec, maps, Shape{r.n, 8}, "the maps");
  TransformShape s;
  s.n = r.n;
  s.h = r.h;
  s.w = r.w;
  s.c = r.c;
  s.p = r.p;
  s.q = r.q;
  s.linear = spec.attrs.text("interpolation") == "bilinear";
  if (!s.linear && spec.attrs.text("interpolation") != "nearest") op_fail(spec, "interpolates bilinear or nearest");
  static const std::map<std::string, Fill> fills = {{"constant", Fill::grid_constant},
                                                    {"nearest", Fill::nearest},
                                                    {"reflect", Fill::reflect},
                                                    {"mirror", Fill::mirror},
                                                    {"wrap", Fill::grid_wrap}};
  const auto fill = fills.find(spec.attrs.text("fill_mode"));
  if (fill == fills.end()) op_fail(spec, "fill_mode must be constant, nearest, reflect, mirror or wrap");
  s.fill = fill->second;
  s.fill_value = spec.attrs.number("fill_value");
  return s;
}

// x, maps -> y
KernelPtr make_affine(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  const TransformShape s = transform_shape(spec, spec.in[0], spec.in[1], spec.out[0]);
  const DType dtype = spec.in[0].dtype;
  expect_dtype(spec, spec.out[0], dtype == DType::u8 ? DType::f32 : dtype, "the output");
  return make_kernel(
      [=](const RunArgs& args) { transform_images(dtype, s, args.in[0], args.input<float>(1), args.out[0]); });
}

// dy, maps -> dx
KernelPtr make_affine_grad(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  const DType dtype = expect_float(spec, {&spec.in[0], &spec.out[0]});
  const TransformShape s = transform_shape(spec, spec.out[0], spec.in[1], spec.in[0]);
  return make_kernel(
      [=](const RunArgs& args) { transform_gradient(dtype, s, args.in[0], args.input<float>(1), args.out[0]); });
}

// x, scale, shift -> y
KernelPtr make_adjust(const OpSpec& spec) {
  expect_counts(spec, 3, 1);
  expect_image(spec, spec.in[0], "the image");
  expect_pixels(spec, spec.in[0]);
  const Shape& x = spec.in[0].shape;
  const DType dtype = spec.in[0].dtype, computed = dtype == DType::u8 ? DType::f32 : dtype;
  expect_shape(spec, spec.out[0], x, "the output");
  expect_shape(spec, spec.in[1], Shape{x[0]}, "the scale");
  expect_shape(spec, spec.in[2], Shape{x[0], x[3]}, "the shift");
  for (const ValueType* v : {&spec.in[1], &spec.in[2], &spec.out[0]}) expect_dtype(spec, *v, computed, "a value");
  const int64_t n = x[0], s = x[1] * x[2], c = x[3];
  const double low = spec.attrs.number("min"), high = spec.attrs.number("max");
  auto kernel = make_kernel([=](const RunArgs& args) {
    adjust_images(dtype, n, s, c, args.in[0], args.in[1], args.in[2], low, high, args.out[0]);
  });
  if (dtype == computed) kernel->in_place = {0};
  return kernel;
}

}  // namespace

void register_image_ops() {
  register_op("adjust_images", make_adjust,
              "x (N, H, W, C), scale (N), shift (N, C) -> y {min, max}: x * scale + shift within [min, max]; "
              "float32 of uint8");
  register_op("affine_transform", make_affine,
              "x (N, H, W, C), f32 maps (N, 8) -> y (N, P, Q, C) {interpolation: nearest bilinear, fill_mode: "
              "constant nearest reflect mirror wrap, fill_value}; y at column c, row r is x at column (a0 c + a1 r "
              "+ a2) / k, row (b0 c + b1 r + b2) / k, k = c0 c + c1 r + 1; float32 of uint8");
  register_op("affine_transform_grad", make_affine_grad, "dy, f32 maps (N, 8) -> dx {as affine_transform}");
  register_op("resize", make_resize,
              "x (N, H, W, C) -> y (N, P, Q, C) {method: nearest bilinear bicubic area lanczos3 lanczos5 gaussian "
              "mitchellcubic, antialias}, half-pixel centres; nearest keeps any dtype, the others make float32 of "
              "uint8");
  register_op("resize_grad", make_resize_grad, "dy -> dx {as resize}");
}

}  // namespace pk
