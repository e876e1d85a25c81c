// Max and average pooling of images (N, H, W, C) to (N, P, Q, C).
//
// Output (p, q) sees input rows p * stride_h - pad_top + r for r in [0, window_h), and columns likewise; what lies
// outside the image is not there: the maximum and the average are of the elements inside. Tensors are row-major;
// outputs are overwritten and must not overlap inputs. Every element has one writer and sums have a fixed order: same
// bits for any number of threads.
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "kernels/isa/pool2d_table.h"

namespace pk {

// One pooling planned once, with the ISA that is active at creation.
class Pool2d {
 public:
  // f32, f64. Throws std::invalid_argument for another dtype, a window or stride below 1, padding that is not less
  // than the window (some output would see no element), and p, q that do not follow from the rest.
  Pool2d(DType dtype, const PoolShape& shape);

  // The dtype of indices: u8, or i32 where the window has more than 256 places.
  DType index_dtype() const { return wide_ ? DType::i32 : DType::u8; }

  // y: the maximum, NaN where the window has one. index: the position r * window_w + s of the first maximum (of the
  // first NaN where there is one) in row-major order of the window; may be null.
  void max(const void* x, void* y, void* index) const;
  // dx: dy at the elements that were the first maximum, 0 elsewhere; where windows overlap, the sum.
  void max_grad(const void* index, const void* dy, void* dx) const;
  void average(const void* x, void* y) const;
  void average_grad(const void* dy, void* dx) const;

 private:
  void run(PoolRows loop, PoolPointers pointers, int64_t result) const;
  int64_t image_numel() const;
  int64_t output_numel() const;

  PoolShape shape_;
  PoolLoops loops_;
  int64_t element_ = 4;  // bytes
  bool wide_ = false;
  bool whole_vectors_ = false;
  double work_ = 0;  // nanoseconds of one pass
};

}  // namespace pk
