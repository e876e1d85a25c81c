// Vec1<T>: the vector type of width 1, for any element type. Complete, and the documentation of
// what every vector type provides:
//   T, W, M (mask); load/store, load_n/store_n (first n lanes, the rest 0 / untouched), set1, zero;
//   + - * / unary -; fma(a,b,c)=a*b+c, fnma(a,b,c)=c-a*b; vmin/vmax (the second operand where one
//   is NaN, as x86), vabs, vsqrt, vfloor, vceil, vrint (ties to even), vtrunc;
//   lt le gt ge eq ne -> M (ordered; ne is true for NaN); M & | ~; select(m, a, b) = m ? a : b;
//   any(m), bits(m) (lane i in bit i);
//   ldexpi(x, n) = x * 2^n for integral n; exponent(x) = floor(log2 |x|) and mantissa(x) in [1, 2)
//   for finite normal x > 0; copysign(a, sign_of);
//   reduce_add, reduce_max, reduce_min (a fixed tree over the lanes).
#pragma once

#include <cmath>
#include <cstdint>

namespace pk::PK_ISA {
namespace {

template <class Element>
struct Vec1 {
  using T = Element;
  static constexpr int W = 1;
  struct M {
    bool b;
    friend M operator&(M x, M y) { return {x.b && y.b}; }
    friend M operator|(M x, M y) { return {x.b || y.b}; }
    friend M operator~(M x) { return {!x.b}; }
  };
  T v;

  static Vec1 load(const T* p) { return {*p}; }
  static Vec1 load_n(const T* p, int n) { return {n > 0 ? *p : T(0)}; }
  static Vec1 set1(T x) { return {x}; }
  static Vec1 zero() { return {T(0)}; }
  void store(T* p) const { *p = v; }
  void store_n(T* p, int n) const {
    if (n > 0) *p = v;
  }
  friend Vec1 operator+(Vec1 a, Vec1 b) { return {a.v + b.v}; }
  friend Vec1 operator-(Vec1 a, Vec1 b) { return {a.v - b.v}; }
  friend Vec1 operator*(Vec1 a, Vec1 b) { return {a.v * b.v}; }
  friend Vec1 operator/(Vec1 a, Vec1 b) { return {a.v / b.v}; }
  friend Vec1 operator-(Vec1 a) { return {-a.v}; }
  friend Vec1 fma(Vec1 a, Vec1 b, Vec1 c) { return {a.v * b.v + c.v}; }
  friend Vec1 fnma(Vec1 a, Vec1 b, Vec1 c) { return {c.v - a.v * b.v}; }
  friend Vec1 vmin(Vec1 a, Vec1 b) { return {a.v < b.v ? a.v : b.v}; }
  friend Vec1 vmax(Vec1 a, Vec1 b) { return {a.v > b.v ? a.v : b.v}; }
  friend Vec1 vabs(Vec1 a) { return {std::fabs(a.v)}; }
  friend Vec1 vsqrt(Vec1 a) { return {std::sqrt(a.v)}; }
  friend Vec1 vfloor(Vec1 a) { return {std::floor(a.v)}; }
  friend Vec1 vceil(Vec1 a) { return {std::ceil(a.v)}; }
  friend Vec1 vrint(Vec1 a) { return {std::nearbyint(a.v)}; }
  friend Vec1 vtrunc(Vec1 a) { return {std::trunc(a.v)}; }
  friend M lt(Vec1 a, Vec1 b) { return {a.v < b.v}; }
  friend M le(Vec1 a, Vec1 b) { return {a.v <= b.v}; }
  friend M gt(Vec1 a, Vec1 b) { return {a.v > b.v}; }
  friend M ge(Vec1 a, Vec1 b) { return {a.v >= b.v}; }
  friend M eq(Vec1 a, Vec1 b) { return {a.v == b.v}; }
  friend M ne(Vec1 a, Vec1 b) { return {a.v != b.v}; }
  friend Vec1 select(M m, Vec1 a, Vec1 b) { return m.b ? a : b; }
  friend bool any(M m) { return m.b; }
  friend std::uint32_t bits(M m) { return m.b ? 1U : 0U; }
  friend Vec1 ldexpi(Vec1 x, Vec1 n) { return {static_cast<T>(std::ldexp(x.v, static_cast<int>(n.v)))}; }
  friend Vec1 exponent(Vec1 x) { return {static_cast<T>(std::ilogb(x.v))}; }
  friend Vec1 mantissa(Vec1 x) { return {static_cast<T>(std::scalbn(x.v, -std::ilogb(x.v)))}; }
  friend Vec1 copysign(Vec1 a, Vec1 s) { return {std::copysign(a.v, s.v)}; }
  friend T reduce_add(Vec1 a) { return a.v; }
  friend T reduce_max(Vec1 a) { return a.v; }
  friend T reduce_min(Vec1 a) { return a.v; }
};

}  // namespace
}  // namespace pk::PK_ISA
