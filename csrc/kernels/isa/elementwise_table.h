// The inner loops of kernels/elementwise.h: serial, over contiguous spans. Any alignment, n >= 0.
// Outputs may be an input (exact alias). Entries for a (function, dtype) that functions.h does not
// list are null; kernels/elementwise.cpp refuses those with a message.
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "kernels/activation.h"
#include "kernels/functions.h"

namespace pk {

using std::int64_t;

// Which operand of a two-operand span is a single element.
enum class SpanForm : std::uint8_t { both_spans, b_single, a_single };
constexpr int span_form_count = 3;

// y[i] = f(x[i]).
using UnarySpan = void (*)(const void* x, void* y, int64_t n);
// y[i] = f(a[i], b[i]), or with a[0] or b[0] throughout.
using BinarySpan = void (*)(const void* a, const void* b, void* y, int64_t n);
using ClipSpan = void (*)(const void* x, void* y, int64_t n, double lo, double hi);
// y[i] = value[0].
using FillSpan = void (*)(const void* value, void* y, int64_t n);
// y[i] = c[i] ? a[i * a_step] : b[i * b_step], steps 0 or 1.
using SelectSpan = void (*)(const bool* c, const void* a, int64_t a_step, const void* b, int64_t b_step, void* y,
                            int64_t n);
// y (cols, rows), leading dimension ldy, = the transpose of x (rows, cols), leading dimension ldx
// (in elements).
using TransposeBlock = void (*)(const void* x, int64_t ldx, void* y, int64_t ldy, int64_t rows, int64_t cols);

// Element sizes 1, 4 and 8 as the index 0, 1, 2.
constexpr int size_class(DType t) { return size_of(t) == 1 ? 0 : size_of(t) == 4 ? 1 : 2; }
constexpr int size_class_count = 3;

struct ElementwiseTable {
  // y = act(x): the serial form that the GEMM epilogue applies to finished tiles. y may be x.
  void (*act)(Act act, float alpha, const float* x, float* y, int64_t n);
  void (*act_f64)(Act act, double alpha, const double* x, double* y, int64_t n);
  // dx = act'(ref) * dy; see grad_reads_output. dx may be ref or dy.
  void (*act_grad)(Act act, float alpha, const float* ref, const float* dy, float* dx, int64_t n);
  void (*act_grad_f64)(Act act, double alpha, const double* ref, const double* dy, double* dx, int64_t n);

  UnarySpan unary[dtype_count][unary_count];
  UnarySpan predicate[dtype_count][predicate_count];
  BinarySpan binary[dtype_count][binary_count][span_form_count];
  BinarySpan compare[dtype_count][compare_count][span_form_count];
  UnarySpan cast[dtype_count][dtype_count];  // [from][to]
  ClipSpan clip[dtype_count];
  FillSpan fill[size_class_count];
  SelectSpan select[size_class_count];
  TransposeBlock transpose[size_class_count];
};

}  // namespace pk
