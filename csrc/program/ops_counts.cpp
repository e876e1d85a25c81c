// What metrics count: decisions at thresholds, and the largest elements of rows.
#include "kernels/counts.h"
#include "program/op.h"

namespace pk {

namespace {

using KernelPtr = std::unique_ptr<Kernel>;

template <class F>
KernelPtr for_float(DType t, F f) {
  return t == DType::f32 ? f(float{}) : f(double{});
}

KernelPtr confusion_counts_op(const OpSpec& spec) {
  const bool weighted = spec.attrs.boolean("weights", false);
  expect_counts(spec, weighted ? 4 : 3, 4);
  const DType dtype = expect_all_float(spec);
  const ValueType &x = spec.in[1], &at = spec.in[weighted ? 3 : 2];
  if (x.shape.rank() != 2) op_fail(spec, "predictions must have 2 axes, got shape " + x.shape.str());
  if (at.shape.rank() != 1) op_fail(spec, "thresholds must have 1 axis, got shape " + at.shape.str());
  expect_shape(spec, spec.in[0], x.shape, "the target");
  if (weighted) expect_shape(spec, spec.in[2], x.shape, "the weights");
  for (const ValueType& y : spec.out) expect_shape(spec, y, Shape{at.shape[0], x.shape[1]}, "an output");
  ConfusionCounts counts;
  counts.rows = x.shape[0];
  counts.labels = x.shape[1];
  counts.thresholds = at.shape[0];
  counts.even = spec.attrs.boolean("even");
  if (counts.even && counts.thresholds < 2) op_fail(spec, "even thresholds must be at least 2");
  auto kernel = for_float(dtype, [&](auto type) {
    using T = decltype(type);
    return make_kernel([counts, weighted](const RunArgs& args) {
      T* const out[] = {args.output<T>(0), args.output<T>(1), args.output<T>(2), args.output<T>(3)};
      counts(args.input<T>(0), args.input<T>(1), weighted ? args.input<T>(2) : nullptr, args.input<T>(weighted ? 3 : 2),
             out, args.scratch);
    });
  });
  kernel->scratch_bytes = counts.scratch_bytes();
  return kernel;
}

KernelPtr top_k_op(const OpSpec& spec) {
  expect_counts(spec, 1, 2);
  const ValueType& x = spec.in[0];
  if (x.shape.rank() == 0) op_fail(spec, "takes tensors with at least one dimension, got a scalar");
  const DType dtype = expect_float(spec, {&x, &spec.out[0]});
  const int64_t n = x.shape[-1], k = spec.attrs.integer("k");
  if (k < 0 || k > n) op_fail(spec, "k=" + std::to_string(k) + " is not within the extent " + std::to_string(n));
  Shape want = x.shape;
  want[-1] = k;
  expect_shape(spec, spec.out[0], want, "the values");
  expect_shape(spec, spec.out[1], want, "the indices");
  expect_dtype(spec, spec.out[1], DType::i32, "the indices");
  const int64_t rows = n == 0 ? 0 : x.shape.numel() / n;
  auto kernel = for_float(dtype, [&](auto type) {
    using T = decltype(type);
    return make_kernel([=](const RunArgs& args) {
      top_k<T>(rows, n, k, args.input<T>(0), args.output<T>(0), args.output<std::int32_t>(1), args.scratch);
    });
  });
  kernel->scratch_bytes = top_k_scratch_bytes(rows, n);
  return kernel;
}

}  // namespace

void register_count_ops() {
  register_op("confusion_counts", confusion_counts_op,
              "target (N, L), x (N, L) [, weights (N, L)], thresholds (T) -> true positives, false positives, true "
              "negatives, false negatives (T, L) {even}");
  register_op("top_k", top_k_op, "x (..., n) -> y (..., k), i32 index (..., k) {k}: the largest, in descending order");
}

}  // namespace pk
