// Direct convolution, forward and backward to the input. A task copies the rows that it needs into a strip with the
// padding written out, so that no inner loop knows of borders, and passes panels of packed weights over it.
#include <cstring>
#include <numeric>

#include "kernels/conv2d_plan.h"

namespace pk::conv {

namespace {

// Enough tasks for a few threads to finish together.
constexpr int64_t wanted_tasks = 8;
constexpr double serial_ns = 20000;

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

int64_t padded_pixel(int64_t channels, int64_t size) {
  // Pixels a large power of two apart fall into few sets of the L1 cache.
  return channels * size % 2048 == 0 ? channels + 64 / size : channels;
}

template <class T>
Forward<T>::Forward(const Conv2dShape& s, ConvPass pass, const ConvEpilogue<T>& like)
    : level_(&level<T>()),
      gemm_(&gemm_level<T>()),
      elementwise_(&kernels().elementwise),
      backward_(pass == ConvPass::backward_input),
      n_(s.n),
      groups_(s.groups),
      taps_s_(s.s),
      like_(like) {
  h_ = backward_ ? s.p : s.h, w_ = backward_ ? s.q : s.w, c_ = backward_ ? s.k : s.c;
  out_h_ = backward_ ? s.h : s.p, out_w_ = backward_ ? s.w : s.q, k_ = backward_ ? s.c : s.k;
  channels_ = c_ / groups_, out_ = k_ / groups_;
  out_step_h_ = backward_ ? s.stride_h : 1, out_step_w_ = backward_ ? s.stride_w : 1;
  panels_ = ceil_div(out_, level_->panel);
  work_ns_ = s.flops() / level_->gflops;
  const int64_t group_cols = (panels_ - 1) * level_->panel + panel_width(panels_ - 1);
  for (int64_t ph = 0; ph < out_step_h_; ++ph) {
    for (int64_t pw = 0; pw < out_step_w_; ++pw) add_phase(s, ph, pw);
  }
  for (Phase& p : phases_) {
    p.packed = packed_;
    packed_ += round_up(group_cols * p.depth, 16) * groups_;
    block(p);
    tasks_ += p.tasks;
    if (!p.in_place) strip_elements_ = std::max(strip_elements_, p.images * p.strip_height * p.strip.row());
    const int64_t columns = std::min(out_, ceil_div(panels_, p.blocks) * level_->panel);
    if (like.sink.fn != nullptr) {
      sink_elements_ = std::max(sink_elements_, p.images * p.strip_rows * p.cols * columns);
    }
  }
  workers_ = std::min(tasks_, max_workers());
  strips_at_ = (packed_bytes() + 63) / 64 * 64;
  sink_at_ = (static_cast<std::size_t>(strip_elements_) * sizeof(T) + 63) / 64 * 64;
  worker_bytes_ = sink_at_ + (static_cast<std::size_t>(sink_elements_) * sizeof(T) + 63) / 64 * 64;
  scratch_bytes_ = strips_at_ + static_cast<std::size_t>(workers_) * worker_bytes_;
}

template <class T>
int64_t Forward<T>::panel_width(int64_t panel) const {
  return out_ - panel * level_->panel <= level_->narrow ? level_->narrow : level_->panel;
}

// The phase that computes result pixels (a * out_step_h + ph, b * out_step_w + pw).
template <class T>
void Forward<T>::add_phase(const Conv2dShape& s, int64_t ph, int64_t pw) {
  Phase p{};
  p.out_h = ph, p.out_w = pw;
  p.rows = ceil_div(out_h_ - ph, out_step_h_), p.cols = ceil_div(out_w_ - pw, out_step_w_);
  if (out_h_ <= ph || out_w_ <= pw) return;
  if (backward_) {
    // dx[h] sums dy[(h + pad - r * dilation) / stride] over the r for which that is an integer.
    const auto axis = [](int64_t base, int64_t window, int64_t stride, int64_t dilation, int64_t& taps, int64_t& first,
                         int64_t& dil, int64_t& r0, int64_t& dr) {
      const int64_t step = stride / std::gcd(stride, dilation);
      int64_t r = 0;
      while (r < std::min(window, step) && (base - r * dilation) % stride != 0) ++r;
      taps = r < std::min(window, step) ? (window - 1 - r) / step + 1 : 0;
      r0 = r + (taps - 1) * step;
      dr = -step;
      dil = step * dilation / stride;
      first = taps == 0 ? 0 : (base - r0 * dilation) / stride;
    };
    p.step_h = p.step_w = 1;
    axis(ph + s.pad_top, s.r, s.stride_h, s.dilation_h, p.taps_h, p.first_h, p.dil_h, p.r0, p.dr);
    axis(pw + s.pad_left, s.s, s.stride_w, s.dilation_w, p.taps_w, p.first_w, p.dil_w, p.s0, p.ds);
    if (p.taps_h == 0 || p.taps_w == 0) p.taps_h = p.taps_w = 0;
  } else {
    p.taps_h = s.r, p.taps_w = s.s;
    p.step_h = s.stride_h, p.step_w = s.stride_w;
    p.first_h = -s.pad_top, p.first_w = -s.pad_left;
    p.dil_h = s.dilation_h, p.dil_w = s.dilation_w;
    p.r0 = p.s0 = 0;
    p.dr = p.ds = 1;
  }
  p.depth = p.taps_h * p.taps_w * channels_;
  phases_.push_back(p);
}

template <class T>
void Forward<T>::block(Phase& p) {
  const int64_t size = static_cast<int64_t>(sizeof(T));
  const bool empty = p.depth == 0;
  const int64_t last_h = p.first_h + (p.rows - 1) * p.step_h + (p.taps_h - 1) * p.dil_h;
  const int64_t last_w = p.first_w + (p.cols - 1) * p.step_w + (p.taps_w - 1) * p.dil_w;
  const bool inside = p.first_h >= 0 && p.first_w >= 0 && last_h < h_ && last_w < w_;
  p.in_place = empty || (inside && padded_pixel(c_, size) == c_);
  p.strip.channels = channels_;
  p.strip.pixel = p.in_place ? c_ : padded_pixel(channels_, size);
  p.strip.cols = empty || p.in_place ? w_ : last_w - p.first_w + 1;
  const bool merged = p.dil_w == 1 && p.strip.pixel == channels_;
  p.run_length = merged ? p.taps_w * channels_ : channels_;
  for (int64_t i = 0; i < p.taps_h; ++i) {
    for (int64_t j = 0; j < (merged ? 1 : p.taps_w); ++j) {
      p.run.push_back(i * p.dil_h * p.strip.row() + j * p.dil_w * p.strip.pixel);
    }
  }
  const int64_t runs = std::max<int64_t>(1, static_cast<int64_t>(p.run.size()));
  const int64_t fit =
      std::max<int64_t>(1, level_->chunk_bytes / std::max<int64_t>(1, p.run_length * level_->panel * size));
  p.chunk_runs = ceil_div(runs, ceil_div(runs, fit));
  strip_size(p);
}

// How many rows and images make a task, and into how many blocks the panels are cut.
template <class T>
void Forward<T>::strip_size(Phase& p) const {
  const int64_t mr = level_->mr;
  p.tile_rows = p.cols * 2 <= mr ? mr / p.cols / 2 * 2 : 1;
  const int64_t multiple = like_.sink.fn != nullptr ? std::max<int64_t>(1, like_.sink.multiple) : p.tile_rows;
  const int64_t bytes = p.strip.row() * static_cast<int64_t>(sizeof(T));
  const int64_t window = (std::max<int64_t>(1, p.taps_h) - 1) * p.dil_h + 1;
  const int64_t source_rows = level_->strip_bytes / bytes;
  const int64_t fit = source_rows <= window ? 1 : (source_rows - window) / p.step_h + 1;
  const double work = work_ns_ / static_cast<double>(phases_.size());
  const int64_t wanted = work < serial_ns ? 1 : wanted_tasks;
  const auto cut = [&](int64_t strips) {
    p.strip_rows = std::min(p.rows, round_up(ceil_div(p.rows, strips), multiple));
    p.strips = ceil_div(p.rows, p.strip_rows);
    p.strip_height = (p.strip_rows - 1) * p.step_h + window;
  };
  cut(ceil_div(p.rows, std::clamp<int64_t>(fit / multiple * multiple, 1, p.rows)));
  p.images = 1;
  const int64_t pixels = p.rows * p.cols, many = 16 * mr;
  if (p.strips == 1 && pixels < many) {
    const int64_t room = std::max<int64_t>(1, level_->strip_bytes / (bytes * p.strip_height));
    p.images = std::clamp<int64_t>(std::min(many / pixels, room), 1, std::max<int64_t>(1, n_));
    if (panels_ == 1) p.images = std::clamp<int64_t>(n_ / wanted, 1, p.images);
  }
  p.image_groups = ceil_div(n_, p.images);
  const int64_t tasks = p.image_groups * p.strips * groups_;
  p.blocks = tasks == 0 ? 1 : std::min(panels_, ceil_div(wanted, tasks));
  if (tasks > 0 && tasks * p.blocks < wanted) {
    const int64_t most = std::max<int64_t>(1, pixels / (2 * mr));
    cut(std::clamp<int64_t>(p.strips * (wanted / (tasks * p.blocks)), p.strips, std::max(p.strips, most)));
  }
  p.tasks = p.image_groups * p.strips * groups_ * p.blocks;
}

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
  const T* x = nullptr;  // what the first result pixel reads first
  int64_t x_image = 0, x_row = 0;
  T* y = nullptr;  // the result's (or the sink's) first element, channel panel0 * panel of the group
  int64_t y_first = 0, y_image = 0, y_row = 0, y_col = 0;
  bool sink = false;
  int64_t channels(int64_t panel, int64_t out) const { return std::min(panel1 * panel, out) - panel0 * panel; }
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
  run_tasks(tasks_, workers_, work_ns_, [&](int64_t task, int64_t worker) {
    std::size_t i = 0;
    for (; task >= phases_[i].tasks; ++i) task -= phases_[i].tasks;
    char* mine = local + static_cast<std::size_t>(worker) * worker_bytes_;
    run_task(args, packed, phases_[i], task, reinterpret_cast<T*>(mine), reinterpret_cast<T*>(mine + sink_at_));
  });
}

template <class T>
void Forward<T>::run_task(const ConvRun<T>& args, const T* packed, const Phase& p, int64_t at, T* strip,
                          T* sink) const {
  const int64_t group_cols = (panels_ - 1) * level_->panel + panel_width(panels_ - 1);
  const int64_t per_image = p.strips, per_group = per_image * p.image_groups, per_block = per_group * groups_;
  const int64_t group = at % per_block / per_group;
  const Part block(panels_, p.blocks, at / per_block);
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
    t.x = p.depth == 0 ? source : source + (first_row * w_ + p.first_w) * c_;
    t.x_image = h_ * w_ * c_;
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
  panels(t);
  finish(t);
}

template <class T>
void Forward<T>::panels(Task& t) const {
  const Phase& p = t.p;
  const ConvEpilogue<T>& e = t.args.epilogue;
  const int64_t runs = static_cast<int64_t>(p.run.size());
  for (int64_t panel = t.panel0; panel < t.panel1; ++panel) {
    const int64_t col = panel * level_->panel, width = panel_width(panel);
    ConvTile<T> tile{};
    tile.channels = std::min<int64_t>(level_->panel, out_ - col);
    tile.length = p.run_length;
    int64_t done = 0;
    do {
      tile.runs = std::min(p.chunk_runs, runs - done);
      tile.run = p.run.data() + done;
      tile.w = t.packed + col * p.depth + done * p.run_length * width;
      tile.add = done > 0;
      tile.result = t.y + (col - t.panel0 * level_->panel);
      done += tile.runs;
      if (done == runs) {
        const int64_t channel = t.group * out_ + col;
        tile.scale = e.scale != nullptr ? e.scale + channel : nullptr;
        tile.bias = e.bias != nullptr ? e.bias + channel : nullptr;
        tile.preact = e.preact != nullptr ? e.preact + (col - t.panel0 * level_->panel) : nullptr;
        tile.relu = e.act == Act::relu;
        tile.mask = e.mask != nullptr && in_tile(e.act) ? e.mask + (col - t.panel0 * level_->panel) : nullptr;
      }
      tile.prefetch = tile.w + tile.runs * p.run_length * width;
      for (int64_t i = 0; i < t.images; ++i) {
        for (int64_t row = 0; row < t.rows;) {
          int64_t rows = std::min(p.tile_rows, t.rows - row);
          if (rows > 1) rows = rows / 2 * 2;
          row_tiles(t, tile, i, row, rows);
          row += rows;
        }
      }
    } while (done < runs);
  }
}

// The tiles of `rows` rows of the result: several for one row, or one for an even number of rows.
template <class T>
void Forward<T>::row_tiles(Task& t, ConvTile<T>& tile, int64_t image, int64_t row, int64_t rows) const {
  const Phase& p = t.p;
  const auto& tiles = tile.channels <= level_->narrow ? level_->tile_narrow : level_->tile;
  const int64_t x_col = p.step_w * p.strip.pixel, x_row = p.step_h * t.x_row;
  const T* x = t.x + image * t.x_image + row * x_row;
  const int64_t at = t.y_first + image * t.y_image + row * t.y_row;
  // The next chunk or panel is fetched by the first tiles.
  const int64_t part = tile.runs * tile.length * 16 / static_cast<int64_t>(sizeof(T));
  const T* last = tile.w + tile.runs * tile.length * 2 * level_->panel;
  const auto compute = [&](int64_t pixels) {
    tiles[pixels](tile);
    tile.prefetch = tile.prefetch < last ? tile.prefetch + part : tile.w;
  };
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
    compute(rows * p.cols);
    return;
  }
  tile.x_pair = x_col;
  tile.at_pair = t.y_col;
  const int64_t count = ceil_div(p.cols, level_->mr);
  for (int64_t i = 0; i < count; ++i) {
    const Part part_of(p.cols, count, i);
    const int64_t pixels = part_of.last - part_of.first;
    for (int64_t g = 0; 2 * g < pixels; ++g) {
      tile.x[g] = x + (part_of.first + 2 * g) * x_col;
      tile.at[g] = at + (part_of.first + 2 * g) * t.y_col;
    }
    compute(pixels);
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
