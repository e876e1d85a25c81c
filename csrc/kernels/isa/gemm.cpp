// GEMM's register tiles (contract: gemm_table.h).
#include "kernels/isa/gemm_table.h"

#include "kernels/isa/gemm_pack.h"
#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

// Tile constants. `mr` x `nv` vectors is the full tile: accumulators, one vector per column group and a
// broadcast must fit the registers. Lower tiles are wider, so that enough independent sums hide the FMA's latency.
// stream_rows x stream_depth elements of A stay in registers while rows of B pass.
template <class V>
struct Tile;

#if defined(PK_ISA_AVX512)
template <>
struct Tile<Vec16> {  // 32 registers: 28 sums, 2 of B, 1 of A; 16 loads per 28 FMAs
  static constexpr int mr = 14, nv = 2, dot_rows = 6, stream_depth = 8, direct_rows = 8;
  static constexpr int vectors(int r) { return r <= 3 ? 8 : r == 4 ? 6 : r <= 6 ? 4 : r <= 8 ? 3 : 2; }
};
#elif defined(PK_ISA_AVX2)
template <>
struct Tile<Vec8> {  // 16 registers: 12 sums, 2 of B, 1 of A; 8 loads per 12 FMAs
  static constexpr int mr = 6, nv = 2, dot_rows = 3, stream_depth = 4, direct_rows = 4;
  static constexpr int vectors(int r) { return r == 1 ? 8 : r == 2 ? 4 : r <= 4 ? 3 : 2; }
};
#elif defined(PK_ISA_NEON)
template <>
struct Tile<Vec4> {  // 32 registers: 28 sums, 2 of B, 1 of A
  static constexpr int mr = 14, nv = 2, dot_rows = 6, stream_depth = 8, direct_rows = 8;
  static constexpr int vectors(int r) { return r <= 3 ? 8 : r == 4 ? 6 : r <= 6 ? 4 : r <= 8 ? 3 : 2; }
};
#endif
template <class T>
struct Tile<Vec1<T>> {
  static constexpr int mr = 4, nv = 4, dot_rows = 2, stream_depth = 4, direct_rows = 4;
  static constexpr int vectors(int) { return 4; }
};

template <class V, bool kTail>
inline V get(const typename V::T* p, int tail) {
  return kTail ? V::load_n(p, tail) : V::load(p);
}
template <class V, bool kTail>
inline void put(V v, typename V::T* p, int tail) {
  kTail ? v.store_n(p, tail) : v.store(p);
}

template <class V, int NV, bool kTail>
inline void finish_row(V (&acc)[NV], int r, int tail, const GemmOut<typename V::T>& out) {
#pragma GCC unroll 8
  for (int j = 0; j < NV; ++j) {
    V z = acc[j];
    typename V::T* c = out.c + r * out.ldc + j * V::W;
    if (out.add) z = z + get<V, kTail>(c, tail);
    if (out.bias != nullptr) {
      z = z + (out.bias_scalar ? V::set1(out.bias[0]) : get<V, kTail>(out.bias + j * V::W, tail));
    }
    if (out.preact != nullptr) put<V, kTail>(z, out.preact + r * out.ldp + j * V::W, tail);
    if (out.relu) z = vmax(V::zero(), z);  // this order keeps NaN
    put<V, kTail>(z, c, tail);
  }
}

template <class V, int R, int NV, bool kTail>
inline void finish_tile(V (&acc)[R][NV], int tail, const GemmOut<typename V::T>& out) {
  typename V::T* c = out.c;
  if (out.bias != nullptr || out.preact != nullptr || out.relu) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) finish_row<V, NV, kTail>(acc[r], r, tail, out);
  } else if (out.add) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r, c += out.ldc) {
#pragma GCC unroll 8
      for (int j = 0; j < NV; ++j) put<V, kTail>(acc[r][j] + get<V, kTail>(c + j * V::W, tail), c + j * V::W, tail);
    }
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r, c += out.ldc) {
#pragma GCC unroll 8
      for (int j = 0; j < NV; ++j) put<V, kTail>(acc[r][j], c + j * V::W, tail);
    }
  }
}

