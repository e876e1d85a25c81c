// Recurrent inner loops. Contracts: recurrent_table.h.
//
// A tile is some rows of one panel: the products of all gates for as many units as a vector has lanes, so that the
// gates of a unit meet in one place and become the new state while they are in the first cache.
#include "kernels/isa/recurrent_table.h"

#include "kernels/isa/act_math.h"
#include "kernels/isa/lanes.h"
#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

// Rows of a tile with so many vectors a row: sums, a row of weights and a broadcast must fit the registers.
template <class V>
constexpr int tile_rows(int vectors) {
#if defined(PK_ISA_AVX512) || defined(PK_ISA_NEON)
  if (V::W > 1) return vectors <= 2 ? 14 : vectors == 3 ? 9 : 7;
#elif defined(PK_ISA_AVX2)
  if (V::W > 1) return vectors == 1 ? 8 : vectors == 2 ? 6 : vectors == 3 ? 4 : 3;
#endif
  return vectors <= 2 ? 4 : 2;
}
constexpr int most_vectors = 4;

// z (R, G vectors) = a (R, k; lda) times a panel.
template <class V, int R, int G>
__attribute__((noinline)) void tile(int64_t k, const typename V::T* a, int64_t lda, const typename V::T* panel,
                                    typename V::T* z) {
  V acc[R][G];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) acc[r][g] = V::zero();
  }
  for (int64_t i = 0; i < k; ++i, panel += G * V::W) {
    if constexpr (V::W == 1) __asm__ volatile("");  // GCC 12 vectorises over i, with loads beyond the end
    V b[G];
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) b[g] = V::load(panel + g * V::W);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const V ar = V::set1(a[r * lda + i]);
#pragma GCC unroll 4
      for (int g = 0; g < G; ++g) acc[r][g] = fma(ar, b[g], acc[r][g]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
    for (int g = 0; g < G; ++g) acc[r][g].store(z + (r * G + g) * V::W);
  }
}

template <class V, int R, int G>
void tile_of(int rows, int64_t k, const typename V::T* a, int64_t lda, const typename V::T* panel, typename V::T* z) {
  if constexpr (R > 1) {
    if (rows < R) return tile_of<V, R - 1, G>(rows, k, a, lda, panel, z);
  }
  tile<V, R, G>(k, a, lda, panel, z);
}

// All tiles of a (rows, k; lda) times a packed matrix of `n` columns a gate: finish(first row, rows, first column,
// columns, z) for each.
template <class V, int G, class Finish>
inline void tiles(int64_t rows, int64_t n, int64_t width, int64_t k, const typename V::T* a, int64_t lda,
                  const typename V::T* packed, Finish finish) {
  constexpr int most = tile_rows<V>(G);
  alignas(64) typename V::T z[most * G * V::W];
  const int64_t parts = (rows + most - 1) / most;
  for (int64_t j = 0; j < n; j += width, packed += k * G * V::W) {
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t first = part * rows / parts, count = (part + 1) * rows / parts - first;
      tile_of<V, most, G>(static_cast<int>(count), k, a + first * lda, lda, packed, z);
      finish(first, count, j, n - j < width ? n - j : width, static_cast<const typename V::T*>(z));
    }
  }
}

template <class V>
__attribute__((noinline)) V any_act(Act act, V x) {
  switch (act) {
#define ACTIVATION(id, slope, work, parameter, formula)                                         \
  case Act::id:                                                                                 \
    if constexpr (SlopeOf::slope == SlopeOf::output && Parameter::parameter == Parameter::none) \
      return act_value<Act::id>(x, V::zero());                                                  \
    break;
#include "kernels/activations.def"
  }
  return x;
}

template <class V>
__attribute__((noinline)) V any_act_backward(Act act, V y, V d) {
  switch (act) {
#define ACTIVATION(id, slope, work, parameter, formula)                                         \
  case Act::id:                                                                                 \
    if constexpr (SlopeOf::slope == SlopeOf::output && Parameter::parameter == Parameter::none) \
      return act_backward<Act::id>(y, V::zero(), d);                                            \
    break;
#include "kernels/activations.def"
  }
  return d;
}

