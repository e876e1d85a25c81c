// Direct convolution, backward to the weights. The terms are summed strip by strip into blocks of dw that one task
// owns; where dw is small, a number of tasks fixed by the shape each sum their share of the strips into a copy.
#include <cstring>

#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/conv2d_plan.h"
#include "kernels/table.h"

namespace pk::conv {

namespace {

constexpr int64_t wanted_tasks = 8;

// Copies of dw that tasks sum into: the smaller it is, the more of them, for the threads to finish together.
int64_t copies_of(int64_t dw_bytes) {
  if (dw_bytes <= (64 << 10)) return 4 * wanted_tasks;
  if (dw_bytes <= (256 << 10)) return 2 * wanted_tasks;
  if (dw_bytes <= (1 << 20)) return wanted_tasks;
  return dw_bytes <= (4 << 20) ? wanted_tasks / 2 : 1;
}

template <class T>
void column_sums(const T* x, int64_t ld, int64_t rows, int64_t cols, T* y) {
  const DType t = sizeof(T) == sizeof(float) ? DType::f32 : DType::f64;
  kernels().reduce.cols[static_cast<int>(t)][static_cast<int>(Reduce::sum)](x, ld, rows, cols, y);
}

}  // namespace

template <class T>
BackwardWeights<T>::BackwardWeights(const Conv2dShape& s, const ConvEpilogue<T>& prototype)
    : level_(&loops_of<T>(kernels().conv)),
      gemm_(&loops_of<T>(kernels().gemm)),
      s_(s),
      dbias_(prototype.dbias != nullptr) {
  const int64_t size = static_cast<int64_t>(sizeof(T));
  channels_ = s.c / s.groups, out_ = s.k / s.groups;
  panels_ = ceil_div(out_, level_->panel);
  dw_elements_ = s.r * s.s * channels_ * s.k;
  work_ns_ = s.flops() / level_->gflops;
  strip_.cols = (s.q - 1) * s.stride_w + (s.s - 1) * s.dilation_w + 1;
  strip_.pixel = strip_.channels = channels_;
  const bool merged = s.dilation_w == 1;
  run_length_ = merged ? s.s * channels_ : channels_;
  for (int64_t i = 0; i < s.r; ++i) {
    for (int64_t j = 0; j < (merged ? 1 : s.s); ++j) {
      run_.push_back(i * s.dilation_h * strip_.row() + j * s.dilation_w * strip_.pixel);
    }
  }
  const int64_t window = (s.r - 1) * s.dilation_h + 1, source_rows = level_->strip_bytes / (strip_.row() * size);
  constexpr int64_t few = 128;  // pixels that pay for reading and writing dw even where the strip then leaves the cache
  const int64_t fit = std::max(ceil_div(few, s.q), source_rows <= window ? 1 : (source_rows - window) / s.stride_h + 1);
  strips_ = ceil_div(s.p, std::min(fit, s.p));
  strip_rows_ = ceil_div(s.p, strips_);
  strips_ = ceil_div(s.p, strip_rows_);
  strip_height_ = (strip_rows_ - 1) * s.stride_h + window;
  constexpr int64_t many = 512;  // pixels, against the cost of reading and writing dw
  if (strips_ == 1 && s.p * s.q < many) {
    const int64_t room = std::max<int64_t>(1, level_->strip_bytes / (strip_height_ * strip_.row() * size));
    images_ = std::clamp<int64_t>(std::min(many / (s.p * s.q), room), 1, std::max<int64_t>(1, s.n / 4));
  }
  units_ = ceil_div(s.n, images_) * strips_;
  const int64_t dw_bytes = dw_elements_ * size;
  chunks_ = std::min(units_, std::max<int64_t>(1, copies_of(dw_bytes) / s.groups));
  blocks_ = std::min(panels_, ceil_div(wanted_tasks, std::max<int64_t>(1, chunks_ * s.groups)));
  workers_ = std::min(std::max<int64_t>(1, chunks_) * blocks_ * s.groups, max_workers());
  const int64_t block_panels = ceil_div(panels_, blocks_), extra = std::max<int64_t>(0, chunks_ - 1);
  const auto bytes = [&](int64_t elements) { return static_cast<std::size_t>(round_up(elements * size, 64)); };
  dbias_at_ = bytes(extra * dw_elements_);
  local_at_ = dbias_at_ + (dbias_ ? bytes((extra + 1) * s.k) : 0);
  dy_at_ = bytes(images_ * strip_height_ * strip_.row());
  local_bytes_ = dy_at_ + bytes(images_ * strip_rows_ * s.q * block_panels * level_->panel) + bytes(level_->panel);
  scratch_bytes_ = local_at_ + static_cast<std::size_t>(workers_) * local_bytes_;
}

template <class T>
struct BackwardWeights<T>::Task {
  int64_t images, rows;
  const T* x;
  int64_t x_image;
  const T* dy;  // packed panels of the block
  T* dw;        // of the group
  bool add;
  // What the next strip will read, brought to L2 by the tiles of the last panel.
  struct Ahead {
    const char *at, *end;
  } ahead[2];
  int64_t ahead_step;
};

template <class T>
void BackwardWeights<T>::run(const ConvRun<T>& args, void* scratch) const {
  T* dbias = args.epilogue.dbias;
  if (chunks_ == 0) {
    std::memset(args.result, 0, static_cast<std::size_t>(dw_elements_) * sizeof(T));
    if (dbias_) std::memset(dbias, 0, static_cast<std::size_t>(s_.k) * sizeof(T));
    return;
  }
  char* base = static_cast<char*>(scratch);
  T* const copies = reinterpret_cast<T*>(base);
  T* const dbias_copies = reinterpret_cast<T*>(base + dbias_at_);
  const int64_t per_chunk = blocks_ * s_.groups;
  parallel_workers(chunks_ * per_chunk, workers_, work_ns_, [&](int64_t task, int64_t worker) {
    const int64_t chunk = task / per_chunk;
    char* local = base + local_at_ + static_cast<std::size_t>(worker) * local_bytes_;
    run_task(args, task, chunk == 0 ? args.result : copies + (chunk - 1) * dw_elements_,
             dbias_ ? dbias_copies + chunk * s_.k : nullptr, reinterpret_cast<T*>(local));
  });
  const auto add_up = [](T* to, const T* from, int64_t stride, int64_t count, int64_t n) {
    for (int64_t c = 0; c < count; ++c, from += stride) {
      for (int64_t i = 0; i < n; ++i) to[i] += from[i];
    }
  };
  if (chunks_ > 1) {
    constexpr int64_t grain = 4096;
    parallel_ranges(dw_elements_, grain, 0.5 * static_cast<double>(dw_elements_ * chunks_),
                    [&](int64_t begin, int64_t end) {
                      add_up(args.result + begin, copies + begin, dw_elements_, chunks_ - 1, end - begin);
                    });
  }
  if (dbias_) {
    std::memcpy(dbias, dbias_copies, static_cast<std::size_t>(s_.k) * sizeof(T));
    add_up(dbias, dbias_copies + s_.k, s_.k, chunks_ - 1, s_.k);
  }
}

// One chunk of the strips, one block of the panels of one group.
template <class T>
void BackwardWeights<T>::run_task(const ConvRun<T>& args, int64_t task, T* dw, T* dbias, T* local) const {
  const int64_t chunk = task / (blocks_ * s_.groups), group = task / blocks_ % s_.groups;
  const Share block(panels_, blocks_, task % blocks_), units(units_, chunks_, chunk);
  T* const packed = reinterpret_cast<T*>(reinterpret_cast<char*>(local) + dy_at_);
  const int64_t col0 = block.first * level_->panel, cols = std::min(block.last * level_->panel, out_) - col0;
  const int64_t channel = group * out_ + col0;
  T* const sums = packed + images_ * strip_rows_ * s_.q * ceil_div(panels_, blocks_) * level_->panel;
  for (int64_t unit = units.first; unit < units.last; ++unit) {
    const int64_t image = unit / strips_ * images_, row = unit % strips_ * strip_rows_;
    Task t{};
    t.images = std::min(images_, s_.n - image);
    t.rows = std::min(strip_rows_, s_.p - row);
    const int64_t height = (t.rows - 1) * s_.stride_h + (s_.r - 1) * s_.dilation_h + 1;
    t.x = local;
    t.x_image = height * strip_.row();
    t.dy = packed;
    t.dw = dw + group * out_;
    t.add = unit > units.first;
    if (unit + 1 < units.last) look_ahead(args, t, unit + 1);
    const int64_t pixels = t.rows * s_.q;
    // Rows of exactly one panel are packed as they are.
    const T* const whole = args.dy + (image * s_.p + row) * s_.q * s_.k;
    const bool as_is = s_.groups == 1 && s_.k == panel_width(s_.k) && reinterpret_cast<std::uintptr_t>(whole) % 64 == 0;
    if (as_is) t.dy = whole;
    for (int64_t i = 0; i < t.images; ++i) {
      copy_strip(StripSource<T>{args.x + (image + i) * s_.h * s_.w * s_.c + group * channels_, s_.h, s_.w, s_.c,
                                row * s_.stride_h - s_.pad_top, height, -s_.pad_left, s_.stride_h, s_.dilation_h, s_.r},
                 strip_, local + i * t.x_image);
      const T* dy = args.dy + ((image + i) * s_.p + row) * s_.q * s_.k + channel;
      for (int64_t col = 0; col < cols; col += level_->panel) {
        const int64_t n = std::min<int64_t>(level_->panel, cols - col);
        const int64_t width = panel_width(n);
        T* to = packed + col * t.images * pixels + i * pixels * width;
        if (!as_is) gemm_->pack_rows(pixels, n, dy + col, s_.k, width, width, to);
        if (dbias == nullptr) continue;
        T* sum = dbias + channel + col;
        column_sums(dy + col, s_.k, pixels, n, sums);
        for (int64_t k = 0; k < n; ++k) sum[k] = t.add || i > 0 ? sum[k] + sums[k] : sums[k];
      }
    }
    strip_gradients(t, block.first, block.last);
  }
}

template <class T>
int64_t BackwardWeights<T>::panel_width(int64_t channels) const {
  return channels <= level_->narrow ? level_->narrow : level_->panel;
}

// `unit`: the next one.
template <class T>
void BackwardWeights<T>::look_ahead(const ConvRun<T>& args, Task& t, int64_t unit) const {
  const auto bytes = [](const T* from, int64_t elements) {
    return typename Task::Ahead{reinterpret_cast<const char*>(from), reinterpret_cast<const char*>(from + elements)};
  };
  const int64_t image = unit / strips_ * images_, row = unit % strips_ * strip_rows_;
  const int64_t images = std::min(images_, s_.n - image), rows = std::min(strip_rows_, s_.p - row);
  const int64_t from = std::clamp<int64_t>(row * s_.stride_h - s_.pad_top, 0, s_.h);
  const int64_t upto = std::clamp<int64_t>(row * s_.stride_h - s_.pad_top + strip_height_, from, s_.h);
  t.ahead[0] = bytes(args.x + (image * s_.h + from) * s_.w * s_.c, ((images - 1) * s_.h + upto - from) * s_.w * s_.c);
  t.ahead[1] = bytes(args.dy + (image * s_.p + row) * s_.q * s_.k, ((images - 1) * s_.p + rows) * s_.q * s_.k);
  const int64_t tiles = static_cast<int64_t>(run_.size()) * ceil_div(run_length_, level_->mr);
  const int64_t steps = std::max<int64_t>(1, tiles * t.images * t.rows * (s_.q / 4));
  for (const auto& part : t.ahead) t.ahead_step += part.end - part.at;
  t.ahead_step = std::clamp<int64_t>(ceil_div(t.ahead_step, steps), 1, 64);
}

template <class T>
void BackwardWeights<T>::strip_gradients(Task& t, int64_t panel0, int64_t panel1) const {
  const int64_t pixels = t.images * t.rows * s_.q;
  ConvWeightTile<T> tile{};
  tile.images = t.images;
  tile.rows = t.rows;
  tile.cols = s_.q;
  tile.x_image = t.x_image;
  tile.x_row = s_.stride_h * strip_.row();
  tile.x_col = s_.stride_w * strip_.pixel;
  tile.ld = s_.k;
  tile.add = t.add;
  const int64_t count = ceil_div(run_length_, level_->mr);
  for (int64_t panel = panel0; panel < panel1; ++panel) {
    const int64_t col = panel * level_->panel;
    tile.channels = std::min<int64_t>(level_->panel, out_ - col);
    tile.dy = t.dy + (col - panel0 * level_->panel) * pixels;
    const auto& tiles = tile.channels <= level_->narrow ? level_->weights_narrow : level_->weights;
    int64_t first = 0;
    for (const int64_t offset : run_) {
      for (int64_t i = 0; i < count; ++i) {
        const Share part(run_length_, count, i);
        tile.x = t.x + offset + part.first;
        tile.result = t.dw + (first + part.first) * s_.k + col;
        auto& ahead = t.ahead[0].at < t.ahead[0].end ? t.ahead[0] : t.ahead[1];
        const bool any = panel + 1 == panel1 && ahead.at < ahead.end;
        tile.prefetch = any ? ahead.at : reinterpret_cast<const char*>(tile.dy);
        tile.prefetch_step = any ? t.ahead_step : 0;
        ahead.at += t.images * t.rows * (s_.q / 4) * tile.prefetch_step;
        tiles[part.last - part.first](tile);
      }
      first += run_length_;
    }
  }
}

template class BackwardWeights<float>;
template class BackwardWeights<double>;

}  // namespace pk::conv
