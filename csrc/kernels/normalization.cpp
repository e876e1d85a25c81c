#include "kernels/normalization.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/buffer.h"
#include "base/error.h"
#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/table.h"

namespace pk {

namespace {

constexpr int64_t joined_columns = 128;             // rows of fewer columns are laid side by side
constexpr int64_t most_pieces = 128;                // of an image's rows
constexpr int64_t piece_bytes = int64_t{64} << 10;  // at least, where there is more than one
constexpr int64_t stream_bytes = int64_t{24} << 20;

void check_dtype(DType dtype, const char* what) {
  if (!is_float(dtype)) fail(std::string(what) + " does not take dtype " + name_of(dtype) + "; cast the input first");
}
void check_epsilon(double epsilon) {
  PK_CHECK(epsilon >= 0 && std::isfinite(epsilon),
           "epsilon must be a finite number >= 0, got " + std::to_string(epsilon));
}

int64_t rows_to_join(int64_t rows, int64_t c) {
  return c == 0 ? 1 : std::max<int64_t>(1, std::min(joined_columns / c, rows));
}

// Results past the caches: aligned, in whole vectors, and too large to be found there later.
template <class T>
bool streams(const NormTable& table, const void* out, int64_t columns, int64_t numel) {
  const int64_t vector = sizeof(T) == 4 ? table.vector_f32 : 1;
  return vector > 1 && columns % vector == 0 && reinterpret_cast<std::uintptr_t>(out) % 64 == 0 &&
         numel * static_cast<int64_t>(sizeof(T)) > stream_bytes;
}

// The rows of one piece: whole joined rows, or the last rows of an image where they do not fill one.
struct Piece {
  int64_t image = 0, offset = 0;  // of its first element
  int64_t rows = 0, cols = 0;
};

}  // namespace

GroupNorm::GroupNorm(DType dtype, int64_t n, int64_t s, int64_t c, int64_t groups, double epsilon)
    : table_(&kernels().norm), dtype_(dtype), n_(n), s_(s), c_(c), groups_(groups), epsilon_(epsilon) {
  check_dtype(dtype, "normalization");
  check_epsilon(epsilon);
  PK_CHECK(
      groups >= (c > 0 ? 1 : 0) && (groups == 0 || c % groups == 0),
      "the number of groups " + std::to_string(groups) + " must divide the number of channels " + std::to_string(c));
  joined_ = rows_to_join(s, c);
  const int64_t size = static_cast<int64_t>(size_of(dtype));
  const int64_t width = std::max<int64_t>(1, joined_ * c), rows = s / joined_;
  piece_rows_ = std::max({int64_t{1}, ceil_div(piece_bytes, width * size), ceil_div(rows, most_pieces)});
  pieces_ = c == 0 ? 0 : ceil_div(rows, piece_rows_) + (s % joined_ != 0 ? 1 : 0);
  const auto elements = static_cast<std::size_t>(width);
  const std::size_t partial = 2 * elements * sizeof(double), coefficients = 4 * elements * size_of(dtype);
  const std::size_t channels = 2 * static_cast<std::size_t>(c) * sizeof(double);
  scratch_ = Buffer::aligned(static_cast<std::size_t>(n * pieces_) * partial) +
             Buffer::aligned(static_cast<std::size_t>(n) * coefficients) +
             Buffer::aligned(static_cast<std::size_t>(n) * channels);
}

// The pieces of a pass, its place in scratch, and what the two passes share.
template <class T>
struct GroupNorm::Pass {
  const GroupNorm& g;
  const NormLoops<T>& loops;
  int64_t width;
  double* partial;   // (n, pieces, 2, width)
  T* coefficients;   // (n, 4, width)
  double* channels;  // (n, 2, c)

  Pass(const GroupNorm& norm, void* scratch)
      : g(norm), loops(loops_of<T>(*norm.table_)), width(std::max<int64_t>(1, norm.joined_ * norm.c_)) {
    char* at = static_cast<char*>(scratch);
    partial = reinterpret_cast<double*>(at);
    at += Buffer::aligned(static_cast<std::size_t>(g.n_ * g.pieces_ * 2 * width) * sizeof(double));
    coefficients = reinterpret_cast<T*>(at);
    at += Buffer::aligned(static_cast<std::size_t>(g.n_ * 4 * width) * sizeof(T));
    channels = reinterpret_cast<double*>(at);
  }

