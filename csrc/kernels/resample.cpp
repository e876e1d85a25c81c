#include "kernels/resample.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "base/error.h"
#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/table.h"

namespace pk {

namespace {

// Results of more bytes than this go past the caches: what reads them next finds them in memory either way.
constexpr int64_t stream_bytes = int64_t{24} << 20;
constexpr int64_t band_bytes = int64_t{256} << 10;  // of a task's result

constexpr double pi = 3.14159265358979323846;

double sinc(double x) { return x < 1e-9 ? 1 : std::sin(pi * x) / (pi * x); }
double lanczos(double x, double radius) { return x < radius ? sinc(x) * sinc(x / radius) : 0; }

// Cubic polynomials of x for [0, 1) and [1, 2), highest power first.
double piecewise_cubic(double x, const double (&near)[4], const double (&far)[4]) {
  if (x >= 2) return 0;
  const double (&k)[4] = x >= 1 ? far : near;
  return ((k[0] * x + k[1]) * x + k[2]) * x + k[3];
}

struct Kernel1d {
  double radius;
  double (*value)(double distance);
};

Kernel1d kernel_of(ResizeMethod method) {
  switch (method) {
    case ResizeMethod::bicubic:  // R. Keys, IEEE Trans. ASSP 29, 1981, with a = -1/2
      return {2, [](double x) { return piecewise_cubic(x, {1.5, -2.5, 0, 1}, {-0.5, 2.5, -4, 2}); }};
    case ResizeMethod::lanczos3:
      return {3, [](double x) { return lanczos(x, 3); }};
    case ResizeMethod::lanczos5:
      return {5, [](double x) { return lanczos(x, 5); }};
    case ResizeMethod::gaussian:  // deviation 1/2, cut at 3 deviations
      return {1.5, [](double x) { return x >= 1.5 ? 0 : std::exp(-2 * x * x); }};
    case ResizeMethod::mitchellcubic:  // Mitchell and Netravali, SIGGRAPH 1988, with B = C = 1/3
      return {2, [](double x) {
                return piecewise_cubic(x, {7.0 / 6, -2, 0, 8.0 / 9}, {-7.0 / 18, 2, -10.0 / 3, 16.0 / 9});
              }};
    default:
      return {1, [](double x) { return std::max(0.0, 1 - x); }};
  }
}

void check_extent(int64_t extent, const char* what) {
  PK_CHECK(extent >= 1 && extent <= int64_t{1} << 30,
           std::string(what) + " must be in [1, 2^30], got " + std::to_string(extent));
}

// Buffers of a thread, kept from call to call: mapping them anew would cost more than what they hold.
template <class T>
struct Lines {
  std::vector<T> ring, wide;
  std::vector<const T*> pointers;
  std::vector<int64_t> held;
};
template <class T>
Lines<T>& lines_of_thread() {
  thread_local Lines<T> lines;
  return lines;
}

template <class T>
T* at_least(std::vector<T>& v, int64_t size) {
  if (static_cast<int64_t>(v.size()) < size) v.resize(static_cast<std::size_t>(size));
  return v.data();
}

// f(image, first row, last row) for bands of rows, whose results have about band_bytes and at least `least` rows.
template <class F>
void for_bands(int64_t images, int64_t rows, int64_t row_bytes, int64_t least, double work, bool threaded, F&& f) {
  if (images * rows * row_bytes == 0) return;
  const int64_t height = std::min(rows, std::max(least, band_bytes / row_bytes + 1));
  const int64_t bands = ceil_div(rows, height);
  const auto task = [&](int64_t t) {
    const int64_t begin = t % bands * height;
    f(t / bands, begin, std::min(rows, begin + height));
  };
  if (threaded) {
    parallel_for(images * bands, work, [&](int64_t t) { task(t); });
  } else {
    for (int64_t t = 0; t < images * bands; ++t) task(t);
  }
}

bool past_caches(const void* y, int64_t bytes, int64_t row_bytes) {
  return bytes > stream_bytes && reinterpret_cast<std::uintptr_t>(y) % 64 == 0 && row_bytes % 64 == 0;
}

template <std::size_t Bytes>
void pick_bytes(const std::int32_t* from, int64_t q, const char* x, char* y) {
  for (int64_t j = 0; j < q; ++j, y += Bytes) std::memcpy(y, x + from[j] * static_cast<int64_t>(Bytes), Bytes);
}

void pick_any(const std::int32_t* from, int64_t q, int64_t bytes, const char* x, char* y) {
  if (bytes == 1) return pick_bytes<1>(from, q, x, y);
  if (bytes == 3) return pick_bytes<3>(from, q, x, y);
  for (int64_t j = 0; j < q; ++j, y += bytes) std::memcpy(y, x + from[j] * bytes, static_cast<std::size_t>(bytes));
}

}  // namespace

ResizeMethod resize_method(const std::string& name) {
  static const std::pair<const char*, ResizeMethod> methods[] = {
      {"nearest", ResizeMethod::nearest},   {"bilinear", ResizeMethod::bilinear},
      {"bicubic", ResizeMethod::bicubic},   {"area", ResizeMethod::area},
      {"lanczos3", ResizeMethod::lanczos3}, {"lanczos5", ResizeMethod::lanczos5},
      {"gaussian", ResizeMethod::gaussian}, {"mitchellcubic", ResizeMethod::mitchellcubic}};
  for (const auto& [known, method] : methods) {
    if (name == known) return method;
  }
  fail("no method of resizing is called '" + name + "'");
}

template <>
ResampleAxis<float> Resize2d::Axis::view() const {
  return {out, taps, first.data(), count.data(), f32.data()};
}
template <>
ResampleAxis<double> Resize2d::Axis::view() const {
  return {out, taps, first.data(), count.data(), f64.data()};
}

// `first` is set; weights[i] belong to first[i] and what follows it.
void Resize2d::Axis::set(int64_t size, const std::vector<std::vector<double>>& weights) {
  in = size;
  out = static_cast<int64_t>(weights.size());
  std::size_t most = 1;
  for (const auto& w : weights) most = std::max(most, w.size());
  taps = static_cast<int64_t>(most);
  f64.assign(most * weights.size(), 0);
  identity = in == out;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    count.push_back(static_cast<std::int32_t>(weights[i].size()));
    std::copy(weights[i].begin(), weights[i].end(), f64.begin() + static_cast<std::ptrdiff_t>(i * most));
    identity = identity && first[i] == static_cast<std::int32_t>(i) && weights[i].size() == 1 && weights[i][0] == 1;
  }
  f32.assign(f64.begin(), f64.end());
}

