// Winograd convolution's inner loops for one instruction-set level: the transforms F(2x2,3x3) and F(4x4,3x3), vectors
// running along channels, and the register tiles of the products between them. Blocking and threads are
// kernels/winograd*.cpp.
//
// With Y = A^T [ (G g G^T) . (B^T d B) ] A (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016),
// d a patch of m + 2 by m + 2 inputs, g the 3 x 3 filter, Y m x m outputs, there are positions() = (m + 2)^2 products.
// The interpolation points are 0, 1, -1, inf for m = 2 and 0, +-5/8, +-3/2, inf for m = 4: every constant of B and A is
// exact in float, and the error on normal data is less than half that of the usual 0, +-1, +-2, inf (the choice of
// points after Barabasz et al., "Error Analysis and Improving the Accuracy of Winograd Convolution", 2018).
//
// Layouts. Channels come in groups of `width`. A transformed patch has the value of position i, group g at
// v[i * position + g * group]; a group's last lanes are 0 where the channels end.
#pragma once

#include <cstdint>

namespace pk {

using std::int64_t;

// A patch or tile of an image: element (i, j), channel c, at x[i * row + j * col + c], or at at[i * side + j][c].
struct WinogradPatch {
  const float* x;
  int64_t row, col;
  const float* const* at;  // null, or side * side pointers (the border: what lies outside points to zeros)
};

// Where a tile of results goes: y[i * row + j * col + c] for i < rows, j < cols; scale, bias and mask (which has the
// strides of y) may be null.
struct WinogradOut {
  float* y;
  int64_t row, col;
  int rows, cols;
  const float* scale;
  const float* bias;
  const float* mask;
  bool relu;
};

// The transforms of one m.
struct WinogradTransforms {
  // v = B^T d B of a patch of c channels.
  void (*input)(const WinogradPatch& d, int64_t c, float* v, int64_t group, int64_t position);
  // v = A d A^T of an m x m tile of c channels; adds the sum of the tile to sum[c] unless that is null.
  void (*gradient)(const WinogradPatch& d, int64_t c, float* v, int64_t group, int64_t position, float* sum);
  // u = G g G^T of n filters: element (r, s) of filter j at g[(r * 3 + s) * tap + j], u[i * position + j].
  void (*filter)(const float* g, int64_t tap, int64_t n, float* u, int64_t position);
  // G^T u G of n filters: element (r, s) of filter j to g[(r * 3 + s) * tap + j].
  void (*filter_gradient)(const float* u, int64_t position, int64_t n, float* g, int64_t tap);
  // y = A^T m A of n channels; channel j of position i at m[i * position + j].
  void (*output)(const float* m, int64_t position, int64_t n, const WinogradOut& out);
};

struct WinogradLevel {
  static constexpr int max_rows = 14;

  int width;  // channels of a group
  int rows;   // tiles of a full panel of transformed patches
  int cols;   // filters of a panel of transformed weights, and channels of a block of products: a multiple of width
  WinogradTransforms f2, f4;

  // m (R, cols; contiguous) = v (R, c) u (c, cols), by R = 1 ... rows. v holds groups of `width` channels, each R rows
  // of them; u rows of `cols`. Meanwhile what is at `next` is brought to L2, `lines` cache lines a step of 4 channels.
  void (*product[max_rows + 1])(int64_t c, const float* v, const float* u, float* m, const float* next);
  // Likewise where at most half of `cols` matter: the other half of each row of m is not written.
  void (*narrow[max_rows + 1])(int64_t c, const float* v, const float* u, float* m, const float* next);
  // For the gradient of the weights: acc (grad_rows, cols; contiguous) [+]= transpose of v (t, grad_rows; width) times
  // d (t, cols).
  int grad_rows;  // divides width
  void (*rank_k_update)(int64_t t, const float* v, const float* d, bool add, float* acc);
  void (*rank_k_update_narrow)(int64_t t, const float* v, const float* d, bool add, float* acc);
};

struct WinogradTable {
  WinogradLevel f32;
};

}  // namespace pk
