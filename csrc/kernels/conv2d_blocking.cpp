// Direct convolution, forward and backward to the input: the phases and their blocking.
#include <numeric>

#include "base/int_math.h"
#include "kernels/conv2d_plan.h"
#include "kernels/table.h"

namespace pk::conv {

namespace {

// Enough tasks for a few threads to finish together.
constexpr int64_t wanted_tasks = 8;
constexpr double serial_ns = 20000;

}  // namespace

template <class T>
Forward<T>::Forward(const Conv2dShape& s, ConvPass pass, const ConvEpilogue<T>& prototype)
    : level_(&loops_of<T>(kernels().conv)),
      gemm_(&loops_of<T>(kernels().gemm)),
      elementwise_(&kernels().elementwise),
      backward_(pass == ConvPass::backward_input),
      n_(s.n),
      groups_(s.groups),
      taps_s_(s.s),
      like_(prototype) {
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
    strip_elements_ = std::max(strip_elements_, strip_elements(p));
    const int64_t columns = std::min(out_, ceil_div(panels_, p.blocks) * level_->panel);
    if (prototype.sink.fn != nullptr) {
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
  if (!empty && !inside) find_edges(p);
  p.in_place = empty || p.borders || (inside && padded_pixel(c_, size) == c_);
  if (!p.borders) p.inner = {0, p.cols};
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

// Whether borders are left out or written out: leaving them out spares the copy and the multiplications by 0, but cuts
// rows into shorter tiles.
template <class T>
void Forward<T>::find_edges(Phase& p) const {
  const int64_t size = static_cast<int64_t>(sizeof(T));
  const auto taps = [&](int64_t col) {  // those inside the image
    const int64_t base = col * p.step_w + p.first_w;
    return Range{std::clamp<int64_t>(-base, 0, p.taps_w), std::clamp<int64_t>(w_ - base, 0, p.taps_w)};
  };
  const auto whole = [&](int64_t col) { return taps(col).size() == p.taps_w; };
  Range inner{0, p.cols};
  while (inner.first < inner.last && !whole(inner.first)) ++inner.first;
  while (inner.first < inner.last && !whole(inner.last - 1)) --inner.last;
  const int64_t edges = p.cols - inner.size();
  p.borders = p.dil_w == 1 && groups_ == 1 && padded_pixel(c_, size) == c_ && c_ * size >= 64 &&
              inner.size() * 4 >= level_->mr * 3 && edges * 4 <= inner.size();
  if (!p.borders) return;
  p.inner = inner;
  for (int64_t col = 0; col < p.cols; ++col) {
    if (col == inner.first) col = inner.last;
    if (col == p.cols) break;
    const Range in = taps(col);
    Edge e{col, in.first, in.size(), {in.size(), c_, c_, 0}, {}, 0};
    e.strip.gap = padded_pixel(e.strip.row(), size) - e.strip.row();
    for (int64_t i = 0; i < p.taps_h; ++i) e.run.push_back(i * p.dil_h * e.strip.row());
    p.edges.push_back(e);
  }
}

// Of a worker; and where the edges lie in it.
template <class T>
int64_t Forward<T>::strip_elements(const Phase& p) const {
  return p.edges.empty() ? (p.in_place ? 0 : p.images * p.strip_height * p.strip.row())
                         : p.edges.back().at + p.images * p.strip_height * p.edges.back().strip.row();
}

// The rows of the image that result rows [row, row + rows) need.
template <class T>
Range Forward<T>::source_rows(const Phase& p, int64_t row, int64_t rows) const {
  const int64_t first = row * p.step_h + p.first_h;
  return {std::clamp<int64_t>(first, 0, h_),
          std::clamp<int64_t>(first + (rows - 1) * p.step_h + (p.taps_h - 1) * p.dil_h + 1, 0, h_)};
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
  const int64_t copied = source_rows <= window ? 1 : (source_rows - window) / p.step_h + 1;
  const int64_t fit = p.borders ? std::max<int64_t>(copied, mr) : copied;  // tiles go down the edges
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
  int64_t at = 0;
  for (Edge& e : p.edges) {
    e.at = at;
    at += round_up(p.images * p.strip_height * e.strip.row(), 64 / static_cast<int64_t>(sizeof(T)));
  }
}

template class Forward<float>;
template class Forward<double>;

}  // namespace pk::conv
