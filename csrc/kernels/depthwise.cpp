#include "kernels/depthwise.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/buffer.h"
#include "base/error.h"
#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/table.h"

namespace pk {

namespace {

constexpr int64_t task_bytes = int64_t{128} << 10;  // read and written by a task, at least
constexpr int64_t most_tasks = 256;
constexpr int64_t most_sums = 32;         // tasks that add up weights' gradients of their own
constexpr int64_t pixels_in_a_row = 128;  // that are summed in the element type

std::size_t lines(int64_t elements, std::size_t size) {
  return Buffer::aligned(static_cast<std::size_t>(elements) * size);
}

template <class T>
T* take(char*& at, int64_t elements) {
  T* p = reinterpret_cast<T*>(at);
  at += lines(elements, sizeof(T));
  return p;
}

}  // namespace

DepthwiseConv::DepthwiseConv(DType dtype, const Conv2dShape& s, ConvPass pass)
    : table_(&kernels().depthwise), norm_(&kernels().norm), dtype_(dtype), shape_(s) {
  PK_CHECK(is_float(dtype),
           std::string("depthwise convolution does not take dtype ") + name_of(dtype) + "; cast the input first");
  PK_CHECK(s.c >= 1 && s.groups == s.c && s.k >= s.c && s.k % s.c == 0,
           "a depthwise convolution has a group for every channel and a whole number of filters for each, got " +
               std::to_string(s.groups) + " groups, " + std::to_string(s.c) + " channels and " + std::to_string(s.k) +
               " outputs");
  check_conv_shape(s);
  m_ = s.k / s.c;
  const int64_t size = static_cast<int64_t>(size_of(dtype)), places = s.r * s.s;
  const bool input = pass == ConvPass::backward_input, weights = pass == ConvPass::backward_weights;
  rows_ = s.n * (input ? s.h : s.p);
  const int64_t row_bytes = std::max<int64_t>(1, (s.w * s.c * s.stride_h + s.q * s.k) * size);
  grain_ = std::max({int64_t{1}, task_bytes / row_bytes, ceil_div(rows_, weights ? most_sums : most_tasks)});
  tasks_ = ceil_div(rows_, grain_);
  work_ = static_cast<double>(s.n * s.p * s.q * s.k) * (0.03 * static_cast<double>(places) + 0.3) * (size == 4 ? 1 : 8);

  const auto bytes = static_cast<std::size_t>(size);
  if (m_ > 1) shared_ += lines(places * s.k, bytes);              // weights, filter by filter
  if (!weights) shared_ += 2 * lines(std::max(s.k, s.c), bytes);  // a scale of 1 and a bias of 0
  task_ = lines(places * m_, dtype == DType::f32 ? sizeof(DepthwiseTap<float>) : sizeof(DepthwiseTap<double>));
  if (m_ > 1) task_ += lines((input ? s.r : 1) * s.q * s.k, bytes);  // rows of the output, filter by filter
  if (weights) task_ += lines((places + 1) * s.k, bytes) + lines((places + 1) * s.k, sizeof(double));
  scratch_ = shared_ + static_cast<std::size_t>(tasks_) * task_;
}

template <class T>
struct DepthwiseConv::Pass {
  using Tap = DepthwiseTap<T>;
  const DepthwiseConv& d;
  const Conv2dShape& g;
  const DepthwiseLoops<T>& loops;
  const NormLoops<T>& norm;
  void* scratch;

  char* of_task(int64_t task) const {
    return static_cast<char*>(scratch) + d.shared_ + static_cast<std::size_t>(task) * d.task_;
  }
  int64_t end_of(int64_t task) const { return std::min(d.rows_, (task + 1) * d.grain_); }

  // Rows (..., c, m) as m rows (..., c), and back.
  void part(const T* from, int64_t pixels, T* to) const {
    for (int64_t i = 0; i < d.m_; ++i) {
      for (int64_t j = 0; j < pixels * g.c; ++j) to[i * pixels * g.c + j] = from[j * d.m_ + i];
    }
  }
  void join(const T* from, int64_t pixels, T* to) const {
    for (int64_t i = 0; i < d.m_; ++i) {
      for (int64_t j = 0; j < pixels * g.c; ++j) to[j * d.m_ + i] = from[i * pixels * g.c + j];
    }
  }

  // The weights filter by filter, (m, r, s, c).
  const T* filters(const T* w, char*& shared) const {
    if (d.m_ == 1) return w;
    T* to = take<T>(shared, g.r * g.s * g.k);
    part(w, g.r * g.s, to);
    return to;
  }

