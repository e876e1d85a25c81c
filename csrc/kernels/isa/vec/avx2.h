// Vec8: 8 floats in a YMM register. Contract: vec/scalar.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

#if !defined(__AVX2__) || !defined(__FMA__)
#error "compile this level with -mavx2 -mfma"
#endif

namespace pk::PK_ISA {
namespace {

struct Vec8 {
  using T = float;
  static constexpr int W = 8;
  struct M {
    __m256 m;
    friend M operator&(M x, M y) { return {_mm256_and_ps(x.m, y.m)}; }
    friend M operator|(M x, M y) { return {_mm256_or_ps(x.m, y.m)}; }
    friend M operator~(M x) { return {_mm256_xor_ps(x.m, _mm256_castsi256_ps(_mm256_set1_epi32(-1)))}; }
  };
  __m256 v;

  static __m256i first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static Vec8 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static Vec8 load_n(const float* p, int n) { return {_mm256_maskload_ps(p, first(n))}; }
  static Vec8 set1(float x) { return {_mm256_set1_ps(x)}; }
  static Vec8 zero() { return {_mm256_setzero_ps()}; }
  void store(float* p) const { _mm256_storeu_ps(p, v); }
  void store_n(float* p, int n) const { _mm256_maskstore_ps(p, first(n), v); }
  friend Vec8 operator+(Vec8 a, Vec8 b) { return {_mm256_add_ps(a.v, b.v)}; }
  friend Vec8 operator-(Vec8 a, Vec8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
  friend Vec8 operator*(Vec8 a, Vec8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
  friend Vec8 operator/(Vec8 a, Vec8 b) { return {_mm256_div_ps(a.v, b.v)}; }
  friend Vec8 operator-(Vec8 a) { return {_mm256_xor_ps(a.v, _mm256_set1_ps(-0.0F))}; }
  friend Vec8 fma(Vec8 a, Vec8 b, Vec8 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
  friend Vec8 fnma(Vec8 a, Vec8 b, Vec8 c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
  friend Vec8 vmin(Vec8 a, Vec8 b) { return {_mm256_min_ps(a.v, b.v)}; }
  friend Vec8 vmax(Vec8 a, Vec8 b) { return {_mm256_max_ps(a.v, b.v)}; }
  friend Vec8 vabs(Vec8 a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0F), a.v)}; }
  friend Vec8 vsqrt(Vec8 a) { return {_mm256_sqrt_ps(a.v)}; }
  friend Vec8 vfloor(Vec8 a) { return {_mm256_floor_ps(a.v)}; }
  friend Vec8 vceil(Vec8 a) { return {_mm256_ceil_ps(a.v)}; }
  friend Vec8 vrint(Vec8 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)}; }
  friend Vec8 vtrunc(Vec8 a) { return {_mm256_round_ps(a.v, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC)}; }
  friend M lt(Vec8 a, Vec8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ)}; }
  friend M le(Vec8 a, Vec8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_LE_OQ)}; }
  friend M gt(Vec8 a, Vec8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GT_OQ)}; }
  friend M ge(Vec8 a, Vec8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_GE_OQ)}; }
  friend M eq(Vec8 a, Vec8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)}; }
  friend M ne(Vec8 a, Vec8 b) { return {_mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ)}; }
  friend Vec8 select(M m, Vec8 a, Vec8 b) { return {_mm256_blendv_ps(b.v, a.v, m.m)}; }
  friend bool any(M m) { return _mm256_movemask_ps(m.m) != 0; }
  friend std::uint32_t bits(M m) { return static_cast<std::uint32_t>(_mm256_movemask_ps(m.m)); }
  // 2^n by two factors, so that n from -252 to 254 works (results may be subnormal or infinite).
  friend Vec8 ldexpi(Vec8 x, Vec8 n) {
    const __m256i i =
        _mm256_cvtps_epi32(_mm256_min_ps(_mm256_max_ps(n.v, _mm256_set1_ps(-252.0F)), _mm256_set1_ps(254.0F)));
    const __m256i half = _mm256_srai_epi32(i, 1);
    const __m256i rest = _mm256_sub_epi32(i, half);
    const __m256i bias = _mm256_set1_epi32(127);
    const __m256 f1 = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
    const __m256 f2 = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
    return {_mm256_mul_ps(_mm256_mul_ps(x.v, f1), f2)};
  }
  friend Vec8 exponent(Vec8 x) {
    const __m256i e = _mm256_and_si256(_mm256_srli_epi32(_mm256_castps_si256(x.v), 23), _mm256_set1_epi32(255));
    return {_mm256_cvtepi32_ps(_mm256_sub_epi32(e, _mm256_set1_epi32(127)))};
  }
  friend Vec8 mantissa(Vec8 x) {
    const __m256i m = _mm256_and_si256(_mm256_castps_si256(x.v), _mm256_set1_epi32(0x007fffff));
    return {_mm256_castsi256_ps(_mm256_or_si256(m, _mm256_set1_epi32(0x3f800000)))};
  }
  friend Vec8 copysign(Vec8 a, Vec8 s) {
    const __m256 sign = _mm256_set1_ps(-0.0F);
    return {_mm256_or_ps(_mm256_andnot_ps(sign, a.v), _mm256_and_ps(sign, s.v))};
  }
  friend float reduce_add(Vec8 a) {
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
  }
  friend float reduce_max(Vec8 a) {
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
  }
  friend float reduce_min(Vec8 a) {
    __m128 x = _mm_min_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
    x = _mm_min_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_min_ss(x, _mm_shuffle_ps(x, x, 1)));
  }
};

using VecF = Vec8;

}  // namespace
}  // namespace pk::PK_ISA
