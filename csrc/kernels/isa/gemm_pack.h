// What GEMM needs of each level beyond the vector type: sums of four vectors at once and packing,
// where the transposed form goes through register transposes.
#pragma once

#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

// Keeps the compiler from loading a value again for each of its uses: a load that crosses a line costs two.
template <class V>
inline void in_register(V& x) {
#if defined(__x86_64__)
  __asm__("" : "+v"(x.v));
#elif defined(__aarch64__)
  __asm__("" : "+w"(x.v));
#else
  static_cast<void>(x);
#endif
}

// out[i] [+]= the sum of v[i]'s lanes.
template <class V>
inline void sum4(const V (&v)[4], bool add, typename V::T* out) {
  for (int i = 0; i < 4; ++i) {
    const typename V::T s = reduce_add(v[i]);
    out[i] = add ? out[i] + s : s;
  }
}

#if defined(PK_ISA_AVX512) || defined(PK_ISA_AVX2)
inline void sum4_ymm(__m256 a, __m256 b, __m256 c, __m256 d, bool add, float* out) {
  const __m256 h = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  if (add) s = _mm_add_ps(_mm_loadu_ps(out), s);
  _mm_storeu_ps(out, s);
}
#endif

#if defined(PK_ISA_AVX512)
inline void sum4(const Vec16 (&v)[4], bool add, float* out) {
  const auto fold = [](__m512 x) { return _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1)); };
  sum4_ymm(fold(v[0].v), fold(v[1].v), fold(v[2].v), fold(v[3].v), add, out);
}

// y[t] lane r = src[r * ld + t] for r < rows; the other lanes repeat the last row. Whole lines are loaded once: rows a
// power of two apart share a set of the L1 cache that is too small for 16 of them.
inline void transpose(const float* src, int64_t ld, int rows, Vec16 (&y)[16]) {
  __m512 r[16], t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) {
    r[i] = _mm512_loadu_ps(src);
    src += i + 1 < rows ? ld : 0;
  }
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    const __m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]);
    const __m512d c = _mm512_castps_pd(t[i + 2]), d = _mm512_castps_pd(t[i + 3]);
    r[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
  // r[4 q + j]: rows 4 q ... 4 q + 3 of columns j, j + 4, j + 8, j + 12, one column per 128 bits.
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j) {
    const __m512 a = _mm512_shuffle_f32x4(r[j], r[4 + j], 0x88), b = _mm512_shuffle_f32x4(r[j], r[4 + j], 0xdd);
    const __m512 c = _mm512_shuffle_f32x4(r[8 + j], r[12 + j], 0x88),
                 d = _mm512_shuffle_f32x4(r[8 + j], r[12 + j], 0xdd);
    y[j].v = _mm512_shuffle_f32x4(a, c, 0x88);
    y[4 + j].v = _mm512_shuffle_f32x4(b, d, 0x88);
    y[8 + j].v = _mm512_shuffle_f32x4(a, c, 0xdd);
    y[12 + j].v = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
}
#elif defined(PK_ISA_AVX2)
inline void sum4(const Vec8 (&v)[4], bool add, float* out) { sum4_ymm(v[0].v, v[1].v, v[2].v, v[3].v, add, out); }

inline void transpose(const float* src, int64_t ld, int rows, Vec8 (&y)[8]) {
  const float* row[8];
#pragma GCC unroll 8
  for (int i = 0; i < 8; ++i) {
    row[i] = src;
    src += i + 1 < rows ? ld : 0;
  }
#pragma GCC unroll 2
  for (int q = 0; q < 8; q += 4) {
    __m256 x[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {  // inserts from memory use two ports, shuffles one
      x[i] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(row[i] + q)), _mm_loadu_ps(row[4 + i] + q), 1);
    }
    const __m256d a = _mm256_castps_pd(_mm256_unpacklo_ps(x[0], x[1]));
    const __m256d b = _mm256_castps_pd(_mm256_unpacklo_ps(x[2], x[3]));
    const __m256d c = _mm256_castps_pd(_mm256_unpackhi_ps(x[0], x[1]));
    const __m256d d = _mm256_castps_pd(_mm256_unpackhi_ps(x[2], x[3]));
    y[q].v = _mm256_castpd_ps(_mm256_unpacklo_pd(a, b));
    y[q + 1].v = _mm256_castpd_ps(_mm256_unpackhi_pd(a, b));
    y[q + 2].v = _mm256_castpd_ps(_mm256_unpacklo_pd(c, d));
    y[q + 3].v = _mm256_castpd_ps(_mm256_unpackhi_pd(c, d));
  }
}
#elif defined(PK_ISA_NEON)
inline void sum4(const Vec4 (&v)[4], bool add, float* out) {
  float32x4_t s = vpaddq_f32(vpaddq_f32(v[0].v, v[1].v), vpaddq_f32(v[2].v, v[3].v));
  if (add) s = vaddq_f32(vld1q_f32(out), s);
  vst1q_f32(out, s);
}

