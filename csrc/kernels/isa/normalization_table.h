// The inner loops of kernels/normalization.h, serial, over rows of columns. T is float or double.
#pragma once

#include <cstdint>

#include "kernels/activation.h"

namespace pk {

using std::int64_t;

// Columns j < cols of `rows` rows, each `ld` elements after the one before. Coefficients are one for each column.
template <class T>
struct NormLoops {
  // mean[j], and in squares[j] the sum of squared deviations from it. rows >= 1.
  void (*stats)(const T* x, int64_t ld, int64_t rows, int64_t cols, double* mean, double* squares);
  // sum[j] of dy; product[j] of dy * (x - mean[j]).
  void (*sums)(const T* x, const T* dy, int64_t ld, int64_t rows, int64_t cols, const T* mean, double* sum,
               double* product);
  // y = (x - mean) * scale + shift. `stream`: past the caches; y is then aligned to 64 bytes and ld to whole vectors.
  void (*affine)(const T* x, int64_t ld, int64_t rows, int64_t cols, const T* mean, const T* scale, const T* shift,
                 T* y, bool stream);
  // dx = dy * scale - shift - (x - mean) * slope.
  void (*gradient)(const T* x, const T* dy, int64_t ld, int64_t rows, int64_t cols, const T* mean, const T* scale,
                   const T* shift, const T* slope, T* dx, bool stream);
  // y = act(x * scale + shift). y may be x.
  void (*scale_shift)(const T* x, int64_t ld, int64_t rows, int64_t cols, const T* scale, const T* shift, Act act,
                      T alpha, T* y, bool stream);

  // Whole rows of d elements. mean and rstd have one element for each row.
  void (*layer_norm)(const T* x, int64_t rows, int64_t d, const T* gamma, const T* beta, double epsilon, T* y, T* mean,
                     T* rstd);
  // Adds to dgamma and dbeta (d). `work` holds 2 d elements.
  void (*layer_norm_grad)(const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy, int64_t rows,
                          int64_t d, T* dx, double* dgamma, double* dbeta, T* work);
};

struct NormTable {
  NormLoops<float> f32;
  NormLoops<double> f64;
  int vector_f32;  // floats of a vector
};

}  // namespace pk
