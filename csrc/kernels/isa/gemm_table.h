// GEMM's inner loops for one instruction-set level, with the tile constants that go with them.
// Blocking, packing decisions and threads (kernels/gemm*.cpp) are the same code for every level.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace pk {

using std::int64_t;

// Where a block of C goes: c = relu?( sum [+ c if add] [+ bias] ); preact gets the value before relu.
template <class T>
struct GemmOut {
  T* c;
  int64_t ldc;
  const T* bias;     // at the block's first column, or null
  bool bias_scalar;  // bias[0] for every column
  T* preact;         // at the block's first element, or null
  int64_t ldp;
  bool add;
  bool relu;
  const T* prefetch;  // what the next tiles need: some lines from here on are brought to L2 meanwhile
};

// C block (rows, n) from an A panel and k rows of B (b + i * bs, n contiguous elements each).
// The panel's element (r, i) is a[r * as + i] for strip_rows and a[i * as + r] for strip_panel.
// Every element of C is one chain of multiply-adds in rising i, whatever the block it is in.
template <class T>
using GemmStrip = void (*)(int64_t k, const T* a, int64_t as, const T* b, int64_t bs, int64_t n, const GemmOut<T>& out);

template <class T>
struct GemmLevel {
  static constexpr int max_mr = 16;

  int mr;           // rows of a full A panel
  int direct_rows;  // rows of an A panel where B is read in place: fewer rows, wider tiles
  int nr;           // columns of a packed B panel; a multiple of align
  int align;        // packed rows start at multiples of this, so that no store crosses a cache line
  int64_t kc;       // depth of a block: kc * nc of packed B stay in L2
  int64_t mc, nc;   // C block of one task; multiples of mr and nr
  int64_t dot_kc;   // depth of a dot block: dot_cols rows of B stay in L1
  int dot_cols;     // columns that dot() takes at once
  double gflops;    // a cautious estimate for one thread, for scheduling decisions only

  GemmStrip<T> strip_rows[max_mr + 1];  // [rows], 1 <= rows <= mr
  GemmStrip<T> strip_panel[max_mr + 1];
  int strip_cols[max_mr + 1];  // columns of the widest tile of so many rows

  // c (rows, n; ldc) [+]= a * b (k, n; ldb), element (r, i) of a at a[r * a_row + i * a_k]; k >= 1. For few rows or
  // little depth: b and c are walked along their rows, some rows of b together, and c once for those. With `more`,
  // rows of c after these come next.
  void (*stream)(int64_t rows, int64_t n, int64_t k, const T* a, int64_t a_row, int64_t a_k, const T* b, int64_t ldb,
                 bool add, T* c, int64_t ldc, bool more);
  // c (rows, cols; ldc) [+]= a (rows, k; lda) * transpose of b (cols, k; ldb), summed over vector lanes.
  void (*dot)(int64_t rows, int64_t cols, int64_t k, const T* a, int64_t lda, const T* b, int64_t ldb, bool add, T* c,
              int64_t ldc);
  // Adds bias and applies relu to what out.c holds (out.add is not read).
  void (*finish)(int64_t rows, int64_t cols, const GemmOut<T>& out);
  // Packs a (k, n) matrix into panels of `cols` columns whose rows lie `stride` apart (stride >= cols): element (i, p *
  // cols + j) goes to dst[(p * k + i) * stride + j]. What lies between the last column and the stride is written with
  // anything. The matrix is src (k, n; ld) for pack_rows and the transpose of src (n, k; ld) for pack_cols.
  void (*pack_rows)(int64_t k, int64_t n, const T* src, int64_t ld, int64_t cols, int64_t stride, T* dst);
  void (*pack_cols)(int64_t k, int64_t n, const T* src, int64_t ld, int64_t cols, int64_t stride, T* dst);
};

struct GemmTable {
  GemmLevel<float> f32;
  GemmLevel<double> f64;
};

template <class T>
void check_level(const GemmLevel<T>& t) {
  const auto need = [](bool ok, const char* what) {
    if (!ok) throw std::logic_error(std::string("GEMM table: ") + what);
  };
  need(t.mr >= 1 && t.mr <= GemmLevel<T>::max_mr, "mr must be in [1, max_mr]");
  need(t.direct_rows >= 1 && t.direct_rows <= t.mr, "direct_rows must be in [1, mr]");
  need(t.nr >= 1 && t.kc >= 1 && t.dot_kc >= 1 && t.dot_cols >= 1, "nr, kc, dot_kc and dot_cols must be positive");
  need(t.align >= 1 && t.nr % t.align == 0, "nr must be a multiple of align");
  need(t.mc >= t.mr && t.mc % t.mr == 0, "mc must be a multiple of mr");
  need(t.nc >= t.nr && t.nc % t.nr == 0, "nc must be a multiple of nr");
  need(t.gflops > 0, "gflops must be positive");
  for (int r = 1; r <= t.mr; ++r) {
    need(t.strip_rows[r] != nullptr && t.strip_panel[r] != nullptr, "a strip function is missing");
  }
  need(t.stream && t.dot && t.finish && t.pack_rows && t.pack_cols, "a function is missing");
}

// Throws std::logic_error, so that a wrong constant fails when the table is built and not in a GEMM.
inline void check_table(const GemmTable& t) {
  check_level(t.f32);
  check_level(t.f64);
}

}  // namespace pk
