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

// A factor is needed again: the compiler would otherwise let a multiply-add overwrite it, move the accumulators around
// and spill them.
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

// N values that are registers from the start. An array would be memory until its loops are unrolled, and the compiler
// then leaves it there between the loops of a tile.
template <class T, int N>
struct Pack {
  T v;
  Pack<T, N - 1> rest;
};
template <class T>
struct Pack<T, 0> {};

template <int i>
struct Index {
  static constexpr int value = i;
};

#if defined(__SANITIZE_ADDRESS__)  // inlined and instrumented, the tiles take minutes to compile
#define PK_HOT __attribute__((noinline))
#define PK_INLINE PK_HOT
#else
#define PK_HOT __attribute__((always_inline))
#define PK_INLINE inline PK_HOT
#endif

// Value i.
template <int i, class T, int N>
PK_INLINE T& at(Pack<T, N>& p) {
  if constexpr (i == 0) {
    return p.v;
  } else {
    return at<i - 1>(p.rest);
  }
}

// f(Index<i>, value) for all of them.
template <int i = 0, class T, int N, class F>
PK_INLINE void each(Pack<T, N>& p, const F& f) {
  f(Index<i>(), p.v);
  if constexpr (N > 1) each<i + 1>(p.rest, f);
}

// f(Index<0>), ..., f(Index<n - 1>).
template <int n, int i = 0, class F>
PK_INLINE void times(const F& f) {
  f(Index<i>());
  if constexpr (i + 1 < n) times<n, i + 1>(f);
}

template <class V, int R, int NV, bool kWhole>
PK_INLINE void finish(Pack<V, R * NV>& acc, const ConvTile<typename V::T>& t) {
  const int64_t n = t.channels;
  const auto place = [&](int i) { return t.at[i / NV / 2] + (i / NV % 2) * t.at_pair; };
  if (t.add)
    each(acc, [&](auto i, V& z) PK_HOT { z = z + get<V, kWhole>(t.result + place(i.value), i.value % NV, n); });
  if (t.scale != nullptr) {
    Pack<V, NV> s;
    each(s, [&](auto j, V& v) PK_HOT { v = get<V, kWhole>(t.scale, j.value, n); });
    each(acc, [&](auto i, V& z) PK_HOT { z = z * at<i.value % NV>(s); });
  }
  if (t.bias != nullptr) {
    Pack<V, NV> b;
    each(b, [&](auto j, V& v) PK_HOT { v = get<V, kWhole>(t.bias, j.value, n); });
    each(acc, [&](auto i, V& z) PK_HOT { z = z + at<i.value % NV>(b); });
  }
  if (t.preact != nullptr) {
    each(acc, [&](auto i, V& z) PK_HOT { put<V, kWhole>(z, t.preact + place(i.value), i.value % NV, n); });
  }
  if (t.relu) each(acc, [](auto, V& z) PK_HOT { z = vmax(V::zero(), z); });  // this order keeps NaN
  if (t.mask != nullptr) {
    each(acc, [&](auto i, V& z) PK_HOT {
      z = select(le(get<V, kWhole>(t.mask + place(i.value), i.value % NV, n), V::zero()), V::zero(), z);
    });
  }
  each(acc, [&](auto i, V& z) PK_HOT { put<V, kWhole>(z, t.result + place(i.value), i.value % NV, n); });
}

// One step: element `even` of each pair's first pixel, `odd` of its second one.
template <class V, int R, int NV>
PK_INLINE void step(Pack<V, R * NV>& acc, Pack<const typename V::T*, (R + 1) / 2>& x, int64_t even, int64_t odd,
                    const typename V::T* w) {
  Pack<V, NV> wv;
  each(wv, [&](auto j, V& v) PK_HOT {
    v = V::load(w + j.value * V::W);
    if (Tile<V>::ahead > 0) __builtin_prefetch(w + (Tile<V>::ahead * NV + j.value) * V::W);
  });
  times<R>([&](auto r) PK_HOT {
    const V xv = V::set1(at<r.value / 2>(x)[r.value % 2 == 0 ? even : odd]);
    each(wv, [&](auto j, V& v) PK_HOT {
      V& z = at<r.value * NV + j.value>(acc);
      z = fma(xv, v, z);
    });
    still_needed(xv);
  });
  each(wv, [](auto, V& v) PK_HOT { still_needed(v); });
}