  Piece piece(int64_t index) const {
    Piece p;
    p.image = index / g.pieces_;
    const int64_t first = index % g.pieces_ * g.piece_rows_, rows = g.s_ / g.joined_;
    p.rows = std::min(g.piece_rows_, rows - first);
    p.cols = width;
    p.offset = (p.image * g.s_ + first * g.joined_) * g.c_;
    if (p.rows <= 0) {  // what is left after whole rows
      p.rows = 1;
      p.cols = g.s_ % g.joined_ * g.c_;
      p.offset = (p.image * g.s_ + rows * g.joined_) * g.c_;
    }
    return p;
  }

  double* first_partial(int64_t index) const { return partial + index * 2 * width; }
  double* second_partial(int64_t index) const { return first_partial(index) + width; }
  T* coefficient(int64_t image, int k) const { return coefficients + (image * 4 + k) * width; }

  template <class F>
  void for_each_piece(double arrays, F&& f) const {
    const double ns = 0.05 * static_cast<double>(sizeof(T)) * arrays * static_cast<double>(g.n_ * g.s_ * g.c_);
    parallel_for(g.n_ * g.pieces_, ns, [&](int64_t i) { f(i); });
  }
  // The order that finds what the pass before read last.
  template <class F>
  void for_each_piece_backwards(double arrays, F&& f) const {
    for_each_piece(arrays, [&](int64_t index) { f(piece(g.n_ * g.pieces_ - 1 - index)); });
  }
  template <class F>
  void for_each_image(F&& f) const {
    const double ns = 2.0 * static_cast<double>(g.n_ * g.pieces_ * width);
    parallel_for(g.n_, ns, [&](int64_t i) { f(i); });
  }

  // Repeats the first c values of image's coefficients for the joined rows.
  void repeat(int64_t image, int count) const {
    for (int k = 0; k < count; ++k) {
      T* values = coefficient(image, k);
      for (int64_t j = g.c_; j < width; ++j) values[j] = values[j - g.c_];
    }
  }

  // Mean and summed squared deviations of each channel of an image, from its pieces.
  void merge_stats(int64_t image, double* mean, double* squares) const {
    std::fill(mean, mean + g.c_, 0.0);
    std::fill(squares, squares + g.c_, 0.0);
    double count = 0;
    for (int64_t i = image * g.pieces_; i < (image + 1) * g.pieces_; ++i) {
      const Piece p = piece(i);
      const double here = static_cast<double>(p.rows);
      for (int64_t j = 0; j < p.cols; j += g.c_) {
        const double part = here / (count + here), weight = count * part;
        const double *m = first_partial(i) + j, *q = second_partial(i) + j;
        for (int64_t c = 0; c < g.c_; ++c) {
          const double delta = m[c] - mean[c];
          mean[c] += delta * part;
          squares[c] += q[c] + delta * delta * weight;
        }
        count += here;
      }
    }
  }

  void merge_sums(int64_t image, double* sum, double* product) const {
    std::fill(sum, sum + g.c_, 0.0);
    std::fill(product, product + g.c_, 0.0);
    for (int64_t i = image * g.pieces_; i < (image + 1) * g.pieces_; ++i) {
      const int64_t cols = piece(i).cols;
      const double *s = first_partial(i), *p = second_partial(i);
      for (int64_t j = 0; j < cols; j += g.c_) {
        for (int64_t c = 0; c < g.c_; ++c) {
          sum[c] += s[j + c];
          product[c] += p[j + c];
        }
      }
    }
  }