// The two activations of a cell. kUsual: tanh and sigmoid, inlined.
template <class V, bool kUsual>
struct Acts {
  Act act, gate;
  V value(V x) const { return kUsual ? vtanh(x) : any_act(act, x); }
  V gate_value(V x) const { return kUsual ? vsigmoid(x) : any_act(gate, x); }
  V back(V y, V d) const { return kUsual ? act_backward<Act::tanh>(y, V::zero(), d) : any_act_backward(act, y, d); }
  V gate_back(V y, V d) const {
    return kUsual ? act_backward<Act::sigmoid>(y, V::zero(), d) : any_act_backward(gate, y, d);
  }
};

template <class S>
bool masked(const S& s, int64_t row) {
  return s.mask != nullptr && s.mask[row * s.ld_mask] == 0;
}

// h_next, and y where sequences are kept.
template <class V>
inline void put_state(const RecurrentStep<typename V::T>& s, int64_t row, int64_t j, int n, V h) {
  store_lanes(h, s.h_next + row * s.units + j, n);
  if (s.y != nullptr) store_lanes(h, s.y + row * s.ldy + j, n);
}

template <class V>
inline void put_gate(const RecurrentStep<typename V::T>& s, int64_t row, int64_t at, int n, V v) {
  if (s.gates != nullptr) store_lanes(v, s.gates + row * s.ld_gates + at, n);
}

template <class V, bool kUsual>
void lstm_of(const RecurrentStep<typename V::T>& s) {
  using T = typename V::T;
  const Acts<V, kUsual> f{s.act, s.recurrent_act};
  const int64_t u = s.units;
  tiles<V, 4>(s.rows, u, V::W, u, s.h, u, s.packed,
              [&](int64_t first, int64_t rows, int64_t j, int64_t cols, const T* z) {
                const int n = static_cast<int>(cols);
                for (int64_t i = 0; i < rows; ++i, z += 4 * V::W) {
                  const int64_t row = first + i;
                  T* const cell = s.c + row * u + j;
                  V c = load_lanes<V>(cell, n), h = load_lanes<V>(s.h + row * u + j, n);
                  if (!masked(s, row)) {
                    const T* x = s.x + row * s.ldx + j;
                    const V in = f.gate_value(V::load(z) + load_lanes<V>(x, n));
                    const V forget = f.gate_value(V::load(z + V::W) + load_lanes<V>(x + u, n));
                    const V candidate = f.value(V::load(z + 2 * V::W) + load_lanes<V>(x + 2 * u, n));
                    const V out = f.gate_value(V::load(z + 3 * V::W) + load_lanes<V>(x + 3 * u, n));
                    c = fma(forget, c, in * candidate);
                    h = out * f.value(c);
                    put_gate(s, row, j, n, in);
                    put_gate(s, row, u + j, n, forget);
                    put_gate(s, row, 2 * u + j, n, candidate);
                    put_gate(s, row, 3 * u + j, n, out);
                  }
                  store_lanes(c, cell, n);
                  if (s.cells != nullptr) store_lanes(c, s.cells + row * s.ld_cells + j, n);
                  put_state(s, row, j, n, h);
                }
              });
}

