#include "kernels/transform.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/table.h"

namespace pk {

namespace {

constexpr int64_t band_bytes = int64_t{64} << 10;  // of a task's result

void check(const TransformShape& s) {
  constexpr int64_t limit = int64_t{1} << 30;
  for (const int64_t extent : {s.h, s.w, s.p, s.q}) {
    PK_CHECK(extent >= 1 && extent <= limit, "heights and widths must be in [1, 2^30], got " + std::to_string(extent));
  }
  PK_CHECK(s.fill != Fill::constant && s.fill != Fill::wrap, "maps fill pixels, not positions");
}

struct Map {
  double m[8];
  explicit Map(const float* from) { std::copy(from, from + 8, m); }
};

template <class X, class Y>
void all_rows(TransformRows<X, Y> rows, const TransformShape& s, const X* x, const float* maps, Y* y) {
  const int64_t row_bytes = s.q * s.c * static_cast<int64_t>(sizeof(Y));
  if (s.n * row_bytes == 0) return;
  const int64_t height = std::min(s.p, band_bytes / row_bytes + 1), bands = ceil_div(s.p, height);
  const double work = 0.7 * static_cast<double>(s.n * s.p) * static_cast<double>(s.q * s.c);
  parallel_for(s.n * bands, work, [&](int64_t t) {
    const int64_t image = t / bands, begin = t % bands * height;
    const Map map(maps + 8 * image);
    rows(s, x + image * s.h * s.w * s.c, map.m, image + 1 == s.n, begin, std::min(s.p, begin + height),
         y + image * s.p * s.q * s.c);
  });
}

template <class T>
void all_gradients(TransformGradient<T> gradient, const TransformShape& s, const T* dy, const float* maps, T* dx) {
  const double work = 3.0 * static_cast<double>(s.n * s.p) * static_cast<double>(s.q * s.c);
  parallel_for(s.n, work, [&](int64_t image) {
    const Map map(maps + 8 * image);
    gradient(s, dy + image * s.p * s.q * s.c, map.m, dx + image * s.h * s.w * s.c);
  });
}

}  // namespace

void transform_images(DType dtype, const TransformShape& s, const void* x, const float* maps, void* y) {
  check(s);
  const TransformTable& table = kernels().transform;
  if (dtype == DType::f32) {
    all_rows(table.f32, s, static_cast<const float*>(x), maps, static_cast<float*>(y));
  } else if (dtype == DType::f64) {
    all_rows(table.f64, s, static_cast<const double*>(x), maps, static_cast<double*>(y));
  } else {
    PK_CHECK(dtype == DType::u8, std::string("maps take float32, float64 and uint8 images, got ") + name_of(dtype));
    all_rows(table.u8, s, static_cast<const std::uint8_t*>(x), maps, static_cast<float*>(y));
  }
}

void transform_gradient(DType dtype, const TransformShape& s, const void* dy, const float* maps, void* dx) {
  check(s);
  PK_CHECK(is_float(dtype), std::string("only float images have a gradient, not ") + name_of(dtype));
  const TransformTable& table = kernels().transform;
  if (dtype == DType::f64) {
    all_gradients(table.gradient_f64, s, static_cast<const double*>(dy), maps, static_cast<double*>(dx));
  } else {
    all_gradients(table.gradient_f32, s, static_cast<const float*>(dy), maps, static_cast<float*>(dx));
  }
}

}  // namespace pk