  // Statistics of one image's groups, and its coefficients mean, scale, shift.
  void image_statistics(int64_t image, const T* gamma, const T* beta, T* mean, T* variance, T* rstd) const {
    double* m = channels + image * 2 * g.c_;
    double* q = m + g.c_;
    merge_stats(image, m, q);
    const int64_t members = g.c_ / g.groups_;
    const double rows = static_cast<double>(g.s_);
    T *centre = coefficient(image, 0), *scale = coefficient(image, 1), *shift = coefficient(image, 2);
    for (int64_t group = 0; group < g.groups_; ++group) {
      const int64_t first = group * members, last = first + members;
      double total = 0, spread = 0;
      for (int64_t c = first; c < last; ++c) total += m[c];
      const double middle = g.s_ == 0 ? std::nan("") : total / static_cast<double>(members);
      for (int64_t c = first; c < last; ++c) spread += q[c] + rows * (m[c] - middle) * (m[c] - middle);
      const double own = spread / (rows * static_cast<double>(members));
      const double inverse = 1 / std::sqrt(own + g.epsilon_);
      const int64_t at = image * g.groups_ + group;
      mean[at] = static_cast<T>(middle);
      if (variance != nullptr) variance[at] = static_cast<T>(own);
      if (rstd != nullptr) rstd[at] = static_cast<T>(inverse);
      // The mean's digits beyond T are in the shift.
      const double rest = middle - static_cast<double>(mean[at]);
      for (int64_t c = first; c < last; ++c) {
        const double slope = static_cast<double>(gamma[c]) * inverse;
        centre[c] = mean[at];
        scale[c] = static_cast<T>(slope);
        shift[c] = static_cast<T>(static_cast<double>(beta[c]) - rest * slope);
      }
    }
    repeat(image, 3);
  }

  void forward(const T* x, const T* gamma, const T* beta, T* y, T* mean, T* variance, T* rstd) const {
    for_each_piece(1, [&](int64_t i) {
      const Piece p = piece(i);
      loops.stats(x + p.offset, width, p.rows, p.cols, first_partial(i), second_partial(i));
    });
    for_each_image([&](int64_t image) { image_statistics(image, gamma, beta, mean, variance, rstd); });
    const bool stream = streams<T>(*g.table_, y, width, g.n_ * g.s_ * g.c_) && g.s_ % g.joined_ == 0;
    for_each_piece_backwards(2, [&](const Piece& p) {
      loops.affine(x + p.offset, width, p.rows, p.cols, coefficient(p.image, 0), coefficient(p.image, 1),
                   coefficient(p.image, 2), y + p.offset, stream);
    });
  }

  double inverse_of(const T* variance, const T* rstd, int64_t at) const {
    if (rstd != nullptr) return static_cast<double>(rstd[at]);
    return 1 / std::sqrt(static_cast<double>(variance[at]) + g.epsilon_);
  }

  // Coefficients scale, shift, slope of one image's dx.
  void image_gradient(int64_t image, const T* gamma, const T* variance, const T* rstd) const {
    double* sum = channels + image * 2 * g.c_;
    double* product = sum + g.c_;
    merge_sums(image, sum, product);
    const int64_t members = g.c_ / g.groups_;
    const double count = static_cast<double>(g.s_) * static_cast<double>(members);
    T *scale = coefficient(image, 1), *shift = coefficient(image, 2), *slope = coefficient(image, 3);
    for (int64_t group = 0; group < g.groups_; ++group) {
      const int64_t first = group * members, last = first + members;
      const double inverse = inverse_of(variance, rstd, image * g.groups_ + group);
      double direct = 0, along = 0;
      for (int64_t c = first; c < last; ++c) {
        direct += static_cast<double>(gamma[c]) * sum[c];
        along += static_cast<double>(gamma[c]) * product[c];
        product[c] = g.s_ == 0 ? 0 : product[c] * inverse;  // dgamma's share
      }
      for (int64_t c = first; c < last; ++c) {
        scale[c] = static_cast<T>(static_cast<double>(gamma[c]) * inverse);
        shift[c] = static_cast<T>(inverse * direct / count);
        slope[c] = static_cast<T>(inverse * inverse * inverse * along / count);
      }
    }
    repeat(image, 4);
  }

