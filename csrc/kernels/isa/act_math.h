// Activations and their derivatives over any vector type. Definitions: kernels/activations.def.
#pragma once

#include "kernels/activation.h"
#include "kernels/isa/vec_math.h"

namespace pk::PK_ISA {
namespace {

template <class V>
V constant(double c) {
  return V::set1(static_cast<typename V::T>(c));
}

template <class V>
V relu6_of(V x) {
  return vmin(constant<V>(6), vmax(V::zero(), x));
}

constexpr double selu_alpha = 1.6732632423543772848170429916717;
constexpr double selu_scale = 1.0507009873554804934193349852946;
constexpr double sqrt_half = 0.70710678118654752440;
constexpr double inv_sqrt_two_pi = 0.39894228040143267794;
constexpr double two_sqrt_two_over_pi = 1.59576912160573071176;
constexpr double gelu_cubic = 0.044715;

// sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3), which is (1 + tanh(u)) / 2.
template <class V>
V gelu_tanh_gate(V x) {
  const V cubic = fma(constant<V>(gelu_cubic) * x, x * x, x);
  return vsigmoid(constant<V>(two_sqrt_two_over_pi) * cubic);
}

// tanh(softplus(x)) = m / (m + 2) with e = exp(x), m = e (e + 2); 1 from x = 20 on.
template <class V>
V mish_exp(V x) {
  return vexp(vmin(constant<V>(20), x));
}

template <class V>
V within_unit(V x) {
  return vmin(one<V>(), vmax(-one<V>(), x));
}

// x - tanh(x). Within 1, where that would cancel, x c / (1 + c) of Gauss's continued fraction tanh(x) = x / (1 + c).
template <class V>
V tanh_gap(V x) {
  constexpr int depth = sizeof(typename V::T) == 4 ? 6 : 11;
  const V square = x * x;
  V c = square / constant<V>(2 * depth + 1);
  for (int k = 2 * depth - 1; k >= 3; k -= 2) c = square / (constant<V>(k) + c);
  return select(lt(vabs(x), one<V>()), x * (c / (one<V>() + c)), x - vtanh(x));
}

template <Act act, class V>
V act_value(V x, V alpha) {
  const V zero = V::zero();
  const V unit = one<V>();
  if constexpr (act == Act::relu) return vmax(zero, x);
  if constexpr (act == Act::relu6) return relu6_of(x);
  if constexpr (act == Act::leaky_relu) return select(gt(x, zero), x, alpha * x);
  if constexpr (act == Act::elu) return select(gt(x, zero), x, alpha * vexpm1(x));
  if constexpr (act == Act::selu) {
    return select(gt(x, zero), constant<V>(selu_scale) * x, constant<V>(selu_scale * selu_alpha) * vexpm1(x));
  }
  if constexpr (act == Act::gelu) {
    return constant<V>(0.5) * x * (unit + verf(x * constant<V>(sqrt_half)));
  }
  if constexpr (act == Act::gelu_tanh) return x * gelu_tanh_gate(x);
  if constexpr (act == Act::silu) return x * vsigmoid(x);
  if constexpr (act == Act::sigmoid) return vsigmoid(x);
  if constexpr (act == Act::hard_sigmoid) return relu6_of(x + constant<V>(3)) * constant<V>(1.0 / 6);
  if constexpr (act == Act::hard_silu) return x * (relu6_of(x + constant<V>(3)) * constant<V>(1.0 / 6));
  if constexpr (act == Act::tanh) return vtanh(x);
  if constexpr (act == Act::softplus) return vsoftplus(x);
  if constexpr (act == Act::softsign) return x / (unit + vabs(x));
  if constexpr (act == Act::exponential) return vexp(x);
  if constexpr (act == Act::mish) {
    const V e = mish_exp(x);
    const V m = e * (e + constant<V>(2));
    return x * (m / (m + constant<V>(2)));
  }
  if constexpr (act == Act::squareplus) {
    // Left of 0 the sum would cancel; from 1e18 on x^2 may overflow, and the root is |x|.
    const V a = vabs(x);
    const V root = select(gt(a, constant<V>(1e18)), a, vsqrt(fma(x, x, alpha)));
    return constant<V>(0.5) * select(ge(x, zero), x + root, alpha / (root - x));
  }
  if constexpr (act == Act::celu) return select(ge(x, zero), x, alpha * vexpm1(x / alpha));
  if constexpr (act == Act::hard_tanh) return within_unit(x);
  if constexpr (act == Act::tanh_shrink) return tanh_gap(x);
  if constexpr (act == Act::soft_shrink) return select(le(vabs(x), alpha), zero, copysign(vabs(x) - alpha, x));
  if constexpr (act == Act::hard_shrink) return select(le(vabs(x), alpha), zero, x);
  if constexpr (act == Act::sparse_plus) {
    const V root = constant<V>(0.5) * (within_unit(x) + unit);
    return select(ge(x, unit), x, root * root);
  }
  if constexpr (act == Act::sparse_sigmoid) return constant<V>(0.5) * (within_unit(x) + unit);
  static_cast<void>(alpha);
  static_cast<void>(zero);
  static_cast<void>(unit);
  return x;
}

// act'(ref) * d, where ref is y if grad_reads_output(act), else x. At kinks the choice is JAX's: relu 0, relu6 0,
// leaky_relu 1, elu and selu the left one. Where the slope is 0 because a unit is off, the result is 0 for any d, as
// behind a choice: an infinite or NaN gradient does not get through.
template <Act act, class V>
V act_backward(V ref, V alpha, V d) {
  const V zero = V::zero();
  const V unit = one<V>();
  if constexpr (act == Act::relu) return select(gt(ref, zero), d, zero);
  if constexpr (act == Act::relu6) return select(gt(ref, zero) & lt(ref, constant<V>(6)), d, zero);
  if constexpr (act == Act::leaky_relu) {
    // y = 0 means x = 0, except with alpha = 0, where it also means x < 0.
    const auto sloped = gt(alpha, zero);
    return select(gt(ref, zero) | (eq(ref, zero) & sloped), d, select(sloped, alpha * d, zero));
  }
  if constexpr (act == Act::elu) {
    const V slope = select(gt(ref, zero), unit, ref + alpha);
    return select(eq(slope, zero), zero, slope * d);
  }
  if constexpr (act == Act::selu) {
    const V slope = select(gt(ref, zero), constant<V>(selu_scale), ref + constant<V>(selu_scale * selu_alpha));
    return select(eq(slope, zero), zero, slope * d);
  }
  if constexpr (act == Act::sigmoid) return ref * (unit - ref) * d;
  if constexpr (act == Act::hard_sigmoid) {
    return select(gt(ref, zero) & lt(ref, unit), constant<V>(1.0 / 6) * d, zero);
  }
  if constexpr (act == Act::tanh) return fnma(ref, ref, unit) * d;
  if constexpr (act == Act::softplus) return -vexpm1(-ref) * d;
  if constexpr (act == Act::softsign) {
    const V gap = unit - vabs(ref);
    return gap * gap * d;
  }
  if constexpr (act == Act::exponential) return ref * d;
  if constexpr (act == Act::gelu) {
    const V cdf = constant<V>(0.5) * (unit + verf(ref * constant<V>(sqrt_half)));
    return fma(ref * constant<V>(inv_sqrt_two_pi), vexp(constant<V>(-0.5) * ref * ref), cdf) * d;
  }
  if constexpr (act == Act::gelu_tanh) {
    // Beyond 30 the gate is 0 or 1 to the last bit of a double; the bound keeps x^3 finite.
    const V x = vmax(constant<V>(-30), vmin(constant<V>(30), ref));
    const V s = gelu_tanh_gate(x);
    const V inner = constant<V>(two_sqrt_two_over_pi) * fma(constant<V>(3 * gelu_cubic) * x, x, unit);
    return fma(x * inner, s * (unit - s), s) * d;
  }
  if constexpr (act == Act::silu) {
    const V s = vsigmoid(ref);
    return s * fma(ref, unit - s, unit) * d;
  }
  if constexpr (act == Act::hard_silu) {
    const V three = constant<V>(3), sixth = constant<V>(1.0 / 6);
    const V gate = relu6_of(ref + three) * sixth;
    const V slope = select(lt(vabs(ref), three), fma(ref, sixth, gate), gate);
    return select(le(ref, -three), zero, slope * d);
  }
  if constexpr (act == Act::mish) {
    const V e = mish_exp(ref);
    const V two = constant<V>(2);
    const V m = e * (e + two);
    const V inv = unit / (m + two);
    // 1 - tanh^2 = 4 (m + 1) / (m + 2)^2; x within 20 there, where that is 0 to the last bit of a float.
    const V x = vmin(constant<V>(20), ref);
    const V sech2 = constant<V>(4) * (m + unit) * inv * inv;
    return fma(x * sech2, e / (unit + e), m * inv) * d;
  }
  if constexpr (act == Act::squareplus) {
    const V slope = unit / (unit + constant<V>(0.25) * alpha / (ref * ref));
    return select(eq(ref, zero), zero, slope * d);
  }
  if constexpr (act == Act::celu) {
    const V slope = select(ge(ref, zero), unit, ref / alpha + unit);
    return select(eq(slope, zero), zero, slope * d);
  }
  if constexpr (act == Act::hard_tanh) return select(gt(vabs(ref), unit), zero, d);
  if constexpr (act == Act::tanh_shrink) {
    const V t = vtanh(ref);
    return t * t * d;
  }
  if constexpr (act == Act::soft_shrink || act == Act::hard_shrink) return select(eq(ref, zero), zero, d);
  if constexpr (act == Act::sparse_plus) return select(gt(ref, zero), vmin(unit, vsqrt(ref)) * d, zero);
  if constexpr (act == Act::sparse_sigmoid) {
    return select(gt(ref, zero) & lt(ref, unit), constant<V>(0.5) * d, zero);
  }
  static_cast<void>(alpha);
  static_cast<void>(zero);
  static_cast<void>(unit);
  return d;
}

}  // namespace
}  // namespace pk::PK_ISA
