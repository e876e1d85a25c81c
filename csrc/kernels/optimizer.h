// Optimizer updates, one sweep over memory each. T is float or double. All arrays have n elements and
// do not overlap; g is read only; w and the slots are updated in place. Formulas are Keras 3's; every
// hyperparameter is rounded to T once, as there (1 - beta is formed in double and then rounded: in
// float, 1 - 0.999F would be off by 1.3e-5). Scalars arrive ready (the caller computes bias corrections
// from the iteration number). The plain names split their work over threads; the *_span forms do one
// contiguous piece serially, for use inside a GEMM's TileSink. Bits do not depend on how an array is
// cut into pieces. A NaN in g makes NaN of that element of w and of the slots it enters.
#pragma once

#include <cstdint>

namespace pk {

using std::int64_t;

template <class T>
struct SgdParams {
  T lr, momentum;  // momentum 0: `velocity` is not read or written and may be null
  bool nesterov;
};
// momentum == 0: w -= lr g.  Else v = momentum v - lr g; w += nesterov ? momentum v - lr g : v.
template <class T>
void sgd(const SgdParams<T>& p, int64_t n, T* w, T* velocity, const T* g);
template <class T>
void sgd_span(const SgdParams<T>& p, int64_t n, T* w, T* velocity, const T* g);

template <class T>
struct RmspropParams {
  T lr, rho, one_minus_rho;
  T momentum;  // 0: `mom` is not read or written and may be null
  T epsilon;
  bool centered;  // false: `average` is not read or written and may be null
};
// v = rho v + (1 - rho) g^2; centered: a = rho a + (1 - rho) g, d = v - a^2 + eps, else d = v + eps;
// inc = lr g / sqrt(d); momentum > 0: m = momentum m + inc, w -= m; else w -= inc.
template <class T>
void rmsprop(const RmspropParams<T>& p, int64_t n, T* w, T* velocity, T* mom, T* average, const T* g);
template <class T>
void rmsprop_span(const RmspropParams<T>& p, int64_t n, T* w, T* velocity, T* mom, T* average, const T* g);

template <class T>
struct AdamParams {
  T alpha;  // lr * sqrt(1 - beta2^t) / (1 - beta1^t), t = iterations + 1
  T one_minus_beta1, one_minus_beta2, epsilon;
  bool amsgrad;  // false: `vhat` is not read or written and may be null
};
// m += (g - m)(1 - beta1); v += (g^2 - v)(1 - beta2); amsgrad: vhat = max(vhat, v), v := vhat below;
// w -= m alpha / (sqrt(v) + eps). Kingma & Ba, "Adam", ICLR 2015 (the form before section 2.1, whose
// eps is "epsilon hat"); Reddi et al., "On the Convergence of Adam and Beyond", ICLR 2018 (amsgrad).
template <class T>
void adam(const AdamParams<T>& p, int64_t n, T* w, T* m, T* v, T* vhat, const T* g);
template <class T>
void adam_span(const AdamParams<T>& p, int64_t n, T* w, T* m, T* v, T* vhat, const T* g);

}  // namespace pk
