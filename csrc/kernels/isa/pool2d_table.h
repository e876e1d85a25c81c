// The inner loops of kernels/pool2d.h, serial.
#pragma once

#include <cstdint>

namespace pk {

using std::int64_t;

struct PoolShape {
  int64_t n = 0, h = 0, w = 0, c = 0;
  int64_t window_h = 1, window_w = 1, stride_h = 1, stride_w = 1;
  int64_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
  int64_t p = 0, q = 0;
};

struct PoolPointers {
  const void* in = nullptr;  // x, or dy
  void* out = nullptr;       // y, or dx
  void* index = nullptr;     // u8 or i32; only read by gradients; null: not wanted
  bool stream = false;       // `out` is written past the caches; it is aligned to 64 bytes and c to whole vectors
};

// Bands [begin, end) of n * p. Forward, band b is output row b % p of image b / p; in a gradient it is the image rows
// from (b % p) * stride_h up to the next band's, and for the last band of an image up to the last row.
using PoolRows = void (*)(const PoolShape& shape, const PoolPointers& pointers, int64_t begin, int64_t end);

// 2 x 2 windows side by side in a block of one image: p x q outputs of n channels. Element (i, j, c) of the block lies
// at x[i * x_row + j * x_pixel + c], of y and index (u8, may be null) at [i * y_row + j * y_pixel + c]. float.
using PoolBlock = void (*)(int64_t p, int64_t q, int64_t n, const float* x, int64_t x_row, int64_t x_pixel, float* y,
                           std::uint8_t* index, int64_t y_row, int64_t y_pixel);

struct PoolLoops {
  // [0]: indices are u8, [1]: i32.
  PoolRows max[2], max_grad[2];
  PoolRows average, average_grad;
};

struct Pool2dTable {
  PoolLoops f32, f64;
  PoolBlock max_block;
  int vector_f32;  // floats of a vector
};

}  // namespace pk
