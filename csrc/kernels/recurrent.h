// Recurrent cells over whole sequences, forward and backward. Row-major; states (N, U), sequences (N, T, ...).
//
//   lstm        i, f, o = r(x + h R), g = a(x + h R); c = f c + i g; h = o a(c)         gates in the order i f g o
//   gru_after   z, r = r(x + h R + b); g = a(x + r (h R + b)); h = z h + (1 - z) g      gates z r g
//   gru_before  z, r = r(x + h R);     g = a(x + (r h) R);     h = z h + (1 - z) g      gates z r g
//   simple      h = a(x + h R)
//
// x holds the products of the inputs, with their bias. Rows of a batch do not meet: each has the same bits whatever
// rows are beside it, for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/activation.h"

namespace pk {

using std::int64_t;

enum class Cell : std::uint8_t { lstm, gru_after, gru_before, simple };

// Columns of x per unit, and of what the forward keeps for the backward beside y and cells (0: nothing).
constexpr int gates_of(Cell c) { return c == Cell::lstm ? 4 : c == Cell::simple ? 1 : 3; }
constexpr int kept_of(Cell c) { return c == Cell::lstm || c == Cell::gru_after ? 4 : c == Cell::gru_before ? 3 : 0; }

// Whether a cell can have the activation: its slope must follow from its value, and it has no parameter.
constexpr bool recurrent_activation(Act a) { return grad_reads_output(a) && row_of(a).parameter == Parameter::none; }

struct RecurrentSizes {
  Cell cell = Cell::lstm;
  int64_t batch = 0, steps = 0, units = 0;
  Act act = Act::tanh, recurrent_act = Act::sigmoid;
  bool backwards = false;  // from the last step to the first; y is in the order of computation
};

template <class T>
struct RecurrentForward {
  const T* x = nullptr;                // (N, T, gates * U)
  const T* weights = nullptr;          // R (U, gates * U); not read where `packed` is given
  const void* packed = nullptr;        // of pack_recurrent
  const T* recurrent_bias = nullptr;   // gru_after: (gates * U), or null
  const T* h0 = nullptr;               // (N, U); null: zeros
  const T* c0 = nullptr;               // lstm: (N, U); null: zeros
  const std::uint8_t* mask = nullptr;  // (N, T): where 0, the row keeps its state; or null
  T* y = nullptr;                      // (N, T, U): the state after each step; or null
  T* h = nullptr;                      // (N, U): the last state
  T* c = nullptr;                      // lstm: (N, U)
  T* gates = nullptr;                  // (N, T, kept * U) for the backward, or null; may be x where that is as large
  T* cells = nullptr;                  // lstm: (N, T, U) with gates: c after each step
};

template <class T>
struct RecurrentBackward {
  const T* weights = nullptr;
  const T* h0 = nullptr;
  const T* c0 = nullptr;
  const std::uint8_t* mask = nullptr;
  const T* y = nullptr;
  const T* gates = nullptr;
  const T* cells = nullptr;
  const T* dy = nullptr;  // gradients of the outputs; null for 0
  const T* dh = nullptr;
  const T* dc = nullptr;
  T* dx = nullptr;         // (N, T, gates * U); may be `gates` where that is as large
  T* dh0 = nullptr;        // (N, U)
  T* dc0 = nullptr;        // lstm: (N, U)
  T* h_before = nullptr;   // (N, T, U), at the places of x: the state before the step; dR = h_before^T d(recurrent)
  T* recurrent = nullptr;  // gru_after: d(recurrent products), (N, T, 3 U); of the other cells dx is that
  T* reset_h = nullptr;    // gru_before: r h_before, by which the candidate's weights are multiplied, (N, T, U)
};

std::size_t recurrent_packed_bytes(const RecurrentSizes& s, std::size_t element);
template <class T>
void pack_recurrent(const RecurrentSizes& s, const T* weights, void* packed);

// `packed`: whether packed weights will be given.
template <class T>
std::size_t recurrent_scratch_bytes(const RecurrentSizes& s, bool packed);
template <class T>
void recurrent_forward(const RecurrentSizes& s, const RecurrentForward<T>& p, void* scratch);

template <class T>
std::size_t recurrent_backward_scratch_bytes(const RecurrentSizes& s);
template <class T>
void recurrent_backward(const RecurrentSizes& s, const RecurrentBackward<T>& p, void* scratch);

}  // namespace pk
