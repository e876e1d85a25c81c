// 2-D convolution (cross-correlation, as Keras, cuDNN and the literature on CNNs call it), its two backward passes and,
// through backward_input, transposed convolution.
//
//   forward           y (N, P, Q, K) = epilogue( sum over r, s, c of x[n, p*stride_h - pad_top + r*dilation_h,
//                                                q*stride_w - pad_left + s*dilation_w, c] * w[r, s, c, k] )
//   backward_input    dx (N, H, W, C) = epilogue( the adjoint of forward in x, applied to dy (N, P, Q, K) )
//   backward_weights  dw (R, S, C/groups, K), the adjoint in w, from x and dy; optionally dbias (K) = sum of dy
//
// Layouts: activations NHWC, weights HWIO: (R, S, C/groups, K), all dense and row-major. Elements outside the image are
// 0. With groups, output channels [g*K/groups, (g+1)*K/groups) see input channels [g*C/groups, (g+1)*C/groups).
// Nothing materialises im2col of a whole batch: scratch is per task and independent of N (packed weights aside).
// Outputs are overwritten and must not overlap inputs. N = 0 is allowed; every extent else is at least 1. Every output
// has one owner and a summation order fixed by the shape and the algorithm: same bits for any number of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "kernels/activation.h"

namespace pk {

using std::int64_t;

struct Conv2dShape {
  int64_t n = 0, h = 0, w = 0, c = 0;  // input
  int64_t r = 0, s = 0;                // window
  int64_t k = 0;                       // output channels
  int64_t groups = 1;                  // divides c and k
  int64_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;  // >= 0
  int64_t p = 0, q = 0;  // output; p = (h + pad_top + pad_bottom - (r-1)*dilation_h - 1) / stride_h + 1

  double flops() const {  // of one pass; a multiply-add is 2
    return 2.0 * static_cast<double>(n * p * q) * static_cast<double>(r * s * (c / groups)) * static_cast<double>(k);
  }
};

// Throws std::invalid_argument where extents do not fit each other, groups do not divide the channels or a size
// overflows.
void check_conv_shape(const Conv2dShape& shape);

enum class ConvPass { forward, backward_input, backward_weights };

// direct: implicit GEMM over packed weights (any shape). winograd2/4: F(2x2,3x3) and F(4x4,3x3) (Lavin and Gray, "Fast
// Algorithms for Convolutional Neural Networks", 2016): 3x3, stride 1, dilation 1, groups 1, float only.
// gemm: 1x1, stride 1, no padding, groups 1: one matrix product.
enum class ConvAlgorithm { automatic, direct, winograd2, winograd4, gemm };

// Parts of a forward result instead of memory: rows [row, row + rows) of image n, all of Q, channels [k0, k0 + kn),
// final values, hot in cache. Element (i, q, j) lies at block[(i * Q + q) * ld + j]. `row` is a multiple of `multiple`
// and so is `rows`, but for the last rows of an image. Called from several threads at once, once for each element.
struct ConvSink {
  void (*fn)(void* ctx, int64_t n, int64_t row, int64_t rows, int64_t k0, int64_t kn, const float* block,
             int64_t ld) = nullptr;
  void* ctx = nullptr;
  int64_t multiple = 1;
};

// result = act(z * scale + bias), z the convolution; then 0 where mask <= 0. Per channel of the result (K, or C for
// backward_input). For backward_weights everything but dbias must be absent.
template <class T>
struct ConvEpilogue {
  const T* scale = nullptr;
  const T* bias = nullptr;
  Act act = Act::linear;
  T act_alpha = 0;
  T* preact = nullptr;      // the shape of the result: z * scale + bias
  const T* mask = nullptr;  // the shape of the result (ReLU backward from the output)
  T* dbias = nullptr;       // backward_weights: (K)
  ConvSink sink;            // forward of float; the result pointer is then not used; excludes preact and mask
};

template <class T>
struct ConvRun {
  const T* x = nullptr;   // forward, backward_weights
  const T* w = nullptr;   // forward, backward_input; not read where `packed` is given
  const T* dy = nullptr;  // backward_input, backward_weights
  T* result = nullptr;    // y, dx or dw
  ConvEpilogue<T> epilogue;
  const void* packed = nullptr;  // from pack_weights of the same plan
};

// One convolution planned once, run many times. Which epilogue pointers are null and what act is are those of
// `prototype` (pointers are not read); the ISA is the one active at creation.
template <class T>
class PlannedConv2d {
 public:
  // Throws std::invalid_argument where the algorithm does not apply to the shape and pass, or a size is wrong or
  // overflows.
  PlannedConv2d(const Conv2dShape& shape, ConvPass pass, ConvAlgorithm algorithm, const ConvEpilogue<T>& prototype);

  ConvAlgorithm algorithm() const;    // what was chosen
  std::size_t scratch_bytes() const;  // 64-byte aligned, for run()
  std::size_t packed_bytes() const;   // of pack_weights; 0: weights are used as they are
  void pack_weights(const T* w, void* packed) const;
  // Whether `mask` may be the memory of the result: each element of it is then read just before that element is
  // written.
  bool result_over_mask() const;
  void run(const ConvRun<T>& args, void* scratch) const;

 private:
  struct Plan;
  std::shared_ptr<const Plan> plan_;
};

}  // namespace pk
