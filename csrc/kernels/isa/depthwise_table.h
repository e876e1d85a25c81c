// The inner loops of kernels/depthwise.h, serial, over one row of pixels. T is float or double.
#pragma once

#include <cstdint>

namespace pk {

using std::int64_t;

// One product of each output pixel j in [lo, hi): the pixel at x + j * step, which may be outside of the tensor for
// other j, times w. `grad` is where the weights' gradient is added up.
template <class T>
struct DepthwiseTap {
  const T* x = nullptr;
  const T* w = nullptr;
  T* grad = nullptr;
  int64_t lo = 0, hi = 0;
};

template <class T>
struct DepthwiseLoops {
  // out[j * out_step + c] = sum over taps of x[j * step + c] * w[c], for j < pixels and c < channels.
  void (*row)(const DepthwiseTap<T>* taps, int64_t count, int64_t step, T* out, int64_t out_step, int64_t pixels,
              int64_t channels);
  // grad[c] += sum over j of x[j * step + c] * dy[j * channels + c], for each tap.
  void (*weights)(const DepthwiseTap<T>* taps, int64_t count, int64_t step, const T* dy, int64_t pixels,
                  int64_t channels);
  // total[c] += sum over j of dy[j * channels + c].
  void (*sum)(const T* dy, int64_t pixels, int64_t channels, T* total);
  // y = mask > 0 ? y : 0.
  void (*mask)(const T* mask, T* y, int64_t n);
};

struct DepthwiseTable {
  DepthwiseLoops<float> f32;
  DepthwiseLoops<double> f64;
};

}  // namespace pk
