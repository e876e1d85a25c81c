// Elementary functions over any vector type of vec.h.
//
// float: argument reduction and polynomials of our own (relative minimax fits by Lawson's
// iteration, coefficients rounded to float one after another, lowest degree first). Infinities,
// NaN, signed zeros, subnormal and huge arguments give what IEEE 754 (C's Annex F) asks for.
// "ulp" is the largest error, in units in the last place of the correctly rounded result, over a
// sweep of every 641st float and 2 million points of [-20, 20]; tests/cpp/test_vec_math.cpp holds each
// number.
//
// Vec1 (double, and the scalar level's float) calls <cmath>, which keeps the same bounds.
#pragma once

#include <cmath>

#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

// c0 + c1 x + c2 x^2 + ...
template <class V>
V poly(V, float c0) {
  return V::set1(c0);
}
template <class V, class... C>
V poly(V x, float c0, C... rest) {
  return fma(poly(x, rest...), x, V::set1(c0));
}

template <class V>
V one() {
  return V::set1(1);
}

// f on each lane: for arguments so rare that a vector form does not pay.
template <class V>
V per_lane(V x, typename V::T (*f)(typename V::T)) {
  typename V::T lanes[V::W];
  x.store(lanes);
  for (auto& lane : lanes) lane = f(lane);
  return V::load(lanes);
}

// x = n ln 2 + r with |r| <= ln 2 / 2; n integral. x within [-104, 129].
template <class V>
V reduce_ln2(V x, V& n) {
  n = vrint(x * V::set1(0x1.715476p+0F));
  const V r = fnma(n, V::set1(0x1.62e430p-1F), x);
  return fnma(n, V::set1(-0x1.05c610p-29F), r);
}

// (exp(r) - 1 - r) / r^2 for |r| <= ln 2 / 2.
template <class V>
V expm1_tail(V r) {
  return poly(r, 0.5F, 0x1.555556p-3F, 0x1.5554f6p-5F, 0x1.111002p-7F, 0x1.6d3c86p-10F, 0x1.a24756p-13F);
}

// Clamps with vmin/vmax's second operand last, so that NaN stays.
template <class V>
V clamp(V x, float lo, float hi) {
  return vmax(V::set1(lo), vmin(V::set1(hi), x));
}

// 1.1 ulp.
template <class V>
V vexp(V x) {
  V n;
  const V r = reduce_ln2(clamp(x, -104.0F, 89.0F), n);
  const V tail = poly(r, 0.5F, 0x1.5554b2p-3F, 0x1.5554c8p-5F, 0x1.12266ap-7F, 0x1.6d7212p-10F);
  return ldexpi(one<V>() + fma(r * r, tail, r), n);
}

// 1.1 ulp.
template <class V>
V vexp2(V x) {
  const V bounded = clamp(x, -151.0F, 129.0F);
  const V n = vrint(bounded);
  const V r = bounded - n;
  const V slope = poly(r, 0x1.62e430p-1F, 0x1.ebfbe0p-3F, 0x1.c6b044p-5F, 0x1.3b2a62p-7F, 0x1.5de9a4p-10F,
                       0x1.440734p-13F, 0x1.7ea02cp-17F);
  return ldexpi(fma(r, slope, one<V>()), n);
}

// 1.5 ulp. Computed at half scale, so that 2^128 does not overflow before it is multiplied.
template <class V>
V vexpm1(V x) {
  V n;
  const V r = reduce_ln2(clamp(x, -30.0F, 89.0F), n);
  const V p = fma(r * r, expm1_tail(r), r);
  const V half = ldexpi(V::set1(0.5F), n);
  const V y = fma(half, p, half - V::set1(0.5F));
  return select(lt(vabs(x), V::set1(0x1p-25F)), x, y + y);
}

// x = 2^e (1 + f) with 1 + f within [sqrt(1/2), sqrt(2)], for finite normal x > 0.
template <class V>
V reduce_two(V x, V& e) {
  const V raw = mantissa(x);
  const auto high = gt(raw, V::set1(0x1.6a09e6p+0F));
  e = exponent(x) + select(high, one<V>(), V::zero());
  return select(high, raw * V::set1(0.5F), raw) - one<V>();
}

// (log(1 + f) - f + f^2 / 2) / f^3.
template <class V>
V log_tail(V f) {
  return poly(f, 0x1.555548p-2F, -0x1.000006p-2F, 0x1.99a476p-3F, -0x1.555c46p-3F, 0x1.233ba8p-3F, -0x1.fc2884p-4F,
              0x1.e6bf38p-4F, -0x1.de02d6p-4F, 0x1.14763ap-4F);
}

