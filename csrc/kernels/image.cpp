#include "kernels/image.h"

#include <cmath>

#include "base/parallel.h"

namespace pk {

namespace {

template <class F>
void for_images(int64_t count, double ns_each, bool threaded, F&& f) {
  if (threaded) {
    parallel_for(count, ns_each * static_cast<double>(count), [&](int64_t i) { f(i); });
  } else {
    for (int64_t i = 0; i < count; ++i) f(i);
  }
}

template <class T>
void scale_image(const T* x, int64_t n, float scale, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(x[i]) * scale;
}

// Eight sums, so that the compiler may keep them in vectors without reordering anything.
template <class F>
double sum_of(int64_t n, F&& value) {
  double part[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int k = 0; k < 8; ++k) part[k] += value(i + k);
  }
  for (; i < n; ++i) part[i % 8] += value(i);
  return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]));
}

void standardize_sample(const Standardization& how, int64_t n, float* y) {
  if (how.sample_center) {
    const float mean = static_cast<float>(sum_of(n, [&](int64_t i) { return y[i]; }) / static_cast<double>(n));
    for (int64_t i = 0; i < n; ++i) y[i] -= mean;
  }
  if (how.sample_std) {
    const double mean = sum_of(n, [&](int64_t i) { return y[i]; }) / static_cast<double>(n);
    const double variance =
        sum_of(n, [&](int64_t i) { return (y[i] - mean) * (y[i] - mean); }) / static_cast<double>(n);
    const float divisor = static_cast<float>(std::sqrt(variance)) + 1e-6f;
    for (int64_t i = 0; i < n; ++i) y[i] /= divisor;
  }
}

template <class F>
void each_channel(ImageLayout image, float* y, F&& f) {
  for (int64_t o = 0; o < image.outer; ++o) {
    for (int64_t c = 0; c < image.channels; ++c, y += image.inner) {
      for (int64_t i = 0; i < image.inner; ++i) y[i] = f(y[i], c);
    }
  }
}

template <class T>
void standardize_all(const T* x, const int64_t* index, int64_t count, ImageLayout image, const Standardization& how,
                     float* y, bool threaded) {
  const int64_t n = image.size();
  for_images(count, 0.5 * static_cast<double>(n), threaded, [&](int64_t i) {
    float* out = y + i * n;
    scale_image(x + (index != nullptr ? index[i] : i) * n, n, how.scale, out);
    standardize_sample(how, n, out);
    if (how.mean != nullptr) each_channel(image, out, [&](float v, int64_t c) { return v - how.mean[c]; });
    if (how.std != nullptr) each_channel(image, out, [&](float v, int64_t c) { return v / (how.std[c] + 1e-6f); });
  });
}

// v without whole periods, sign kept.
double less_periods(double v, double period) { return v - period * std::trunc(v / period); }

// The position inside [-0.5, n - 0.5] that stands for v, or a NaN where there is none (constant). Each step rounds as
// SciPy's does: where a position lies half way between two pixels, the last bit decides which is the nearest.
double inside(double v, int64_t n, Fill fill) {
  const double size = static_cast<double>(n), last = size - 1;
  if (v >= 0 && v <= last) return v;
  switch (fill) {
    case Fill::constant:
    case Fill::grid_constant:
      return std::nan("");
    case Fill::nearest:
      return v < 0 ? 0 : last;
    case Fill::reflect: {
      if (n == 1) return 0;
      const double u = less_periods(v, 2 * size);
      if (v < 0) return u < -size ? u + 2 * size : -u - 1;
      return u >= size ? 2 * size - u - 1 : u;
    }
    case Fill::mirror: {
      if (n == 1) return 0;
      const double u = less_periods(v, 2 * last);
      if (v < 0) return u <= -last ? u + 2 * last : -u;
      return u > last ? 2 * last - u : u;
    }
    case Fill::wrap: {
      if (n == 1) return 0;
      const double u = less_periods(v, last);
      return v < 0 ? u + last : u;
    }
    case Fill::grid_wrap:
      return v - size * std::floor(v / size);
  }
  return v;
}

constexpr int kTaps = 6;

// Weights of the B-spline of that order about position t in [0, 1) after the middle tap (Cox - de Boor).
void spline_weights(double position, int order, int64_t* first, double* w) {
  const double origin = order % 2 != 0 ? std::floor(position) : std::floor(position + 0.5);
  *first = static_cast<int64_t>(origin) - order / 2;
  // Distance from the knot at the left of the position.
  const double t = order % 2 != 0 ? position - origin : position - origin + 0.5;
  w[0] = 1;
  for (int d = 1; d <= order; ++d) {
    double saved = 0;
    for (int k = 0; k < d; ++k) {
      const double left = t + (d - 1 - k), right = (k + 1) - t;
      const double term = w[k] / d;
      w[k] = saved + right * term;
      saved = left * term;
    }
    w[d] = saved;
  }
}

struct Axis {
  int64_t tap[kTaps];  // offsets in elements
  double weight[kTaps];
};

// False where the position has no pixels. Where images are padded, positions between the image and the end of the
// padding are interpolated, except in periodic images, whose padding is there for the spline alone.
bool locate(double v, int64_t n, int64_t stride, const AffineImages& how, Axis* axis) {
  const double pad = static_cast<double>(how.pad);
  const int64_t padded = n + 2 * how.pad;
  const double at = how.fill == Fill::grid_wrap ? inside(v, n, how.fill) + pad : inside(v + pad, padded, how.fill);
  if (std::isnan(at)) return false;
  int64_t first;
  spline_weights(at, how.order, &first, axis->weight);
  for (int k = 0; k <= how.order; ++k) axis->tap[k] = fill_index(first + k, padded, how.fill) * stride;
  return true;
}

