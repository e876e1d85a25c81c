// Vec16: 16 floats in a ZMM register. Contract: vec/scalar.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

#if !defined(__AVX512F__) || !defined(__AVX512DQ__) || !defined(__AVX512VL__) || !defined(__AVX512BW__)
#error "compile this level with -mavx512f -mavx512dq -mavx512vl -mavx512bw -mfma"
#endif

namespace pk::PK_ISA {
namespace {

struct Vec16 {
  using T = float;
  static constexpr int W = 16;
  struct M {
    __mmask16 k;
    friend M operator&(M x, M y) { return {static_cast<__mmask16>(x.k & y.k)}; }
    friend M operator|(M x, M y) { return {static_cast<__mmask16>(x.k | y.k)}; }
    friend M operator~(M x) { return {static_cast<__mmask16>(~x.k)}; }
  };
  __m512 v;

  static __mmask16 first(int n) { return static_cast<__mmask16>((1U << n) - 1U); }
  static Vec16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static Vec16 load_n(const float* p, int n) { return {_mm512_maskz_loadu_ps(first(n), p)}; }
  static Vec16 set1(float x) { return {_mm512_set1_ps(x)}; }
  static Vec16 zero() { return {_mm512_setzero_ps()}; }
  void store(float* p) const { _mm512_storeu_ps(p, v); }
  void store_n(float* p, int n) const { _mm512_mask_storeu_ps(p, first(n), v); }
  friend Vec16 operator+(Vec16 a, Vec16 b) { return {_mm512_add_ps(a.v, b.v)}; }
  friend Vec16 operator-(Vec16 a, Vec16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
  friend Vec16 operator*(Vec16 a, Vec16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
  friend Vec16 operator/(Vec16 a, Vec16 b) { return {_mm512_div_ps(a.v, b.v)}; }
  friend Vec16 operator-(Vec16 a) { return {_mm512_xor_ps(a.v, _mm512_set1_ps(-0.0F))}; }
  friend Vec16 fma(Vec16 a, Vec16 b, Vec16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
  friend Vec16 fnma(Vec16 a, Vec16 b, Vec16 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
  friend Vec16 vmin(Vec16 a, Vec16 b) { return {_mm512_min_ps(a.v, b.v)}; }
  friend Vec16 vmax(Vec16 a, Vec16 b) { return {_mm512_max_ps(a.v, b.v)}; }
  friend Vec16 vabs(Vec16 a) { return {_mm512_abs_ps(a.v)}; }
  friend Vec16 vsqrt(Vec16 a) { return {_mm512_sqrt_ps(a.v)}; }
  friend Vec16 vfloor(Vec16 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC)}; }
  friend Vec16 vceil(Vec16 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC)}; }
  friend Vec16 vrint(Vec16 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
  friend Vec16 vtrunc(Vec16 a) { return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)}; }
  friend M lt(Vec16 a, Vec16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ)}; }
  friend M le(Vec16 a, Vec16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_LE_OQ)}; }
  friend M gt(Vec16 a, Vec16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GT_OQ)}; }
  friend M ge(Vec16 a, Vec16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ)}; }
  friend M eq(Vec16 a, Vec16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ)}; }
  friend M ne(Vec16 a, Vec16 b) { return {_mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ)}; }
  friend Vec16 select(M m, Vec16 a, Vec16 b) { return {_mm512_mask_blend_ps(m.k, b.v, a.v)}; }
  friend bool any(M m) { return m.k != 0; }
  friend std::uint32_t bits(M m) { return m.k; }
  friend Vec16 ldexpi(Vec16 x, Vec16 n) { return {_mm512_scalef_ps(x.v, n.v)}; }
  friend Vec16 exponent(Vec16 x) { return {_mm512_getexp_ps(x.v)}; }
  friend Vec16 mantissa(Vec16 x) { return {_mm512_getmant_ps(x.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)}; }
  friend Vec16 copysign(Vec16 a, Vec16 s) {
    const __m512 sign = _mm512_set1_ps(-0.0F);
    return {_mm512_or_ps(_mm512_andnot_ps(sign, a.v), _mm512_and_ps(sign, s.v))};
  }
  friend float reduce_add(Vec16 a) { return _mm512_reduce_add_ps(a.v); }
  friend float reduce_max(Vec16 a) { return _mm512_reduce_max_ps(a.v); }
  friend float reduce_min(Vec16 a) { return _mm512_reduce_min_ps(a.v); }
};

using VecF = Vec16;

}  // namespace
}  // namespace pk::PK_ISA