template <class V, bool kUsual>
void gru_after_of(const RecurrentStep<typename V::T>& s) {
  using T = typename V::T;
  const Acts<V, kUsual> f{s.act, s.recurrent_act};
  const int64_t u = s.units;
  tiles<V, 3>(s.rows, u, V::W, u, s.h, u, s.packed,
              [&](int64_t first, int64_t rows, int64_t j, int64_t cols, const T* z) {
                const int n = static_cast<int>(cols);
                const auto bias = [&](int gate) {
                  return s.recurrent_bias != nullptr ? load_lanes<V>(s.recurrent_bias + gate * u + j, n) : V::zero();
                };
                const V bias_z = bias(0), bias_r = bias(1), bias_h = bias(2);
                for (int64_t i = 0; i < rows; ++i, z += 3 * V::W) {
                  const int64_t row = first + i;
                  V h = load_lanes<V>(s.h + row * u + j, n);
                  if (!masked(s, row)) {
                    const T* x = s.x + row * s.ldx + j;
                    const V update = f.gate_value(load_lanes<V>(x, n) + (V::load(z) + bias_z));
                    const V reset = f.gate_value(load_lanes<V>(x + u, n) + (V::load(z + V::W) + bias_r));
                    const V inner = V::load(z + 2 * V::W) + bias_h;
                    const V candidate = f.value(fma(reset, inner, load_lanes<V>(x + 2 * u, n)));
                    h = fma(update, h - candidate, candidate);
                    put_gate(s, row, j, n, update);
                    put_gate(s, row, u + j, n, reset);
                    put_gate(s, row, 2 * u + j, n, candidate);
                    put_gate(s, row, 3 * u + j, n, inner);
                  }
                  put_state(s, row, j, n, h);
                }
              });
}

template <class V, bool kUsual>
void gru_before_of(const RecurrentStep<typename V::T>& s) {
  using T = typename V::T;
  const Acts<V, kUsual> f{s.act, s.recurrent_act};
  const int64_t u = s.units;
  // The update gate waits in h_next.
  tiles<V, 2>(s.rows, u, V::W, u, s.h, u, s.packed,
              [&](int64_t first, int64_t rows, int64_t j, int64_t cols, const T* z) {
                const int n = static_cast<int>(cols);
                for (int64_t i = 0; i < rows; ++i, z += 2 * V::W) {
                  const int64_t row = first + i;
                  const T* x = s.x + row * s.ldx + j;
                  const V update = f.gate_value(V::load(z) + load_lanes<V>(x, n));
                  const V reset = f.gate_value(V::load(z + V::W) + load_lanes<V>(x + u, n));
                  store_lanes(update, s.h_next + row * u + j, n);
                  store_lanes(reset * load_lanes<V>(s.h + row * u + j, n), s.work + row * u + j, n);
                  put_gate(s, row, j, n, update);
                  put_gate(s, row, u + j, n, reset);
                }
              });
  tiles<V, 1>(s.rows, u, V::W, u, s.work, u, s.packed_2,
              [&](int64_t first, int64_t rows, int64_t j, int64_t cols, const T* z) {
                const int n = static_cast<int>(cols);
                for (int64_t i = 0; i < rows; ++i, z += V::W) {
                  const int64_t row = first + i;
                  V h = load_lanes<V>(s.h + row * u + j, n);
                  const V candidate = f.value(V::load(z) + load_lanes<V>(s.x + row * s.ldx + 2 * u + j, n));
                  put_gate(s, row, 2 * u + j, n, candidate);
                  if (!masked(s, row)) {
                    h = fma(load_lanes<V>(s.h_next + row * u + j, n), h - candidate, candidate);
                  }
                  put_state(s, row, j, n, h);
                }
              });
}

template <class V, bool kUsual>
void simple_of(const RecurrentStep<typename V::T>& s) {
  using T = typename V::T;
  const Acts<V, kUsual> f{s.act, s.act};
  const int64_t u = s.units;
  tiles<V, 1>(s.rows, u, V::W, u, s.h, u, s.packed,
              [&](int64_t first, int64_t rows, int64_t j, int64_t cols, const T* z) {
                const int n = static_cast<int>(cols);
                for (int64_t i = 0; i < rows; ++i, z += V::W) {
                  const int64_t row = first + i;
                  const V h = masked(s, row) ? load_lanes<V>(s.h + row * u + j, n)
                                             : f.value(V::load(z) + load_lanes<V>(s.x + row * s.ldx + j, n));
                  put_state(s, row, j, n, h);
                }
              });
}

// --- backward ------------------------------------------------------------------------------------------------------
// each(row, first column, lanes) for every vector of a block.
template <class V, class F>
inline void vectors_of(int64_t rows, int64_t units, F each) {
  for (int64_t row = 0; row < rows; ++row) {
    int64_t j = 0;
    for (; j + V::W <= units; j += V::W) each(row, j, V::W);
    if (j < units) each(row, j, static_cast<int>(units - j));
  }
}