Resize2d::Axis Resize2d::make_axis(int64_t size, int64_t target, ResizeMethod method, bool antialias) {
  Axis axis;
  std::vector<std::vector<double>> weights(static_cast<std::size_t>(target), std::vector<double>{1});
  const Kernel1d kernel = kernel_of(method);
  const double scale = static_cast<double>(size) / static_cast<double>(target);
  const double wide = antialias ? std::max(scale, 1.0) : 1;
  for (int64_t i = 0; i < target; ++i) {
    std::vector<double>& w = weights[static_cast<std::size_t>(i)];
    if (size == target || method == ResizeMethod::nearest) {
      // In whole numbers: a rounding could take a centre at the edge of a pixel to the pixel before.
      axis.first.push_back(static_cast<std::int32_t>((2 * i + 1) * size / (2 * target)));
      continue;
    }
    double lo = static_cast<double>(i) * scale, hi = lo + scale;  // area: the new pixel
    const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5;
    if (method != ResizeMethod::area) {
      lo = centre - kernel.radius * wide;
      hi = centre + kernel.radius * wide + 1;
    }
    const int64_t first = std::max<int64_t>(0, static_cast<int64_t>(std::floor(lo)));
    const int64_t last = std::min(size, static_cast<int64_t>(std::ceil(hi)));
    w.clear();
    double sum = 0;
    for (int64_t t = first; t < last; ++t) {
      const double tap = static_cast<double>(t);
      w.push_back(method == ResizeMethod::area ? std::max(0.0, std::min(tap + 1, hi) - std::max(tap, lo))
                                               : kernel.value(std::fabs(centre - tap) / wide));
      sum += w.back();
    }
    for (double& v : w) v /= sum;
    std::size_t skip = 0;
    while (w.size() > 1 && w.back() == 0) w.pop_back();
    while (skip + 1 < w.size() && w[skip] == 0) ++skip;
    w.erase(w.begin(), w.begin() + static_cast<std::ptrdiff_t>(skip));
    axis.first.push_back(static_cast<std::int32_t>(first + static_cast<int64_t>(skip)));
  }
  axis.set(size, weights);
  return axis;
}

