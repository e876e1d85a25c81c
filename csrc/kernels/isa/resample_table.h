// The inner loops of kernels/resample.h, serial.
#pragma once

#include <cstdint>

namespace pk {

using std::int64_t;

// How each of `out` new positions of an axis is made of old ones: position i is the sum over k < count[i] of
// weights[i * taps + k] times position first[i] + k; all of these exist.
template <class T>
struct ResampleAxis {
  int64_t out = 0, taps = 0;
  const std::int32_t *first = nullptr, *count = nullptr;
  const T* weights = nullptr;
};

template <class T>
struct ResampleLoops {
  // x (W, C) -> y (Q, C). y has room for `vector` elements more, which are overwritten with anything.
  void (*columns)(const ResampleAxis<T>& axis, int64_t w, int64_t c, const T* x, T* y);
  // y[i] = sum over k < count of weights[k] * lines[k][i]; count >= 1. past: y goes past the caches; it is aligned to
  // 64 bytes and n to whole vectors.
  void (*rows)(const T* const* lines, const T* weights, int64_t count, int64_t n, bool past, T* y);
};

struct ResampleTable {
  ResampleLoops<float> f32;
  ResampleLoops<double> f64;
  // y[i] = x[i]
  void (*widen)(const std::uint8_t* x, int64_t n, float* y);
  // Pixel q of y is pixel from[q] of x; pixels are c floats (whose bits may be anything). past: as above, of c.
  void (*pick)(const std::int32_t* from, int64_t q, int64_t c, const float* x, bool past, float* y);
  int vector_f32;  // floats of a vector
};

}  // namespace pk