// One step of the depth: R broadcasts of A times NV vectors of B.
template <class V, int R, int NV, bool kPanel, bool kTail>
inline void step(V (&acc)[R][NV], const typename V::T* a, int64_t as, const typename V::T* b, int tail) {
  V bv[NV];
#pragma GCC unroll 8
  for (int j = 0; j < NV; ++j) bv[j] = get<V, kTail>(b + j * V::W, tail);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    const V av = V::set1(kPanel ? a[r] : a[r * as]);
#pragma GCC unroll 8
    for (int j = 0; j < NV; ++j) acc[r][j] = fma(av, bv[j], acc[r][j]);
  }
}

// R x NV vectors of C. With kTail (NV = 1) only the first `tail` columns exist.
template <class V, int R, int NV, bool kPanel, bool kTail>
inline void tile(int64_t k, const typename V::T* a, int64_t as, const typename V::T* b, int64_t bs, int tail,
                 const GemmOut<typename V::T>& out) {
  V acc[R][NV];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int j = 0; j < NV; ++j) acc[r][j] = V::zero();
  }
  // C is wanted k steps from now; where that is too soon, the next tile's C is fetched.
  const typename V::T* ahead = out.c + (k >= 128 ? 0 : NV * V::W);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r, ahead += out.ldc) {
    __builtin_prefetch(ahead, 1);
    __builtin_prefetch(ahead + NV * V::W - 1, 1);
  }
  int64_t i = 0;
  if constexpr (kPanel && NV == Tile<V>::nv && V::W > 1) {
    // Both operands packed: constant strides and few instructions beside the arithmetic.
    constexpr int unroll = 4;
    constexpr int stride = R;
    if (as == stride && bs == NV * V::W) {
      const typename V::T* next = out.prefetch;
      for (; i + unroll <= k; i += unroll) {
        __builtin_prefetch(next, 0, 2);
        next += 64 / sizeof(typename V::T);
#pragma GCC unroll 4
        for (int u = 0; u < unroll; ++u) step<V, R, NV, true, false>(acc, a + u * stride, 0, b + u * NV * V::W, 0);
        a += unroll * stride;
        b += unroll * NV * V::W;
      }
    }
  }
  // B in place: the next tile's part of each row is fetched a tile ahead, for no prefetcher follows so many rows.
  const typename V::T* next = bs > NV * V::W ? b + NV * V::W : b;
  for (; i < k; ++i, next += bs) {
    if constexpr (V::W > 1) {
#pragma GCC unroll 8
      for (int j = 0; j < NV; j += 64 / static_cast<int>(sizeof(V))) __builtin_prefetch(next + j * V::W, 0, 3);
    }
    // GCC 12 vectorises the width-1 loop over i with loads of the row after the last.
    if constexpr (V::W == 1) __asm__ volatile("");
    step<V, R, NV, kPanel, kTail>(acc, a, as, b, tail);
    a += kPanel ? as : 1;
    b += bs;
  }
  finish_tile<V, R, NV, kTail>(acc, tail, out);
}

template <class T>
inline GemmOut<T> shifted(GemmOut<T> out, int64_t columns) {
  out.c += columns;
  if (out.bias != nullptr && !out.bias_scalar) out.bias += columns;
  if (out.preact != nullptr) out.preact += columns;
  return out;
}

// All n columns with tiles of NV vectors, what remains with narrower ones.
template <class V, int R, int NV, bool kPanel>
inline void strip_from(int64_t j, int64_t k, const typename V::T* a, int64_t as, const typename V::T* b, int64_t bs,
                       int64_t n, const GemmOut<typename V::T>& out) {
  constexpr int64_t width = NV * V::W;
  for (; j + width <= n; j += width) tile<V, R, NV, kPanel, false>(k, a, as, b + j, bs, 0, shifted(out, j));
  if constexpr (NV > 1) {
    if (j < n) strip_from<V, R, NV / 2, kPanel>(j, k, a, as, b, bs, n, out);
  } else if constexpr (V::W > 1) {
    if (j < n) tile<V, R, 1, kPanel, true>(k, a, as, b + j, bs, static_cast<int>(n - j), shifted(out, j));
  }
}

template <class V, int R, bool kPanel>
void strip(int64_t k, const typename V::T* a, int64_t as, const typename V::T* b, int64_t bs, int64_t n,
           const GemmOut<typename V::T>& out) {
  if (n == Tile<V>::nv * V::W) {
    tile<V, R, Tile<V>::nv, kPanel, false>(k, a, as, b, bs, 0, out);
  } else if (n == Tile<V>::vectors(R) * V::W) {
    tile<V, R, Tile<V>::vectors(R), kPanel, false>(k, a, as, b, bs, 0, out);
  } else {
    strip_from<V, R, Tile<V>::vectors(R), kPanel>(0, k, a, as, b, bs, n, out);
  }
}

