// Winograd convolution's inner loops (contract: winograd_table.h).
#include "kernels/isa/winograd_table.h"

#include "kernels/isa/lanes.h"
#include "kernels/isa/winograd_transform.h"

namespace pk::PK_ISA {
namespace {

// rows x vectors sums, `vectors` of weights and a broadcast fit the registers.
#if defined(PK_ISA_AVX512)
constexpr int tile_rows = 14, tile_vectors = 2, update_rows = 8;
#elif defined(PK_ISA_AVX2)
constexpr int tile_rows = 6, tile_vectors = 2, update_rows = 4;
#elif defined(PK_ISA_NEON)
constexpr int tile_rows = 6, tile_vectors = 4, update_rows = 4;
#else
constexpr int tile_rows = 4, tile_vectors = 4, update_rows = 1;
#endif
constexpr int panel_cols = tile_vectors * VecF::W;

// Calls f(c, lanes) for each vector of n channels.
template <class F>
inline void vectors(int64_t n, F f) {
  for (int64_t c = 0; c < n; c += VecF::W) f(c, static_cast<int>(n - c < VecF::W ? n - c : VecF::W));
}

template <int m>
void input(const WinogradPatch& d, int64_t c, float* v, int64_t group, int64_t position) {
  constexpr int side = m + 2;
  const auto one = [](const auto& in, auto& out) { Points<m>::input(in, out); };
  const int64_t row = d.row, col = d.col;
  const float* const* const at = d.at;
  const float* const first = d.x;
  vectors(c, [=](int64_t k, int n) {
    float* const to = v + k / VecF::W * group;
    const float* const x = first + k;
    const auto store = [=](VecF value, int i, int j) { value.store(to + (i * side + j) * position); };
    if (at != nullptr) {
      transform_2d<VecF, side, side>(
          one, [=](int i, int j) { return load_lanes<VecF>(at[i * side + j] + k, n); }, store);
    } else if (n == VecF::W) {
      transform_2d<VecF, side, side>(one, [=](int i, int j) { return VecF::load(x + i * row + j * col); }, store);
    } else {
      transform_2d<VecF, side, side>(one, [=](int i, int j) { return VecF::load_n(x + i * row + j * col, n); }, store);
    }
  });
}

template <int m>
void gradient(const WinogradPatch& d, int64_t c, float* v, int64_t group, int64_t position, float* sum) {
  constexpr int side = m + 2;
  const auto one = [](const auto& in, auto& out) { Points<m>::gradient(in, out); };
  const int64_t row = d.row, col = d.col;
  const float* const* const at = d.at;
  const float* const first = d.x;
  vectors(c, [=](int64_t k, int n) {
    float* const to = v + k / VecF::W * group;
    const float* const x = first + k;
    VecF all = VecF::zero();
    const auto add = [&](VecF e) {
      all = all + e;
      return e;
    };
    const auto store = [=](VecF value, int i, int j) { value.store(to + (i * side + j) * position); };
    if (at != nullptr) {
      transform_2d<VecF, m, side>(
          one, [&](int i, int j) { return add(load_lanes<VecF>(at[i * m + j] + k, n)); }, store);
    } else if (n == VecF::W) {
      transform_2d<VecF, m, side>(one, [&](int i, int j) { return add(VecF::load(x + i * row + j * col)); }, store);
    } else {
      transform_2d<VecF, m, side>(
          one, [&](int i, int j) { return add(VecF::load_n(x + i * row + j * col, n)); }, store);
    }
    if (sum != nullptr) store_lanes(load_lanes<VecF>(sum + k, n) + all, sum + k, n);
  });
}

template <int m>
void filter(const float* g, int64_t tap, int64_t n, float* u, int64_t position) {
  constexpr int side = m + 2;
  vectors(n, [&](int64_t k, int lanes) {
    transform_2d<VecF, 3, side>(
        [](const auto& in, auto& out) { Points<m>::filter(in, out); },
        [&](int i, int j) { return load_lanes<VecF>(g + (i * 3 + j) * tap + k, lanes); },
        [&](VecF value, int i, int j) { store_lanes(value, u + (i * side + j) * position + k, lanes); });
  });
}

template <int m>
void filter_gradient(const float* u, int64_t position, int64_t n, float* g, int64_t tap) {
  constexpr int side = m + 2;
  vectors(n, [&](int64_t k, int lanes) {
    transform_2d<VecF, side, 3>(
        [](const auto& in, auto& out) { Points<m>::filter_gradient(in, out); },
        [&](int i, int j) { return VecF::load(u + (i * side + j) * position + k); },
        [&](VecF value, int i, int j) { store_lanes(value, g + (i * 3 + j) * tap + k, lanes); });
  });
}

template <int m>
void output(const float* prod, int64_t position, int64_t n, const WinogradOut& out) {
  constexpr int side = m + 2;
  const auto one = [](const auto& in, auto& o) { Points<m>::output(in, o); };
  const bool full = out.rows == m && out.cols == m && out.mask == nullptr;
  const int64_t row = out.row, col = out.col;
  const VecF low = VecF::set1(out.relu ? 0.0F : -__builtin_inff());
  vectors(n, [&](int64_t k, int lanes) {
    const VecF scale = out.scale != nullptr ? load_lanes<VecF>(out.scale + k, lanes) : VecF::set1(1);
    const VecF bias = out.bias != nullptr ? load_lanes<VecF>(out.bias + k, lanes) : VecF::zero();
    const float* from = prod + k;
    float* y = out.y + k;
    const auto load = [=](int i, int j) { return VecF::load(from + (i * side + j) * position); };
    const auto value = [=](VecF z) { return vmax(low, fma(z, scale, bias)); };  // this order keeps NaN
    if (full && lanes == VecF::W) {
      transform_2d<VecF, side, m>(one, load, [=](VecF z, int i, int j) { value(z).store(y + i * row + j * col); });
    } else {
      transform_2d<VecF, side, m>(one, load, [&](VecF z, int i, int j) {
        if (i >= out.rows || j >= out.cols) return;
        const int64_t at = i * out.row + j * out.col;
        z = value(z);
        if (out.mask != nullptr)
          z = select(le(load_lanes<VecF>(out.mask + k + at, lanes), VecF::zero()), VecF::zero(), z);
        store_lanes(z, y + at, lanes);
      });
    }
  });
}

template <int R, int NV>
void product(int64_t c, const float* v, const float* u, float* m, const float* next) {
  constexpr int W = VecF::W;
  VecF acc[R][NV];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[r][j] = VecF::zero();
    __builtin_prefetch(m + r * panel_cols, 1);
    if (NV * W * sizeof(float) > 64) __builtin_prefetch(m + r * panel_cols + 16, 1);
  }
  const auto step = [&](const float* a, const float* b) {
    VecF bv[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) bv[j] = VecF::load(b + j * W);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const VecF av = VecF::set1(a[r * W]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[r][j] = fma(av, bv[j], acc[r][j]);
    }
  };
  for (; c >= W; c -= W) {
    constexpr int unroll = W < 4 ? W : 4;
    for (int i = 0; i < W; i += unroll) {
      __builtin_prefetch(next, 0, 2);
      __builtin_prefetch(next + 16, 0, 2);
      next += 32;
#pragma GCC unroll 4
      for (int q = 0; q < unroll; ++q) step(v + q, u + q * panel_cols);
      v += unroll;
      u += unroll * panel_cols;
    }
    v += (R - 1) * W;
  }
  for (; c > 0; --c, ++v, u += panel_cols) step(v, u);
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) acc[r][j].store(m + r * panel_cols + j * W);
  }
}

