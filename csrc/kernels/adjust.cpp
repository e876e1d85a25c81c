#include "kernels/adjust.h"

#include <string>
#include <type_traits>

#include "base/error.h"
#include "base/int_math.h"
#include "base/parallel.h"

namespace pk {

namespace {

using std::int64_t;

constexpr int64_t kFew = 4;          // up to so many channels, shifts are laid out for kSpan elements
constexpr int64_t kSpan = 12;        // a multiple of 1, 2, 3 and 4
constexpr int64_t kGrain = 1 << 14;  // pixels of a task

template <class Y>
Y bounded(Y v, Y low, Y high) {
  v = v < low ? low : v;
  return v > high ? high : v;
}

template <class X, class Y>
void adjust_span(int64_t n, const X* x, Y scale, const Y* shift, Y low, Y high, Y* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = bounded(static_cast<Y>(x[i]) * scale + shift[i], low, high);
}

template <class X, class Y>
void adjust_pixels(int64_t pixels, int64_t c, const X* x, Y scale, const Y* shift, Y low, Y high, Y* y) {
  if (c > kFew) {
    for (int64_t p = 0; p < pixels; ++p) adjust_span(c, x + p * c, scale, shift, low, high, y + p * c);
    return;
  }
  Y spread[kSpan];
  for (int64_t i = 0; i < kSpan; ++i) spread[i] = shift[i % c];
  const int64_t n = pixels * c;
  int64_t i = 0;
  for (; i + kSpan <= n; i += kSpan) {
    for (int64_t k = 0; k < kSpan; ++k) {
      y[i + k] = bounded(static_cast<Y>(x[i + k]) * scale + spread[k], low, high);
    }
  }
  adjust_span(n - i, x + i, scale, spread, low, high, y + i);
}

template <class X, class Y>
void adjust_all(int64_t n, int64_t s, int64_t c, const X* x, const Y* scale, const Y* shift, double low, double high,
                Y* y) {
  if (n * s * c == 0) return;
  const int64_t parts = ceil_div(s, kGrain);
  const double work = 0.5 * static_cast<double>(n * s) * static_cast<double>(c);
  parallel_for(n * parts, work, [&](int64_t t) {
    const int64_t image = t / parts, begin = t % parts * kGrain, end = begin + kGrain < s ? begin + kGrain : s;
    const int64_t offset = (image * s + begin) * c;
    adjust_pixels(end - begin, c, x + offset, scale[image], shift + image * c, static_cast<Y>(low),
                  static_cast<Y>(high), y + offset);
  });
}

}  // namespace

void adjust_images(DType dtype, int64_t n, int64_t s, int64_t c, const void* x, const void* scale, const void* shift,
                   double low, double high, void* y) {
  const auto run = [&](auto* from, auto* to) {
    using Y = std::remove_reference_t<decltype(*to)>;
    adjust_all(n, s, c, from, static_cast<const Y*>(scale), static_cast<const Y*>(shift), low, high, to);
  };
  if (dtype == DType::f64) {
    run(static_cast<const double*>(x), static_cast<double*>(y));
  } else if (dtype == DType::f32) {
    run(static_cast<const float*>(x), static_cast<float*>(y));
  } else {
    PK_CHECK(dtype == DType::u8, std::string("images must be float32, float64 or uint8, got ") + name_of(dtype));
    run(static_cast<const std::uint8_t*>(x), static_cast<float*>(y));
  }
}

}  // namespace pk
