// Index lanes beside float lanes, and stores that pass the caches by. Contract: isa/vec.h.
#pragma once

#include <cstdint>

#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

// The first n (at most V::W) of the whole numbers in v, as Index, at p.
template <class V, class Index>
inline void store_indices(V v, Index* p, int n) {
#if defined(PK_ISA_AVX512)
  if constexpr (V::W == 16 && sizeof(Index) == 1) {
    _mm512_mask_cvtepi32_storeu_epi8(p, V::first(n), _mm512_cvttps_epi32(v.v));
    return;
  }
#endif
  typename V::T lanes[V::W];
  v.store(lanes);
  for (int i = 0; i < n; ++i) p[i] = static_cast<Index>(lanes[i]);
}

// Whether index i at p is `value`, in lane i; lanes from n (at most V::W) on hold anything.
template <class V, class Index>
inline typename V::M indices_equal(const Index* p, int n, std::int32_t value) {
#if defined(PK_ISA_AVX512)
  if constexpr (V::W == 16 && sizeof(Index) == 1) {
    const __m128i lanes = _mm_maskz_loadu_epi8(V::first(n), p);
    return {_mm_cmpeq_epi8_mask(lanes, _mm_set1_epi8(static_cast<char>(value)))};
  }
#elif defined(PK_ISA_AVX2)
  if constexpr (V::W == 8 && sizeof(Index) == 1) {
    if (n == 8) {
      const __m128i lanes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
      const __m128i equal = _mm_cmpeq_epi8(lanes, _mm_set1_epi8(static_cast<char>(value)));
      return {_mm256_castsi256_ps(_mm256_cvtepi8_epi32(equal))};
    }
  }
#endif
  typename V::T lanes[V::W] = {};
  for (int i = 0; i < n; ++i) lanes[i] = static_cast<typename V::T>(p[i]);
  return eq(V::load(lanes), V::set1(static_cast<typename V::T>(value)));
}

// What no cache will hold until it is read is written past them: a plain store would read the line first. p must be
// aligned to the vector; stream_end() follows the last one, before other threads may read.
template <class V>
inline void stream(V v, typename V::T* p) {
#if defined(PK_ISA_AVX512)
  if constexpr (V::W == 16) {
    _mm512_stream_ps(p, v.v);
    return;
  }
#elif defined(PK_ISA_AVX2)
  if constexpr (V::W == 8) {
    _mm256_stream_ps(p, v.v);
    return;
  }
#endif
  v.store(p);
}
inline void stream_end() {
#if defined(PK_ISA_AVX512) || defined(PK_ISA_AVX2)
  _mm_sfence();
#endif
}

// The first n (at most V::W) elements at p, and a store of them.
template <class V>
inline V load_lanes(const typename V::T* p, int n) {
  return n == V::W ? V::load(p) : V::load_n(p, n);
}
template <class V>
inline void store_lanes(V v, typename V::T* p, int n) {
  if (n == V::W) {
    v.store(p);
  } else {
    v.store_n(p, n);
  }
}

// The same where it is known at compile time whether n is V::W.
template <bool full, class V>
inline V load_lanes(const typename V::T* p, int n) {
  return full ? V::load(p) : V::load_n(p, n);
}

}  // namespace
}  // namespace pk::PK_ISA
