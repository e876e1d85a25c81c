// Direct convolution's register tiles (contract: conv2d_table.h).
#include "kernels/isa/conv2d_table.h"

#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

// mr x nv accumulators, nv vectors of weights and a broadcast fill the registers. The operand that both tiles walk in
// vectors is brought to L1 `ahead` steps before it is needed: panels are larger than L1.
template <class V>
struct Tile;

#if defined(PK_ISA_AVX512)
template <>
struct Tile<Vec16> {
  static constexpr int mr = 14, nv = 2, ahead = 8;
};
#elif defined(PK_ISA_AVX2)
template <>
struct Tile<Vec8> {
  static constexpr int mr = 6, nv = 2, ahead = 0;
};
#elif defined(PK_ISA_NEON)
template <>
struct Tile<Vec4> {
  static constexpr int mr = 14, nv = 2, ahead = 0;
};
#endif
template <class T>
struct Tile<Vec1<T>> {
  static constexpr int mr = 4, nv = 4, ahead = 0;
};

// The compiler must take a pointer as it is: it would otherwise keep one register for each pixel, or vectorise the
// loops of width 1 with loads past the end.
template <class T>
inline void opaque(T& p) {
  __asm__ volatile("" : "+r"(p));
}

// A broadcast is needed again: the compiler would otherwise let a multiply-add overwrite it, move the accumulators
// around and spill them.
template <class V>
inline void still_needed(const V& x) {
#if defined(__x86_64__)
  __asm__ volatile("" ::"v"(x.v));
#elif defined(__aarch64__)
  __asm__ volatile("" ::"w"(x.v));
#else
  static_cast<void>(x);
#endif
}

// Vector j of a row of n channels; what lies past the end is 0 and not touched.
template <class V, bool kWhole>
inline V get(const typename V::T* p, int j, int64_t n) {
  if (kWhole) return V::load(p + j * V::W);
  const int64_t left = n - j * V::W;
  return V::load_n(p + j * V::W, left <= 0 ? 0 : left >= V::W ? V::W : static_cast<int>(left));
}
template <class V, bool kWhole>
inline void put(V v, typename V::T* p, int j, int64_t n) {
  if (kWhole) {
    v.store(p + j * V::W);
  } else {
    const int64_t left = n - j * V::W;
    v.store_n(p + j * V::W, left <= 0 ? 0 : left >= V::W ? V::W : static_cast<int>(left));
  }
}

// f(row, vector, accumulator) for all of them, unrolled.
template <class V, int R, int NV, class F>
inline void each(V (&acc)[R][NV], F f) {
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) f(r, j, acc[r][j]);
  }
}

template <class V, int R, int NV, bool kWhole>
inline void finish(V (&acc)[R][NV], const ConvTile<typename V::T>& t) {
  using T = typename V::T;
  const int64_t n = t.channels;
  const auto at = [&](int r) { return t.at[r / 2] + (r % 2) * t.at_pair; };
  if (t.add) each(acc, [&](int r, int j, V& z) { z = z + get<V, kWhole>(t.result + at(r), j, n); });
  if (t.scale != nullptr) {
    V s[NV];
    for (int j = 0; j < NV; ++j) s[j] = get<V, kWhole>(t.scale, j, n);
    each(acc, [&](int, int j, V& z) { z = z * s[j]; });
  }
  if (t.bias != nullptr) {
    V b[NV];
    for (int j = 0; j < NV; ++j) b[j] = get<V, kWhole>(t.bias, j, n);
    each(acc, [&](int, int j, V& z) { z = z + b[j]; });
  }
  if (t.preact != nullptr) each(acc, [&](int r, int j, V& z) { put<V, kWhole>(z, t.preact + at(r), j, n); });
  if (t.relu) each(acc, [](int, int, V& z) { z = vmax(V::zero(), z); });  // this order keeps NaN
  if (t.mask != nullptr) {
    each(acc,
         [&](int r, int j, V& z) { z = select(le(get<V, kWhole>(t.mask + at(r), j, n), V::zero()), V::zero(), z); });
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    T* to = t.result + at(r);
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) put<V, kWhole>(acc[r][j], to, j, n);
  }
}

// One step: element `even` of each pair's first pixel, `odd` of its second one.
template <class V, int R, int NV>
inline __attribute__((always_inline)) void step(V (&acc)[R][NV], const typename V::T* const (&x)[(R + 1) / 2],
                                                int64_t even, int64_t odd, const typename V::T* w) {
  V wv[NV];
#pragma GCC unroll 4
  for (int j = 0; j < NV; ++j) wv[j] = V::load(w + j * V::W);
  if constexpr (Tile<V>::ahead > 0) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) __builtin_prefetch(w + (Tile<V>::ahead * NV + j) * V::W);
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    const V xv = V::set1(x[r / 2][r % 2 == 0 ? even : odd]);
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[r][j] = fma(xv, wv[j], acc[r][j]);
    still_needed(xv);
  }
}

