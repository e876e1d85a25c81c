#include "program/update_kinds.h"

#include <cmath>

#include "base/error.h"

namespace pk {

namespace {

constexpr double huge = 1e30;

double checked(const Attrs& attrs, const char* key, double low, double high) {
  const double x = attrs.number(key);
  PK_CHECK(x >= low && x <= high, std::string("attribute '") + key + "' must be in [" + std::to_string(low) + ", " +
                                      std::to_string(high) + "], got " + std::to_string(x));
  return x;
}

double positive(const Attrs& attrs, const char* key) { return checked(attrs, key, 0, huge); }

// beta^t as Keras has it: the power of the rounded beta.
template <class T>
T power(double beta, int64_t t) {
  return static_cast<T>(std::pow(static_cast<double>(static_cast<T>(beta)), static_cast<double>(t)));
}

// 1 - beta, either as a difference of doubles or of the rounded beta: for beta = 0.999 they differ by 1.3e-5, so it
// shows. Each kind has Keras's.
template <class T>
T rest(double beta) {
  return static_cast<T>(1 - beta);
}
template <class T>
T rest_of_rounded(double beta) {
  return 1 - static_cast<T>(beta);
}

struct Sgd {
  static constexpr const char* form = "g, lr -> w [, velocity] {momentum, nesterov [, weight_decay]}";
  static constexpr int scalars = 1;
  static ChosenUpdate choose(const Attrs& a) {
    const double momentum = checked(a, "momentum", 0, 1);
    const bool nesterov = a.boolean("nesterov");
    return {momentum == 0 ? Update::sgd : (nesterov ? Update::sgd_nesterov : Update::sgd_momentum), {momentum}};
  }
  template <class T>
  static void fill(const double* h, const StepInputs<T>& in, T* s) {
    s[0] = in.lr;
    s[scalars_of::sgd_momentum::momentum] = static_cast<T>(h[0]);
  }
};

struct Rmsprop {
  static constexpr const char* form =
      "g, lr -> w, velocity [, momentum] [, average] {rho, momentum, epsilon, centered [, weight_decay]}";
  static constexpr int scalars = 1;
  static ChosenUpdate choose(const Attrs& a) {
    const double momentum = positive(a, "momentum");
    const Update plain = momentum > 0 ? Update::rmsprop_momentum : Update::rmsprop;
    const Update centered = momentum > 0 ? Update::rmsprop_centered_momentum : Update::rmsprop_centered;
    return {a.boolean("centered") ? centered : plain, {a.number("rho"), momentum, positive(a, "epsilon")}};
  }
  template <class T>
  static void fill(const double* h, const StepInputs<T>& in, T* s) {
    namespace at = scalars_of::rmsprop_momentum;
    s[at::lr] = in.lr;
    s[at::rho] = static_cast<T>(h[0]);
    s[at::rest] = rest<T>(h[0]);
    s[at::momentum] = static_cast<T>(h[1]);
    s[at::epsilon] = static_cast<T>(h[2]);
  }
};

struct Adam {
  static constexpr const char* form =
      "g, lr, iterations -> w, m, v [, vhat] {beta_1, beta_2, epsilon, amsgrad [, weight_decay]}";
  static constexpr int scalars = 2;
  static ChosenUpdate choose(const Attrs& a) {
    return {a.boolean("amsgrad") ? Update::adam_amsgrad : Update::adam,
            {a.number("beta_1"), a.number("beta_2"), positive(a, "epsilon")}};
  }
  template <class T>
  static void fill(const double* h, const StepInputs<T>& in, T* s) {
    namespace at = scalars_of::adam;
    const int64_t t = in.iterations + 1;
    s[at::alpha] = in.lr * std::sqrt(1 - power<T>(h[1], t)) / (1 - power<T>(h[0], t));
    s[at::rest_1] = rest<T>(h[0]);
    s[at::rest_2] = rest<T>(h[1]);
    s[at::epsilon] = static_cast<T>(h[2]);
  }
};

struct Adagrad {
  static constexpr const char* form = "g, lr -> w, accumulator {epsilon [, weight_decay]}";
  static constexpr int scalars = 1;
  static ChosenUpdate choose(const Attrs& a) { return {Update::adagrad, {positive(a, "epsilon")}}; }
  template <class T>
  static void fill(const double* h, const StepInputs<T>& in, T* s) {
    s[scalars_of::adagrad::lr] = in.lr;
    s[scalars_of::adagrad::epsilon] = static_cast<T>(h[0]);
  }
};

struct Adadelta {
  static constexpr const char* form = "g, lr -> w, accumulated_grad, accumulated_delta {rho, epsilon [, weight_decay]}";
  static constexpr int scalars = 1;
  static ChosenUpdate choose(const Attrs& a) { return {Update::adadelta, {a.number("rho"), positive(a, "epsilon")}}; }
  template <class T>
  static void fill(const double* h, const StepInputs<T>& in, T* s) {
    namespace at = scalars_of::adadelta;
    s[at::lr] = in.lr;
    s[at::rho] = static_cast<T>(h[0]);
    s[at::rest] = rest<T>(h[0]);
    s[at::epsilon] = static_cast<T>(h[1]);
  }
};

struct Adamax {
  static constexpr const char* form = "g, lr, iterations -> w, m, u {beta_1, beta_2, epsilon [, weight_decay]}";
  static constexpr int scalars = 2;
  static ChosenUpdate choose(const Attrs& a) {
    return {Update::adamax, {a.number("beta_1"), a.number("beta_2"), positive(a, "epsilon")}};
  }
  template <class T>
  static void fill(const double* h, const StepInputs<T>& in, T* s) {
    namespace at = scalars_of::adamax;
    s[at::alpha] = in.lr / (1 - power<T>(h[0], in.iterations + 1));
    s[at::rest_1] = rest<T>(h[0]);
    s[at::beta_2] = static_cast<T>(h[1]);
    s[at::epsilon] = static_cast<T>(h[2]);
  }
};

struct Nadam {
  static constexpr const char* form =
      "g, lr, iterations, product -> w, m, v {beta_1, beta_2, epsilon, schedule [, weight_decay]}; product: of the "
      "momentums up to this step, which are beta_1 (1 - 0.5 * 0.96^(schedule t))";
  static constexpr int scalars = 3;
  static ChosenUpdate choose(const Attrs& a) {
    return {Update::nadam,
            {a.number("beta_1"), a.number("beta_2"), positive(a, "epsilon"), checked(a, "schedule", 0, huge)}};
  }
  template <class T>
  static void fill(const double* h, const StepInputs<T>& in, T* s) {
    namespace at = scalars_of::nadam;
    const int64_t t = in.iterations + 1;
    const T decay = static_cast<T>(0.96), beta_1 = static_cast<T>(h[0]);
    const auto momentum = [&](int64_t step) {
      const double exponent = static_cast<double>(step) * h[3];
      return beta_1 * (1 - static_cast<T>(0.5) * static_cast<T>(std::pow(static_cast<double>(decay), exponent)));
    };
    const T now = momentum(t), next = momentum(t + 1);
    s[at::of_m] = in.lr * next / (1 - in.third * next);
    s[at::of_g] = in.lr * (1 - now) / (1 - in.third);
    s[at::of_v] = 1 / (1 - power<T>(h[1], t));
    s[at::rest_1] = rest_of_rounded<T>(h[0]);
    s[at::rest_2] = rest_of_rounded<T>(h[1]);
    s[at::epsilon] = static_cast<T>(h[2]);
  }
};

struct Lion {
  static constexpr const char* form = "g, lr -> w, m {beta_1, beta_2 [, weight_decay]}";
  static constexpr int scalars = 1;
  static ChosenUpdate choose(const Attrs& a) { return {Update::lion, {a.number("beta_1"), a.number("beta_2")}}; }
  template <class T>
  static void fill(const double* h, const StepInputs<T>& in, T* s) {
    namespace at = scalars_of::lion;
    s[at::lr] = in.lr;
    s[at::beta_1] = static_cast<T>(h[0]);
    s[at::rest_1] = rest_of_rounded<T>(h[0]);
    s[at::beta_2] = static_cast<T>(h[1]);
    s[at::rest_2] = rest_of_rounded<T>(h[1]);
  }
};

struct Ftrl {
  static constexpr const char* form =
      "g, lr -> w, accumulator, linear {learning_rate_power, l1, l2, l2_shrinkage, beta [, weight_decay]}";
  static constexpr int scalars = 1;
  static ChosenUpdate choose(const Attrs& a) {
    const double power = checked(a, "learning_rate_power", -huge, 0);
    return {power == -0.5 ? Update::ftrl_root : Update::ftrl,
            {power, positive(a, "l1"), positive(a, "l2"), positive(a, "l2_shrinkage"), a.number("beta")}};
  }
  template <class T>
  static void fill(const double* h, const StepInputs<T>& in, T* s) {
    const T over_lr = 1 / in.lr, l1 = static_cast<T>(h[1]), shrinkage = static_cast<T>(2 * h[3]);
    const T two_l2 = 2 * (static_cast<T>(h[2]) + static_cast<T>(h[4]) / (2 * in.lr));
    if (h[0] == -0.5) {
      namespace at = scalars_of::ftrl_root;
      s[at::over_lr] = over_lr, s[at::l1] = l1, s[at::two_l2] = two_l2, s[at::two_shrinkage] = shrinkage;
    } else {
      namespace at = scalars_of::ftrl;
      s[at::over_lr] = over_lr, s[at::l1] = l1, s[at::two_l2] = two_l2, s[at::two_shrinkage] = shrinkage;
      s[at::power] = static_cast<T>(-h[0]);
    }
  }
};

struct ScheduleFree {
  static constexpr const char* form =
      "g, lr, iterations -> w, z, v {beta_1, beta_2, epsilon, warmup_steps [, weight_decay]}";
  static constexpr int scalars = 2;
  static ChosenUpdate choose(const Attrs& a) {
    return {Update::schedule_free,
            {a.number("beta_1"), a.number("beta_2"), positive(a, "epsilon"), checked(a, "warmup_steps", -huge, huge)}};
  }
  template <class T>
  static void fill(const double* h, const StepInputs<T>& in, T* s) {
    namespace at = scalars_of::schedule_free;
    const int64_t t = in.iterations + 1;
    const T count = static_cast<T>(t), warmup = static_cast<T>(h[3]), beta_1 = static_cast<T>(h[0]);
    s[at::lr] = warmup > 0 && count < warmup ? in.lr * (count / warmup) : in.lr;
    s[at::beta_1] = beta_1;
    s[at::over_beta_1] = 1 / beta_1;
    s[at::rest_1] = 1 - beta_1;
    s[at::rest_2] = rest_of_rounded<T>(h[1]);
    s[at::of_v] = 1 / (1 - power<T>(h[1], t));
    s[at::epsilon] = static_cast<T>(h[2]);
    s[at::weight] = 1 / count;
  }
};

template <class K>
constexpr UpdateKind kind(const char* name) {
  return {name, K::form, K::scalars, K::choose, K::template fill<float>, K::template fill<double>};
}

constexpr UpdateKind kinds[] = {
    kind<Sgd>("sgd"),
    kind<Rmsprop>("rmsprop"),
    kind<Adam>("adam"),
    kind<Adagrad>("adagrad"),
    kind<Adadelta>("adadelta"),
    kind<Adamax>("adamax"),
    kind<Nadam>("nadam"),
    kind<Lion>("lion"),
    kind<Ftrl>("ftrl"),
    kind<ScheduleFree>("schedule_free"),
    {nullptr, nullptr, 0, nullptr, nullptr, nullptr},
};

}  // namespace

const UpdateKind* update_kinds() { return kinds; }

const UpdateKind& update_kind(const std::string& name) {
  std::string names;
  for (const UpdateKind* k = kinds; k->name != nullptr; ++k) {
    if (name == k->name) return *k;
    names += std::string(names.empty() ? "" : ", ") + k->name;
  }
  fail("no update is called '" + name + "'; there are " + names);
}

}  // namespace pk