  void backward(const T* x, const T* gamma, const T* mean, const T* variance, const T* rstd, const T* dy, T* dx,
                T* dgamma, T* dbeta) const {
    const int64_t members = g.groups_ == 0 ? 1 : g.c_ / g.groups_;
    for (int64_t image = 0; image < g.n_; ++image) {
      T* centre = coefficient(image, 0);
      for (int64_t j = 0; j < width && g.c_ > 0; ++j) centre[j] = mean[image * g.groups_ + j % g.c_ / members];
    }
    for_each_piece(2, [&](int64_t i) {
      const Piece p = piece(i);
      loops.sums(x + p.offset, dy + p.offset, width, p.rows, p.cols, coefficient(p.image, 0), first_partial(i),
                 second_partial(i));
    });
    for_each_image([&](int64_t image) { image_gradient(image, gamma, variance, rstd); });
    for (int64_t c = 0; c < g.c_; ++c) {
      double sum = 0, product = 0;
      for (int64_t image = 0; image < g.n_; ++image) {
        sum += channels[image * 2 * g.c_ + c];
        product += channels[(image * 2 + 1) * g.c_ + c];
      }
      dbeta[c] = static_cast<T>(sum);
      dgamma[c] = static_cast<T>(product);
    }
    const bool stream = streams<T>(*g.table_, dx, width, g.n_ * g.s_ * g.c_) && g.s_ % g.joined_ == 0;
    for_each_piece_backwards(3, [&](const Piece& p) {
      loops.gradient(x + p.offset, dy + p.offset, width, p.rows, p.cols, coefficient(p.image, 0),
                     coefficient(p.image, 1), coefficient(p.image, 2), coefficient(p.image, 3), dx + p.offset, stream);
    });
  }
};

void GroupNorm::forward(const void* x, const void* gamma, const void* beta, void* y, void* mean, void* variance,
                        void* rstd, void* scratch) const {
  const auto run = [&](auto type) {
    using T = decltype(type);
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    const auto out = [](void* p) { return static_cast<T*>(p); };
    Pass<T>(*this, scratch).forward(in(x), in(gamma), in(beta), out(y), out(mean), out(variance), out(rstd));
  };
  dtype_ == DType::f32 ? run(float{}) : run(double{});
}

void GroupNorm::backward(const void* x, const void* gamma, const void* mean, const void* variance, const void* rstd,
                         const void* dy, void* dx, void* dgamma, void* dbeta, void* scratch) const {
  const auto run = [&](auto type) {
    using T = decltype(type);
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    const auto out = [](void* p) { return static_cast<T*>(p); };
    Pass<T>(*this, scratch)
        .backward(in(x), in(gamma), in(mean), in(variance), in(rstd), in(dy), out(dx), out(dgamma), out(dbeta));
  };
  dtype_ == DType::f32 ? run(float{}) : run(double{});
}

ScaleShift::ScaleShift(DType dtype, int64_t rows, int64_t c, Act act, double alpha)
    : table_(&kernels().norm), dtype_(dtype), rows_(rows), c_(c), act_(act), alpha_(alpha) {
  check_dtype(dtype, "scale_shift");
  joined_ = rows_to_join(rows, c);
  if (joined_ > 1) scratch_ = 2 * Buffer::aligned(static_cast<std::size_t>(joined_ * c) * size_of(dtype));
}

template <class T>
void ScaleShift::run(const NormLoops<T>& loops, const T* x, const T* scale, const T* shift, T* y, void* scratch) const {
  const int64_t width = joined_ * c_, numel = rows_ * c_;
  if (numel == 0) return;
  if (joined_ > 1) {
    T* copies = static_cast<T*>(scratch);
    T* shifts = reinterpret_cast<T*>(static_cast<char*>(scratch) + scratch_ / 2);
    for (int64_t j = 0; j < width; ++j) {
      copies[j] = scale[j % c_];
      shifts[j] = shift[j % c_];
    }
    scale = copies;
    shift = shifts;
  }
  const int64_t whole = rows_ / joined_;
  const bool stream = streams<T>(*table_, y, width, numel);
  const double ns = (row_of(act_).work == Work::moves ? 0.4 : sizeof(T) == 4 ? 1.0 : 12.0) * static_cast<double>(numel);
  parallel_ranges(whole, ceil_div(8192, width), ns, [&](int64_t begin, int64_t end) {
    loops.scale_shift(x + begin * width, width, end - begin, width, scale, shift, act_, static_cast<T>(alpha_),
                      y + begin * width, stream);
  });
  const int64_t done = whole * width;
  if (done < numel) {
    loops.scale_shift(x + done, width, 1, numel - done, scale, shift, act_, static_cast<T>(alpha_), y + done, false);
  }
}

void ScaleShift::operator()(const void* x, const void* scale, const void* shift, void* y, void* scratch) const {
  const auto go = [&](auto type) {
    using T = decltype(type);
    run<T>(loops_of<T>(*table_), static_cast<const T*>(x), static_cast<const T*>(scale), static_cast<const T*>(shift),
           static_cast<T*>(y), scratch);
  };
  dtype_ == DType::f32 ? go(float{}) : go(double{});
}

LayerNorm::LayerNorm(DType dtype, int64_t rows, int64_t d, double epsilon)
    : table_(&kernels().norm), dtype_(dtype), rows_(rows), d_(d), epsilon_(epsilon) {
  check_dtype(dtype, "layer normalization");
  check_epsilon(epsilon);
  const int64_t size = static_cast<int64_t>(size_of(dtype));
  const int64_t row = std::max<int64_t>(1, d * size);
  grain_ = std::max({int64_t{1}, ceil_div(piece_bytes / 2, row), ceil_div(rows, most_pieces)});
  tasks_ = ceil_div(rows, grain_);
  scratch_ = static_cast<std::size_t>(tasks_) * (Buffer::aligned(static_cast<std::size_t>(2 * d) * sizeof(double)) +
                                                 Buffer::aligned(static_cast<std::size_t>(2 * row)));
}

void LayerNorm::forward(const void* x, const void* gamma, const void* beta, void* y, void* mean, void* rstd) const {
  const auto run = [&](auto type) {
    using T = decltype(type);
    const NormLoops<T>& loops = loops_of<T>(*table_);
    const double ns = 0.1 * static_cast<double>(sizeof(T)) * static_cast<double>(rows_ * (d_ + 16));
    parallel_ranges(rows_, grain_, ns, [&](int64_t begin, int64_t end) {
      loops.layer_norm(static_cast<const T*>(x) + begin * d_, end - begin, d_, static_cast<const T*>(gamma),
                       static_cast<const T*>(beta), epsilon_, static_cast<T*>(y) + begin * d_,
                       static_cast<T*>(mean) + begin, static_cast<T*>(rstd) + begin);
    });
  };
  dtype_ == DType::f32 ? run(float{}) : run(double{});
}

template <class T>
void LayerNorm::backward_of(const NormLoops<T>& loops, const T* x, const T* gamma, const T* mean, const T* rstd,
                            const T* dy, T* dx, T* dgamma, T* dbeta, void* scratch) const {
  const std::size_t sums = Buffer::aligned(static_cast<std::size_t>(2 * d_) * sizeof(double));
  const std::size_t task =
      sums + Buffer::aligned(static_cast<std::size_t>(2 * std::max<int64_t>(1, d_ * static_cast<int64_t>(sizeof(T)))));
  const auto partial = [&](int64_t t) {
    return reinterpret_cast<double*>(static_cast<char*>(scratch) + static_cast<std::size_t>(t) * task);
  };
  const double ns = 0.2 * static_cast<double>(sizeof(T)) * static_cast<double>(rows_ * (d_ + 16));
  parallel_for(tasks_, ns, [&](int64_t t) {
    const int64_t begin = t * grain_, rows = std::min(grain_, rows_ - begin);
    double* own = partial(t);
    std::fill(own, own + 2 * d_, 0.0);
    T* work = reinterpret_cast<T*>(reinterpret_cast<char*>(own) + sums);
    loops.layer_norm_grad(x + begin * d_, gamma, mean + begin, rstd + begin, dy + begin * d_, rows, d_, dx + begin * d_,
                          own, own + d_, work);
  });
  const double merge_ns = 0.5 * static_cast<double>(tasks_ * d_);
  parallel_ranges(d_, 512, merge_ns, [&](int64_t begin, int64_t end) {
    for (int64_t j = begin; j < end; ++j) {
      double a = 0, b = 0;
      for (int64_t t = 0; t < tasks_; ++t) {
        a += partial(t)[j];
        b += partial(t)[d_ + j];
      }
      dgamma[j] = static_cast<T>(a);
      dbeta[j] = static_cast<T>(b);
    }
  });
}

void LayerNorm::backward(const void* x, const void* gamma, const void* mean, const void* rstd, const void* dy, void* dx,
                         void* dgamma, void* dbeta, void* scratch) const {
  const auto run = [&](auto type) {
    using T = decltype(type);
    const auto in = [](const void* p) { return static_cast<const T*>(p); };
    const auto out = [](void* p) { return static_cast<T*>(p); };
    backward_of<T>(loops_of<T>(*table_), in(x), in(gamma), in(mean), in(rstd), in(dy), out(dx), out(dgamma), out(dbeta),
                   scratch);
  };
  dtype_ == DType::f32 ? run(float{}) : run(double{});
}

}  // namespace pk