template <class V>
inline V total_gradient(const RecurrentBack<typename V::T>& s, int64_t row, int64_t j, int n) {
  V d = load_lanes<V>(s.dh + row * s.units + j, n);
  if (s.dy != nullptr) d = d + load_lanes<V>(s.dy + row * s.ld_dy + j, n);
  return d;
}

template <class V>
inline V state_before(const RecurrentBack<typename V::T>& s, int64_t row, int64_t j, int n) {
  const V h = load_lanes<V>(s.h_before + row * s.ld_h_before + j, n);
  store_lanes(h, s.h_copy + row * s.ld_h_copy + j, n);
  return h;
}

template <class V, bool kUsual>
void lstm_back_of(const RecurrentBack<typename V::T>& s) {
  using T = typename V::T;
  const Acts<V, kUsual> f{s.act, s.recurrent_act};
  const int64_t u = s.units;
  vectors_of<V>(s.rows, u, [&](int64_t row, int64_t j, int n) {
    const V dh = total_gradient<V>(s, row, j, n);
    state_before<V>(s, row, j, n);
    V di = V::zero(), df = di, dg = di, dout = di, carry = dh;
    if (!masked(s, row)) {
      const T* gates = s.gates + row * s.ld_gates + j;
      const V in = load_lanes<V>(gates, n), forget = load_lanes<V>(gates + u, n);
      const V candidate = load_lanes<V>(gates + 2 * u, n), out = load_lanes<V>(gates + 3 * u, n);
      const V active = f.value(load_lanes<V>(s.cells + row * s.ld_cells + j, n));
      T* const cell = s.dc + row * u + j;
      const V dc = load_lanes<V>(cell, n) + f.back(active, dh * out);
      dout = f.gate_back(out, dh * active);
      di = f.gate_back(in, dc * candidate);
      df = f.gate_back(forget, dc * load_lanes<V>(s.c_before + row * s.ld_c_before + j, n));
      dg = f.back(candidate, dc * in);
      store_lanes(dc * forget, cell, n);
      carry = V::zero();
    }
    T* const dz = s.dz + row * s.ld_dz + j;
    T* const compact = s.compact + row * 4 * u + j;
    const V all[4] = {di, df, dg, dout};
    for (int g = 0; g < 4; ++g) {
      store_lanes(all[g], dz + g * u, n);
      store_lanes(all[g], compact + g * u, n);
    }
    store_lanes(carry, s.dh + row * u + j, n);
  });
}

template <class V, bool kUsual>
void gru_after_back_of(const RecurrentBack<typename V::T>& s) {
  using T = typename V::T;
  const Acts<V, kUsual> f{s.act, s.recurrent_act};
  const int64_t u = s.units;
  vectors_of<V>(s.rows, u, [&](int64_t row, int64_t j, int n) {
    const V dh = total_gradient<V>(s, row, j, n), h = state_before<V>(s, row, j, n);
    V dz = V::zero(), dr = dz, dcandidate = dz, dinner = dz, carry = dh;
    if (!masked(s, row)) {
      const T* gates = s.gates + row * s.ld_gates + j;
      const V update = load_lanes<V>(gates, n), reset = load_lanes<V>(gates + u, n);
      const V candidate = load_lanes<V>(gates + 2 * u, n), inner = load_lanes<V>(gates + 3 * u, n);
      dz = f.gate_back(update, dh * (h - candidate));
      dcandidate = f.back(candidate, dh * (one<V>() - update));
      dr = f.gate_back(reset, dcandidate * inner);
      dinner = dcandidate * reset;
      carry = dh * update;
    }
    T* const x = s.dz + row * s.ld_dz + j;
    T* const recurrent = s.dz_recurrent + row * s.ld_dz_recurrent + j;
    T* const compact = s.compact + row * 3 * u + j;
    store_lanes(dz, x, n);
    store_lanes(dr, x + u, n);
    store_lanes(dcandidate, x + 2 * u, n);
    const V all[3] = {dz, dr, dinner};
    for (int g = 0; g < 3; ++g) {
      store_lanes(all[g], recurrent + g * u, n);
      store_lanes(all[g], compact + g * u, n);
    }
    store_lanes(carry, s.dh + row * u + j, n);
  });
}

