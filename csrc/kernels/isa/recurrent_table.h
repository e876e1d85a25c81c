// The inner loops of kernels/recurrent.h: one time step of a block of rows, serial. T is float or double.
#pragma once

#include <cstdint>

#include "kernels/activation.h"

namespace pk {

using std::int64_t;

// One step forward of `rows` rows with `units` units. States are compact, (rows, units); what belongs to the step
// within a sequence lies a row stride apart. Pointers that are null are not read or written.
template <class T>
struct RecurrentStep {
  int64_t rows = 0, units = 0;
  Act act = Act::tanh, recurrent_act = Act::sigmoid;
  const T* packed = nullptr;          // the recurrent weights
  const T* packed_2 = nullptr;        // gru_before: those of the candidate
  const T* recurrent_bias = nullptr;  // gru_after: (3 units)
  const T* x = nullptr;               // input products (rows, gates * units)
  int64_t ldx = 0;
  const std::uint8_t* mask = nullptr;  // 0: the row keeps its state
  int64_t ld_mask = 0;
  const T* h = nullptr;
  T* h_next = nullptr;  // not h
  T* c = nullptr;       // lstm: updated in place
  T* y = nullptr;       // h_next again
  int64_t ldy = 0;
  T* gates = nullptr;  // what the backward reads; may be x where it has as many columns. Undefined in masked rows
  int64_t ld_gates = 0;
  T* cells = nullptr;  // lstm: c after the step
  int64_t ld_cells = 0;
  T* work = nullptr;  // gru_before: (rows, units)
};

// One step backward: of what RecurrentStep kept, dz, which is handed to the product with the transposed weights.
template <class T>
struct RecurrentBack {
  int64_t rows = 0, units = 0;
  Act act = Act::tanh, recurrent_act = Act::sigmoid;
  const T* gates = nullptr;
  int64_t ld_gates = 0;
  const T* cells = nullptr;  // lstm: c after the step
  int64_t ld_cells = 0;
  const T* c_before = nullptr;  // lstm
  int64_t ld_c_before = 0;
  const T* h_before = nullptr;
  int64_t ld_h_before = 0;
  const std::uint8_t* mask = nullptr;
  int64_t ld_mask = 0;
  const T* dy = nullptr;
  int64_t ld_dy = 0;
  // Compact. On entry the gradient of the state after the step, without dy; on return the part of the gradient of the
  // state before it that does not go through the weights.
  T* dh = nullptr;
  T* dc = nullptr;  // lstm
  T* dz = nullptr;  // of the input products (rows, gates * units); may be `gates` where that has as many columns
  int64_t ld_dz = 0;
  T* dz_recurrent = nullptr;  // gru_after: of the recurrent products
  int64_t ld_dz_recurrent = 0;
  T* compact = nullptr;  // (rows, gates * units): what goes to the product; gru_before: (rows, 2 units)
  T* h_copy = nullptr;   // h_before, beside dz
  int64_t ld_h_copy = 0;
  T* rh_copy = nullptr;  // gru_before: reset * h_before
  int64_t ld_rh_copy = 0;
  T* work = nullptr;  // gru_before: (rows, units), the candidate's gradient, then that of reset * h
};

template <class T>
struct RecurrentLoops {
  int lanes;  // units of a panel

  // w (k, gates, units) with rows `ld` apart and gates `gate` apart, in panels of `lanes` units: element (i, g, p *
  // lanes
  // + l) goes to packed[((p * k + i) * gates + g) * lanes + l]; units beyond the last are 0.
  void (*pack)(int64_t k, int64_t units, int gates, const T* w, int64_t ld, int64_t gate, T* packed);
  // The transpose of w (n, k; ld) in panels of `vectors` * lanes of its n columns, for product().
  void (*pack_transposed)(int64_t k, int64_t n, int vectors, const T* w, int64_t ld, T* packed);
  // c (rows, n; compact) += a (rows, k; lda) times what pack_transposed packed.
  void (*product)(int64_t rows, int64_t n, int64_t k, int vectors, const T* a, int64_t lda, const T* packed, T* c);

  void (*lstm)(const RecurrentStep<T>& s);        // gates i f c o
  void (*gru_after)(const RecurrentStep<T>& s);   // gates z r h, kept: z r h and the candidate's recurrent product
  void (*gru_before)(const RecurrentStep<T>& s);  // gates z r h
  void (*simple)(const RecurrentStep<T>& s);      // one gate; nothing is kept

  void (*lstm_back)(const RecurrentBack<T>& s);
  void (*gru_after_back)(const RecurrentBack<T>& s);
  // Before the product of the candidate's gradient (left in `work`), and after it (then `work` is the gradient of
  // reset * h).
  void (*gru_before_back)(const RecurrentBack<T>& s);
  void (*gru_before_back_2)(const RecurrentBack<T>& s);
  void (*simple_back)(const RecurrentBack<T>& s);  // `gates` is h after the step
};

struct RecurrentTable {
  RecurrentLoops<float> f32;
  RecurrentLoops<double> f64;
};

}  // namespace pk
