// How one GEMM is cut up: decided from sizes, forms and the level's constants alone, never from the number
// of threads, because the plan fixes the order of summation.
#pragma once

#include <cstdint>

#include "kernels/gemm.h"
#include "kernels/isa/gemm_table.h"

namespace pk {

struct GemmPlan {
  enum class PackB : std::uint8_t {
    none,    // tiles read B where it is
    local,   // each task packs the blocks that it uses: one task holds all rows
    shared,  // packed before the tasks start (or by pack_b)
  };
  enum class Kind : std::uint8_t {
    tile,    // register tiles, panels packed where that pays
    stream,  // few rows, or little depth: B and C are walked along their rows, nothing is packed
    dot,     // few rows and B transposed: vectors run along K, nothing is packed
  };
  Kind kind = Kind::tile;
  bool pack_a = false;
  bool rows_inner = false;  // a task goes down a panel of B before it takes the next, else along a panel of A
  PackB pack_b = PackB::none;
  int64_t panel_rows = 1;    // rows of an A panel (the last may have fewer)
  int64_t panel_stride = 1;  // of a packed one
  int64_t kc = 0;            // depth of a block
  int64_t slab = 0;          // depth packed before a round of tasks; a multiple of kc or all of K
  int64_t mc = 0, nc = 0;    // C block of a task; mc is a multiple of panel_rows
  int64_t row_blocks = 0, col_blocks = 0;
  int64_t a_rows = 0;    // C rows in whole panels
  int64_t a_packed = 0;  // elements of packed A per unit of depth: panels * panel_stride
  int64_t b_cols = 0;    // columns of packed B: panels * nr

  int64_t tasks() const { return row_blocks * col_blocks; }
};

template <class T>
GemmPlan make_gemm_plan(const GemmLevel<T>& level, const GemmArgs<T>& g);

extern template GemmPlan make_gemm_plan<float>(const GemmLevel<float>&, const GemmArgs<float>&);
extern template GemmPlan make_gemm_plan<double>(const GemmLevel<double>&, const GemmArgs<double>&);

}  // namespace pk
