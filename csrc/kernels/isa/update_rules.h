// The formula of each row of updates.def: w and its slots one step further. `p` are the scalars, broadcast.
// Multiply-adds are spelled out: left to the compiler, they could differ between whole vectors and the rest of one, and
// bits with them.
#pragma once

#include "kernels/isa/abreast.h"
#include "kernels/optimizer.h"

namespace pk::PK_ISA {
namespace {

template <Update U>
struct Rule {};

// The larger one, NaN where either is.
template <class X>
X larger(X a, X b) {
  return select(ne(b, b), b, select(lt(a, b), b, a));
}

// s, t -> (1 - rest) s + rest t.
template <class X>
X towards(X s, X t, X rest) {
  return fma(t - s, rest, s);
}
template <class X>
X towards_square(X s, X t, X rest) {
  return fnma(fnma(t, t, s), rest, s);
}

template <class X>
void step(Rule<Update::sgd>, const X* p, X g, X& w, X*) {
  w = fnma(p[scalars_of::sgd::lr], g, w);
}

template <bool Nesterov, class X>
void sgd_step(X lr, X momentum, X g, X& w, X& velocity) {
  const X step = -(lr * g);
  velocity = fma(momentum, velocity, step);
  w = w + (Nesterov ? fma(momentum, velocity, step) : velocity);
}
template <class X>
void step(Rule<Update::sgd_momentum>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::sgd_momentum;
  sgd_step<false>(p[lr], p[momentum], g, w, s[0]);
}
template <class X>
void step(Rule<Update::sgd_nesterov>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::sgd_nesterov;
  sgd_step<true>(p[lr], p[momentum], g, w, s[0]);
}

// v = rho v + (1 - rho) g^2; centered: a = rho a + (1 - rho) g, d = v - a^2 + eps, else d = v + eps;
// inc = lr g / sqrt(d); with momentum: m = momentum m + inc, w -= m; else w -= inc. Null: without it.
template <class X>
void rmsprop_step(const X* p, X g, X& w, X& velocity, X* moment, X* average) {
  using namespace scalars_of::rmsprop_centered_momentum;  // the others have the same places
  velocity = fma(p[rho], velocity, p[rest] * (g * g));
  X d = velocity;
  if (average != nullptr) {
    *average = fma(p[rho], *average, p[rest] * g);
    d = fnma(*average, *average, d);
  }
  X inc = over_root(p[lr] * g, d + p[epsilon]);
  if (moment != nullptr) inc = *moment = fma(p[momentum], *moment, inc);
  w = w - inc;
}
template <class X>
void step(Rule<Update::rmsprop>, const X* p, X g, X& w, X* s) {
  rmsprop_step<X>(p, g, w, s[0], nullptr, nullptr);
}
template <class X>
void step(Rule<Update::rmsprop_momentum>, const X* p, X g, X& w, X* s) {
  rmsprop_step<X>(p, g, w, s[0], s + 1, nullptr);
}
template <class X>
void step(Rule<Update::rmsprop_centered>, const X* p, X g, X& w, X* s) {
  rmsprop_step<X>(p, g, w, s[0], nullptr, s + 1);
}
template <class X>
void step(Rule<Update::rmsprop_centered_momentum>, const X* p, X g, X& w, X* s) {
  rmsprop_step<X>(p, g, w, s[0], s + 1, s + 2);
}

// m += (g - m)(1 - beta1); v += (g^2 - v)(1 - beta2); amsgrad: vhat = max(vhat, v), v := vhat below;
// w -= m alpha / (sqrt(v) + eps). Kingma & Ba, "Adam", ICLR 2015 (the form before section 2.1, whose
// eps is "epsilon hat"); Reddi et al., "On the Convergence of Adam and Beyond", ICLR 2018 (amsgrad).
// The square root is left to the divider, which works beside the multipliers: with both it and the quotient
// estimated, or neither, adam is slower.
template <class X>
void step(Rule<Update::adam>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::adam;
  s[0] = towards(s[0], g, p[rest_1]);
  s[1] = towards_square(s[1], g, p[rest_2]);
  w = w - over(s[0] * p[alpha], vsqrt(s[1]) + p[epsilon]);
}
template <class X>
void step(Rule<Update::adam_amsgrad>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::adam_amsgrad;
  s[0] = towards(s[0], g, p[rest_1]);
  s[1] = towards_square(s[1], g, p[rest_2]);
  s[2] = larger(s[2], s[1]);
  w = w - over(s[0] * p[alpha], vsqrt(s[2]) + p[epsilon]);
}

// a += g^2; w -= lr g / sqrt(a + eps). Duchi, Hazan & Singer, JMLR 12, 2011.
template <class X>
void step(Rule<Update::adagrad>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::adagrad;
  s[0] = fma(g, g, s[0]);
  w = w - over_root(p[lr] * g, s[0] + p[epsilon]);
}

// a = rho a + (1 - rho) g^2; d = sqrt(b + eps) g / sqrt(a + eps); b = rho b + (1 - rho) d^2; w -= lr d.
// Zeiler, arXiv:1212.5701.
template <class X>
void step(Rule<Update::adadelta>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::adadelta;
  s[0] = fma(p[rho], s[0], p[rest] * (g * g));
  const X delta = over_root(vsqrt(s[1] + p[epsilon]) * g, s[0] + p[epsilon]);
  s[1] = fma(p[rho], s[1], p[rest] * (delta * delta));
  w = fnma(p[lr], delta, w);
}

// m += (g - m)(1 - beta1); u = max(beta2 u, |g|); w -= m alpha / (u + eps), alpha = lr / (1 - beta1^t).
// Kingma & Ba, section 7.1.
template <class X>
void step(Rule<Update::adamax>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::adamax;
  s[0] = towards(s[0], g, p[rest_1]);
  s[1] = larger(p[beta_2] * s[1], vabs(g));
  w = w - over(s[0] * p[alpha], s[1] + p[epsilon]);
}

// m and v as Adam's; w -= (of_m m + of_g g) / (sqrt(of_v v) + eps). Dozat, "Incorporating Nesterov momentum into Adam",
// ICLR workshop 2016.
template <class X>
void step(Rule<Update::nadam>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::nadam;
  s[0] = towards(s[0], g, p[rest_1]);
  s[1] = towards_square(s[1], g, p[rest_2]);
  w = w - over(fma(p[of_m], s[0], p[of_g] * g), vsqrt(p[of_v] * s[1]) + p[epsilon]);
}

// w -= lr sign(beta1 m + (1 - beta1) g); m = beta2 m + (1 - beta2) g. Chen et al., arXiv:2302.06675.
template <class X>
void step(Rule<Update::lion>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::lion;
  const X c = fma(s[0], p[beta_1], g * p[rest_1]), zero = X::set1(0);
  w = w - select(gt(c, zero), p[lr], select(lt(c, zero), -p[lr], c));  // 0 and NaN stay
  s[0] = fma(s[0], p[beta_2], g * p[rest_2]);
}

// a' = a + g^2; linear += g + 2 shrinkage w - (a'^p - a^p) w / lr; w = (clip(linear, -l1, l1) - linear) / (a'^p / lr +
// 2 l2). McMahan et al., "Ad Click Prediction", KDD 2013.
template <class X>
void ftrl_step(X grown, X before, X over_lr, X l1, X two_l2, X two_shrinkage, X g, X& w, X& linear) {
  linear = linear + fnma((grown - before) * over_lr, w, fma(two_shrinkage, w, g));
  const X clipped = vmax(-l1, vmin(l1, linear));  // the second operand stays where it is NaN
  w = (clipped - linear) / fma(grown, over_lr, two_l2);
}
template <class X>
void step(Rule<Update::ftrl>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::ftrl;
  const X before = s[0];
  s[0] = fma(g, g, s[0]);
  const X grown = vpower(s[0], p[power]);
  ftrl_step(grown, vpower(before, p[power]), p[over_lr], p[l1], p[two_l2], p[two_shrinkage], g, w, s[1]);
}
template <class X>
void step(Rule<Update::ftrl_root>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::ftrl_root;
  const X before = s[0];
  s[0] = fma(g, g, s[0]);
  ftrl_step(vsqrt(s[0]), vsqrt(before), p[over_lr], p[l1], p[two_l2], p[two_shrinkage], g, w, s[1]);
}

// w is y of the paper. v as Adam's; x = (w - (1 - beta1) z) / beta1; z -= lr g / (sqrt(of_v v) + eps);
// x += weight (z - x); w = (1 - beta1) z + beta1 x. Defazio et al., "The Road Less Scheduled", NeurIPS 2024.
template <class X>
void step(Rule<Update::schedule_free>, const X* p, X g, X& w, X* s) {
  using namespace scalars_of::schedule_free;
  const X x = fnma(p[rest_1], s[0], w) * p[over_beta_1];
  s[1] = towards_square(s[1], g, p[rest_2]);
  s[0] = s[0] - over(p[lr] * g, vsqrt(p[of_v] * s[1]) + p[epsilon]);
  w = fma(p[rest_1], s[0], p[beta_1] * towards(x, s[0], p[weight]));
}

}  // namespace
}  // namespace pk::PK_ISA
