// ctc_loss and its gradient.
#include "kernels/ctc.h"
#include "program/op.h"

namespace pk {

namespace {

template <class T>
std::unique_ptr<Kernel> make(const CtcSizes& s, bool gradient) {
  return make_kernel([=](const RunArgs& args) {
    const auto *labels = args.input<std::int32_t>(0), *label_lengths = args.input<std::int32_t>(2),
               *step_lengths = args.input<std::int32_t>(3);
    if (gradient) {
      ctc_loss_grad(s, labels, args.input<T>(1), label_lengths, step_lengths, args.input<T>(4), args.output<T>(0),
                    args.scratch);
    } else {
      ctc_loss(s, labels, args.input<T>(1), label_lengths, step_lengths, args.output<T>(0), args.scratch);
    }
  });
}

std::unique_ptr<Kernel> make_ctc(const OpSpec& spec, bool gradient) {
  expect_counts(spec, gradient ? 5 : 4, 1);
  const ValueType &labels = spec.in[0], &x = spec.in[1];
  if (labels.shape.rank() != 2) op_fail(spec, "takes labels (batch, labels), got shape " + labels.shape.str());
  if (x.shape.rank() != 3) op_fail(spec, "takes logits (batch, steps, classes), got shape " + x.shape.str());
  expect_dtype(spec, labels, DType::i32, "the labels");
  const DType t = expect_float(spec, {&x, &spec.out[0]});
  const int64_t batch = x.shape[0], blank = spec.attrs.integer("mask_index");
  expect_shape(spec, labels, Shape{batch, labels.shape[1]}, "the labels");
  for (std::size_t i : {2, 3}) {
    expect_dtype(spec, spec.in[i], DType::i32, "the lengths");
    expect_shape(spec, spec.in[i], Shape{batch}, "the lengths");
  }
  if (blank < 0 || blank >= x.shape[2]) {
    op_fail(spec,
            "mask_index must be one of the " + std::to_string(x.shape[2]) + " classes, got " + std::to_string(blank));
  }
  if (gradient) {
    expect_float(spec, {&x, &spec.in[4]});
    expect_shape(spec, spec.in[4], Shape{batch}, "the gradient of the loss");
  }
  expect_shape(spec, spec.out[0], gradient ? x.shape : Shape{batch}, "the output");
  const CtcSizes s{batch, x.shape[1], x.shape[2], labels.shape[1], static_cast<int>(blank)};
  auto kernel = t == DType::f32 ? make<float>(s, gradient) : make<double>(s, gradient);
  kernel->scratch_bytes = ctc_scratch_bytes(s, gradient);
  kernel->flops =
      (gradient ? 40.0 : 20.0) * static_cast<double>(s.batch * s.steps) * static_cast<double>(s.classes + 4 * s.labels);
  return kernel;
}

}  // namespace

void register_ctc_ops() {
  register_op(
      "ctc_loss", [](const OpSpec& spec) { return make_ctc(spec, false); },
      "i32 labels (N, L), x (N, T, C), i32 label lengths (N), i32 step lengths (N) -> loss (N) {mask_index}");
  register_op(
      "ctc_loss_grad", [](const OpSpec& spec) { return make_ctc(spec, true); },
      "labels, x, label lengths, step lengths, dloss (N) -> dx {mask_index}");
}

}  // namespace pk
