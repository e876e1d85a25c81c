#include "program/optimizer_update.h"

#include <cmath>
#include <type_traits>

#include "base/error.h"

namespace pk {

OptimizerUpdate OptimizerUpdate::make(const std::string& kind, const Attrs& attrs, DType dtype,
                                      int first_scalar_input) {
  PK_CHECK(is_float(dtype), std::string("an update needs float32 or float64 variables, got ") + name_of(dtype));
  OptimizerUpdate u;
  u.kind_ = &update_kind(kind);
  u.chosen_ = u.kind_->choose(attrs);
  u.dtype_ = dtype;
  u.first_scalar_ = first_scalar_input;
  u.weight_decay_ = attrs.number("weight_decay", 0);
  PK_CHECK(std::isfinite(u.weight_decay_), "attribute 'weight_decay' must be a finite number");
  return u;
}

void OptimizerUpdate::expect_types(const OpSpec& spec) const {
  expect_counts(spec, static_cast<std::size_t>(first_scalar_ + scalars()), static_cast<std::size_t>(1 + slots()));
  const DType dtypes[] = {DType::f32, DType::i64, dtype_};
  const char* const names[] = {"the learning rate", "iterations", "the third scalar"};
  for (int i = 0; i < scalars(); ++i) {
    const ValueType& scalar = spec.in[static_cast<std::size_t>(first_scalar_ + i)];
    expect_dtype(spec, scalar, dtypes[i], names[i]);
    expect_shape(spec, scalar, Shape{}, names[i]);
  }
  expect_dtype(spec, spec.out[0], dtype_, "the variable");
  for (std::size_t i = 1; i < spec.out.size(); ++i) {
    expect_dtype(spec, spec.out[i], dtype_, "an optimizer slot");
    expect_shape(spec, spec.out[i], spec.out[0].shape, "an optimizer slot");
  }
}

template <class T>
UpdateScalars<T> OptimizerUpdate::scalars_of_run(const RunArgs& args) const {
  const StepInputs<T> in{static_cast<T>(*args.input<float>(first_scalar_)),
                         scalars() > 1 ? *args.input<int64_t>(first_scalar_ + 1) : 0,
                         scalars() > 2 ? *args.input<T>(first_scalar_ + 2) : T(0)};
  UpdateScalars<T> s{static_cast<T>(weight_decay_) * in.lr, {}};
  if constexpr (std::is_same_v<T, float>) {
    kind_->fill_f32(chosen_.hyper, in, s.value);
  } else {
    kind_->fill_f64(chosen_.hyper, in, s.value);
  }
  return s;
}

OptimizerUpdate::Bound OptimizerUpdate::bind(const RunArgs& args) const {
  Bound b;
  b.update_ = chosen_.update;
  if (dtype_ == DType::f32) {
    b.scalars_ = scalars_of_run<float>(args);
  } else {
    b.scalars_ = scalars_of_run<double>(args);
  }
  b.w_ = args.out[0];
  for (int i = 0; i < slots(); ++i) b.slot_[i] = args.out[1 + i];
  return b;
}

namespace {

template <class T>
void apply(Update u, const UpdateScalars<T>& p, bool threaded, int64_t offset, int64_t n, void* w,
           void* const (&slot)[max_update_slots], const void* g) {
  const auto from = [offset](void* s) { return s == nullptr ? nullptr : static_cast<T*>(s) + offset; };
  T* const slots[max_update_slots] = {from(slot[0]), from(slot[1]), from(slot[2])};
  (threaded ? update<T> : update_span<T>)(u, p, n, from(w), slots, static_cast<const T*>(g));
}

}  // namespace

void OptimizerUpdate::Bound::span(int64_t offset, int64_t n, const void* g) const {
  std::visit([&](const auto& p) { apply(update_, p, false, offset, n, w_, slot_, g); }, scalars_);
}

void OptimizerUpdate::Bound::sweep(int64_t n, const void* g) const {
  std::visit([&](const auto& p) { apply(update_, p, true, 0, n, w_, slot_, g); }, scalars_);
}

}  // namespace pk
