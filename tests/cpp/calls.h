// Kernels planned and run in one call, for tests and benchmarks. (Programs plan once and run many times.)
#pragma once

#include "base/buffer.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/reduce.h"

namespace pk {

inline void unary(Unary f, DType dtype, const void* x, void* y, int64_t n) { unary_loop(f, dtype)(x, y, n); }

inline void predicate(Predicate f, DType dtype, const void* x, bool* y, int64_t n) {
  predicate_loop(f, dtype)(x, y, n);
}

inline void cast(DType from, DType to, const void* x, void* y, int64_t n) { cast_loop(from, to)(x, y, n); }

inline void clip(DType dtype, const void* x, void* y, int64_t n, double lo, double hi) {
  clip_loop(dtype, lo, hi)(x, y, n);
}

inline void activation(Act act, double alpha, DType dtype, const void* x, void* y, int64_t n) {
  act_loop(act, alpha, dtype).forward(x, y, n);
}

inline void activation_grad(Act act, double alpha, DType dtype, const void* ref, const void* dy, void* dx, int64_t n) {
  act_loop(act, alpha, dtype).backward(ref, dy, dx, n);
}

inline void fill(DType dtype, void* y, int64_t n, double value) { fill_loop(dtype, value)(y, n); }

inline void binary(Binary f, DType dtype, const Broadcast& bc, const void* a, const void* b, void* y) {
  binary_loop(f, dtype, bc)(a, b, y);
}

inline void compare(Compare f, DType dtype, const Broadcast& bc, const void* a, const void* b, bool* y) {
  compare_loop(f, dtype, bc)(a, b, y);
}

inline void select(DType dtype, const Broadcast& bc, const bool* c, const void* a, const void* b, void* y) {
  select_loop(dtype, bc)(c, a, b, y);
}

inline void reduce(Reduce f, DType dtype, const Shape& shape, const bool* reduced, const void* x, void* y) {
  const ReduceLoop loop = reduce_loop(f, dtype, shape, reduced);
  const Buffer scratch(loop.scratch_bytes);
  loop(x, y, scratch.data());
}

inline void reduce_bool(bool all, const Shape& shape, const bool* reduced, const bool* x, bool* y) {
  reduce(all ? Reduce::min : Reduce::max, DType::boolean, shape, reduced, x, y);
}

inline void arg_reduce(ArgReduce f, DType dtype, const Shape& shape, int axis, const void* x, std::int32_t* y) {
  arg_loop(f, dtype, shape, axis)(x, y);
}

inline void softmax(DType dtype, int64_t rows, int64_t n, const void* x, void* y) {
  softmax_loop(dtype, rows, n)(x, y);
}

inline void log_softmax(DType dtype, int64_t rows, int64_t n, const void* x, void* y) {
  log_softmax_loop(dtype, rows, n)(x, y);
}

inline void softmax_grad(DType dtype, int64_t rows, int64_t n, const void* y, const void* dy, void* dx) {
  softmax_grad_loop(dtype, rows, n)(y, dy, dx);
}

inline void log_softmax_grad(DType dtype, int64_t rows, int64_t n, const void* y, const void* dy, void* dx) {
  log_softmax_grad_loop(dtype, rows, n)(y, dy, dx);
}

inline void strided_copy(DType dtype, const Shape& out, const int64_t* strides, const void* x, void* y) {
  strided_loop(dtype, out, strides).gather(x, y);
}

inline void strided_scatter(DType dtype, const Shape& in, const int64_t* strides, const void* x, void* y) {
  strided_loop(dtype, in, strides).scatter(x, y);
}

template <class T>
std::size_t gemm_scratch_bytes(const GemmArgs<T>& args) {
  return PlannedGemm<T>(args).scratch_bytes();
}
template <class T>
void gemm(const GemmArgs<T>& args, void* scratch) {
  PlannedGemm<T>(args).run(args, scratch);
}

}  // namespace pk