  // What follows each row.
  struct Finish {
    const T *scale = nullptr, *bias = nullptr, *mask = nullptr;
    Act act = Act::linear;
    T alpha = 0;
    bool affine = false;
  };
  Finish finish_of(const DepthwiseEpilogue& e, int64_t channels, char*& shared) const {
    Finish f;
    f.affine = e.scale != nullptr || e.bias != nullptr || e.act != Act::linear;
    T* ones = take<T>(shared, std::max(g.k, g.c));
    T* zeros = take<T>(shared, std::max(g.k, g.c));
    std::fill(ones, ones + channels, T(1));
    std::fill(zeros, zeros + channels, T(0));
    f.scale = e.scale != nullptr ? static_cast<const T*>(e.scale) : ones;
    f.bias = e.bias != nullptr ? static_cast<const T*>(e.bias) : zeros;
    f.mask = static_cast<const T*>(e.mask);
    f.act = e.act;
    f.alpha = static_cast<T>(e.alpha);
    return f;
  }
  void finish(const Finish& f, T* row, int64_t offset, int64_t pixels, int64_t channels) const {
    if (f.affine) norm.scale_shift(row, channels, pixels, channels, f.scale, f.bias, f.act, f.alpha, row, false);
    if (f.mask != nullptr) loops.mask(f.mask + offset, row, pixels * channels);
  }

  // The taps of output row p of image n, for one filter. The gradient of tap (r, s) is at grad + (r * S + s) * c.
  int64_t forward_taps(const T* x, const T* w, T* grad, int64_t n, int64_t p, Tap* taps) const {
    int64_t count = 0;
    for (int64_t r = 0; r < g.r; ++r) {
      const int64_t h = p * g.stride_h - g.pad_top + r * g.dilation_h;
      if (h < 0 || h >= g.h) continue;
      for (int64_t s = 0; s < g.s; ++s) {
        const int64_t first = s * g.dilation_w - g.pad_left;  // column at q = 0
        Tap& t = taps[count];
        t.lo = first >= 0 ? 0 : ceil_div(-first, g.stride_w);
        t.hi = first >= g.w ? 0 : std::min(g.q, (g.w - 1 - first) / g.stride_w + 1);
        if (t.lo >= t.hi) continue;
        t.x = x + ((n * g.h + h) * g.w + first) * g.c;
        t.w = w == nullptr ? nullptr : w + (r * g.s + s) * g.c;
        t.grad = grad == nullptr ? nullptr : grad + (r * g.s + s) * g.c;
        ++count;
      }
    }
    return count;
  }

  void forward(const T* x, const T* weights, const DepthwiseEpilogue& e, T* y) const {
    char* shared = static_cast<char*>(scratch);
    const T* w = filters(weights, shared);
    const Finish f = finish_of(e, g.k, shared);
    parallel_for(d.tasks_, d.work_, [&](int64_t task) {
      char* at = of_task(task);
      Tap* taps = take<Tap>(at, g.r * g.s * d.m_);
      T* parts = d.m_ > 1 ? take<T>(at, g.q * g.k) : nullptr;
      for (int64_t row = task * d.grain_; row < end_of(task); ++row) {
        T* out = y + row * g.q * g.k;
        for (int64_t i = 0; i < d.m_; ++i) {
          const int64_t count = forward_taps(x, w + i * g.r * g.s * g.c, nullptr, row / g.p, row % g.p, taps);
          T* to = d.m_ > 1 ? parts + i * g.q * g.c : out;
          loops.row(taps, count, g.stride_w * g.c, to, g.c, g.q, g.c);
        }
        if (d.m_ > 1) join(parts, g.q, out);
        finish(f, out, row * g.q * g.k, g.q, g.k);
      }
    });
  }

  // dx of row h of image n, its columns `phase`, phase + stride_w, ...: dy of window row `rows[r]`, or null.
  int64_t backward_taps(const T* const* rows, const T* w, int64_t phase, int64_t pixels, Tap* taps) const {
    int64_t count = 0;
    for (int64_t i = 0; i < d.m_; ++i) {
      for (int64_t r = 0; r < g.r; ++r) {
        if (rows[r] == nullptr) continue;
        for (int64_t s = 0; s < g.s; ++s) {
          const int64_t b = phase + g.pad_left - s * g.dilation_w;
          if (b % g.stride_w != 0) continue;
          const int64_t first = b / g.stride_w;  // output column at pixel 0
          Tap& t = taps[count];
          t.lo = std::max<int64_t>(0, -first);
          t.hi = std::min(pixels, g.q - first);
          if (t.lo >= t.hi) continue;
          t.x = rows[r] + (i * g.q + first) * g.c;
          t.w = w + ((i * g.r + r) * g.s + s) * g.c;
          ++count;
        }
      }
    }
    return count;
  }