Resize2d::Axis Resize2d::transposed(const Axis& axis) {
  std::vector<std::vector<double>> weights(static_cast<std::size_t>(axis.in));
  Axis back;
  back.first.assign(static_cast<std::size_t>(axis.in), 0);
  for (int64_t i = 0; i < axis.out; ++i) {
    for (int64_t k = 0; k < axis.count[static_cast<std::size_t>(i)]; ++k) {
      const auto t = static_cast<std::size_t>(axis.first[static_cast<std::size_t>(i)] + k);
      const double w = axis.f64[static_cast<std::size_t>(i * axis.taps + k)];
      if (w == 0) continue;
      if (weights[t].empty()) back.first[t] = static_cast<std::int32_t>(i);
      weights[t].resize(static_cast<std::size_t>(i - back.first[t]), 0);
      weights[t].push_back(w);
    }
  }
  for (auto& w : weights) {
    if (w.empty()) w.push_back(0);  // no new pixel is made of this one
  }
  back.set(axis.out, weights);
  return back;
}

Resize2d::Resize2d(DType dtype, const ResizeShape& s, ResizeMethod method, bool antialias)
    : shape_(s), dtype_(dtype), out_(dtype), nearest_(method == ResizeMethod::nearest) {
  PK_CHECK(nearest_ || is_float(dtype) || dtype == DType::u8,
           std::string("resizing takes float32, float64 and uint8, got ") + name_of(dtype) + "; cast the input first");
  check_extent(s.h, "the height of images");
  check_extent(s.w, "the width of images");
  check_extent(s.p, "the new height");
  check_extent(s.q, "the new width");
  if (!nearest_ && dtype == DType::u8) out_ = DType::f32;
  rows_ = make_axis(s.h, s.p, method, antialias);
  cols_ = make_axis(s.w, s.q, method, antialias);
  if (is_float(dtype)) {
    rows_back_ = transposed(rows_);
    cols_back_ = transposed(cols_);
  }
  loops_ = &kernels().resample;
}