template <class V, int R, int NV>
void tile(const ConvTile<typename V::T>& t) {
  using T = typename V::T;
  constexpr int pairs = (R + 1) / 2, unroll = 4;
  V acc[R][NV];
  each(acc, [](int, int, V& z) { z = V::zero(); });
  const T* w = t.w;
  const char* next = t.prefetch;
  const int64_t next_step = t.prefetch_step;
  for (int64_t i = 0; i < t.runs; ++i) {
    // The addresses stay, two indices move.
    const T* x[pairs];
    int64_t even = t.run[i], odd = even + t.x_pair, left = t.length;
#pragma GCC unroll 8
    for (int g = 0; g < pairs; ++g) {
      x[g] = t.x[g];
      opaque(x[g]);
    }
    for (; left >= unroll; left -= unroll) {
      opaque(even);
      opaque(odd);
      opaque(w);
      __builtin_prefetch(next, 0, 2);
      next += next_step;
#pragma GCC unroll 4
      for (int u = 0; u < unroll; ++u) step<V, R, NV>(acc, x, even + u, odd + u, w + u * NV * V::W);
      even += unroll;
      odd += unroll;
      w += unroll * NV * V::W;
    }
    for (; left > 0; --left) {
      opaque(even);
      opaque(odd);
      opaque(w);
      step<V, R, NV>(acc, x, even, odd, w);
      ++even;
      ++odd;
      w += NV * V::W;
    }
    w += t.w_skip;
  }
  if (t.channels == NV * V::W) {
    finish<V, R, NV, true>(acc, t);
  } else {
    finish<V, R, NV, false>(acc, t);
  }
}

template <class V, int R, int NV, bool kWhole>
inline void store_weights(V (&acc)[R][NV], const ConvWeightTile<typename V::T>& t) {
  const int64_t n = t.channels;
  if (t.add) each(acc, [&](int r, int j, V& z) { z = z + get<V, kWhole>(t.result + r * t.ld, j, n); });
  each(acc, [&](int r, int j, V& z) { put<V, kWhole>(z, t.result + r * t.ld, j, n); });
}

template <class V, int R, int NV>
void weight_tile(const ConvWeightTile<typename V::T>& t) {
  using T = typename V::T;
  V acc[R][NV];
  each(acc, [](int, int, V& z) { z = V::zero(); });
  const T* dy = t.dy;
  const int64_t x_col = t.x_col;
  for (int64_t n = 0; n < t.images; ++n) {
    for (int64_t p = 0; p < t.rows; ++p) {
      const T* x = t.x + n * t.x_image + p * t.x_row;
      for (int64_t q = t.cols; q > 0; --q) {
        opaque(x);
        opaque(dy);
        V dv[NV];
#pragma GCC unroll 4
        for (int j = 0; j < NV; ++j) dv[j] = V::load(dy + j * V::W);
#pragma GCC unroll 16
        for (int r = 0; r < R; ++r) {
          const V xv = V::set1(x[r]);
#pragma GCC unroll 4
          for (int j = 0; j < NV; ++j) acc[r][j] = fma(xv, dv[j], acc[r][j]);
          still_needed(xv);
        }
        x += x_col;
        dy += NV * V::W;
      }
    }
  }
  t.channels == NV* V::W ? store_weights<V, R, NV, true>(acc, t) : store_weights<V, R, NV, false>(acc, t);
}

template <class V, int R>
void fill_tiles(ConvLevel<typename V::T>& t) {
  constexpr int nv = Tile<V>::nv;
  t.tile[R] = tile<V, R, nv>;
  t.tile_narrow[R] = tile<V, R, 1>;
  t.weights[R] = weight_tile<V, R, nv>;
  t.weights_narrow[R] = weight_tile<V, R, 1>;
  if constexpr (R > 1) fill_tiles<V, R - 1>(t);
}

template <class V>
void fill_level(ConvLevel<typename V::T>& t, int64_t strip_kb, int64_t chunk_kb, double gflops) {
  t.mr = Tile<V>::mr;
  t.panel = Tile<V>::nv * V::W;
  t.narrow = V::W;
  t.strip_bytes = strip_kb << 10;
  t.chunk_bytes = chunk_kb << 10;
  t.gflops = gflops;
  fill_tiles<V, Tile<V>::mr>(t);
}

}  // namespace

void fill(ConvTable& t) {
#if defined(PK_ISA_AVX512)
  fill_level<VecF>(t.f32, 384, 320, 100);
#elif defined(PK_ISA_AVX2)
  fill_level<VecF>(t.f32, 96, 96, 50);
#elif defined(PK_ISA_NEON)
  fill_level<VecF>(t.f32, 128, 128, 20);
#else
  fill_level<VecF>(t.f32, 96, 96, 4);
#endif
  fill_level<Vec1<double>>(t.f64, 96, 96, 3);
}

}  // namespace pk::PK_ISA
