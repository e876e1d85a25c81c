// What formulas of updates are made of beside vec.h: vectors abreast, and quotients that take no longer than memory
// does.
#pragma once

#include <cfloat>
#include <cmath>

#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

// x^y of each lane, one after another.
template <class V>
V vpower(V x, V y) {
  typename V::T base[V::W], exponents[V::W];
  x.store(base);
  y.store(exponents);
  for (int i = 0; i < V::W; ++i) base[i] = std::pow(base[i], exponents[i]);
  return V::load(base);
}

// Two vectors (or pairs) that go through every step of a formula side by side: the chains of dependent operations
// are long (about 80 cycles for adam), and one vector at a time fills the scheduler with waiting instructions.
template <class V>
struct Pair {
  using T = typename V::T;
  static constexpr int W = 2 * V::W;
  struct M {
    typename V::M a, b;
  };
  V a, b;

  static Pair load(const T* p) { return {V::load(p), V::load(p + V::W)}; }
  static Pair set1(T x) { return {V::set1(x), V::set1(x)}; }
  void store(T* p) const {
    a.store(p);
    b.store(p + V::W);
  }
  friend Pair operator+(Pair x, Pair y) { return {x.a + y.a, x.b + y.b}; }
  friend Pair operator-(Pair x, Pair y) { return {x.a - y.a, x.b - y.b}; }
  friend Pair operator*(Pair x, Pair y) { return {x.a * y.a, x.b * y.b}; }
  friend Pair operator-(Pair x) { return {-x.a, -x.b}; }
  friend Pair operator/(Pair x, Pair y) { return {x.a / y.a, x.b / y.b}; }
  friend Pair fma(Pair x, Pair y, Pair z) { return {fma(x.a, y.a, z.a), fma(x.b, y.b, z.b)}; }
  friend Pair fnma(Pair x, Pair y, Pair z) { return {fnma(x.a, y.a, z.a), fnma(x.b, y.b, z.b)}; }
  friend Pair vmin(Pair x, Pair y) { return {vmin(x.a, y.a), vmin(x.b, y.b)}; }
  friend Pair vmax(Pair x, Pair y) { return {vmax(x.a, y.a), vmax(x.b, y.b)}; }
  friend Pair vabs(Pair x) { return {vabs(x.a), vabs(x.b)}; }
  friend Pair vsqrt(Pair x) { return {vsqrt(x.a), vsqrt(x.b)}; }
  friend Pair vpower(Pair x, Pair y) { return {vpower(x.a, y.a), vpower(x.b, y.b)}; }
  friend M lt(Pair x, Pair y) { return {lt(x.a, y.a), lt(x.b, y.b)}; }
  friend M le(Pair x, Pair y) { return {le(x.a, y.a), le(x.b, y.b)}; }
  friend M gt(Pair x, Pair y) { return {gt(x.a, y.a), gt(x.b, y.b)}; }
  friend M ne(Pair x, Pair y) { return {ne(x.a, y.a), ne(x.b, y.b)}; }
  friend Pair select(M m, Pair x, Pair y) { return {select(m.a, x.a, y.a), select(m.b, x.b, y.b)}; }
};

template <class V>
struct Estimates {
  static constexpr bool available = false;
};

#if defined(PK_ISA_AVX512)
// The forms with a mask, because those without read an undefined register in GCC's headers, which it then warns about.
Vec16 estimate_rsqrt(Vec16 x) { return {_mm512_maskz_rsqrt14_ps(0xFFFF, x.v)}; }
Vec16 estimate_reciprocal(Vec16 x) { return {_mm512_maskz_rcp14_ps(0xFFFF, x.v)}; }
template <class V>
Pair<V> estimate_rsqrt(Pair<V> x) {
  return {estimate_rsqrt(x.a), estimate_rsqrt(x.b)};
}
template <class V>
Pair<V> estimate_reciprocal(Pair<V> x) {
  return {estimate_reciprocal(x.a), estimate_reciprocal(x.b)};
}
template <>
struct Estimates<Vec16> {
  static constexpr bool available = true;
};
template <class V>
struct Estimates<Pair<V>> : Estimates<V> {};
#endif

// num / sqrt(d). Where there are estimates, one Newton step brings 14 bits to 1 or 2 units in the last place: vdivps
// and vsqrtps take longer than the memory traffic out of L2. Inside the step an infinite d is replaced, so that
// the estimate 0 stays 0.
template <class V>
V over_root(V num, V d) {
  if constexpr (Estimates<V>::available) {
    const V y = estimate_rsqrt(d), half = V::set1(0.5F);
    const V e = fnma(vmin(V::set1(FLT_MAX), d) * y, y * half, half);
    return num * fma(e, y, y);
  } else {
    return num / vsqrt(d);
  }
}

// num / d, in the same way.
template <class V>
V over(V num, V d) {
  if constexpr (Estimates<V>::available) {
    const V r = estimate_reciprocal(d);
    const V e = fnma(vmin(V::set1(FLT_MAX), d), r, V::set1(1));
    return num * fma(e, r, r);
  } else {
    return num / d;
  }
}

}  // namespace
}  // namespace pk::PK_ISA