template <class V, int R, int NV>
void tile(const ConvTile<typename V::T>& t) {
  using T = typename V::T;
  constexpr int unroll = 4;
  Pack<V, R * NV> acc;
  each(acc, [](auto, V& z) PK_HOT { z = V::zero(); });
  const T* w = t.w;
  const char* next = t.prefetch;
  const int64_t next_step = t.prefetch_step;
  // The addresses stay, two indices move.
  Pack<const T*, (R + 1) / 2> x;
  each(x, [&](auto g, const T*& p) PK_HOT {
    p = t.x[g.value];
    opaque(p);
  });
  for (int64_t i = 0; i < t.runs; ++i) {
    int64_t even = t.run[i], odd = even + t.x_pair, left = t.length;
    for (; left >= unroll; left -= unroll) {
      opaque(even);
      opaque(odd);
      opaque(w);
      __builtin_prefetch(next, 0, 2);
      next += next_step;
      times<unroll>([&](auto u)
                        PK_HOT { step<V, R, NV>(acc, x, even + u.value, odd + u.value, w + u.value * NV * V::W); });
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
PK_INLINE void store_weights(Pack<V, R * NV>& acc, const ConvWeightTile<typename V::T>& t) {
  const int64_t n = t.channels;
  if (t.add) {
    each(acc, [&](auto i, V& z) PK_HOT { z = z + get<V, kWhole>(t.result + i.value / NV * t.ld, i.value % NV, n); });
  }
  each(acc, [&](auto i, V& z) PK_HOT { put<V, kWhole>(z, t.result + i.value / NV * t.ld, i.value % NV, n); });
}

// One pixel; the addresses move on to the next one.
template <class V, int R, int NV>
PK_INLINE void weight_step(Pack<V, R * NV>& acc, const typename V::T*& x, const typename V::T*& dy, int64_t x_col) {
  opaque(x);
  opaque(dy);
  if (Tile<V>::ahead > 0) {  // its elements often lie in two lines
    __builtin_prefetch(x + Tile<V>::ahead * x_col);
    __builtin_prefetch(x + Tile<V>::ahead * x_col + R - 1);
  }
  Pack<V, NV> dv;
  each(dv, [&](auto j, V& v) PK_HOT {
    v = V::load(dy + j.value * V::W);
    if (Tile<V>::ahead > 0) __builtin_prefetch(dy + (Tile<V>::ahead * NV + j.value) * V::W);
  });
  times<R>([&](auto r) PK_HOT {
    const V xv = V::set1(x[r.value]);
    each(dv, [&](auto j, V& v) PK_HOT {
      V& z = at<r.value * NV + j.value>(acc);
      z = fma(xv, v, z);
    });
    still_needed(xv);
  });
  each(dv, [](auto, V& v) PK_HOT { still_needed(v); });
  x += x_col;
  dy += NV * V::W;
}

template <class V, int R, int NV>
void weight_tile(const ConvWeightTile<typename V::T>& t) {
  using T = typename V::T;
  Pack<V, R * NV> acc;
  each(acc, [](auto, V& z) PK_HOT { z = V::zero(); });
  constexpr int unroll = 4;
  const T* dy = t.dy;
  const char* next = t.prefetch;
  const int64_t x_col = t.x_col, next_step = t.prefetch_step;
  // The result's rows are fetched bit by bit meanwhile.
  const T* result = t.result;
  int64_t to_fetch = t.add ? R : 0;
  const int64_t at_once = (R + t.images * t.rows - 1) / (t.images * t.rows);
  for (int64_t n = 0; n < t.images; ++n) {
    for (int64_t p = 0; p < t.rows; ++p) {
      for (int64_t i = 0; i < at_once && to_fetch > 0; ++i, --to_fetch, result += t.ld) {
        for (int j = 0; j < NV; ++j) __builtin_prefetch(result + j * V::W, 1);
      }
      const T* x = t.x + n * t.x_image + p * t.x_row;
      int64_t left = t.cols;
      for (; left >= unroll; left -= unroll) {
        __builtin_prefetch(next, 0, 2);
        next += next_step;
        times<unroll>([&](auto) PK_HOT { weight_step<V, R, NV>(acc, x, dy, x_col); });
      }
      for (; left > 0; --left) weight_step<V, R, NV>(acc, x, dy, x_col);
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
