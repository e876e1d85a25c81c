// Depthwise convolution: each channel has m filters of its own, and output channel c * m + i is channel c under filter
// i. In the terms of kernels/conv2d.h it is groups = c and k = c * m, and weights (r, s, 1, k) lie as (r, s, c, m).
//
// Outputs are overwritten and must not overlap inputs. What is outside the image is 0. Every output has one owner and
// a fixed order of summation: same bits for any number of threads. The ISA level is that at creation.
#pragma once

#include <cstddef>

#include "base/dtype.h"
#include "kernels/conv2d.h"
#include "kernels/isa/depthwise_table.h"
#include "kernels/isa/normalization_table.h"

namespace pk {

// result = act(z * scale + bias), then 0 where mask is not positive. scale and bias have one element for each channel
// of the result, mask its shape; any may be null.
struct DepthwiseEpilogue {
  const void* scale = nullptr;
  const void* bias = nullptr;
  const void* mask = nullptr;
  Act act = Act::linear;
  double alpha = 0;
};

class DepthwiseConv {
 public:
  // f32, f64. Throws std::invalid_argument for other dtypes and for a shape that is not depthwise or not consistent.
  DepthwiseConv(DType dtype, const Conv2dShape& shape, ConvPass pass);

  std::size_t scratch_bytes() const { return scratch_; }  // 64-byte aligned
  void forward(const void* x, const void* w, const DepthwiseEpilogue& epilogue, void* y, void* scratch) const;
  void backward_input(const void* dy, const void* w, const DepthwiseEpilogue& epilogue, void* dx, void* scratch) const;
  // dbias (k) may be null.
  void backward_weights(const void* x, const void* dy, void* dw, void* dbias, void* scratch) const;

 private:
  template <class T>
  struct Pass;
  template <class T>
  friend struct Pass;
  template <class F>
  void with_pass(void* scratch, F&& f) const;  // f(pass, zero) with the pass of this dtype

  const DepthwiseTable* table_;
  const NormTable* norm_;
  DType dtype_;
  Conv2dShape shape_;
  int64_t m_ = 1;
  int64_t rows_ = 0, grain_ = 1, tasks_ = 0;  // rows of the pass, rows of a task
  std::size_t shared_ = 0, task_ = 0, scratch_ = 0;
  double work_ = 0;
};

}  // namespace pk
