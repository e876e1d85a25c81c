// General matrix multiply, row-major (BLAS level 3: C = op(A) op(B)), with a fused epilogue.
//
//   C (M, N) = act( op(A) (M, K) * op(B) (K, N)  [+ C if accumulate]  [+ bias (N)] )
//
// op(A) = A (M, K; lda >= K) or its transpose (A stored (K, M); lda >= M); likewise B.
// C is overwritten unless accumulate; it may hold NaN before. C must not overlap A or B.
// M, N or K may be 0: K = 0 gives the epilogue of zeros. Every element of C has one owner and a
// summation order fixed by (M, N, K): same bits for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/activation.h"

namespace pk {

using std::int64_t;

// Receives finished parts of C instead of memory: each element of C is given exactly once, in
// blocks of at least min(N, 256) columns (the last block of a row may be narrower), from several
// threads at once. `tile` is (rows, cols) with leading dimension ld and is hot in L1/L2; where one block
// holds whole rows (cols = N) ld = cols, so that the block is one contiguous span of C.
struct TileSink {
  void (*fn)(void* ctx, int64_t row, int64_t col, int64_t rows, int64_t cols, const float* tile, int64_t ld) = nullptr;
  void* ctx = nullptr;
};

template <class T>
struct GemmEpilogue {
  const T* bias = nullptr;  // (N)
  Act act = Act::linear;
  T act_alpha = 0;      // of those with a parameter
  T* preact = nullptr;  // (M, N), ld N: the value before `act`, for backwards that read it
  bool accumulate = false;
  TileSink sink;  // float only; excludes bias, act, preact and accumulate; c is not read or written
};

template <class T>
struct GemmArgs {
  bool trans_a = false, trans_b = false;
  int64_t m = 0, n = 0, k = 0;
  const T* a = nullptr;
  int64_t lda = 0;
  const T* b = nullptr;
  int64_t ldb = 0;
  T* c = nullptr;
  int64_t ldc = 0;
  GemmEpilogue<T> epilogue;
  const void* packed_b = nullptr;  // from pack_b for the same (trans_b, m, n, k): b is then not read
};

// A product planned once, to be run many times with other pointers: planning costs more than a tiny product.
// Sizes, forms, leading dimensions and which pointers are null are those of `prototype`; the ISA is the one active at
// creation.
template <class T>
class PlannedGemm {
 public:
  explicit PlannedGemm(const GemmArgs<T>& prototype);
  std::size_t scratch_bytes() const;
  void run(const GemmArgs<T>& args, void* scratch) const;

 private:
  struct Plan;
  std::shared_ptr<const Plan> plan_;
};

// Packing B once for many calls (weights in inference). pack_b_bytes is 0 where the kernel chosen
// for these sizes reads B as it is (small M, small B), and then pack_b must not be called. A packed B belongs to
// the level it was packed under. The product has the same bits as with b.
std::size_t pack_b_bytes(const GemmArgs<float>& args);
void pack_b(const GemmArgs<float>& args, void* packed);

// Estimated nanoseconds on one thread (for the decision to use several).
double gemm_work_ns(int64_t m, int64_t n, int64_t k);

}  // namespace pk