inline void transpose(const float* src, int64_t ld, int rows, Vec4 (&y)[4]) {
  const auto row = [&](int r) { return vld1q_f32(src + (r < rows ? r : rows - 1) * ld); };
  const float32x4_t r0 = row(0), r1 = row(1), r2 = row(2), r3 = row(3);
  const float64x2_t a = vreinterpretq_f64_f32(vtrn1q_f32(r0, r1)), b = vreinterpretq_f64_f32(vtrn1q_f32(r2, r3));
  const float64x2_t c = vreinterpretq_f64_f32(vtrn2q_f32(r0, r1)), d = vreinterpretq_f64_f32(vtrn2q_f32(r2, r3));
  y[0].v = vreinterpretq_f32_f64(vtrn1q_f64(a, b));
  y[1].v = vreinterpretq_f32_f64(vtrn1q_f64(c, d));
  y[2].v = vreinterpretq_f32_f64(vtrn2q_f64(a, b));
  y[3].v = vreinterpretq_f32_f64(vtrn2q_f64(c, d));
}
#endif

template <class V>
inline void transpose(const typename V::T* src, int64_t, int, V (&y)[1]) {
  static_assert(V::W == 1, "wider vectors have their own");
  y[0] = V::load(src);
}

// The first n lanes, and the others too where there is room: a whole store is cheaper.
template <class V>
inline void store_within(V v, typename V::T* p, int n, int64_t room) {
  if (room >= V::W) {
    v.store(p);
  } else {
    v.store_n(p, n);
  }
}

// `rows` rows of one panel. kVectors > 0: the panel is full and has that many vectors.
template <class V, int kVectors>
inline void pack_panel_rows(int64_t rows, int64_t cols, const typename V::T* s, int64_t ld, int64_t stride,
                            typename V::T* d) {
  constexpr int W = V::W;
  for (int64_t i = 0; i < rows; ++i, s += ld, d += stride) {
    if constexpr (kVectors > 0) {
      __builtin_prefetch(s + 16 * ld);
      __builtin_prefetch(s + 16 * ld + kVectors * W - 1);
      __builtin_prefetch(d + 16 * stride, 1);
      __builtin_prefetch(d + 16 * stride + 16, 1);
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) V::load(s + j * W).store(d + j * W);
    } else {
      int64_t j = 0;
      for (; j + W <= cols; j += W) V::load(s + j).store(d + j);
      const int tail = static_cast<int>(cols - j);
      if (tail > 0) store_within(V::load_n(s + j, tail), d + j, tail, stride - j);
    }
  }
}

// Rows are taken sixteen at a time: long runs of the source for the prefetchers, and not one line of every panel
// in turn, for the panels may lie a power of two apart.
template <class V>
void pack_rows(int64_t k, int64_t n, const typename V::T* src, int64_t ld, int64_t cols, int64_t stride,
               typename V::T* dst) {
  constexpr int64_t chunk = 16;
  for (int64_t i = 0; i < k; i += chunk) {
    const int64_t rows = k - i < chunk ? k - i : chunk;
    const typename V::T* s = src + i * ld;
    typename V::T* d = dst + i * stride;
    int64_t j = 0;
    if (cols == 2 * V::W) {
      for (; j + cols <= n; j += cols, d += k * stride) pack_panel_rows<V, 2>(rows, cols, s + j, ld, stride, d);
    }
    for (; j < n; j += cols, d += k * stride) {
      pack_panel_rows<V, 0>(rows, n - j < cols ? n - j : cols, s + j, ld, stride, d);
    }
  }
}

// Up to W rows of the source become columns, with room for so many of them in a row of the destination.
template <class V>
inline void pack_cols_part(int64_t k, int rows, const typename V::T* src, int64_t ld, int64_t stride, int64_t room,
                           typename V::T* dst) {
  constexpr int W = V::W;
  V y[W];
  int64_t i = 0;
  for (; i + W <= k; i += W) {
    transpose(src + i, ld, rows, y);
#pragma GCC unroll 16
    for (int t = 0; t < W; ++t) __builtin_prefetch(dst + (i + t + 32) * stride, 1);
#pragma GCC unroll 16
    for (int t = 0; t < W; ++t) store_within(y[t], dst + (i + t) * stride, rows, room);
  }
  if (i == k) return;
  // Not to read past the rows' ends, the ragged rest goes through a copy.
  typename V::T rest[W * W];
  const int depth = static_cast<int>(k - i);
  for (int r = 0; r < rows; ++r) V::load_n(src + r * ld + i, depth).store(rest + r * W);
  transpose(rest, W, rows, y);
  for (int t = 0; t < depth; ++t) store_within(y[t], dst + (i + t) * stride, rows, room);
}

template <class V>
void pack_cols(int64_t k, int64_t n, const typename V::T* src, int64_t ld, int64_t cols, int64_t stride,
               typename V::T* dst) {
  for (int64_t j0 = 0; j0 < n; j0 += cols, dst += k * stride) {
    const int64_t end = n - j0 < cols ? n : j0 + cols;
    for (int64_t j = j0; j < end; j += V::W) {
      const int w = static_cast<int>(end - j < V::W ? end - j : V::W);
      pack_cols_part<V>(k, w, src + j * ld, ld, stride, stride - (j - j0), dst + (j - j0));
    }
  }
}

}  // namespace
}  // namespace pk::PK_ISA
