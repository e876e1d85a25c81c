// How one Winograd convolution is cut up (winograd.h): from the shape and the level's constants alone, because the plan
// fixes the order of summation.
#pragma once

#include <cstdint>

#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/table.h"
#include "kernels/winograd.h"

namespace pk {

namespace winograd {

// A stride in floats: whole cache lines, an odd number of them, so that the positions of one patch do not compete for
// a few sets of the caches.
constexpr int64_t odd_lines(int64_t floats) { return (ceil_div(floats, 16) | 1) * 16; }

// Backward to the weights: channels, filters and tiles of a task's blocks. Their sums, transformed patches and
// transformed gradients stay in a core's L2 together.
constexpr int64_t block_channels = 32, block_filters = 64, block_tiles = 16;

// The patches of an image: tile (ty, tx) has the outputs from (ty * m, tx * m) and the inputs from
// (ty * m - top, tx * m - left), side x side of them.
struct Tiling {
  int64_t m = 0, side = 0, positions = 0;
  int64_t n = 0, h = 0, w = 0, c = 0;  // input
  int64_t p = 0, q = 0, k = 0;         // output
  int64_t top = 0, left = 0;           // may be negative
  int64_t rows = 0, cols = 0;          // tiles of an image
  int64_t tiles() const { return n * rows * cols; }
};

struct TileAt {
  int64_t image, row, col;
  TileAt(const Tiling& g, int64_t tile)
      : image(tile / (g.rows * g.cols)), row(tile / g.cols % g.rows), col(tile % g.cols) {}
  void next(const Tiling& g) {
    if (++col < g.cols) return;
    col = 0;
    if (++row < g.rows) return;
    row = 0;
    ++image;
  }
};

// size x size elements, from channel c0 on, of an image (n, h, w, c) from (row, col), which may lie outside. `table`
// has room for size * size pointers, `zeros` for c floats.
inline WinogradPatch patch(const float* x, int64_t h, int64_t w, int64_t c, int64_t image, int64_t row, int64_t col,
                           int64_t size, const float* zeros, const float** table, int64_t c0 = 0) {
  const float* origin = x + image * h * w * c + c0;
  if (row >= 0 && col >= 0 && row + size <= h && col + size <= w) {
    return {origin + (row * w + col) * c, w * c, c, nullptr};
  }
  for (int64_t i = 0; i < size; ++i) {
    for (int64_t j = 0; j < size; ++j) {
      const int64_t y = row + i, z = col + j;
      table[i * size + j] = y >= 0 && y < h && z >= 0 && z < w ? origin + (y * w + z) * c : zeros;
    }
  }
  return {nullptr, 0, 0, table};
}

}  // namespace winograd

struct Winograd::Plan {
  ConvPass pass = ConvPass::forward;
  winograd::Tiling g;
  WinogradLevel level;
  WinogradTransforms transforms;
  const KernelTable* table = nullptr;
  double work_ns = 0;
  int64_t groups = 0, panels = 0;  // of channels, and of cols filters
  int64_t v_position = 0;          // strides of positions, in floats
  int64_t block = 0, blocks = 0;   // tiles of a task
  int64_t parts = 1;               // forward: tasks of a block, each with some panels
  int64_t workers = 1;
  // Scratch, in floats: zeros, then what all share, then what each worker has.
  int64_t zeros = 0, shared = 0, local = 0;

  // forward and backward_input
  int64_t m_position = 0;
  int64_t u_position = 0, u_panel = 0;   // of packed weights
  int64_t tile_rows = 0;                 // with a sink: of a task
  int64_t images = 1;                    // with a sink: of a task, where it has whole images
  bool by_position = false;              // all panels of a position before the next position
  bool one_block = false;                // the patches are transformed once, for all tasks
  int64_t m_panel = 0;                   // stride of panels of products, by position
  int64_t sink_rows = 0;                 // the sink's multiple; 0: no sink
  int64_t m_floats = 0, out_floats = 0;  // of a worker, after the transformed patches
  int64_t v_floats = 0;

  // backward_weights: a task has c_groups groups of channels, k_panels panels of filters and a chunk of the blocks.
  int64_t c_groups = 0, k_panels = 0, c_parts = 0, k_parts = 0;
  int64_t chunk = 0, chunks = 0;  // in tiles
  int64_t d_position = 0, d_panel = 0, acc_panel = 0, acc_position = 0;
  bool dbias = false;

  int64_t partial() const { return 9 * g.c * g.k + (dbias ? g.k : 0); }
  std::size_t scratch_bytes() const {
    return static_cast<std::size_t>(zeros + shared + workers * local) * sizeof(float);
  }

  void plan_forward();
  void run_forward(const ConvRun<float>& args, float* scratch) const;
  void pack(const float* w, float* packed) const;
  int64_t packed() const { return pass == ConvPass::backward_weights ? 0 : panels * u_panel; }

  void plan_weights();
  void run_weights(const ConvRun<float>& args, float* scratch) const;
};

}  // namespace pk
