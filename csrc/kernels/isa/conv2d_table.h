// The register tiles of direct convolution for one instruction-set level. Strips, packing and threads
// (kernels/conv2d*.cpp) are the same code for every level.
#pragma once

#include <cstdint>
#include <stdexcept>

namespace pk {

using std::int64_t;

// Some pixels of the result times the channels of one weight panel. Pixels come in pairs, so that half as many
// addresses as pixels stay in registers: pixel j is pair j / 2's address plus (j % 2) * distance.
// What a pixel is summed over is `runs` runs of `length` consecutive elements, at the same offsets for every pixel.
template <class T>
struct ConvTile {
  static constexpr int max_pairs = 8;

  const T* x[max_pairs];  // the first pixel of each pair
  int64_t x_pair;         // elements between the two pixels of a pair
  const int64_t* run;     // [runs] offsets
  int64_t runs, length;
  const T* w;      // the panel: runs * length rows of `panel` (or `narrow`) channels, 64-byte aligned
  int64_t w_skip;  // elements between the rows of one run and those of the next
  // After every four rows of the panel the line here is brought to L2 and the address moves on by so many bytes.
  const char* prefetch;
  int64_t prefetch_step;

  // result = relu?( sum [+ result if add] [* scale] [+ bias] ), 0 where mask <= 0; preact gets the value before relu.
  // Pixel j's offset in result, preact and mask is at[j / 2] + (j % 2) * at_pair.
  T* result;
  T* preact;
  const T* mask;
  int64_t at[max_pairs];
  int64_t at_pair;
  int64_t channels;  // at most the panel's
  const T* scale;
  const T* bias;
  bool add, relu;
};

// The gradient of R consecutive weight rows (input channels of one window place, or of a run of places) times the
// channels of one panel: result[i * ld + j] [+]= sum over images, rows and columns of x[... + i] * dy[... + j].
template <class T>
struct ConvWeightTile {
  int64_t images, rows, cols;
  const T* x;  // the first pixel's first element
  int64_t x_image, x_row, x_col;
  const T* dy;  // packed: images * rows * cols rows of `panel` (or `narrow`) channels, 64-byte aligned
  // For every four columns of a row the line here is brought to L2 and the address moves on by so many bytes.
  const char* prefetch;
  int64_t prefetch_step;
  T* result;
  int64_t ld;
  int64_t channels;
  bool add;
};

template <class T>
struct ConvLevel {
  static constexpr int max_mr = 2 * ConvTile<T>::max_pairs;

  int mr;      // pixels of a full tile
  int panel;   // channels of a panel
  int narrow;  // channels of the last panel where so few are left
  // Bytes that stay in L2 beside each other: a strip of the input, a chunk of a weight panel.
  int64_t strip_bytes, chunk_bytes;
  double gflops;  // a cautious estimate for one thread, for scheduling decisions only

  using Tile = void (*)(const ConvTile<T>&);
  using WeightTile = void (*)(const ConvWeightTile<T>&);
  Tile tile[max_mr + 1];  // [pixels]
  Tile tile_narrow[max_mr + 1];
  WeightTile weights[max_mr + 1];  // [weight rows]
  WeightTile weights_narrow[max_mr + 1];
};

struct ConvTable {
  ConvLevel<float> f32;
  ConvLevel<double> f64;
};

}  // namespace pk
