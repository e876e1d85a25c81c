#include "kernels/recurrent.h"

#include <algorithm>
#include <cstring>

#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/gemm.h"
#include "kernels/table.h"

namespace pk {

namespace {

constexpr int most_vectors = 4;  // of a packed row of the transposed weights

// A task takes so many rows through all steps: enough for the weights, which it reads at each step, to be used often.
int64_t block_rows(const RecurrentSizes& s) {
  return s.batch <= 4 ? std::max<int64_t>(1, s.batch) : std::min<int64_t>(16, ceil_div(s.batch, 2));
}

template <class T>
const RecurrentLoops<T>& loops() {
  return loops_of<T>(kernels().recurrent);
}

int64_t bytes_of(int64_t elements, std::size_t size) { return round_up(elements * static_cast<int64_t>(size), 64); }

// Gates that take part in the first product of a step.
int first_gates(Cell c) { return c == Cell::gru_before ? 2 : gates_of(c); }

int lanes_of(std::size_t element) { return element == sizeof(float) ? loops<float>().lanes : loops<double>().lanes; }

int64_t first_elements(const RecurrentSizes& s, int lanes) {
  return s.units * first_gates(s.cell) * round_up(s.units, lanes);
}

// One part of a block of transposed weights: columns [first, first + k) of the weights.
template <class T>
struct Transposed {
  int64_t n, k;
  int vectors;

