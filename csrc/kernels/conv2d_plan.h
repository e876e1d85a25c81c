// What the parts of direct convolution share (private to kernels/conv2d*.cpp).
#pragma once

#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "kernels/conv2d.h"
#include "kernels/table.h"

namespace pk::conv {

// Share i of n things cut into `parts` shares that differ by at most 1: [first, last).
struct Share {
  int64_t first, last;
  Share(int64_t n, int64_t parts, int64_t i) : first(n * i / parts), last(n * (i + 1) / parts) {}
};

// How a strip of an image is laid out: rows of `cols` pixels, `pixel` elements apart, of which `channels` are there;
// `gap` elements more from row to row.
struct StripLayout {
  int64_t cols = 0, pixel = 0, channels = 0, gap = 0;
  int64_t row() const { return cols * pixel + gap; }
};

// What is copied into a strip: image rows [row, row + rows) and columns [col, col + layout.cols), zeros outside the
// image; only rows that satisfy (row - first) % stride == i * dilation for an i < taps are wanted.
template <class T>
struct StripSource {
  const T* image;  // at the group's first channel
  int64_t h, w, c;
  int64_t row, rows, col;
  int64_t stride, dilation, taps;

  bool wanted(int64_t i) const {
    if (stride == 1 && dilation == 1) return true;
    for (int64_t t = 0; t < taps; ++t) {
      const int64_t at = i - t * dilation;
      if (at >= 0 && at % stride == 0) return true;
    }
    return false;
  }
};

template <class T>
void copy_strip(const StripSource<T>& s, const StripLayout& to, T* strip);

// Elements from one pixel of a strip to the next.
inline int64_t padded_pixel(int64_t channels, int64_t size) {
  // Pixels a large power of two apart fall into few sets of the L1 cache.
  return channels * size % 2048 == 0 ? channels + 64 / size : channels;
}

// Result columns, images and the like that one loop covers: [first, last).
struct Range {
  int64_t first = 0, last = 0;
  int64_t size() const { return last > first ? last - first : 0; }
};

// The forward pass, and the backward pass to the input as one or several forward-like passes.
template <class T>
class Forward {
 public:
  Forward(const Conv2dShape& shape, ConvPass pass, const ConvEpilogue<T>& prototype);
  std::size_t scratch_bytes() const { return scratch_bytes_; }
  std::size_t packed_bytes() const { return static_cast<std::size_t>(packed_) * sizeof(T); }
  bool result_over_mask() const;
  void pack(const T* w, T* packed) const;
  void run(const ConvRun<T>& args, void* scratch) const;

 private:
  // A column of the result whose windows reach outside the image on the left or right. The part inside is copied into a
  // strip of its own, with rows of zeros, and tiles go down the column.
  struct Edge {
    int64_t col, tap, taps;
    StripLayout strip;
    std::vector<int64_t> run;
    int64_t at;  // in the worker's strip
  };
  // A dense convolution: result pixel (p, q) reads source pixels (p * step_h + first_h + i * dil_h, the same of q), i <
  // taps_h, and lies at (p * out_step_h + out_h, ...) of the result. Tap (i, j) has the weights (r0 + i * dr, ...).
  struct Phase {
    int64_t taps_h, taps_w, step_h, step_w, first_h, first_w, dil_h, dil_w;
    int64_t r0, dr, s0, ds;
    int64_t rows, cols, out_h, out_w;
    int64_t packed;  // offset of its weights
    int64_t depth;   // taps_h * taps_w * channels
    // Blocking.
    bool in_place;  // the image itself serves as the strip
    // In place although windows reach outside the image: tiles of whole rows leave out the window's rows that lie
    // outside, `inner` columns are those whose windows lie within it from left to right, and the others are edges.
    bool borders;
    Range inner;
    std::vector<Edge> edges;
    StripLayout strip;
    int64_t run_length;
    std::vector<int64_t> run;
    int64_t chunk_runs;                                // runs summed before the next tile
    int64_t images, strips, strip_rows, strip_height;  // a task: images of a strip, rows of the result and the source
    int64_t tile_rows;                                 // rows of the result in one tile, even where it is not 1
    int64_t image_groups, blocks, tasks;               // blocks of panels
  };
  struct Task;
  struct Chunk;

  void add_phase(const Conv2dShape& s, int64_t ph, int64_t pw);
  void block(Phase& p);
  void find_edges(Phase& p) const;
  void strip_size(Phase& p) const;
  int64_t strip_elements(const Phase& p) const;
  Range source_rows(const Phase& p, int64_t row, int64_t rows) const;
  void run_task(const ConvRun<T>& args, const T* packed, const Phase& p, int64_t at, int64_t next, T* strip,
                T* sink) const;
  void copy_edges(const Task& t, const T* source, T* strip) const;
  void look_ahead(Task& t, const Chunk& chunk, bool last) const;
  void panels(Task& t) const;
  void row_tiles(Task& t, ConvTile<T>& tile, const Chunk& chunk, int64_t image, int64_t row, int64_t rows) const;
  void edge_tiles(Task& t, ConvTile<T>& tile, const Chunk& chunk, int64_t image) const;
  void compute(Task& t, ConvTile<T>& tile, int64_t pixels) const;
  void finish(const Task& t) const;
  int64_t panel_width(int64_t panel) const;

  const ConvLevel<T>* level_;
  const GemmLevel<T>* gemm_;
  const ElementwiseTable* elementwise_;
  bool backward_;
  int64_t n_, groups_;
  int64_t h_, w_, c_, channels_;     // source; channels of a group
  int64_t out_h_, out_w_, k_, out_;  // result; channels of a group
  int64_t out_step_h_, out_step_w_;
  int64_t taps_s_;  // window width of the weights
  ConvEpilogue<T> like_;
  std::vector<Phase> phases_;
  int64_t panels_ = 0, packed_ = 0, group_packed_ = 0;
  int64_t tasks_ = 0, workers_ = 0, strip_elements_ = 0, sink_elements_ = 0;
  double work_ns_ = 0;
  std::size_t scratch_bytes_ = 0, strips_at_ = 0, worker_bytes_ = 0, sink_at_ = 0;
};

template <class T>
class BackwardWeights {
 public:
  BackwardWeights(const Conv2dShape& shape, const ConvEpilogue<T>& prototype);
  std::size_t scratch_bytes() const { return scratch_bytes_; }
  void run(const ConvRun<T>& args, void* scratch) const;

 private:
  struct Task;
  void run_task(const ConvRun<T>& args, int64_t task, T* partial, T* dbias, T* local) const;
  void look_ahead(const ConvRun<T>& args, Task& t, int64_t unit) const;
  void strip_gradients(Task& t, int64_t panel0, int64_t panel1) const;
  int64_t panel_width(int64_t channels) const;

  const ConvLevel<T>* level_;
  const GemmLevel<T>* gemm_;
  Conv2dShape s_;
  bool dbias_;
  int64_t channels_, out_;  // of a group
  StripLayout strip_;
  int64_t run_length_ = 0;
  std::vector<int64_t> run_;  // offsets in the strip of the runs of consecutive weight rows
  int64_t images_ = 1, strips_ = 1, strip_rows_ = 1, strip_height_ = 1;
  int64_t units_ = 0, chunks_ = 1, blocks_ = 1, panels_ = 1;  // units: strips of all images
  int64_t workers_ = 1, dw_elements_ = 0;
  double work_ns_ = 0;
  std::size_t scratch_bytes_ = 0, dbias_at_ = 0, local_at_ = 0, local_bytes_ = 0, dy_at_ = 0;
};

}  // namespace pk::conv