template <class V, int R>
void fill_strips(GemmLevel<typename V::T>& t) {
  t.strip_cols[R] = Tile<V>::vectors(R) * V::W;
  t.strip_rows[R] = strip<V, R, false>;
  t.strip_panel[R] = strip<V, R, true>;
  if constexpr (R > 1) fill_strips<V, R - 1>(t);
}

// R rows of A times 4 rows of B (both contiguous in k), lanes summed at the end.
template <class V, int R>
inline void dot_tile(int64_t k, const typename V::T* a, int64_t lda, const typename V::T* b, int64_t ldb, bool add,
                     typename V::T* c, int64_t ldc) {
  V acc[R][4];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) acc[r][j] = V::zero();
  }
  int64_t i = 0;
  for (; i + V::W <= k; i += V::W) {
    V av[R];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) av[r] = V::load(a + r * lda + i);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const V bv = V::load(b + j * ldb + i);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) acc[r][j] = fma(av[r], bv, acc[r][j]);
    }
  }
  if (i < k) {
    const int tail = static_cast<int>(k - i);
    for (int j = 0; j < 4; ++j) {
      const V bv = V::load_n(b + j * ldb + i, tail);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) acc[r][j] = fma(V::load_n(a + r * lda + i, tail), bv, acc[r][j]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) sum4(acc[r], add, c + r * ldc);
}

template <class V, int R>
inline void dot_rows(int64_t rows, int64_t k, const typename V::T* a, int64_t lda, const typename V::T* b, int64_t ldb,
                     bool add, typename V::T* c, int64_t ldc) {
  for (; rows >= R; rows -= R, a += R * lda, c += R * ldc) dot_tile<V, R>(k, a, lda, b, ldb, add, c, ldc);
  if constexpr (R > 1) {
    if (rows > 0) dot_rows<V, R - 1>(rows, k, a, lda, b, ldb, add, c, ldc);
  }
}

template <class V>
void dot(int64_t rows, int64_t cols, int64_t k, const typename V::T* a, int64_t lda, const typename V::T* b,
         int64_t ldb, bool add, typename V::T* c, int64_t ldc) {
  constexpr int R = Tile<V>::dot_rows;
  int64_t j = 0;
  for (; j + 4 <= cols; j += 4) dot_rows<V, R>(rows, k, a, lda, b + j * ldb, ldb, add, c + j, ldc);
  if (j == cols) return;
  // The last 1-3 columns: the first of them stands in for the missing ones.
  typename V::T sums[4];
  const int left = static_cast<int>(cols - j);
  for (int64_t r = 0; r < rows; ++r) {
    for (int q = 0; q < left; ++q) {
      const typename V::T* bj = b + (j + q) * ldb;
      dot_tile<V, 1>(k, a + r * lda, lda, bj, 0, false, sums, 4);
      c[r * ldc + j + q] = add ? c[r * ldc + j + q] + sums[0] : sums[0];
    }
  }
}

// R rows of C [+]= R x K elements of A times K rows of B, along all columns: every operand is read and written in
// long runs, which is what hardware prefetchers follow. The rows that are `next` elements further come next.
template <class V, int R, int K>
inline void stream_rows(int64_t n, const typename V::T* a, int64_t a_row, int64_t a_k, const typename V::T* b,
                        int64_t ldb, bool add, typename V::T* c, int64_t ldc, int64_t next) {
  V av[R][K];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int i = 0; i < K; ++i) av[r][i] = V::set1(a[r * a_row + i * a_k]);
  }
  const auto columns = [&](auto load, auto store) {
    V acc[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      __builtin_prefetch(c + r * ldc + next, 1);
      acc[r] = add ? load(c + r * ldc) : V::zero();
    }
#pragma GCC unroll 8
    for (int i = 0; i < K; ++i) {
      V bv = load(b + i * ldb);
      in_register(bv);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) acc[r] = fma(av[r][i], bv, acc[r]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) store(acc[r], c + r * ldc);
    b += V::W;
    c += V::W;
  };
  int64_t j = 0;
  for (; j + V::W <= n; j += V::W) {
    if constexpr (V::W == 1) __asm__ volatile("");  // as in tile()
    columns([](const auto* p) { return V::load(p); }, [](V v, auto* p) { v.store(p); });
  }
  if (j < n) {
    const int tail = static_cast<int>(n - j);
    columns([&](const auto* p) { return V::load_n(p, tail); }, [&](V v, auto* p) { v.store_n(p, tail); });
  }
}

