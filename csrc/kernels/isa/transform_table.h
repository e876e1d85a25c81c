// The inner loops of kernels/transform.h, serial.
#pragma once

#include <cstdint>

#include "kernels/fill_mode.h"

namespace pk {

using std::int64_t;

struct TransformShape {
  int64_t n = 0, h = 0, w = 0, c = 0;  // of x
  int64_t p = 0, q = 0;                // height and width of y
  bool linear = true;                  // else the nearest pixel
  Fill fill = Fill::nearest;           // grid_constant, nearest, reflect, mirror, grid_wrap
  double fill_value = 0;               // of grid_constant
};

// Rows [begin, end) of image y (P, Q, C) from image x (H, W, C) by `map`. `last`: x is the last image of its array, so
// that nothing behind it may be read.
template <class X, class Y>
using TransformRows = void (*)(const TransformShape& s, const X* x, const double* map, bool last, int64_t begin,
                               int64_t end, Y* y);

// dx (H, W, C) of one image from its dy (P, Q, C).
template <class T>
using TransformGradient = void (*)(const TransformShape& s, const T* dy, const double* map, T* dx);

struct TransformTable {
  TransformRows<float, float> f32;
  TransformRows<double, double> f64;
  TransformRows<std::uint8_t, float> u8;
  TransformGradient<float> gradient_f32;
  TransformGradient<double> gradient_f64;
};

}  // namespace pk
