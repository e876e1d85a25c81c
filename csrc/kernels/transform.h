// Affine and projective maps of images (N, H, W, C) to (N, P, Q, C), and their gradients, as keras.ops.image has them:
// positions outside of an image are filled pixel by pixel. (kernels/image.h has SciPy's maps, which differ in that, and
// in splines, for ImageDataGenerator.)
//
// Each image has a map of eight numbers [a0, a1, a2, b0, b1, b2, c0, c1]: y at row r, column c is x at column
// (a0 c + a1 r + a2) / k, row (b0 c + b1 r + b2) / k with k = c0 c + c1 r + 1. Between pixels y is interpolated
// linearly, or is the nearest pixel's (halves away from zero). Tensors are row-major; outputs are overwritten and must
// not overlap inputs. Every element has one writer and sums have a fixed order: same bits for any number of threads.
#pragma once

#include "base/dtype.h"
#include "kernels/isa/transform_table.h"

namespace pk {

// y of f64 for f64, f32 for f32 and u8. maps (N, 8). Throws std::invalid_argument for another dtype, a fill that is not
// of TransformShape's list, and extents that are not in [1, 2^30] (n and c: from 0).
void transform_images(DType dtype, const TransformShape& shape, const void* x, const float* maps, void* y);

// dx for dy; f32 and f64. Maps have no gradient here.
void transform_gradient(DType dtype, const TransformShape& shape, const void* dy, const float* maps, void* dx);

}  // namespace pk