template <int NV>
void rank_k_update(int64_t t, const float* v, const float* d, bool add, float* sums) {
  constexpr int W = VecF::W, R = update_rows;
  VecF acc[R][NV];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      acc[r][j] = VecF::zero();
      __builtin_prefetch(sums + r * panel_cols + j * W, 1);
    }
  }
  for (; t > 0; --t, v += W, d += panel_cols) {
    VecF dv[NV];
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) dv[j] = VecF::load(d + j * W);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const VecF av = VecF::set1(v[r]);
#pragma GCC unroll 4
      for (int j = 0; j < NV; ++j) acc[r][j] = fma(av, dv[j], acc[r][j]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int j = 0; j < NV; ++j) {
      float* s = sums + r * panel_cols + j * W;
      (add ? acc[r][j] + VecF::load(s) : acc[r][j]).store(s);
    }
  }
}

template <int R>
void fill_products(WinogradLevel& t) {
  t.product[R] = product<R, tile_vectors>;
  t.narrow[R] = product<R, tile_vectors / 2>;
  if constexpr (R > 1) fill_products<R - 1>(t);
}

template <int m>
WinogradTransforms transforms() {
  return {input<m>, gradient<m>, filter<m>, filter_gradient<m>, output<m>};
}

}  // namespace

void fill(WinogradTable& table) {
  WinogradLevel& t = table.f32;
  t.width = VecF::W;
  t.rows = tile_rows;
  t.cols = panel_cols;
  t.f2 = transforms<2>();
  t.f4 = transforms<4>();
  fill_products<tile_rows>(t);
  t.grad_rows = update_rows;
  t.rank_k_update = rank_k_update<tile_vectors>;
  t.rank_k_update_narrow = rank_k_update<tile_vectors / 2>;
}

}  // namespace pk::PK_ISA