  void backward_input(const T* dy, const T* weights, const DepthwiseEpilogue& e, T* dx) const {
    char* shared = static_cast<char*>(scratch);
    const T* w = filters(weights, shared);
    const Finish f = finish_of(e, g.c, shared);
    parallel_for(d.tasks_, d.work_, [&](int64_t task) {
      char* at = of_task(task);
      Tap* taps = take<Tap>(at, g.r * g.s * d.m_);
      T* parts = d.m_ > 1 ? take<T>(at, g.r * g.q * g.k) : nullptr;
      constexpr int64_t few = 32;
      const T* held[few];
      std::vector<const T*> many(static_cast<std::size_t>(g.r > few ? g.r : 0));
      const T** rows = g.r > few ? many.data() : held;
      for (int64_t row = task * d.grain_; row < end_of(task); ++row) {
        const int64_t n = row / g.h, h = row % g.h;
        for (int64_t r = 0; r < g.r; ++r) {
          const int64_t a = h + g.pad_top - r * g.dilation_h;
          rows[r] = nullptr;
          if (a < 0 || a % g.stride_h != 0 || a / g.stride_h >= g.p) continue;
          const T* from = dy + (n * g.p + a / g.stride_h) * g.q * g.k;
          rows[r] = d.m_ > 1 ? parts + r * g.q * g.k : from;
          if (d.m_ > 1) part(from, g.q, parts + r * g.q * g.k);
        }
        T* out = dx + row * g.w * g.c;
        for (int64_t phase = 0; phase < std::min(g.stride_w, g.w); ++phase) {
          const int64_t pixels = ceil_div(g.w - phase, g.stride_w);
          const int64_t count = backward_taps(rows, w, phase, pixels, taps);
          loops.row(taps, count, g.c, out + phase * g.c, g.stride_w * g.c, pixels, g.c);
        }
        finish(f, out, row * g.w * g.c, g.w, g.c);
      }
    });
  }

  void backward_weights(const T* x, const T* dy, T* dw, T* dbias) const {
    const int64_t places = g.r * g.s, size = places * g.k, total = size + g.k;
    const int64_t flush = std::max<int64_t>(1, pixels_in_a_row / g.q);
    const auto sums_of = [&](int64_t task) {
      char* at = of_task(task);
      static_cast<void>(take<Tap>(at, places * d.m_));
      if (d.m_ > 1) static_cast<void>(take<T>(at, g.q * g.k));
      T* own = take<T>(at, total);
      return std::pair<T*, double*>(own, take<double>(at, total));
    };
    parallel_for(d.tasks_, d.work_, [&](int64_t task) {
      char* at = of_task(task);
      Tap* taps = take<Tap>(at, places * d.m_);
      T* parts = d.m_ > 1 ? take<T>(at, g.q * g.k) : nullptr;
      const auto [own, sums] = sums_of(task);
      std::fill(own, own + total, T(0));
      std::fill(sums, sums + total, 0.0);
      const int64_t end = end_of(task);
      for (int64_t row = task * d.grain_; row < end; ++row) {
        const T* out = dy + row * g.q * g.k;
        if (d.m_ > 1) part(out, g.q, parts);
        for (int64_t i = 0; i < d.m_; ++i) {
          const int64_t count = forward_taps(x, nullptr, own + i * places * g.c, row / g.p, row % g.p, taps);
          loops.weights(taps, count, g.stride_w * g.c, d.m_ > 1 ? parts + i * g.q * g.c : out, g.q, g.c);
        }
        if (dbias != nullptr) loops.sum(out, g.q, g.k, own + size);
        if (row + 1 == end || (row + 1) % flush == 0) {
          for (int64_t j = 0; j < total; ++j) sums[j] += static_cast<double>(own[j]);
          std::fill(own, own + total, T(0));
        }
      }
    });
    for (int64_t j = 0; j < (dbias != nullptr ? total : size); ++j) {
      double sum = 0;
      for (int64_t task = 0; task < d.tasks_; ++task) sum += sums_of(task).second[j];
      if (j >= size) {
        dbias[j - size] = static_cast<T>(sum);
      } else {
        dw[j % (places * g.c) * d.m_ + j / (places * g.c)] = static_cast<T>(sum);
      }
    }
  }
};

template <class F>
void DepthwiseConv::with_pass(void* scratch, F&& f) const {
  const auto run = [&](auto type) {
    using T = decltype(type);
    f(Pass<T>{*this, shape_, loops_of<T>(*table_), loops_of<T>(*norm_), scratch}, type);
  };
  dtype_ == DType::f32 ? run(float{}) : run(double{});
}

void DepthwiseConv::forward(const void* x, const void* w, const DepthwiseEpilogue& epilogue, void* y,
                            void* scratch) const {
  with_pass(scratch, [&](const auto& pass, auto type) {
    using T = decltype(type);
    pass.forward(static_cast<const T*>(x), static_cast<const T*>(w), epilogue, static_cast<T*>(y));
  });
}

void DepthwiseConv::backward_input(const void* dy, const void* w, const DepthwiseEpilogue& epilogue, void* dx,
                                   void* scratch) const {
  with_pass(scratch, [&](const auto& pass, auto type) {
    using T = decltype(type);
    pass.backward_input(static_cast<const T*>(dy), static_cast<const T*>(w), epilogue, static_cast<T*>(dx));
  });
}

void DepthwiseConv::backward_weights(const void* x, const void* dy, void* dw, void* dbias, void* scratch) const {
  with_pass(scratch, [&](const auto& pass, auto type) {
    using T = decltype(type);
    pass.backward_weights(static_cast<const T*>(x), static_cast<const T*>(dy), static_cast<T*>(dw),
                          static_cast<T*>(dbias));
  });
}

}  // namespace pk