// log(x) + correction for finite normal x > 0.
template <class V>
V log_positive(V x, V bias, V correction) {
  V e;
  const V f = reduce_two(x, e);
  e = e + bias;
  const V square = f * f;
  V y = fma(e, V::set1(-0x1.05c610p-29F), correction);
  y = fma(f * square, log_tail(f), y);
  y = fnma(V::set1(0.5F), square, y) + f;
  return fma(e, V::set1(0x1.62e430p-1F), y);
}

// A logarithm at any x: `positive(x', bias)` is it for finite normal x', x = 2^bias x'.
template <class V, class F>
V log_anywhere(V x, F positive) {
  const V inf = V::set1(INFINITY);
  const auto small = lt(x, V::set1(0x1p-126F));
  const V scaled = select(small, x * V::set1(0x1p23F), x);
  const V y = positive(scaled, select(small, V::set1(-23.0F), V::zero()));
  const V special = select(eq(x, V::zero()), -inf, select(gt(x, V::zero()), x, V::set1(NAN)));
  return select(gt(x, V::zero()) & lt(x, inf), y, special);
}

// 0.9 ulp.
template <class V>
V vlog(V x) {
  return log_anywhere(x, [](V v, V bias) { return log_positive(v, bias, V::zero()); });
}

// 1 ulp; exact for powers of 2.
template <class V>
V vlog2(V x) {
  return log_anywhere(x, [](V v, V bias) {
    V e;
    const V f = reduce_two(v, e);
    const V square = f * f;
    const V rest = fnma(V::set1(0.5F), square, f * square * log_tail(f));  // log(1 + f) - f
    const V scale = V::set1(0x1.715476p+0F);
    return (e + bias) + fma(f, scale, fma(rest, scale, f * V::set1(0x1.4ae0cp-26F)));
  });
}

// 1 ulp (2 by <cmath>).
template <class V>
V vlog10(V x) {
  return log_anywhere(x, [](V v, V bias) {
    V e;
    const V f = reduce_two(v, e);
    e = e + bias;
    const V square = f * f;
    const V rest = fnma(V::set1(0.5F), square, f * square * log_tail(f));
    const V scale = V::set1(0x1.bcb7b2p-2F);
    const V low = fma(e, V::set1(-0x1.ec10c0p-27F), f * V::set1(-0x1.5b235ep-27F));
    return fma(e, V::set1(0x1.344136p-2F), fma(f, scale, fma(rest, scale, low)));
  });
}

// 0.9 ulp. log(u) + (x - (u - 1)) / u with u = fl(1 + x).
template <class V>
V vlog1p(V x) {
  const V inf = V::set1(INFINITY);
  const V u = one<V>() + x;
  const V y = log_positive(u, V::zero(), (x - (u - one<V>())) / u);
  const V special = select(eq(u, V::zero()), -inf, select(gt(u, V::zero()), x, V::set1(NAN)));
  const auto regular = gt(u, V::zero()) & lt(u, inf);
  return select(lt(vabs(x), V::set1(0x1p-25F)), x, select(regular, y, special));
}

// 2.3 ulp. expm1(2|x|) / (expm1(2|x|) + 2); 1 from |x| = 9.02 on.
template <class V>
V vtanh(V x) {
  const V a = vabs(x);
  const V e = vexpm1(vmin(V::set1(10.0F), a) * V::set1(2.0F));
  const V y = e / (e + V::set1(2.0F));
  return select(lt(a, V::set1(0x1p-13F)), x, copysign(y, x));
}

// 2.4 ulp, down to subnormal results.
template <class V>
V vsigmoid(V x) {
  const V e = vexp(-vabs(x));
  return select(lt(x, V::zero()), e, one<V>()) / (one<V>() + e);
}

// 1.1 ulp. |x| <= 1: x + x R(x^2); above, 1 - exp(-x S(x)).
template <class V>
V verf(V x) {
  const V a = vmin(V::set1(3.95F), vabs(x));
  const V t = a * a;
  const V small = fma(a,
                      poly(t, 0x1.06eba8p-3F, -0x1.81273ep-2F, 0x1.ce2ce6p-4F, -0x1.b7f71ap-6F, 0x1.53f224p-8F,
                           -0x1.a3515ep-11F, 0x1.4771fcp-14F),
                      a);
  const V s = poly(a, 0x1.20f03cp+0F, 0x1.45297ap-1F, 0x1.b39c98p-4F, -0x1.86e8dcp-6F, 0x1.e367c6p-9F, -0x1.5e2dcep-12F,
                   0x1.9e08c6p-17F);
  const V large = one<V>() - vexp(-a * s);
  return copysign(select(gt(a, one<V>()), large, small), x);
}