  Transposed(int64_t units, int64_t columns)
      : n(units),
        k(columns),
        vectors(static_cast<int>(std::clamp<int64_t>(ceil_div(units, loops<T>().lanes), 1, most_vectors))) {}
  int64_t elements() const { return round_up(n, vectors * loops<T>().lanes) * k; }
};

double work_ns(const RecurrentSizes& s) {
  const int64_t rows = s.batch * s.steps;
  return gemm_work_ns(rows, s.units * gates_of(s.cell), s.units) +
         static_cast<double>(rows * s.units * gates_of(s.cell)) * 1.0;
}

// One block's share of the scratch, in elements.
template <class T>
struct Carver {
  T* at;
  T* take(int64_t elements) {
    T* const p = at;
    at += bytes_of(elements, sizeof(T)) / static_cast<int64_t>(sizeof(T));
    return p;
  }
};

template <class T>
void copy_rows(int64_t rows, int64_t width, const T* from, T* to) {
  std::memcpy(to, from, static_cast<std::size_t>(rows * width) * sizeof(T));
}

// The states of rows [n0, n0 + rows) of `from`; zeros where that is null.
template <class T>
void start(int64_t n0, int64_t rows, int64_t units, const T* from, T* to) {
  if (from != nullptr) {
    copy_rows(rows, units, from + n0 * units, to);
  } else {
    std::fill(to, to + rows * units, T(0));
  }
}

template <class T>
void step(const RecurrentLoops<T>& l, Cell cell, const RecurrentStep<T>& s) {
  switch (cell) {
    case Cell::lstm:
      return l.lstm(s);
    case Cell::gru_after:
      return l.gru_after(s);
    case Cell::gru_before:
      return l.gru_before(s);
    case Cell::simple:
      return l.simple(s);
  }
}

int64_t workers_of(const RecurrentSizes& s) {
  return std::min<int64_t>(ceil_div(s.batch, block_rows(s)), max_workers());
}

template <class T>
int64_t forward_bytes(const RecurrentSizes& s) {
  return 4 * bytes_of(block_rows(s) * s.units, sizeof(T));  // h, h_next, c, work
}

template <class T>
int64_t backward_bytes(const RecurrentSizes& s) {
  const int64_t state = block_rows(s) * s.units;
  // dh, dc, work, zeros; compact
  return 4 * bytes_of(state, sizeof(T)) + bytes_of(state * gates_of(s.cell), sizeof(T));
}

}  // namespace

std::size_t recurrent_packed_bytes(const RecurrentSizes& s, std::size_t element) {
  const int lanes = lanes_of(element);
  int64_t bytes = bytes_of(first_elements(s, lanes), element);
  if (s.cell == Cell::gru_before) bytes += bytes_of(s.units * round_up(s.units, lanes), element);
  return static_cast<std::size_t>(bytes);
}

template <class T>
void pack_recurrent(const RecurrentSizes& s, const T* weights, void* packed) {
  const RecurrentLoops<T>& l = loops<T>();
  const int64_t u = s.units, ld = u * gates_of(s.cell);
  Carver<T> carver{static_cast<T*>(packed)};
  l.pack(u, u, first_gates(s.cell), weights, ld, u, carver.take(first_elements(s, l.lanes)));
  if (s.cell == Cell::gru_before) l.pack(u, u, 1, weights + 2 * u, ld, u, carver.at);
}

template <class T>
std::size_t recurrent_scratch_bytes(const RecurrentSizes& s, bool packed) {
  return static_cast<std::size_t>(workers_of(s) * forward_bytes<T>(s)) +
         (packed ? 0 : recurrent_packed_bytes(s, sizeof(T)));
}

template <class T>
void recurrent_forward(const RecurrentSizes& s, const RecurrentForward<T>& p, void* scratch) {
  const RecurrentLoops<T>& l = loops<T>();
  const int64_t u = s.units, width = gates_of(s.cell) * u, kept = kept_of(s.cell) * u, block = block_rows(s);
  char* const own = static_cast<char*>(scratch);
  const int64_t each = forward_bytes<T>(s), workers = workers_of(s);
  Carver<T> weights{static_cast<T*>(const_cast<void*>(p.packed))};
  if (p.packed == nullptr) {
    weights.at = reinterpret_cast<T*>(own + workers * each);
    pack_recurrent(s, p.weights, weights.at);
  }
  const T* const first = weights.take(first_elements(s, l.lanes));
  const T* const second = weights.at;

  parallel_workers(ceil_div(s.batch, block), workers, work_ns(s), [&](int64_t task, int64_t worker) {
    const int64_t n0 = task * block, rows = std::min(block, s.batch - n0);
    Carver<T> mine{reinterpret_cast<T*>(own + worker * each)};
    T* h = mine.take(rows * u);
    T* h_next = mine.take(rows * u);
    RecurrentStep<T> a;
    a.rows = rows;
    a.units = u;
    a.act = s.act;
    a.recurrent_act = s.recurrent_act;
    a.packed = first;
    a.packed_2 = second;
    a.recurrent_bias = p.recurrent_bias;
    a.ldx = s.steps * width;
    a.ld_mask = s.steps;
    a.ldy = a.ld_cells = s.steps * u;
    a.ld_gates = s.steps * kept;
    a.c = mine.take(rows * u);
    a.work = mine.take(rows * u);
    start(n0, rows, u, p.h0, h);
    if (s.cell == Cell::lstm) start(n0, rows, u, p.c0, a.c);
    for (int64_t i = 0; i < s.steps; ++i) {
      const int64_t t = s.backwards ? s.steps - 1 - i : i, at = n0 * s.steps + t;
      a.x = p.x + at * width;
      a.h = h;
      a.h_next = h_next;
      if (p.mask != nullptr) a.mask = p.mask + at;
      if (p.y != nullptr) a.y = p.y + (n0 * s.steps + i) * u;
      if (p.gates != nullptr) a.gates = p.gates + at * kept;
      if (p.cells != nullptr) a.cells = p.cells + at * u;
      step(l, s.cell, a);
      std::swap(h, h_next);
    }
    copy_rows(rows, u, h, p.h + n0 * u);
    if (s.cell == Cell::lstm) copy_rows(rows, u, a.c, p.c + n0 * u);
  });
}

namespace {

// The transposed weights of one backward, packed: all gates at once, or the candidate's by themselves.
template <class T>
struct BackwardWeights {
  Transposed<T> main, candidate;
  explicit BackwardWeights(const RecurrentSizes& s)
      : main(s.units, s.units * first_gates(s.cell)), candidate(s.units, s.units) {}
  int64_t bytes(const RecurrentSizes& s) const {
    return bytes_of(main.elements(), sizeof(T)) +
           (s.cell == Cell::gru_before ? bytes_of(candidate.elements(), sizeof(T)) : 0);
  }
};

}  // namespace

template <class T>
std::size_t recurrent_backward_scratch_bytes(const RecurrentSizes& s) {
  return static_cast<std::size_t>(workers_of(s) * backward_bytes<T>(s) + BackwardWeights<T>(s).bytes(s));
}

template <class T>
void recurrent_backward(const RecurrentSizes& s, const RecurrentBackward<T>& p, void* scratch) {
  const RecurrentLoops<T>& l = loops<T>();
  const int64_t u = s.units, width = gates_of(s.cell) * u, kept = kept_of(s.cell) * u, block = block_rows(s);
  char* const own = static_cast<char*>(scratch);
  const int64_t each = backward_bytes<T>(s), workers = workers_of(s);
  const BackwardWeights<T> shape(s);
  Carver<T> carver{reinterpret_cast<T*>(own + workers * each)};
  T* const main = carver.take(shape.main.elements());
  T* const candidate = carver.at;
  l.pack_transposed(shape.main.k, u, shape.main.vectors, p.weights, width, main);
  if (s.cell == Cell::gru_before) l.pack_transposed(u, u, shape.candidate.vectors, p.weights + 2 * u, width, candidate);

  parallel_workers(ceil_div(s.batch, block), workers, work_ns(s), [&](int64_t task, int64_t worker) {
    const int64_t n0 = task * block, rows = std::min(block, s.batch - n0), sequence = s.steps * u;
    Carver<T> mine{reinterpret_cast<T*>(own + worker * each)};
    RecurrentBack<T> a;
    a.rows = rows;
    a.units = u;
    a.act = s.act;
    a.recurrent_act = s.recurrent_act;
    a.ld_gates = s.cell == Cell::simple ? sequence : s.steps * kept;
    a.ld_cells = a.ld_dy = a.ld_h_copy = a.ld_rh_copy = sequence;
    a.ld_mask = s.steps;
    a.ld_dz = a.ld_dz_recurrent = s.steps * width;
    a.dh = mine.take(rows * u);
    a.dc = mine.take(rows * u);
    a.work = mine.take(rows * u);
    a.compact = mine.take(rows * width);
    T* const zeros = mine.take(rows * u);
    start<T>(n0, rows, u, nullptr, zeros);
    start(n0, rows, u, p.dh, a.dh);
    start(n0, rows, u, p.dc, a.dc);
    const T* const h0 = p.h0 != nullptr ? p.h0 + n0 * u : zeros;
    const T* const c0 = p.c0 != nullptr ? p.c0 + n0 * u : zeros;
    for (int64_t i = s.steps - 1; i >= 0; --i) {
      const int64_t t = s.backwards ? s.steps - 1 - i : i, at = n0 * s.steps + t;
      const int64_t before =
          n0 * s.steps + (s.backwards ? t + 1 : t - 1);  // the place of the step before, in x's order
      a.gates = s.cell == Cell::simple ? p.y + (n0 * s.steps + i) * u : p.gates + at * kept;
      if (s.cell == Cell::lstm) {
        a.cells = p.cells + at * u;
        a.c_before = i > 0 ? p.cells + before * u : c0;
        a.ld_c_before = i > 0 ? sequence : u;
      }
      a.h_before = i > 0 ? p.y + (n0 * s.steps + i - 1) * u : h0;
      a.ld_h_before = i > 0 ? sequence : u;
      if (p.mask != nullptr) a.mask = p.mask + at;
      if (p.dy != nullptr) a.dy = p.dy + (n0 * s.steps + i) * u;
      a.dz = p.dx + at * width;
      if (p.recurrent != nullptr) a.dz_recurrent = p.recurrent + at * width;
      a.h_copy = p.h_before + at * u;
      if (p.reset_h != nullptr) a.rh_copy = p.reset_h + at * u;
      switch (s.cell) {
        case Cell::lstm:
          l.lstm_back(a);
          break;
        case Cell::gru_after:
          l.gru_after_back(a);
          break;
        case Cell::gru_before:
          l.gru_before_back(a);
          // The gradient of reset * h goes where nothing waits any more: dc, which this cell has not.
          std::fill(a.dc, a.dc + rows * u, T(0));
          l.product(rows, u, u, shape.candidate.vectors, a.work, u, candidate, a.dc);
          std::swap(a.work, a.dc);
          l.gru_before_back_2(a);
          break;
        case Cell::simple:
          l.simple_back(a);
          break;
      }
      l.product(rows, u, shape.main.k, shape.main.vectors, a.compact, shape.main.k, main, a.dh);
    }
    copy_rows(rows, u, a.dh, p.dh0 + n0 * u);
    if (s.cell == Cell::lstm) copy_rows(rows, u, a.dc, p.dc0 + n0 * u);
  });
}

template void pack_recurrent<float>(const RecurrentSizes&, const float*, void*);
template void pack_recurrent<double>(const RecurrentSizes&, const double*, void*);
template std::size_t recurrent_scratch_bytes<float>(const RecurrentSizes&, bool);
template std::size_t recurrent_scratch_bytes<double>(const RecurrentSizes&, bool);
template void recurrent_forward<float>(const RecurrentSizes&, const RecurrentForward<float>&, void*);
template void recurrent_forward<double>(const RecurrentSizes&, const RecurrentForward<double>&, void*);
template std::size_t recurrent_backward_scratch_bytes<float>(const RecurrentSizes&);
template std::size_t recurrent_backward_scratch_bytes<double>(const RecurrentSizes&);
template void recurrent_backward<float>(const RecurrentSizes&, const RecurrentBackward<float>&, void*);
template void recurrent_backward<double>(const RecurrentSizes&, const RecurrentBackward<double>&, void*);

}  // namespace pk