template <class T>
struct AffineOne {
  const AffineImages& how;
  const T* x;
  float* y;
  int64_t x_row, x_col, x_channel, y_row, y_col, y_channel;

  void run(const double* m, bool flip_columns, bool flip_rows) const {
    if (how.pad == 0 && how.order <= 1 && is_identity(m)) {
      copy(flip_columns, flip_rows);
    } else {
      map(m, flip_columns, flip_rows);
    }
  }

  static bool is_identity(const double* m) {
    return m[0] == 1 && m[1] == 0 && m[2] == 0 && m[3] == 1 && m[4] == 0 && m[5] == 0;
  }

  void copy(bool flip_columns, bool flip_rows) const {
    for (int64_t r = 0; r < how.height; ++r) {
      const T* from = x + (flip_rows ? how.height - 1 - r : r) * x_row;
      float* to = y + r * y_row;
      for (int64_t c = 0; c < how.width; ++c, to += y_col) {
        const T* p = from + (flip_columns ? how.width - 1 - c : c) * x_col;
        for (int64_t k = 0; k < how.channels; ++k) to[k * y_channel] = static_cast<float>(p[k * x_channel]);
      }
    }
  }

  void map(const double* m, bool flip_columns, bool flip_rows) const {
    for (int64_t r = 0; r < how.height; ++r) {
      float* row = y + (flip_rows ? how.height - 1 - r : r) * y_row;
      const double row0 = m[4] + static_cast<double>(r) * m[0], col0 = m[5] + static_cast<double>(r) * m[2];
      for (int64_t c = 0; c < how.width; ++c) {
        float* out = row + (flip_columns ? how.width - 1 - c : c) * y_col;
        const double v = row0 + static_cast<double>(c) * m[1], u = col0 + static_cast<double>(c) * m[3];
        if (how.order == 1 && v >= 0 && u >= 0 && v < static_cast<double>(how.height - 1) &&
            u < static_cast<double>(how.width - 1)) {
          bilinear(v, u, out);
        } else {
          general(v, u, out);
        }
      }
    }
  }

  void bilinear(double v, double u, float* out) const {
    const int64_t i = static_cast<int64_t>(v), j = static_cast<int64_t>(u);
    const double a = v - static_cast<double>(i), b = u - static_cast<double>(j);
    const double w00 = (1 - a) * (1 - b), w01 = (1 - a) * b, w10 = a * (1 - b), w11 = a * b;
    const T* p = x + i * x_row + j * x_col;
    for (int64_t k = 0; k < how.channels; ++k, p += x_channel, out += y_channel) {
      *out = static_cast<float>((w00 * p[0] + w01 * p[x_col]) + (w10 * p[x_row] + w11 * p[x_row + x_col]));
    }
  }

  void general(double v, double u, float* out) const {
    Axis rows, cols;
    const bool found = locate(v, how.height, x_row, how, &rows) && locate(u, how.width, x_col, how, &cols);
    for (int64_t k = 0; k < how.channels; ++k, out += y_channel) {
      double sum = how.cval;
      if (found) {
        sum = 0;
        const T* p = x + k * x_channel;
        for (int a = 0; a <= how.order; ++a) {
          for (int b = 0; b <= how.order; ++b) {
            sum += rows.weight[a] * cols.weight[b] * static_cast<double>(p[rows.tap[a] + cols.tap[b]]);
          }
        }
      }
      *out = static_cast<float>(sum);
    }
  }
};

}  // namespace

void standardize_images(PixelType type, const void* x, const int64_t* index, int64_t count, ImageLayout image,
                        const Standardization& how, float* y, bool threaded) {
  if (type == PixelType::u8) {
    standardize_all(static_cast<const std::uint8_t*>(x), index, count, image, how, y, threaded);
  } else {
    standardize_all(static_cast<const float*>(x), index, count, image, how, y, threaded);
  }
}

template <class T>
void affine_images(const AffineImages& how, const T* x, const int64_t* index, int64_t count, const double* maps,
                   const std::uint8_t* flips, float* y, bool threaded) {
  const int64_t h = how.height, w = how.width, c = how.channels;
  const int64_t x_h = h + 2 * how.pad, x_w = w + 2 * how.pad;
  for_images(count, 8.0 * static_cast<double>(h * w * c), threaded, [&](int64_t i) {
    const T* from = x + (index != nullptr ? index[i] : i) * x_h * x_w * c;
    float* to = y + i * h * w * c;
    const AffineOne<T> one = how.channels_first ? AffineOne<T>{how, from, to, x_w, 1, x_h * x_w, w, 1, h * w}
                                                : AffineOne<T>{how, from, to, x_w * c, c, 1, w * c, c, 1};
    one.run(maps + 6 * i, flips != nullptr && flips[2 * i] != 0, flips != nullptr && flips[2 * i + 1] != 0);
  });
}

template void affine_images<std::uint8_t>(const AffineImages&, const std::uint8_t*, const int64_t*, int64_t,
                                          const double*, const std::uint8_t*, float*, bool);
template void affine_images<float>(const AffineImages&, const float*, const int64_t*, int64_t, const double*,
                                   const std::uint8_t*, float*, bool);
template void affine_images<double>(const AffineImages&, const double*, const int64_t*, int64_t, const double*,
                                    const std::uint8_t*, float*, bool);

}  // namespace pk
