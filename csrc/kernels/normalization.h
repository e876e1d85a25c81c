// Normalization: over the batch, over groups of channels, over rows; and the affine map that an inference needs.
//
// Statistics are sound where the mean is much larger than the deviation: blocks of rows are centred before they are
// squared, and blocks meet in double (Chan, Golub and LeVeque, 1979). Tensors are row-major; outputs are overwritten
// and overlap no input unless said. How rows are cut depends on the shape alone: same bits for any number of threads.
// f32 and f64; other dtypes throw std::invalid_argument when an object is made. The ISA level is that at creation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "kernels/isa/normalization_table.h"

namespace pk {

// x (n, s, c). The c channels form `groups` groups of neighbours; each group of each of the n images is normalized on
// its own: hat = (x - mean) / sqrt(variance + epsilon), with the biased variance; y = hat * gamma[c] + beta[c].
// Batch normalization is the case n = 1 with a group for every channel.
class GroupNorm {
 public:
  // epsilon >= 0; groups divide c.
  GroupNorm(DType dtype, int64_t n, int64_t s, int64_t c, int64_t groups, double epsilon);

  std::size_t scratch_bytes() const { return scratch_; }  // of either pass; 64-byte aligned
  // Of no elements the mean and variance are NaN, and dgamma and dbeta are 0.
  // mean, variance and rstd have (n, groups) elements; variance and rstd = 1 / sqrt(variance + epsilon) may be null.
  void forward(const void* x, const void* gamma, const void* beta, void* y, void* mean, void* variance, void* rstd,
               void* scratch) const;
  // From `mean` and one of variance and rstd of the forward pass (the other null). dgamma, dbeta (c).
  void backward(const void* x, const void* gamma, const void* mean, const void* variance, const void* rstd,
                const void* dy, void* dx, void* dgamma, void* dbeta, void* scratch) const;

 private:
  template <class T>
  struct Pass;
  template <class T>
  friend struct Pass;

  const NormTable* table_;
  DType dtype_;
  int64_t n_, s_, c_, groups_;
  double epsilon_;
  int64_t joined_ = 1;  // rows laid side by side, where channels are few
  int64_t piece_rows_ = 1, pieces_ = 0;
  std::size_t scratch_ = 0;
};

// y = act(x * scale + shift) for x (rows, c), scale (c), shift (c). y may be x.
class ScaleShift {
 public:
  ScaleShift(DType dtype, int64_t rows, int64_t c, Act act, double alpha);
  std::size_t scratch_bytes() const { return scratch_; }
  void operator()(const void* x, const void* scale, const void* shift, void* y, void* scratch) const;

 private:
  template <class T>
  void run(const NormLoops<T>& loops, const T* x, const T* scale, const T* shift, T* y, void* scratch) const;

  const NormTable* table_;
  DType dtype_;
  int64_t rows_, c_;
  Act act_;
  double alpha_;
  int64_t joined_ = 1;
  std::size_t scratch_ = 0;
};

// x (rows, d), each row normalized on its own; gamma, beta, dgamma, dbeta (d); mean, rstd (rows).
class LayerNorm {
 public:
  LayerNorm(DType dtype, int64_t rows, int64_t d, double epsilon);
  std::size_t scratch_bytes() const { return scratch_; }  // of the backward pass
  void forward(const void* x, const void* gamma, const void* beta, void* y, void* mean, void* rstd) const;
  void backward(const void* x, const void* gamma, const void* mean, const void* rstd, const void* dy, void* dx,
                void* dgamma, void* dbeta, void* scratch) const;

 private:
  template <class T>
  void backward_of(const NormLoops<T>& loops, const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy,
                   T* dx, T* dgamma, T* dbeta, void* scratch) const;

  const NormTable* table_;
  DType dtype_;
  int64_t rows_, d_;
  double epsilon_;
  int64_t grain_ = 1, tasks_ = 0;
  std::size_t scratch_ = 0;
};

}  // namespace pk