template <class V, bool kUsual>
void gru_before_back_of(const RecurrentBack<typename V::T>& s) {
  using T = typename V::T;
  const Acts<V, kUsual> f{s.act, s.recurrent_act};
  const int64_t u = s.units;
  vectors_of<V>(s.rows, u, [&](int64_t row, int64_t j, int n) {
    const V dh = total_gradient<V>(s, row, j, n), h = state_before<V>(s, row, j, n);
    V dz = V::zero(), dcandidate = dz, carry = dh;
    if (!masked(s, row)) {
      const T* gates = s.gates + row * s.ld_gates + j;
      const V update = load_lanes<V>(gates, n), candidate = load_lanes<V>(gates + 2 * u, n);
      dz = f.gate_back(update, dh * (h - candidate));
      dcandidate = f.back(candidate, dh * (one<V>() - update));
      carry = dh * update;
    }
    store_lanes(dz, s.compact + row * 2 * u + j, n);
    store_lanes(dcandidate, s.dz + row * s.ld_dz + 2 * u + j, n);
    store_lanes(dcandidate, s.work + row * u + j, n);
    store_lanes(carry, s.dh + row * u + j, n);
  });
}

template <class V, bool kUsual>
void gru_before_back_2_of(const RecurrentBack<typename V::T>& s) {
  using T = typename V::T;
  const Acts<V, kUsual> f{s.act, s.recurrent_act};
  const int64_t u = s.units;
  vectors_of<V>(s.rows, u, [&](int64_t row, int64_t j, int n) {
    const V h = load_lanes<V>(s.h_before + row * s.ld_h_before + j, n);
    T* const compact = s.compact + row * 2 * u + j;
    T* const dz = s.dz + row * s.ld_dz + j;
    V reset = V::zero(), dr = reset;
    if (!masked(s, row)) {
      reset = load_lanes<V>(s.gates + row * s.ld_gates + u + j, n);
      const V drh = load_lanes<V>(s.work + row * u + j, n);
      dr = f.gate_back(reset, drh * h);
      T* const dh = s.dh + row * u + j;
      store_lanes(fma(drh, reset, load_lanes<V>(dh, n)), dh, n);
    }
    store_lanes(reset * h, s.rh_copy + row * s.ld_rh_copy + j, n);
    store_lanes(load_lanes<V>(compact, n), dz, n);
    store_lanes(dr, dz + u, n);
    store_lanes(dr, compact + u, n);
  });
}

template <class V, bool kUsual>
void simple_back_of(const RecurrentBack<typename V::T>& s) {
  const Acts<V, kUsual> f{s.act, s.act};
  const int64_t u = s.units;
  vectors_of<V>(s.rows, u, [&](int64_t row, int64_t j, int n) {
    const V dh = total_gradient<V>(s, row, j, n);
    state_before<V>(s, row, j, n);
    V dz = V::zero(), carry = dh;
    if (!masked(s, row)) {
      dz = f.back(load_lanes<V>(s.gates + row * s.ld_gates + j, n), dh);
      carry = V::zero();
    }
    store_lanes(dz, s.dz + row * s.ld_dz + j, n);
    store_lanes(dz, s.compact + row * u + j, n);
    store_lanes(carry, s.dh + row * u + j, n);
  });
}

