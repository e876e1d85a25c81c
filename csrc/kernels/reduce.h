// Reductions over any set of axes of a row-major tensor. Fixed summation order that depends on the
// shape only; float32 sums are blocked (pairwise-like) so that the error grows slowly with length.
//
// As in elementwise.h, each function is a call and a loop object for programs, with everything
// looked up and checked when it is made.
#pragma once

#include <cstddef>

#include "base/dtype.h"
#include "base/shape.h"
#include "kernels/functions.h"
#include "kernels/isa/reduce_table.h"

namespace pk {

// One pass over a tensor seen as (outer, r, inner): the r axis is cut into `chunks` pieces of
// `chunk` (the last may be shorter), each reduced to one.
struct ReducePass {
  int64_t outer = 1, r = 1, inner = 1, chunk = 1, chunks = 1;
};

// y = f over the reduced axes of x; y has the kept axes, row-major.
class ReduceLoop {
 public:
  static constexpr int max_passes = 3 * Shape::max_rank;
  std::size_t scratch_bytes = 0;  // 64-byte aligned, contents ignored
  void operator()(const void* x, void* y, void* scratch) const;

 private:
  friend ReduceLoop reduce_loop(Reduce f, DType dtype, const Shape& shape, const bool* reduced);
  void run_pass(const ReducePass& pass, const char* x, char* y) const;
  void add_group(int64_t outer, int64_t r, int64_t inner);
  void add_pass(int64_t outer, int64_t r, int64_t inner);

  ReduceRows rows_ = nullptr;
  ReduceCols cols_ = nullptr;
  int64_t size_ = 0;
  double ns_ = 0;  // per element
  ReducePass passes_[max_passes];
  int count_ = 0;
  std::size_t half_ = 0;  // of the scratch: passes read one half and write the other
  int64_t out_numel_ = 0;
  bool empty_ = false;  // nothing to reduce: y is filled with value_
  FillSpan fill_ = nullptr;
  BinarySpan divide_ = nullptr;  // mean: y = sum / value_
  alignas(8) unsigned char value_[8] = {};
};

// f32 f64 i32 i64; mean floats only; bool with max (any) and min (all). max and min propagate NaN.
// Reducing zero elements gives 0 (sum), 1 (prod), NaN (mean); for max and min it throws
// std::invalid_argument, as does a dtype that is not listed (any of nothing is false, all true).
ReduceLoop reduce_loop(Reduce f, DType dtype, const Shape& shape, const bool* reduced);

// Over one axis of any dtype; y int32 with the other axes. The first index at a tie; NaN counts as
// the extremum, as NumPy. Throws std::invalid_argument when the axis is empty and y is not.
struct ArgLoop {
  ArgRows rows = nullptr;
  ArgCols cols = nullptr;
  int64_t outer = 0, n = 0, inner = 0, size = 0;
  void operator()(const void* x, std::int32_t* y) const;
};
ArgLoop arg_loop(ArgReduce f, DType dtype, const Shape& shape, int axis);

// Softmax over the last axis of x (rows, n). f32, f64. y may be x.
struct RowMapLoop {
  RowMap span = nullptr;
  int64_t rows = 0, n = 0, size = 0, grain = 1;
  double ns = 0;  // in all
  void operator()(const void* x, void* y) const;
};
// dx = y * (dy - sum(dy * y)); dx = dy - exp(y) * sum(dy). dx may be dy.
struct RowGradLoop {
  RowGrad span = nullptr;
  int64_t rows = 0, n = 0, size = 0, grain = 1;
  double ns = 0;
  void operator()(const void* y, const void* dy, void* dx) const;
};
RowMapLoop softmax_loop(DType dtype, int64_t rows, int64_t n);
RowMapLoop log_softmax_loop(DType dtype, int64_t rows, int64_t n);
RowGradLoop softmax_grad_loop(DType dtype, int64_t rows, int64_t n);
RowGradLoop log_softmax_grad_loop(DType dtype, int64_t rows, int64_t n);

}  // namespace pk
