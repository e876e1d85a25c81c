// Vec4: 4 floats in a NEON register (AArch64). Contract: vec/scalar.h.
#pragma once

#include <arm_neon.h>

#include <cstdint>

namespace pk::PK_ISA {
namespace {

struct Vec4 {
  using T = float;
  static constexpr int W = 4;
  struct M {
    uint32x4_t m;
    friend M operator&(M x, M y) { return {vandq_u32(x.m, y.m)}; }
    friend M operator|(M x, M y) { return {vorrq_u32(x.m, y.m)}; }
    friend M operator~(M x) { return {vmvnq_u32(x.m)}; }
  };
  float32x4_t v;

  static Vec4 load(const float* p) { return {vld1q_f32(p)}; }
  static Vec4 load_n(const float* p, int n) {
    float lanes[4] = {0, 0, 0, 0};
    for (int i = 0; i < n; ++i) lanes[i] = p[i];
    return {vld1q_f32(lanes)};
  }
  static Vec4 set1(float x) { return {vdupq_n_f32(x)}; }
  static Vec4 zero() { return {vdupq_n_f32(0)}; }
  void store(float* p) const { vst1q_f32(p, v); }
  void store_n(float* p, int n) const {
    float lanes[4];
    vst1q_f32(lanes, v);
    for (int i = 0; i < n; ++i) p[i] = lanes[i];
  }
  friend Vec4 operator+(Vec4 a, Vec4 b) { return {vaddq_f32(a.v, b.v)}; }
  friend Vec4 operator-(Vec4 a, Vec4 b) { return {vsubq_f32(a.v, b.v)}; }
  friend Vec4 operator*(Vec4 a, Vec4 b) { return {vmulq_f32(a.v, b.v)}; }
  friend Vec4 operator/(Vec4 a, Vec4 b) { return {vdivq_f32(a.v, b.v)}; }
  friend Vec4 operator-(Vec4 a) { return {vnegq_f32(a.v)}; }
  friend Vec4 fma(Vec4 a, Vec4 b, Vec4 c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
  friend Vec4 fnma(Vec4 a, Vec4 b, Vec4 c) { return {vfmsq_f32(c.v, a.v, b.v)}; }
  friend Vec4 vmin(Vec4 a, Vec4 b) { return select(lt(a, b), a, b); }
  friend Vec4 vmax(Vec4 a, Vec4 b) { return select(gt(a, b), a, b); }
  friend Vec4 vabs(Vec4 a) { return {vabsq_f32(a.v)}; }
  friend Vec4 vsqrt(Vec4 a) { return {vsqrtq_f32(a.v)}; }
  friend Vec4 vfloor(Vec4 a) { return {vrndmq_f32(a.v)}; }
  friend Vec4 vceil(Vec4 a) { return {vrndpq_f32(a.v)}; }
  friend Vec4 vrint(Vec4 a) { return {vrndnq_f32(a.v)}; }
  friend Vec4 vtrunc(Vec4 a) { return {vrndq_f32(a.v)}; }
  friend M lt(Vec4 a, Vec4 b) { return {vcltq_f32(a.v, b.v)}; }
  friend M le(Vec4 a, Vec4 b) { return {vcleq_f32(a.v, b.v)}; }
  friend M gt(Vec4 a, Vec4 b) { return {vcgtq_f32(a.v, b.v)}; }
  friend M ge(Vec4 a, Vec4 b) { return {vcgeq_f32(a.v, b.v)}; }
  friend M eq(Vec4 a, Vec4 b) { return {vceqq_f32(a.v, b.v)}; }
  friend M ne(Vec4 a, Vec4 b) { return {vmvnq_u32(vceqq_f32(a.v, b.v))}; }
  friend Vec4 select(M m, Vec4 a, Vec4 b) { return {vbslq_f32(m.m, a.v, b.v)}; }
  friend bool any(M m) { return vmaxvq_u32(m.m) != 0; }
  friend std::uint32_t bits(M m) {
    const uint32x4_t weight = {1, 2, 4, 8};
    return vaddvq_u32(vandq_u32(m.m, weight));
  }
  // 2^n by two factors, so that n from -252 to 254 works (results may be subnormal or infinite).
  friend Vec4 ldexpi(Vec4 x, Vec4 n) {
    const int32x4_t i = vcvtnq_s32_f32(vminq_f32(vmaxq_f32(n.v, vdupq_n_f32(-252)), vdupq_n_f32(254)));
    const int32x4_t half = vshrq_n_s32(i, 1);
    const int32x4_t rest = vsubq_s32(i, half);
    const int32x4_t bias = vdupq_n_s32(127);
    const float32x4_t f1 = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, bias), 23));
    const float32x4_t f2 = vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(rest, bias), 23));
    return {vmulq_f32(vmulq_f32(x.v, f1), f2)};
  }
  friend Vec4 exponent(Vec4 x) {
    const uint32x4_t e = vandq_u32(vshrq_n_u32(vreinterpretq_u32_f32(x.v), 23), vdupq_n_u32(255));
    return {vcvtq_f32_s32(vsubq_s32(vreinterpretq_s32_u32(e), vdupq_n_s32(127)))};
  }
  friend Vec4 mantissa(Vec4 x) {
    const uint32x4_t m = vandq_u32(vreinterpretq_u32_f32(x.v), vdupq_n_u32(0x007fffff));
    return {vreinterpretq_f32_u32(vorrq_u32(m, vdupq_n_u32(0x3f800000)))};
  }
  friend Vec4 copysign(Vec4 a, Vec4 s) { return {vbslq_f32(vdupq_n_u32(0x80000000U), s.v, a.v)}; }
  friend float reduce_add(Vec4 a) { return vaddvq_f32(a.v); }
  friend float reduce_max(Vec4 a) { return vmaxvq_f32(a.v); }
  friend float reduce_min(Vec4 a) { return vminvq_f32(a.v); }
};

using VecF = Vec4;

}  // namespace
}  // namespace pk::PK_ISA
