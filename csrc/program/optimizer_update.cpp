#include "program/optimizer_update.h"

#include <cmath>

#include "base/error.h"

namespace pk {

namespace {

double checked(const Attrs& attrs, const char* key, double low, double high) {
  const double x = attrs.number(key);
  PK_CHECK(x >= low && x <= high, std::string("attribute '") + key + "' must be in [" + std::to_string(low) + ", " +
                                      std::to_string(high) + "], got " + std::to_string(x));
  return x;
}

constexpr double huge = 1e30;

}  // namespace

OptimizerUpdate OptimizerUpdate::make(const std::string& kind, const Attrs& attrs, DType dtype,
                                      int first_scalar_input) {
  PK_CHECK(is_float(dtype), std::string("an update needs float32 or float64 variables, got ") + name_of(dtype));
  OptimizerUpdate u;
  u.dtype_ = dtype;
  u.first_scalar_ = first_scalar_input;
  if (kind == "sgd") {
    u.kind_ = Kind::sgd;
    u.momentum_ = checked(attrs, "momentum", 0, 1);
    u.flag_ = attrs.boolean("nesterov");
    u.slots_ = u.momentum_ != 0 ? 1 : 0;
  } else if (kind == "rmsprop") {
    u.kind_ = Kind::rmsprop;
    u.rho_ = attrs.number("rho");
    u.momentum_ = checked(attrs, "momentum", 0, huge);
    u.epsilon_ = checked(attrs, "epsilon", 0, huge);
    u.flag_ = attrs.boolean("centered");
    u.slots_ = 1 + (u.momentum_ > 0 ? 1 : 0) + (u.flag_ ? 1 : 0);
  } else if (kind == "adam") {
    u.kind_ = Kind::adam;
    u.beta_1_ = attrs.number("beta_1");
    u.beta_2_ = attrs.number("beta_2");
    u.epsilon_ = checked(attrs, "epsilon", 0, huge);
    u.flag_ = attrs.boolean("amsgrad");
    u.slots_ = u.flag_ ? 3 : 2;
  } else {
    fail("no update is called '" + kind + "'; there are sgd, rmsprop and adam");
  }
  return u;
}

void OptimizerUpdate::expect_types(const OpSpec& spec) const {
  expect_counts(spec, static_cast<std::size_t>(first_scalar_ + scalars()), static_cast<std::size_t>(1 + slots()));
  const ValueType& lr = spec.in[static_cast<std::size_t>(first_scalar_)];
  expect_dtype(spec, lr, DType::f32, "the learning rate");
  expect_shape(spec, lr, Shape{}, "the learning rate");
  if (kind_ == Kind::adam) {
    const ValueType& iterations = spec.in[static_cast<std::size_t>(first_scalar_ + 1)];
    expect_dtype(spec, iterations, DType::i64, "iterations");
    expect_shape(spec, iterations, Shape{}, "iterations");
  }
  expect_dtype(spec, spec.out[0], dtype_, "the variable");
  for (std::size_t i = 1; i < spec.out.size(); ++i) {
    expect_dtype(spec, spec.out[i], dtype_, "an optimizer slot");
    expect_shape(spec, spec.out[i], spec.out[0].shape, "an optimizer slot");
  }
}

double OptimizerUpdate::flops_per_element() const {
  switch (kind_) {
    case Kind::sgd:
      return momentum_ == 0 ? 2 : (flag_ ? 6 : 4);
    case Kind::rmsprop:
      return 9 + (momentum_ > 0 ? 2 : 0) + (flag_ ? 5 : 0);
    case Kind::adam:
      return 12 + (flag_ ? 1 : 0);
  }
  return 0;
}

// Every hyperparameter is rounded to the variable's type where Keras does it: 1 - beta as a difference of doubles,
// beta^t as the power of the rounded beta (1 - 0.999F differs from float(1 - 0.999) by 1.3e-5, so it shows).
template <class T>
void OptimizerUpdate::bind_params(const RunArgs& args, Bound& b) const {
  const T lr = static_cast<T>(*args.input<float>(first_scalar_));
  const auto rounded = [](double x) { return static_cast<T>(x); };
  switch (kind_) {
    case Kind::sgd:
      b.params_ = SgdParams<T>{lr, rounded(momentum_), flag_};
      break;
    case Kind::rmsprop:
      b.params_ = RmspropParams<T>{lr, rounded(rho_), rounded(1 - rho_), rounded(momentum_), rounded(epsilon_), flag_};
      break;
    case Kind::adam: {
      const double t = static_cast<double>(*args.input<int64_t>(first_scalar_ + 1) + 1);
      const T power_1 = rounded(std::pow(static_cast<double>(rounded(beta_1_)), t));
      const T power_2 = rounded(std::pow(static_cast<double>(rounded(beta_2_)), t));
      const T alpha = lr * std::sqrt(1 - power_2) / (1 - power_1);
      b.params_ = AdamParams<T>{alpha, rounded(1 - beta_1_), rounded(1 - beta_2_), rounded(epsilon_), flag_};
      break;
    }
  }
}

OptimizerUpdate::Bound OptimizerUpdate::bind(const RunArgs& args) const {
  Bound b;
  if (dtype_ == DType::f32) {
    bind_params<float>(args, b);
  } else {
    bind_params<double>(args, b);
  }
  b.w_ = args.out[0];
  // RMSprop's momentum is left out where it is zero, so that average may come second.
  const bool average_second = kind_ == Kind::rmsprop && momentum_ == 0 && flag_;
  for (int i = 0; i < slots_; ++i) b.slot_[average_second && i == 1 ? 2 : i] = args.out[1 + i];
  return b;
}

namespace {

template <class T>
void update(const SgdParams<T>& p, bool threaded, int64_t n, T* w, T* const (&slot)[3], const T* g) {
  (threaded ? sgd<T> : sgd_span<T>)(p, n, w, slot[0], g);
}
template <class T>
void update(const RmspropParams<T>& p, bool threaded, int64_t n, T* w, T* const (&slot)[3], const T* g) {
  (threaded ? rmsprop<T> : rmsprop_span<T>)(p, n, w, slot[0], slot[1], slot[2], g);
}
template <class T>
void update(const AdamParams<T>& p, bool threaded, int64_t n, T* w, T* const (&slot)[3], const T* g) {
  (threaded ? adam<T> : adam_span<T>)(p, n, w, slot[0], slot[1], slot[2], g);
}

template <template <class> class Params, class T>
void apply(const Params<T>& p, bool threaded, int64_t offset, int64_t n, void* w, void* const (&slot)[3],
           const void* g) {
  const auto from = [offset](void* s) { return s == nullptr ? nullptr : static_cast<T*>(s) + offset; };
  T* const slots[3] = {from(slot[0]), from(slot[1]), from(slot[2])};
  update(p, threaded, n, from(w), slots, static_cast<const T*>(g));
}

}  // namespace

void OptimizerUpdate::Bound::span(int64_t offset, int64_t n, const void* g) const {
  std::visit([&](const auto& p) { apply(p, false, offset, n, w_, slot_, g); }, params_);
}

void OptimizerUpdate::Bound::sweep(int64_t n, const void* g) const {
  std::visit([&](const auto& p) { apply(p, true, 0, n, w_, slot_, g); }, params_);
}

}  // namespace pk
