// Losses per sample, their gradients, and in_top_k.
#include "kernels/loss.h"
#include "program/op.h"

namespace pk {

namespace {

// The rows and the last axis of a prediction.
struct Rows {
  int64_t rows, n;
  Shape outer;  // of the losses
};

Rows rows_of(const OpSpec& spec, const ValueType& x) {
  if (x.shape.rank() < 1) op_fail(spec, "the prediction must have at least one axis, got shape " + x.shape.str());
  Rows r{1, x.shape[-1], {}};
  for (int i = 0; i + 1 < x.shape.rank(); ++i) r.outer.push_back(x.shape[i]);
  r.rows = r.outer.numel();
  return r;
}

// f(T{}) with T the element type.
template <class F>
std::unique_ptr<Kernel> for_float(DType t, F f) {
  return t == DType::f32 ? f(float{}) : f(double{});
}

// target, x [, dloss] -> loss or dx, of one float type; class indices as targets are int32 and lack the last axis.
Rows check_loss(const OpSpec& spec, bool sparse, bool gradient) {
  expect_counts(spec, gradient ? 3 : 2, 1);
  const ValueType &target = spec.in[0], &x = spec.in[1];
  const Rows r = rows_of(spec, x);
  expect_float(spec, {&x, &spec.out[0]});
  if (sparse) {
    expect_dtype(spec, target, DType::i32, "the target (class indices)");
    expect_shape(spec, target, r.outer, "the target (class indices)");
  } else {
    expect_float(spec, {&x, &target});
    expect_shape(spec, target, x.shape, "the target");
  }
  if (gradient) {
    expect_float(spec, {&x, &spec.in[2]});
    expect_shape(spec, spec.in[2], r.outer, "the gradient of the loss");
  }
  expect_shape(spec, spec.out[0], gradient ? x.shape : r.outer, "the output");
  return r;
}

double epsilon_of(const OpSpec& spec) {
  const double eps = spec.attrs.number("epsilon");
  if (!(eps >= 0 && eps < 0.5)) op_fail(spec, "epsilon must be in [0, 0.5), got " + std::to_string(eps));
  return eps;
}

// Operations counted for an element, a function as one.
std::unique_ptr<Kernel> finish(std::unique_ptr<Kernel> kernel, const Rows& r, double per_element, bool gradient) {
  kernel->flops = per_element * static_cast<double>(r.rows) * static_cast<double>(r.n);
  if (gradient) kernel->in_place = {1};
  return kernel;
}

// The target's element type: T, or class indices.
template <bool sparse, class T>
using Target = std::conditional_t<sparse, std::int32_t, T>;

enum class Entropy { categorical, sparse, binary };

template <Entropy kind>
std::unique_ptr<Kernel> make_crossentropy(const OpSpec& spec) {
  constexpr bool sparse = kind == Entropy::sparse;
  const Rows r = check_loss(spec, sparse, false);
  const bool logits = spec.attrs.boolean("from_logits");
  const double eps = epsilon_of(spec);
  auto kernel = for_float(spec.in[1].dtype, [&](auto type) {
    using T = decltype(type);
    return make_kernel([=, rows = r.rows, n = r.n](const RunArgs& args) {
      const auto* target = args.input<Target<sparse, T>>(0);
      const T *x = args.input<T>(1), e = static_cast<T>(eps);
      T* loss = args.output<T>(0);
      if constexpr (kind == Entropy::categorical) categorical_crossentropy<T>(logits, rows, n, target, x, loss, e);
      if constexpr (kind == Entropy::sparse) sparse_categorical_crossentropy<T>(logits, rows, n, target, x, loss, e);
      if constexpr (kind == Entropy::binary) binary_crossentropy<T>(logits, rows, n, target, x, loss, e);
    });
  });
  return finish(std::move(kernel), r, 5, false);
}

template <Entropy kind>
std::unique_ptr<Kernel> make_crossentropy_grad(const OpSpec& spec) {
  constexpr bool sparse = kind == Entropy::sparse;
  const Rows r = check_loss(spec, sparse, true);
  const bool logits = spec.attrs.boolean("from_logits");
  const double eps = epsilon_of(spec);
  auto kernel = for_float(spec.in[1].dtype, [&](auto type) {
    using T = decltype(type);
    return make_kernel([=, rows = r.rows, n = r.n](const RunArgs& args) {
      const auto* t = args.input<Target<sparse, T>>(0);
      const T *x = args.input<T>(1), *d = args.input<T>(2), e = static_cast<T>(eps);
      T* dx = args.output<T>(0);
      if constexpr (kind == Entropy::categorical) categorical_crossentropy_grad<T>(logits, rows, n, t, x, d, dx, e);
      if constexpr (kind == Entropy::sparse) sparse_categorical_crossentropy_grad<T>(logits, rows, n, t, x, d, dx, e);
      if constexpr (kind == Entropy::binary) binary_crossentropy_grad<T>(logits, rows, n, t, x, d, dx, e);
    });
  });
  return finish(std::move(kernel), r, 5, true);
}

// From logits, given their softmax or sigmoid.
template <Entropy kind>
std::unique_ptr<Kernel> make_fused_grad(const OpSpec& spec) {
  constexpr bool sparse = kind == Entropy::sparse;
  const Rows r = check_loss(spec, sparse, true);
  auto kernel = for_float(spec.in[1].dtype, [&](auto type) {
    using T = decltype(type);
    return make_kernel([rows = r.rows, n = r.n](const RunArgs& args) {
      const auto* t = args.input<Target<sparse, T>>(0);
      const T *p = args.input<T>(1), *d = args.input<T>(2);
      T* dz = args.output<T>(0);
      if constexpr (kind == Entropy::categorical) softmax_categorical_crossentropy_grad<T>(rows, n, t, p, d, dz);
      if constexpr (kind == Entropy::sparse) softmax_sparse_categorical_crossentropy_grad<T>(rows, n, t, p, d, dz);
      if constexpr (kind == Entropy::binary) sigmoid_binary_crossentropy_grad<T>(rows, n, t, p, d, dz);
    });
  });
  return finish(std::move(kernel), r, 3, true);
}

template <bool squared>
std::unique_ptr<Kernel> make_error(const OpSpec& spec) {
  const Rows r = check_loss(spec, false, false);
  auto kernel = for_float(spec.in[1].dtype, [&](auto type) {
    using T = decltype(type);
    return make_kernel([rows = r.rows, n = r.n](const RunArgs& args) {
      constexpr auto run = squared ? mean_squared_error<T> : mean_absolute_error<T>;
      run(rows, n, args.input<T>(0), args.input<T>(1), args.output<T>(0));
    });
  });
  return finish(std::move(kernel), r, 3, false);
}

template <bool squared>
std::unique_ptr<Kernel> make_error_grad(const OpSpec& spec) {
  const Rows r = check_loss(spec, false, true);
  auto kernel = for_float(spec.in[1].dtype, [&](auto type) {
    using T = decltype(type);
    return make_kernel([rows = r.rows, n = r.n](const RunArgs& args) {
      constexpr auto run = squared ? mean_squared_error_grad<T> : mean_absolute_error_grad<T>;
      run(rows, n, args.input<T>(0), args.input<T>(1), args.input<T>(2), args.output<T>(0));
    });
  });
  return finish(std::move(kernel), r, 3, true);
}

std::unique_ptr<Kernel> make_in_top_k(const OpSpec& spec) {
  expect_counts(spec, 2, 1);
  const ValueType &target = spec.in[0], &x = spec.in[1];
  const Rows r = rows_of(spec, x);
  if (x.shape.rank() != 2) op_fail(spec, "predictions must have 2 axes, got shape " + x.shape.str());
  expect_float(spec, {&x});
  expect_dtype(spec, target, DType::i32, "the target (class indices)");
  expect_shape(spec, target, r.outer, "the target (class indices)");
  expect_dtype(spec, spec.out[0], DType::boolean, "the output");
  expect_shape(spec, spec.out[0], r.outer, "the output");
  const int64_t k = spec.attrs.integer("k");
  auto kernel = for_float(x.dtype, [&](auto type) {
    using T = decltype(type);
    return make_kernel([=, rows = r.rows, n = r.n](const RunArgs& args) {
      in_top_k<T>(rows, n, k, args.input<std::int32_t>(0), args.input<T>(1), args.output<bool>(0));
    });
  });
  return finish(std::move(kernel), r, 1, false);
}

}  // namespace

void register_loss_ops() {
  register_op("categorical_crossentropy", make_crossentropy<Entropy::categorical>,
              "target (..., n), x (..., n) -> loss (...) {from_logits, epsilon}");
  register_op("categorical_crossentropy_grad", make_crossentropy_grad<Entropy::categorical>,
              "target, x, dloss -> dx {from_logits, epsilon}");
  register_op("softmax_categorical_crossentropy_grad", make_fused_grad<Entropy::categorical>,
              "target, p, dloss -> dz; made by passes");
  register_op("sparse_categorical_crossentropy", make_crossentropy<Entropy::sparse>,
              "i32 target (...), x (..., n) -> loss (...) {from_logits, epsilon}");
  register_op("sparse_categorical_crossentropy_grad", make_crossentropy_grad<Entropy::sparse>,
              "i32 target, x, dloss -> dx {from_logits, epsilon}");
  register_op("softmax_sparse_categorical_crossentropy_grad", make_fused_grad<Entropy::sparse>,
              "i32 target, p, dloss -> dz; made by passes");
  register_op("binary_crossentropy", make_crossentropy<Entropy::binary>,
              "target (..., n), x (..., n) -> loss (...) {from_logits, epsilon}");
  register_op("binary_crossentropy_grad", make_crossentropy_grad<Entropy::binary>,
              "target, x, dloss -> dx {from_logits, epsilon}");
  register_op("sigmoid_binary_crossentropy_grad", make_fused_grad<Entropy::binary>,
              "target, p, dloss -> dz; made by passes");
  register_op("mean_squared_error", make_error<true>, "target (..., n), x (..., n) -> loss (...)");
  register_op("mean_squared_error_grad", make_error_grad<true>, "target, x, dloss -> dx");
  register_op("mean_absolute_error", make_error<false>, "target (..., n), x (..., n) -> loss (...)");
  register_op("mean_absolute_error_grad", make_error_grad<false>, "target, x, dloss -> dx");
  register_op("in_top_k", make_in_top_k, "i32 target (N), x (N, n) -> bool (N) {k}");
}

}  // namespace pk
