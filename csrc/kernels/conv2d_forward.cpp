// Direct convolution, forward and backward to the input. A task copies the rows that it needs into a strip with the
// padding written out, so that no inner loop knows of borders, and passes panels of packed weights over it.
#include <cstring>

#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/conv2d_plan.h"

namespace pk::conv {

namespace {

void apply(const ElementwiseTable& t, Act act, float alpha, float* y, int64_t n) { t.act(act, alpha, y, y, n); }
void apply(const ElementwiseTable& t, Act act, double alpha, double* y, int64_t n) { t.act_f64(act, alpha, y, y, n); }

bool in_tile(Act act) { return act == Act::linear || act == Act::relu; }

}  // namespace

template <class T>
void copy_strip(const StripSource<T>& s, const StripLayout& to, T* strip) {
  const int64_t left = std::clamp<int64_t>(-s.col, 0, to.cols);
  const int64_t right = std::clamp<int64_t>(s.w - s.col, left, to.cols);  // [left, right) lies inside the image
  const auto clear = [&](T* row, int64_t from, int64_t upto) {
    std::memset(row + from * to.pixel, 0, static_cast<std::size_t>((upto - from) * to.pixel) * sizeof(T));
  };
  for (int64_t i = 0; i < s.rows; ++i, strip += to.row()) {
    if (!s.wanted(i)) continue;
    const int64_t row = s.row + i;
    if (row < 0 || row >= s.h) {
      clear(strip, 0, to.cols);
      continue;
    }
    const T* from = s.image + (row * s.w + s.col + left) * s.c;
    T* dst = strip + left * to.pixel;
    clear(strip, 0, left);
    if (to.channels == s.c && to.pixel == s.c) {
      std::memcpy(dst, from, static_cast<std::size_t>((right - left) * s.c) * sizeof(T));
    } else {
      for (int64_t q = left; q < right; ++q, from += s.c, dst += to.pixel) {
        for (int64_t c = 0; c < to.channels; ++c) dst[c] = from[c];
      }
    }
    clear(strip, right, to.cols);
  }
}

template void copy_strip(const StripSource<float>&, const StripLayout&, float*);
template void copy_strip(const StripSource<double>&, const StripLayout&, double*);

template <class T>
void Forward<T>::pack(const T* w, T* packed) const {
  const int64_t per_phase = groups_ * panels_;
  const int64_t group_cols = (panels_ - 1) * level_->panel + panel_width(panels_ - 1);
  parallel_for(static_cast<int64_t>(phases_.size()) * per_phase, static_cast<double>(packed_), [&](int64_t task) {
    const Phase& p = phases_[static_cast<std::size_t>(task / per_phase)];
    const int64_t group = task % per_phase / panels_, panel = task % panels_;
    const int64_t col = panel * level_->panel, n = std::min<int64_t>(level_->panel, out_ - col);
    const int64_t width = panel_width(panel);
    T* to = packed + p.packed + group * round_up(group_cols * p.depth, 16) + col * p.depth;
    if (p.depth == 0) return;
    if (!backward_) {
      gemm_->pack_rows(p.depth, n, w + group * out_ + col, k_, width, width, to);
      return;
    }
    for (int64_t i = 0; i < p.taps_h; ++i) {
      for (int64_t j = 0; j < p.taps_w; ++j, to += channels_ * width) {
        const int64_t place = (p.r0 + i * p.dr) * taps_s_ + p.s0 + j * p.ds;
        gemm_->pack_cols(channels_, n, w + (place * out_ + col) * c_ + group * channels_, c_, width, width, to);
      }
    }
  });
}

template <class T>
struct Forward<T>::Task {
  const Phase& p;
  const ConvRun<T>& args;
  const T* packed;  // the group's
  int64_t image, images, row, rows, group, panel0, panel1;
  const T* x = nullptr;  // the image or the strip; what the first result pixel reads first is x_first elements on
  int64_t x_first = 0, x_image = 0, x_row = 0;
  const T* edges = nullptr;
  T* y = nullptr;  // the result's (or the sink's) first element, channel panel0 * panel of the group
  int64_t y_first = 0, y_image = 0, y_row = 0, y_col = 0;
  bool sink = false;
  // What the tiles bring to L2, part by part: what the next chunk or panel reads, or the thread's next task.
  struct Ahead {
    const char *at, *end;
  } ahead[2] = {};
  int64_t ahead_step = 0;
  int64_t next = -1;  // the task, within the group
  int64_t channels(int64_t panel, int64_t out) const { return std::min(panel1 * panel, out) - panel0 * panel; }
};

// Runs [first, last) of a window with their rows of a panel.
template <class T>
struct Forward<T>::Chunk {
  int64_t first, last, width;
  const T* w;
};

template <class T>
void Forward<T>::run(const ConvRun<T>& args, void* scratch) const {
  if (tasks_ == 0) return;
  const T* packed = static_cast<const T*>(args.packed);
  if (packed == nullptr) {
    pack(args.w, static_cast<T*>(scratch));
    packed = static_cast<const T*>(scratch);
  }
  char* const local = static_cast<char*>(scratch) + strips_at_;
  parallel_workers(tasks_, workers_, work_ns_, [&](int64_t task, int64_t worker) {
    std::size_t i = 0;
    for (; task >= phases_[i].tasks; ++i) task -= phases_[i].tasks;
    char* mine = local + static_cast<std::size_t>(worker) * worker_bytes_;
    const int64_t next = task + std::min<int64_t>(workers_, num_threads());  // where all keep the same pace
    run_task(args, packed, phases_[i], task, next, reinterpret_cast<T*>(mine), reinterpret_cast<T*>(mine + sink_at_));
  });
}

template <class T>
void Forward<T>::run_task(const ConvRun<T>& args, const T* packed, const Phase& p, int64_t at, int64_t next, T* strip,
                          T* sink) const {
  const int64_t group_cols = (panels_ - 1) * level_->panel + panel_width(panels_ - 1);
  const int64_t per_image = p.strips, per_group = per_image * p.image_groups, per_block = per_group * groups_;
  const int64_t group = at % per_block / per_group;
  const Share block(panels_, p.blocks, at / per_block);
  const int64_t image = at % per_group / per_image * p.images, row = at % per_image * p.strip_rows;
  Task t{p,
         args,
         packed + p.packed + group * round_up(group_cols * p.depth, 16),
         image,
         std::min(p.images, n_ - image),
         row,
         std::min(p.strip_rows, p.rows - row),
         group,
         block.first,
         block.last};
  const int64_t first_row = row * p.step_h + p.first_h;
  const T* source = (backward_ ? args.dy : args.x) + image * h_ * w_ * c_ + group * channels_;
  t.x_row = p.strip.row();
  if (p.in_place) {
    t.x = source;
    t.x_first = p.depth == 0 ? 0 : (first_row * w_ + p.first_w) * c_;
    t.x_image = h_ * w_ * c_;
    t.edges = strip;
    copy_edges(t, source, strip);
  } else {
    const int64_t rows = (t.rows - 1) * p.step_h + (p.taps_h - 1) * p.dil_h + 1;
    t.x = strip;
    t.x_image = rows * t.x_row;
    for (int64_t i = 0; i < t.images; ++i) {
      copy_strip(StripSource<T>{source + i * h_ * w_ * c_, h_, w_, c_, first_row, rows, p.first_w, p.step_h, p.dil_h,
                                p.taps_h},
                 p.strip, strip + i * t.x_image);
    }
  }
  t.sink = args.epilogue.sink.fn != nullptr;
  if (t.sink) {
    t.y = sink;
    t.y_col = t.channels(level_->panel, out_);
    t.y_row = p.cols * t.y_col;
    t.y_image = t.rows * t.y_row;
  } else {
    t.y = args.result;
    t.y_col = out_step_w_ * k_;
    t.y_row = out_step_h_ * out_w_ * k_;
    t.y_image = out_h_ * out_w_ * k_;
    t.y_first =
        image * t.y_image + row * t.y_row + (p.out_h * out_w_ + p.out_w) * k_ + group * out_ + t.panel0 * level_->panel;
  }
  if (next < p.tasks && next / per_group == at / per_group) t.next = next % per_group;
  panels(t);
  finish(t);
}

template <class T>
void Forward<T>::copy_edges(const Task& t, const T* source, T* strip) const {
  const Phase& p = t.p;
  const int64_t rows = (t.rows - 1) * p.step_h + (p.taps_h - 1) * p.dil_h + 1;
  for (const Edge& e : p.edges) {
    for (int64_t i = 0; i < t.images; ++i) {
      copy_strip(StripSource<T>{source + i * t.x_image, h_, w_, c_, t.row * p.step_h + p.first_h, rows,
                                p.first_w + e.col * p.step_w + e.tap, p.step_h, p.dil_h, p.taps_h},
                 e.strip, strip + e.at + i * p.strip_height * e.strip.row());
    }
  }
}

// At the beginning of a chunk; `last`: of the task.
template <class T>
void Forward<T>::look_ahead(Task& t, const Chunk& chunk, bool last) const {
  const Phase& p = t.p;
  const auto bytes = [](const T* from, int64_t elements) {
    return typename Task::Ahead{reinterpret_cast<const char*>(from), reinterpret_cast<const char*>(from + elements)};
  };
  const int64_t elements = (chunk.last - chunk.first) * p.run_length * chunk.width;
  t.ahead[0] = {};
  t.ahead[1] = bytes(chunk.w + elements, elements);
  t.ahead_step = 64;
  if (!last) return;
  t.ahead[1] = {};
  if (t.next < 0) return;
  const int64_t image = t.next / p.strips * p.images, row = t.next % p.strips * p.strip_rows;
  const int64_t images = std::min(p.images, n_ - image);
  const Range rows = source_rows(p, row, std::min(p.strip_rows, p.rows - row));
  const T* x = backward_ ? t.args.dy : t.args.x;
  t.ahead[0] = bytes(x + (image * h_ + rows.first) * w_ * c_, ((images - 1) * h_ + rows.size()) * w_ * c_);
  if (t.panel1 - t.panel0 > 1) t.ahead[1] = bytes(t.packed + t.panel0 * level_->panel * p.depth, elements);
  const int64_t tiles = t.images * t.rows * ceil_div(p.inner.size(), level_->mr) / p.tile_rows;
  const int64_t steps = std::max<int64_t>(1, tiles * (chunk.last - chunk.first) * (p.run_length / 4));
  t.ahead_step = 0;
  for (const auto& part : t.ahead) t.ahead_step += part.end - part.at;
  t.ahead_step = std::clamp<int64_t>(ceil_div(t.ahead_step, steps), 1, 64);
}

template <class T>
void Forward<T>::panels(Task& t) const {
  const Phase& p = t.p;
  const ConvEpilogue<T>& e = t.args.epilogue;
  const int64_t runs = static_cast<int64_t>(p.run.size());
  for (int64_t panel = t.panel0; panel < t.panel1; ++panel) {
    const int64_t col = panel * level_->panel;
    Chunk chunk{0, 0, panel_width(panel), t.packed + col * p.depth};
    ConvTile<T> tile{};
    tile.channels = std::min<int64_t>(level_->panel, out_ - col);
    do {
      chunk.w += (chunk.last - chunk.first) * p.run_length * chunk.width;
      chunk.first = chunk.last;
      chunk.last = std::min(chunk.first + p.chunk_runs, runs);
      tile.add = chunk.first > 0;
      tile.result = t.y + (col - t.panel0 * level_->panel);
      if (chunk.last == runs) {
        const int64_t channel = t.group * out_ + col;
        tile.scale = e.scale != nullptr ? e.scale + channel : nullptr;
        tile.bias = e.bias != nullptr ? e.bias + channel : nullptr;
        tile.preact = e.preact != nullptr ? e.preact + (col - t.panel0 * level_->panel) : nullptr;
        tile.relu = e.act == Act::relu;
        tile.mask = e.mask != nullptr && in_tile(e.act) ? e.mask + (col - t.panel0 * level_->panel) : nullptr;
      }
      look_ahead(t, chunk, panel + 1 == t.panel1 && chunk.last == runs);
      for (int64_t i = 0; i < t.images; ++i) {
        for (int64_t row = 0; row < t.rows;) {
          int64_t rows = std::min(p.tile_rows, t.rows - row);
          if (rows > 1) rows = rows / 2 * 2;
          row_tiles(t, tile, chunk, i, row, rows);
          row += rows;
        }
        edge_tiles(t, tile, chunk, i);
      }
    } while (chunk.last < runs);
  }
}

template <class T>
void Forward<T>::compute(Task& t, ConvTile<T>& tile, int64_t pixels) const {
  auto& part = t.ahead[0].at < t.ahead[0].end ? t.ahead[0] : t.ahead[1];
  const bool any = part.at < part.end;
  tile.prefetch = any ? part.at : reinterpret_cast<const char*>(tile.w);
  tile.prefetch_step = any ? t.ahead_step : 0;
  part.at += tile.runs * (tile.length >> 2) * tile.prefetch_step;
  (tile.channels <= level_->narrow ? level_->tile_narrow : level_->tile)[pixels](tile);
}

// The tiles of `rows` rows of the result, edges left out: several for one row, or one for an even number of rows.
template <class T>
void Forward<T>::row_tiles(Task& t, ConvTile<T>& tile, const Chunk& chunk, int64_t image, int64_t row,
                           int64_t rows) const {
  const Phase& p = t.p;
  const int64_t x_col = p.step_w * p.strip.pixel, x_row = p.step_h * t.x_row;
  int64_t from = t.x_first + image * t.x_image + row * x_row;
  const int64_t at = t.y_first + image * t.y_image + row * t.y_row;
  Range runs{chunk.first, chunk.last};
  tile.run = p.run.data() + chunk.first;
  if (p.borders) {  // a run is a row of the window
    const int64_t top = (t.row + row) * p.step_h + p.first_h;
    runs.first = std::max(runs.first, ceil_div(std::max<int64_t>(-top, 0), p.dil_h));
    runs.last = std::min(runs.last, ceil_div(std::max<int64_t>(h_ - top, 0), p.dil_h));
    tile.run = p.run.data();
    from += runs.first * p.dil_h * t.x_row;
  }
  tile.runs = runs.size();
  tile.length = p.run_length;
  tile.w = chunk.w + (runs.first - chunk.first) * p.run_length * chunk.width;
  tile.w_skip = 0;
  const T* x = tile.runs == 0 ? t.x : t.x + from;
  if (rows > 1) {
    tile.x_pair = x_row;
    tile.at_pair = t.y_row;
    int g = 0;
    for (int64_t i = 0; i < rows; i += 2) {
      for (int64_t q = 0; q < p.cols; ++q, ++g) {
        tile.x[g] = x + i * x_row + q * x_col;
        tile.at[g] = at + i * t.y_row + q * t.y_col;
      }
    }
    compute(t, tile, rows * p.cols);
    return;
  }
  tile.x_pair = x_col;
  tile.at_pair = t.y_col;
  const int64_t count = ceil_div(p.inner.size(), level_->mr);
  for (int64_t i = 0; i < count; ++i) {
    const Share part(p.inner.size(), count, i);
    const int64_t pixels = part.last - part.first, col = p.inner.first + part.first;
    for (int64_t g = 0; 2 * g < pixels; ++g) {
      tile.x[g] = x + (col + 2 * g) * x_col;
      tile.at[g] = at + (col + 2 * g) * t.y_col;
    }
    compute(t, tile, pixels);
  }
}

template <class T>
void Forward<T>::edge_tiles(Task& t, ConvTile<T>& tile, const Chunk& chunk, int64_t image) const {
  const Phase& p = t.p;
  const int64_t count = ceil_div(t.rows, level_->mr);
  tile.runs = chunk.last - chunk.first;
  tile.at_pair = t.y_row;
  for (const Edge& e : p.edges) {
    tile.length = e.taps * c_;
    tile.run = e.run.data() + chunk.first;
    tile.w = chunk.w + e.tap * c_ * chunk.width;
    tile.w_skip = (p.taps_w - e.taps) * c_ * chunk.width;
    tile.x_pair = p.step_h * e.strip.row();
    const T* x = t.edges + e.at + image * p.strip_height * e.strip.row();
    const int64_t at = t.y_first + image * t.y_image + e.col * t.y_col;
    for (int64_t i = 0; i < count; ++i) {
      const Share part(t.rows, count, i);
      for (int64_t row = part.first, g = 0; row < part.last; row += 2, ++g) {
        tile.x[g] = x + row * tile.x_pair;
        tile.at[g] = at + row * t.y_row;
      }
      compute(t, tile, part.last - part.first);
    }
  }
}

// Sums of several chunks lie in the result until the last one, and other activations are applied there.
template <class T>
bool Forward<T>::result_over_mask() const {
  return in_tile(like_.act) && std::all_of(phases_.begin(), phases_.end(), [](const Phase& p) {
           return p.chunk_runs >= static_cast<int64_t>(p.run.size());
         });
}

// What the tiles leave to do on rows that are still in cache: other activations, and the sink.
template <class T>
void Forward<T>::finish(const Task& t) const {
  const ConvEpilogue<T>& e = t.args.epilogue;
  const int64_t n = t.channels(level_->panel, out_);
  if (!in_tile(e.act)) {
    for (int64_t i = 0; i < t.images; ++i) {
      for (int64_t row = 0; row < t.rows; ++row) {
        const int64_t at = t.y_first + i * t.y_image + row * t.y_row;
        const bool dense = t.y_col == n;
        for (int64_t q = 0; q < (dense ? 1 : t.p.cols); ++q) {
          T* y = t.y + at + q * t.y_col;
          const int64_t count = dense ? t.p.cols * n : n;
          apply(*elementwise_, e.act, e.act_alpha, y, count);
          if (e.mask == nullptr) continue;
          const T* mask = e.mask + at + q * t.y_col;
          for (int64_t k = 0; k < count; ++k) y[k] = mask[k] <= 0 ? T(0) : y[k];
        }
      }
    }
  }
  if constexpr (sizeof(T) == sizeof(float)) {
    if (!t.sink) return;
    for (int64_t i = 0; i < t.images; ++i) {
      e.sink.fn(e.sink.ctx, t.image + i, t.row, t.rows, t.group * out_ + t.panel0 * level_->panel, n,
                t.y + i * t.y_image, n);
    }
  }
}

template class Forward<float>;
template class Forward<double>;

}  // namespace pk::conv
