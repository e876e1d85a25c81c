// Contrast and brightness of images.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace pk {

// y = min(max(x * scale[n] + shift[n, c], low), high) for images x (N, S, C), S pixels each; NaN stays. x of f32, f64
// or u8; y, scale (N) and shift (N, C) of f64 for f64, else f32; y may be x where they have one dtype. Throws
// std::invalid_argument for another dtype. Same bits for any number of threads.
void adjust_images(DType dtype, std::int64_t n, std::int64_t s, std::int64_t c, const void* x, const void* scale,
                   const void* shift, double low, double high, void* y);

}  // namespace pk
