// Elementwise kernels. float32 runs over SIMD vectors, float64 through <cmath>, integers through
// plain loops. Outputs may be the same buffer as an input of the same size and type (exact alias,
// no partial overlap). Every function splits its work itself.
//
// A loop object (unary_loop, binary_loop, ...) is planned once and run many times: everything is looked up and checked
// when it is made, so that running it on a few elements costs a few nanoseconds. It keeps the ISA that was active then.
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "base/shape.h"
#include "kernels/activation.h"
#include "kernels/functions.h"
#include "kernels/isa/elementwise_table.h"

namespace pk {

// How a loop's work is cut: `ns` estimates one element, `grain` is the elements of a task.
struct LoopCost {
  double ns = 0;
  int64_t grain = 0;
};

// A planned unary loop: y[i] = f(x[i]).
struct UnaryLoop {
  UnarySpan span = nullptr;
  LoopCost cost;
  int64_t in_size = 0, out_size = 0;  // bytes of an element
  void operator()(const void* x, void* y, int64_t n) const {
    if (n <= cost.grain) return span(x, y, n);
    split(x, y, n);
  }

 private:
  void split(const void* x, void* y, int64_t n) const;
};

// Each throws std::invalid_argument for a (function, dtype) that functions.h does not list.
UnaryLoop unary_loop(Unary f, DType dtype);
UnaryLoop predicate_loop(Predicate f, DType dtype);  // any dtype -> bool
// Any pair. Float to integer truncates and saturates, NaN gives 0; to bool: != 0; other
// conversions are C's.
UnaryLoop cast_loop(DType from, DType to);

// min(hi, max(lo, x)); f32 f64 i32 i64; NaN stays NaN. Integers are held within the integers of
// [lo, hi]. NaN bounds throw std::invalid_argument.
struct ClipLoop {
  ClipSpan span = nullptr;
  LoopCost cost;
  int64_t size = 0;
  double lo = 0, hi = 0;
  void operator()(const void* x, void* y, int64_t n) const;
};
ClipLoop clip_loop(DType dtype, double lo, double hi);

// y = act(x); dx = act'(ref) * dy, ref = y where grad_reads_output(act), else x; 0 for any dy where a unit is off. f32,
// f64.
struct ActLoop {
  const ElementwiseTable* table = nullptr;
  LoopCost cost;
  Act act = Act::linear;
  DType dtype = DType::f32;
  double alpha = 0;
  void forward(const void* x, void* y, int64_t n) const;
  void backward(const void* ref, const void* dy, void* dx, int64_t n) const;
};
// Throws std::invalid_argument for a dtype that is no float, and where the derivative cannot be
// read from y: a negative alpha of leaky_relu or elu.
ActLoop act_loop(Act act, double alpha, DType dtype);

// `value` as the dtype holds it (converted as cast does).
struct FillLoop {
  FillSpan span = nullptr;
  LoopCost cost;
  int64_t size = 0;
  alignas(8) unsigned char value[8] = {};
  void operator()(void* y, int64_t n) const;
};
FillLoop fill_loop(DType dtype, double value);

// Iteration space of up to three inputs broadcast (NumPy's rules) to one row-major output;
// neighbouring dimensions are merged when built, so the usual cases end with rank 1 or 2. The
// rank is at least 1, and the strides of the last dimension are 0 or 1.
struct Broadcast {
  int rank = 0;
  int64_t dims[Shape::max_rank] = {};
  int64_t stride[3][Shape::max_rank] = {};  // in elements; 0 where broadcast
  int64_t numel = 0;
  static Broadcast make(const Shape& out, const Shape& a);
  static Broadcast make(const Shape& out, const Shape& a, const Shape& b);
  static Broadcast make(const Shape& out, const Shape& a, const Shape& b, const Shape& c);
};
// NumPy's result shape; throws std::invalid_argument naming both when they do not broadcast.
Shape broadcast_shape(const Shape& a, const Shape& b);

// y = f(a, b) over the broadcast space.
struct BinaryLoop {
  BinarySpan span[span_form_count] = {};
  FillSpan repeat = nullptr;  // of the output's element size
  LoopCost cost;
  int64_t in_size = 0, out_size = 0;
  Broadcast bc;
  void operator()(const void* a, const void* b, void* y) const {
    if (bc.rank == 1 && bc.numel <= cost.grain && (bc.stride[0][0] | bc.stride[1][0]) != 0) {
      return span[bc.stride[1][0] == 0 ? 1 : bc.stride[0][0] == 0 ? 2 : 0](a, b, y, bc.numel);
    }
    walk(a, b, y);
  }

 private:
  void walk(const void* a, const void* b, void* y) const;
  bool narrow_rows(const char* a, const char* b, char* y) const;
};
BinaryLoop binary_loop(Binary f, DType dtype, const Broadcast& bc);
BinaryLoop compare_loop(Compare f, DType dtype, const Broadcast& bc);  // any dtype -> bool

// y = c ? a : b over the broadcast space (c, a, b in this order). Any dtype.
struct SelectLoop {
  SelectSpan span = nullptr;
  FillSpan repeat = nullptr;
  LoopCost cost;
  int64_t size = 0;
  Broadcast bc;
  void operator()(const bool* c, const void* a, const void* b, void* y) const;
};
SelectLoop select_loop(DType dtype, const Broadcast& bc);

// Copies between a row-major tensor of `shape` and one with any element strides (0 and negative
// ones included; the pointer is to element (0, ..., 0)). Any dtype. Source and destination do not
// overlap.
struct StridedLoop {
  int rank = 0;
  int64_t dims[Shape::max_rank] = {};
  int64_t strided[Shape::max_rank] = {}, packed[Shape::max_rank] = {};  // in elements
  int64_t numel = 0, size = 0;
  FillSpan repeat = nullptr;
  TransposeBlock transpose = nullptr;          // set where the last two dimensions are a transpose
  void gather(const void* x, void* y) const;   // y (row-major) = x (strided)
  void scatter(const void* x, void* y) const;  // y (strided, no stride 0) = x (row-major)
};
StridedLoop strided_loop(DType dtype, const Shape& shape, const int64_t* strides);

// y = x broadcast to `out`: strided_loop with the strides of broadcasting.
StridedLoop broadcast_loop(DType dtype, const Shape& out, const Shape& x);

// y (row-major, `out` shape) = x read with these element strides (transpose, slice, flip).
// The inverse: y with these element strides (shape `in`) = x row-major; used to write into parts.

}  // namespace pk