// r = x - q pi/2 with |r| <= pi/4 (a little more at rounding ties); |x| <= 16384. n = q mod 4.
template <class V>
V reduce_half_pi(V x, V& n) {
  const V q = vrint(x * V::set1(0x1.45f306p-1F));
  n = fnma(V::set1(4.0F), vfloor(q * V::set1(0.25F)), q);
  V r = fnma(q, V::set1(0x1.921fb6p+0F), x);
  r = fnma(q, V::set1(-0x1.777a5cp-25F), r);
  return fnma(q, V::set1(-0x1.ee59dap-50F), r);
}
constexpr float half_pi_limit = 16384.0F;  // beyond, infinities included, <cmath> reduces

template <class V>
V sin_reduced(V r) {
  const V t = r * r;
  return fma(r * t, poly(t, -0x1.555556p-3F, 0x1.111174p-7F, -0x1.a0595ep-13F, 0x1.7c3226p-19F), r);
}
template <class V>
V cos_reduced(V r) {
  const V t = r * r;
  const V tail = poly(t, -0.5F, 0x1.555556p-5F, -0x1.6c175ep-10F, 0x1.a071b6p-16F, -0x1.36147cp-22F);
  return fma(t, tail, one<V>());
}

// 1.5 ulp.
template <class V>
V vsin(V x) {
  if (any(gt(vabs(x), V::set1(half_pi_limit)))) return per_lane(x, [](float v) { return std::sin(v); });
  V n;
  const V r = reduce_half_pi(x, n);
  const auto odd = eq(n, one<V>()) | eq(n, V::set1(3.0F));
  const V y = select(odd, cos_reduced(r), sin_reduced(r));
  // The reduction loses the sign of -0.
  return select(eq(x, V::zero()), x, select(ge(n, V::set1(2.0F)), -y, y));
}

// 1.5 ulp.
template <class V>
V vcos(V x) {
  if (any(gt(vabs(x), V::set1(half_pi_limit)))) return per_lane(x, [](float v) { return std::cos(v); });
  V n;
  const V r = reduce_half_pi(x, n);
  const auto odd = eq(n, one<V>()) | eq(n, V::set1(3.0F));
  const V y = select(odd, sin_reduced(r), cos_reduced(r));
  return select(eq(n, one<V>()) | eq(n, V::set1(2.0F)), -y, y);
}

// 3.1 ulp.
template <class V>
V vtan(V x) {
  if (any(gt(vabs(x), V::set1(half_pi_limit)))) return per_lane(x, [](float v) { return std::tan(v); });
  V n;
  const V r = reduce_half_pi(x, n);
  const auto odd = eq(n, one<V>()) | eq(n, V::set1(3.0F));
  const V s = sin_reduced(r), c = cos_reduced(r);
  return select(eq(x, V::zero()), x, select(odd, -c, s) / select(odd, s, c));
}

// asin(s) for s in [0, 1/2], given t = s^2.
template <class V>
V asin_half(V s, V t) {
  const V p = poly(t, 0x1.55554cp-3F, 0x1.3338aap-4F, 0x1.6ca7fap-5F, 0x1.04cab0p-5F, 0x1.d5c570p-7F, 0x1.348090p-5F);
  return fma(s * t, p, s);
}

// 2.4 ulp. Above 1/2: pi/2 - 2 asin(sqrt((1 - x) / 2)).
template <class V>
V vasin(V x) {
  const V a = vabs(x);
  const auto big = gt(a, V::set1(0.5F));
  const V half = V::set1(0.5F);
  const V t = select(big, fnma(half, a, half), a * a);
  const V p = asin_half(select(big, vsqrt(t), a), t);
  const V y = select(big, V::set1(0x1.921fb6p+0F) - fma(V::set1(2.0F), p, V::set1(0x1.777a5cp-25F)), p);
  return copysign(y, x);
}

// 1.2 ulp.
template <class V>
V vacos(V x) {
  const V a = vabs(x);
  const auto big = gt(a, V::set1(0.5F));
  const V half = V::set1(0.5F);
  const V t = select(big, fnma(half, a, half), a * a);
  const V p = asin_half(select(big, vsqrt(t), a), t);
  const V two_p = p + p;
  const V pi = V::set1(0x1.921fb6p+1F);
  const V near_one = select(lt(x, V::zero()), pi - (two_p + V::set1(0x1.777a5cp-24F)), two_p);
  const V middle = V::set1(0x1.921fb6p+0F) - (copysign(p, x) + V::set1(0x1.777a5cp-25F));
  return select(big, near_one, middle);
}

// 1.4 ulp. Above 1: pi/2 - atan(1 / x).
template <class V>
V vatan(V x) {
  const V a = vabs(x);
  const auto big = gt(a, one<V>());
  const V s = select(big, one<V>() / a, a);
  const V t = s * s;
  const V tail = poly(t, -0x1.555552p-2F, 0x1.99981cp-3F, -0x1.247620p-3F, 0x1.c51170p-4F, -0x1.6953bcp-4F,
                      0x1.150a00p-4F, -0x1.7080bap-5F, 0x1.753040p-6F, -0x1.e6a0ecp-8F, 0x1.29687ep-10F);
  const V p = fma(s * t, tail, s);
  return copysign(select(big, V::set1(0x1.921fb6p+0F) - (p + V::set1(0x1.777a5cp-25F)), p), x);
}