template <class V, int K>
inline void stream_depth(int64_t rows, int64_t n, const typename V::T* a, int64_t a_row, int64_t a_k,
                         const typename V::T* b, int64_t ldb, bool add, typename V::T* c, int64_t ldc, bool more) {
  for (; rows > 4 || rows == 3; rows -= 3, a += 3 * a_row, c += 3 * ldc) {
    stream_rows<V, 3, K>(n, a, a_row, a_k, b, ldb, add, c, ldc, rows > 3 || more ? 3 * ldc : 0);
  }
  for (; rows >= 2; rows -= 2, a += 2 * a_row, c += 2 * ldc) {
    stream_rows<V, 2, K>(n, a, a_row, a_k, b, ldb, add, c, ldc, rows > 2 || more ? 2 * ldc : 0);
  }
  if (rows == 1) stream_rows<V, 1, K>(n, a, a_row, a_k, b, ldb, add, c, ldc, more ? ldc : 0);
}

template <class V, int K>
inline void stream_from(int64_t i, int64_t rows, int64_t n, int64_t k, const typename V::T* a, int64_t a_row,
                        int64_t a_k, const typename V::T* b, int64_t ldb, bool add, typename V::T* c, int64_t ldc,
                        bool more) {
  for (; i + K <= k; i += K) {
    stream_depth<V, K>(rows, n, a + i * a_k, a_row, a_k, b + i * ldb, ldb, add || i > 0, c, ldc, more);
  }
  if constexpr (K > 1) {
    if (i < k) stream_from<V, K / 2>(i, rows, n, k, a, a_row, a_k, b, ldb, add, c, ldc, more);
  }
}

template <class V>
void stream(int64_t rows, int64_t n, int64_t k, const typename V::T* a, int64_t a_row, int64_t a_k,
            const typename V::T* b, int64_t ldb, bool add, typename V::T* c, int64_t ldc, bool more) {
  stream_from<V, Tile<V>::stream_depth>(0, rows, n, k, a, a_row, a_k, b, ldb, add, c, ldc, more);
}

template <class V>
void finish(int64_t rows, int64_t cols, const GemmOut<typename V::T>& out) {
  for (int64_t j = 0; j < cols; j += V::W) {
    GemmOut<typename V::T> o = shifted(out, j);
    o.add = false;
    const int w = static_cast<int>(cols - j < V::W ? cols - j : V::W);
    for (int r = 0; r < rows; ++r) {
      if (w == V::W) {
        V z[1] = {V::load(o.c + r * o.ldc)};
        finish_row<V, 1, false>(z, r, w, o);
      } else {
        V z[1] = {V::load_n(o.c + r * o.ldc, w)};
        finish_row<V, 1, true>(z, r, w, o);
      }
    }
  }
}

template <class V>
void fill_level(GemmLevel<typename V::T>& t, int64_t kc, int64_t mc_panels, int64_t nc, double gflops) {
  t.mr = Tile<V>::mr;
  t.nr = Tile<V>::nv * V::W;
  t.direct_rows = Tile<V>::direct_rows;
  t.align = V::W;
  t.kc = kc;
  t.mc = mc_panels * t.mr;
  t.nc = nc;
  t.dot_kc = 4096 / static_cast<int64_t>(sizeof(typename V::T));
  t.dot_cols = 4;
  t.gflops = gflops;
  fill_strips<V, Tile<V>::mr>(t);
  t.stream = stream<V>;
  t.dot = dot<V>;
  t.finish = finish<V>;
  t.pack_rows = pack_rows<V>;
  t.pack_cols = pack_cols<V>;
}

}  // namespace

void fill(GemmTable& t) {
#if defined(PK_ISA_AVX512)
  fill_level<VecF>(t.f32, 384, 16, 512, 80);
#elif defined(PK_ISA_AVX2)
  fill_level<VecF>(t.f32, 320, 36, 256, 40);
#elif defined(PK_ISA_NEON)
  fill_level<VecF>(t.f32, 256, 16, 256, 20);
#else
  fill_level<VecF>(t.f32, 128, 32, 128, 4);
#endif
  fill_level<Vec1<double>>(t.f64, 128, 32, 128, 3);
}

}  // namespace pk::PK_ISA