// The rows of x that y needs are resampled once each, in a ring of as many rows as a row of y needs.
template <class T, class X>
void Resize2d::compute(const ResampleLoops<T>& loops, const Axis& rows, const Axis& cols, const X* x, T* y,
                       bool threaded) const {
  const int64_t c = shape_.c, x_row = cols.in * c, y_row = cols.out * c;
  const int64_t slot = y_row + loops_->vector_f32;
  const auto row_axis = rows.view<T>(), col_axis = cols.view<T>();
  const bool direct = cols.identity && std::is_same<T, X>::value;
  const bool past = past_caches(y, shape_.n * rows.out * y_row * static_cast<int64_t>(sizeof(T)),
                                y_row * static_cast<int64_t>(sizeof(T)));
  const double work = 0.1 * static_cast<double>(shape_.n * c) *
                      static_cast<double>(rows.in * cols.out * cols.taps + rows.out * cols.out * rows.taps);
  for_bands(shape_.n, rows.out, y_row * static_cast<int64_t>(sizeof(T)), 2 * rows.taps, work, threaded,
            [&](int64_t image, int64_t begin, int64_t end) {
              Lines<T>& own = lines_of_thread<T>();
              T* ring = at_least(own.ring, rows.taps * slot);
              T* wide = at_least(own.wide, std::is_same<T, X>::value ? 0 : x_row);
              const T** lines = at_least(own.pointers, rows.taps);
              own.held.assign(static_cast<std::size_t>(rows.taps), -1);
              for (int64_t p = begin; p < end; ++p) {
                const int64_t first = row_axis.first[p], count = row_axis.count[p];
                for (int64_t k = 0; k < count; ++k) {
                  const int64_t row = first + k, place = row % rows.taps;
                  const X* from = x + (image * rows.in + row) * x_row;
                  lines[k] = ring + place * slot;
                  if constexpr (std::is_same<T, X>::value) {
                    if (direct) lines[k] = from;
                  }
                  if (direct || own.held[static_cast<std::size_t>(place)] == row) continue;
                  own.held[static_cast<std::size_t>(place)] = row;
                  if constexpr (std::is_same<T, X>::value) {
                    loops.columns(col_axis, cols.in, c, from, ring + place * slot);
                  } else {
                    loops_->widen(from, x_row, wide);
                    loops.columns(col_axis, cols.in, c, wide, ring + place * slot);
                  }
                }
                loops.rows(lines, row_axis.weights + p * rows.taps, count, y_row, past,
                           y + (image * rows.out + p) * y_row);
              }
            });
}

void Resize2d::pick(const void* x, void* y, bool threaded) const {
  const int64_t bytes = shape_.c * static_cast<int64_t>(size_of(dtype_));
  const int64_t x_row = shape_.w * bytes, y_row = shape_.q * bytes;
  const bool words = bytes % 4 == 0;
  const bool past = past_caches(y, shape_.n * shape_.p * y_row, bytes);
  const double work = 0.05 * static_cast<double>(shape_.n * shape_.p * y_row);
  for_bands(shape_.n, shape_.p, y_row, 1, work, threaded, [&](int64_t image, int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const char* from =
          static_cast<const char*>(x) + (image * shape_.h + rows_.first[static_cast<std::size_t>(p)]) * x_row;
      char* to = static_cast<char*>(y) + (image * shape_.p + p) * y_row;
      if (words) {
        loops_->pick(cols_.first.data(), shape_.q, bytes / 4, reinterpret_cast<const float*>(from), past,
                     reinterpret_cast<float*>(to));
      } else {
        pick_any(cols_.first.data(), shape_.q, bytes, from, to);
      }
    }
  });
}

void Resize2d::run(const void* x, void* y, bool threaded) const {
  if (shape_.n * shape_.c == 0) return;
  if (nearest_) {
    pick(x, y, threaded);
  } else if (dtype_ == DType::f64) {
    compute(loops_->f64, rows_, cols_, static_cast<const double*>(x), static_cast<double*>(y), threaded);
  } else if (dtype_ == DType::f32) {
    compute(loops_->f32, rows_, cols_, static_cast<const float*>(x), static_cast<float*>(y), threaded);
  } else {
    compute(loops_->f32, rows_, cols_, static_cast<const std::uint8_t*>(x), static_cast<float*>(y), threaded);
  }
}

void Resize2d::gradient(const void* dy, void* dx) const {
  PK_CHECK(is_float(dtype_), std::string("only float images have a gradient, not ") + name_of(dtype_));
  if (shape_.n * shape_.c == 0) return;
  if (dtype_ == DType::f64) {
    compute(loops_->f64, rows_back_, cols_back_, static_cast<const double*>(dy), static_cast<double*>(dx), true);
  } else {
    compute(loops_->f32, rows_back_, cols_back_, static_cast<const float*>(dy), static_cast<float*>(dx), true);
  }
}

}  // namespace pk