// --- products of the backward ----------------------------------------------------------------------------------------
template <class V, int G>
void product_of(int64_t rows, int64_t n, int64_t k, const typename V::T* a, int64_t lda, const typename V::T* packed,
                typename V::T* c) {
  using T = typename V::T;
  tiles<V, G>(rows, n, G * V::W, k, a, lda, packed,
              [&](int64_t first, int64_t count, int64_t j, int64_t cols, const T* z) {
                for (int64_t i = 0; i < count; ++i, z += G * V::W) {
                  T* const to = c + (first + i) * n + j;
                  for (int64_t at = 0; at < cols; at += V::W) {
                    const int lanes = static_cast<int>(cols - at < V::W ? cols - at : V::W);
                    store_lanes(load_lanes<V>(to + at, lanes) + V::load(z + at), to + at, lanes);
                  }
                }
              });
}

template <class V>
void product(int64_t rows, int64_t n, int64_t k, int vectors, const typename V::T* a, int64_t lda,
             const typename V::T* packed, typename V::T* c) {
  switch (vectors) {
    case 1:
      return product_of<V, 1>(rows, n, k, a, lda, packed, c);
    case 2:
      return product_of<V, 2>(rows, n, k, a, lda, packed, c);
    case 3:
      return product_of<V, 3>(rows, n, k, a, lda, packed, c);
    default:
      return product_of<V, most_vectors>(rows, n, k, a, lda, packed, c);
  }
}

template <class V>
void pack(int64_t k, int64_t units, int gates, const typename V::T* w, int64_t ld, int64_t gate,
          typename V::T* packed) {
  for (int64_t j = 0; j < units; j += V::W) {
    const int n = static_cast<int>(units - j < V::W ? units - j : V::W);
    for (int64_t i = 0; i < k; ++i) {
      for (int g = 0; g < gates; ++g, packed += V::W) load_lanes<V>(w + i * ld + g * gate + j, n).store(packed);
    }
  }
}

template <class V>
void pack_transposed(int64_t k, int64_t n, int vectors, const typename V::T* w, int64_t ld, typename V::T* packed) {
  const int64_t width = vectors * V::W;
  for (int64_t j = 0; j < n; j += width, packed += k * width) {
    for (int64_t l = 0; l < width; ++l) {
      const typename V::T* from = w + (j + l) * ld;
      for (int64_t i = 0; i < k; ++i) packed[i * width + l] = j + l < n ? from[i] : 0;
    }
  }
}

#define PK_CELL(name)                                                                        \
  template <class V>                                                                         \
  void name(const RecurrentStep<typename V::T>& s) {                                         \
    if (s.act == Act::tanh && s.recurrent_act == Act::sigmoid) return name##_of<V, true>(s); \
    name##_of<V, false>(s);                                                                  \
  }
#define PK_CELL_BACK(name)                                                                   \
  template <class V>                                                                         \
  void name(const RecurrentBack<typename V::T>& s) {                                         \
    if (s.act == Act::tanh && s.recurrent_act == Act::sigmoid) return name##_of<V, true>(s); \
    name##_of<V, false>(s);                                                                  \
  }
PK_CELL(lstm)
PK_CELL(gru_after)
PK_CELL(gru_before)
PK_CELL(simple)
PK_CELL_BACK(lstm_back)
PK_CELL_BACK(gru_after_back)
PK_CELL_BACK(gru_before_back)
PK_CELL_BACK(gru_before_back_2)
PK_CELL_BACK(simple_back)
#undef PK_CELL
#undef PK_CELL_BACK

template <class V>
void fill_loops(RecurrentLoops<typename V::T>& t) {
  t.lanes = V::W;
  t.pack = pack<V>;
  t.pack_transposed = pack_transposed<V>;
  t.product = product<V>;
  t.lstm = lstm<V>;
  t.gru_after = gru_after<V>;
  t.gru_before = gru_before<V>;
  t.simple = simple<V>;
  t.lstm_back = lstm_back<V>;
  t.gru_after_back = gru_after_back<V>;
  t.gru_before_back = gru_before_back<V>;
  t.gru_before_back_2 = gru_before_back_2<V>;
  t.simple_back = simple_back<V>;
}

}  // namespace

void fill(RecurrentTable& t) {
  fill_loops<VecF>(t.f32);
  fill_loops<Vec1<double>>(t.f64);
}

}  // namespace pk::PK_ISA