// 2.5 ulp. Through expm1 up to 80, above through exp(x / 2)^2 / 2, which overflows only where sinh does.
template <class V>
V vsinh(V x) {
  const V a = vabs(x), half = V::set1(0.5F);
  const V e = vexpm1(a);
  const V h = vexp(a * half);
  const V y = select(gt(a, V::set1(80.0F)), (half * h) * h, half * (e + e / (e + one<V>())));
  return select(lt(a, V::set1(0x1p-13F)), x, copysign(y, x));
}

// 2.5 ulp.
template <class V>
V vcosh(V x) {
  const V a = vabs(x), half = V::set1(0.5F);
  const V e = vexp(a);
  const V h = vexp(a * half);
  return select(gt(a, V::set1(80.0F)), (half * h) * h, half * e + half / e);
}

// From 1e9 on asinh(x) and acosh(x) are log(2 x) to the last bit.
template <class V>
V log_of_sum(V x, V within) {
  const auto far = gt(x, V::set1(1e9F));
  return vlog1p(select(far, x, within)) + select(far, V::set1(0x1.62e430p-1F), V::zero());
}

// 2 ulp. log1p(x + x^2 / (1 + sqrt(1 + x^2))).
template <class V>
V vasinh(V x) {
  const V a = vabs(x), square = a * a;
  return copysign(log_of_sum(a, a + square / (one<V>() + vsqrt(square + one<V>()))), x);
}

// 2.2 ulp. log1p(t + sqrt(t (t + 2))) with t = x - 1.
template <class V>
V vacosh(V x) {
  const V t = x - one<V>();
  return select(ge(t, V::zero()), log_of_sum(x, t + vsqrt(t * (t + V::set1(2.0F)))), V::set1(NAN));
}

// 2.1 ulp. log1p(2 x / (1 - x)) / 2.
template <class V>
V vatanh(V x) {
  const V a = vabs(x);
  return copysign(V::set1(0.5F) * vlog1p((a + a) / (one<V>() - a)), x);
}

// 1.2 ulp. x = 8^q z with z in [1, 8): a polynomial (7e-4) and a step of Halley's method.
template <class V>
V vcbrt(V x) {
  const V a = vabs(x);
  const auto small = lt(a, V::set1(0x1p-126F));
  const V scaled = select(small, a * V::set1(0x1p24F), a);
  const V e = exponent(scaled) - select(small, V::set1(24.0F), V::zero());
  const V q = vfloor((e + V::set1(0.5F)) * V::set1(1.0F / 3));
  const V z = ldexpi(mantissa(scaled), fnma(V::set1(3.0F), q, e));
  const V y = poly(z - V::set1(4.0F), 0x1.96188ap+0F, 0x1.0f91a8p-3F, -0x1.37fad6p-7F, 0x1.624ad2p-10F,
                   -0x1.1e2522p-11F, 0x1.71a28ep-14F);
  const V cube = y * y * y;
  const V root = fnma(y, (cube - z) / (cube + cube + z), y);
  return select(gt(a, V::zero()) & lt(a, V::set1(INFINITY)), copysign(ldexpi(root, q), x), x);
}

#define PK_CMATH(name, function)                 \
  template <class T>                             \
  Vec1<T> name(Vec1<T> x) {                      \
    return {static_cast<T>(std::function(x.v))}; \
  }
PK_CMATH(vexp, exp)
PK_CMATH(vexpm1, expm1)
PK_CMATH(vlog, log)
PK_CMATH(vlog1p, log1p)
PK_CMATH(vtanh, tanh)
PK_CMATH(verf, erf)
PK_CMATH(vsin, sin)
PK_CMATH(vcos, cos)
PK_CMATH(vtan, tan)
PK_CMATH(vasin, asin)
PK_CMATH(vacos, acos)
PK_CMATH(vatan, atan)
PK_CMATH(vsinh, sinh)
PK_CMATH(vcosh, cosh)
PK_CMATH(vexp2, exp2)
PK_CMATH(vlog2, log2)
PK_CMATH(vlog10, log10)
PK_CMATH(vasinh, asinh)
PK_CMATH(vacosh, acosh)
PK_CMATH(vatanh, atanh)
PK_CMATH(vcbrt, cbrt)
#undef PK_CMATH

// log(1 + exp(x)), 1.7 ulp: max(x, 0) + log1p(exp(-|x|)).
template <class V>
V vsoftplus(V x) {
  return vmax(V::zero(), x) + vlog1p(vexp(-vabs(x)));
}

}  // namespace
}  // namespace pk::PK_ISA
