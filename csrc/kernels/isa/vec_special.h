// Special functions over any vector type of vec.h: what <cmath> has not, or not in this form. Errors and tests as in
// vec_math.h; Vec1 computes in double, with errors of a few of double's ulp.
#pragma once

#include <cmath>

#include "kernels/isa/vec_math.h"

namespace pk::PK_ISA {
namespace {

// 3.7 ulp. exp(-x^2) S((x - 2) / (x + 2)) / (1 + 2 x) for x >= 0, the rounding error of x^2 taken back (Shepherd and
// Laframboise, Math. Comp. 36, 1981); 2 minus that for x < 0.
template <class V>
V verfc(V x) {
  const V a = vmin(V::set1(10.1F), vabs(x)), two = V::set1(2.0F);
  const V square = a * a;
  const V lost = fma(a, a, -square);
  const V s = poly((a - two) / (a + two), 0x1.46e80ep+0F, -0x1.7bf5ecp-4F, -0x1.540776p-3F, 0x1.4ffa22p-3F,
                   -0x1.bc37c6p-5F, -0x1.074832p-7F, 0x1.1e7ee0p-7F, 0x1.4dacbcp-10F, -0x1.840c3cp-10F,
                   -0x1.cf8a5ap-12F, 0x1.ae7cd6p-13F, 0x1.c20732p-14F);
  const V y = vexp(-square) * (fnma(lost, s, s) / (one<V>() + (a + a)));
  return select(lt(x, V::zero()), two - y, y);
}
template <class T>
Vec1<T> verfc(Vec1<T> x) {
  return {static_cast<T>(std::erfc(x.v))};
}

// 2.7 ulp. x R(w) with w = -log(1 - x^2), of which erfinv(x) / x is a smooth function, and of sqrt(w) far out. To
// float's accuracy for doubles too, up to the last before 1 (w = 36).
template <class V>
V verfinv_estimate(V x) {
  const V w = -vlog((one<V>() - x) * (one<V>() + x));
  const V s = vsqrt(w);
  const V near =
      poly(w - V::set1(2.5F), 0x1.805c5ep+0F, 0x1.f91e8ap-3F, -0x1.11c99ap-8F, -0x1.4866fap-10F, 0x1.ca617cp-13F,
           -0x1.4bcae2p-18F, -0x1.d8bc32p-19F, 0x1.ee1626p-22F, 0x1.e1c58cp-26F, -0x1.1bacbep-27F);
  const V far = poly(s - V::set1(3), 0x1.6a9efcp+1F, 0x1.006dccp+0F, 0x1.357e2ap-7F, -0x1.f51a08p-8F, 0x1.74f23ep-8F,
                     -0x1.d11c4ap-9F, 0x1.7e4766p-10F, -0x1.429deep-13F, -0x1.f19854p-13F, 0x1.6b4c08p-13F,
                     -0x1.fcbe56p-15F, 0x1.98bf0ap-17F, -0x1.66dc92p-20F, 0x1.09e8acp-24F);
  return x * select(lt(w, V::set1(5)), near, far);
}
template <class V>
V verfinv(V x) {
  return select(eq(vabs(x), one<V>()), copysign(V::set1(INFINITY), x), verfinv_estimate(x));
}
// <cmath> has no erfinv: the estimate in double, and a step of Halley's method on erf, or on erfc where 1 - |x| is
// exact.
template <class T>
Vec1<T> verfinv(Vec1<T> x) {
  const double v = static_cast<double>(x.v), a = std::fabs(v);
  if (!(a < 1)) return {static_cast<T>(a == 1 ? std::copysign(INFINITY, v) : NAN)};
  const double y = std::fabs(verfinv_estimate(Vec1<double>{v}).v);
  const double residual = a < 0.5 ? std::erf(y) - a : (1 - a) - std::erfc(y);
  const double step = residual * 0.88622692545275801365 * std::exp(y * y);  // sqrt(pi) / 2
  return {static_cast<T>(std::copysign(y - step / (1 + y * step), v))};
}

// sin(pi x) / (pi x), 1 at 0; 3 ulp, zeros included: pi is multiplied by the distance to the nearest integer.
template <class V>
V vsinc(V x) {
  const V a = vabs(x), pi = V::set1(0x1.921fb6p+1F);
  const V n = vrint(a), d = a - n;
  const V r = vabs(d);
  const auto far = gt(r, V::set1(0.25F));
  const V angle = select(far, V::set1(0.5F) - r, r) * pi;
  const V s = copysign(select(far, cos_reduced(angle), sin_reduced(angle)), d);
  const V half = n * V::set1(0.5F);
  const V y = select(ne(half, vfloor(half)), -s, s) / (a * pi);
  return select(eq(a, V::zero()), one<V>(), y);
}
template <class T>
Vec1<T> vsinc(Vec1<T> x) {
  constexpr double pi = 3.14159265358979323846;
  const double a = std::fabs(static_cast<double>(x.v)), n = std::nearbyint(a);
  const double s = std::sin(pi * (a - n));
  return {static_cast<T>(a == 0 ? 1 : (std::fmod(n, 2) == 0 ? s : -s) / (pi * a))};
}

// The modified Bessel functions of the first kind of order 0 and 1, 4.5 ulp: polynomials in x^2 up to 8, beyond
// exp(x) / sqrt(x) times one in 1 / x, the exponential as a square so that it overflows only where they do (at 92).
template <class V>
V bessel_far(V a, V series) {
  const V h = vexp(a * V::set1(0.5F));
  return (h * (series / vsqrt(vmin(V::set1(1e4F), a)))) * h;
}
template <class V>
V vbessel_i0(V x) {
  const V a = vabs(x), eight = V::set1(8.0F);
  const V near = vmin(eight, a), r = one<V>() / vmax(eight, a);
  const V inner = poly(near * near, 1.0F, 0x1.000002p-2F, 0x1.ffffb0p-7F, 0x1.c7200ap-12F, 0x1.c6f81cp-18F,
                       0x1.24057ap-24F, 0x1.fccea8p-32F, 0x1.71bf5cp-39F, 0x1.a7a224p-48F, 0x1.068402p-54F);
  const V outer =
      poly(r, 0x1.988450p-2F, 0x1.9893e8p-5F, 0x1.c55384p-6F, 0x1.360b9ep-5F, -0x1.79939cp-5F, 0x1.edda8ap-2F);
  return select(gt(a, eight), bessel_far(a, outer), inner);
}
template <class V>
V vbessel_i1(V x) {
  const V a = vabs(x), eight = V::set1(8.0F);
  const V near = vmin(eight, a), r = one<V>() / vmax(eight, a);
  const V inner = poly(near * near, 0.5F, 0x1p-4F, 0x1.55554cp-9F, 0x1.c71d92p-15F, 0x1.6c0a42p-21F, 0x1.84e51ep-28F,
                       0x1.24a92ap-35F, 0x1.68d69cp-43F, 0x1.a45b8cp-52F, 0x1.8dfcf2p-59F);
  const V outer =
      poly(r, 0x1.988456p-2F, -0x1.3266a6p-3F, -0x1.7c2aa8p-5F, -0x1.910be8p-5F, 0x1.f624a4p-6F, -0x1.055464p-1F);
  return copysign(select(gt(a, eight), bessel_far(a, outer), near * inner), x);
}

// Abramowitz and Stegun 9.6.10, whose terms are all positive, and 9.7.1.
template <int order>
double bessel_i(double x) {
  const double a = std::fabs(x);
  if (!(a < INFINITY)) return a;
  double term = 1, sum = 1;
  if (a < 25) {
    for (int k = 1; term > 1e-17 * sum; ++k) {
      term *= a * a / (4 * k * (k + order));
      sum += term;
    }
    return order == 0 ? sum : sum * a / 2;
  }
  for (int k = 1; std::fabs(term) > 1e-17; ++k) {
    const double odd = 2 * k - 1;
    term *= (odd * odd - 4 * order * order) / (8 * k * a);
    sum += term;
  }
  const double h = std::exp(a / 2);
  return h * (sum / std::sqrt(2 * 3.14159265358979323846 * a)) * h;
}
template <class T>
Vec1<T> vbessel_i0(Vec1<T> x) {
  return {static_cast<T>(bessel_i<0>(static_cast<double>(x.v)))};
}
template <class T>
Vec1<T> vbessel_i1(Vec1<T> x) {
  return {static_cast<T>(std::copysign(bessel_i<1>(static_cast<double>(x.v)), static_cast<double>(x.v)))};
}

}  // namespace
}  // namespace pk::PK_ISA
