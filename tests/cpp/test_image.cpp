// Images: standardization, affine maps and resizing against plain loops; nothing outside of the arrays is touched.
#include "kernels/image.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/parallel.h"
#include "guarded.h"

namespace pk {
namespace {

void fill(Guarded<std::uint8_t>& x) {
  for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>((i * 37 + i / 5) % 256);
}

TEST(Image, StandardizesLikePlainLoops) {
  for (const ImageLayout image : {ImageLayout{35, 3, 1}, ImageLayout{1, 4, 21}, ImageLayout{1, 1, 1}}) {
    const int64_t n = image.size();
    Guarded<std::uint8_t> x(4 * n);
    fill(x);
    const std::vector<int64_t> index = {3, 0, 3};
    const std::vector<float> mean = {1, 2, 3, 4}, std = {0.5f, 2, 3, 4};
    Guarded<float> y(3 * n);
    Standardization how;
    how.scale = 0.25f;
    how.sample_center = how.sample_std = true;
    how.mean = mean.data();
    how.std = std.data();
    for (const bool threaded : {false, true}) {
      standardize_images(PixelType::u8, x.data(), index.data(), 3, image, how, y.data(), threaded);
      for (int64_t i = 0; i < 3; ++i) {
        double sum = 0, squares = 0;
        for (int64_t k = 0; k < n; ++k) sum += 0.25 * x[index[static_cast<std::size_t>(i)] * n + k];
        const double centre = sum / static_cast<double>(n);
        for (int64_t k = 0; k < n; ++k) {
          const double d = 0.25 * x[index[static_cast<std::size_t>(i)] * n + k] - centre;
          squares += d * d;
        }
        const double deviation = std::sqrt(squares / static_cast<double>(n)) + 1e-6;
        for (int64_t k = 0; k < n; ++k) {
          const auto c = static_cast<std::size_t>(k / image.inner % image.channels);
          const double d = 0.25 * x[index[static_cast<std::size_t>(i)] * n + k] - centre;
          ASSERT_NEAR(y[i * n + k], (d / deviation - mean[c]) / (std[c] + 1e-6), 2e-5);
        }
      }
    }
  }
}

// The value that linear interpolation has at a position inside of the image.
double linear(const Guarded<std::uint8_t>& x, int64_t h, int64_t w, int64_t c, double v, double u, int64_t k) {
  const int64_t i = std::min(static_cast<int64_t>(v), h - 1), j = std::min(static_cast<int64_t>(u), w - 1);
  const int64_t i1 = std::min(i + 1, h - 1), j1 = std::min(j + 1, w - 1);
  const double a = v - static_cast<double>(i), b = u - static_cast<double>(j);
  const auto at = [&](int64_t r, int64_t s) { return static_cast<double>(x.data()[(r * w + s) * c + k]); };
  return (1 - a) * ((1 - b) * at(i, j) + b * at(i, j1)) + a * ((1 - b) * at(i1, j) + b * at(i1, j1));
}

TEST(Image, MapsLinearly) {
  for (const auto& [h, w, c] : std::vector<std::array<int64_t, 3>>{{7, 9, 3}, {1, 5, 1}, {6, 1, 4}}) {
    Guarded<std::uint8_t> x(h * w * c);
    fill(x);
    Guarded<float> y(h * w * c);
    AffineImages how;
    how.height = h;
    how.width = w;
    how.channels = c;
    const double m[6] = {0.8, 0.3, -0.2, 1.1, -0.7, 0.4};
    const std::uint8_t flips[2] = {1, 1};
    affine_images<std::uint8_t>(how, x.data(), nullptr, 1, m, flips, y.data(), false);
    for (int64_t r = 0; r < h; ++r) {
      for (int64_t s = 0; s < w; ++s) {
        const double v = m[0] * static_cast<double>(r) + m[1] * static_cast<double>(s) + m[4];
        const double u = m[2] * static_cast<double>(r) + m[3] * static_cast<double>(s) + m[5];
        const double vi = std::min(std::max(v, 0.0), static_cast<double>(h - 1));
        const double ui = std::min(std::max(u, 0.0), static_cast<double>(w - 1));
        for (int64_t k = 0; k < c; ++k) {
          ASSERT_NEAR(y[((h - 1 - r) * w + w - 1 - s) * c + k], linear(x, h, w, c, vi, ui, k), 1e-4);
        }
      }
    }
  }
}

TEST(Image, AnyMapStaysInsideOfTheImage) {
  const int64_t h = 5, w = 4, c = 2;
  Guarded<std::uint8_t> x(2 * h * w * c);
  fill(x);
  Guarded<double> coefficients(2 * (h + 4) * (w + 4) * c);
  for (int64_t i = 0; i < coefficients.size(); ++i) coefficients[i] = 1;
  Guarded<float> y(2 * h * w * c);
  const double big = 1e6;
  const std::vector<double> maps = {1, 0, 0, 1, -big, big, -3.7, 2.2, 9.1, -0.3, 1e-9, 3.999999};
  for (const Fill mode : {Fill::constant, Fill::nearest, Fill::reflect, Fill::wrap, Fill::mirror, Fill::grid_wrap}) {
    for (int order = 0; order <= 5; ++order) {
      for (const bool first : {false, true}) {
        AffineImages how;
        how.height = h;
        how.width = w;
        how.channels = c;
        how.order = order;
        how.fill = mode;
        how.cval = 1;
        how.channels_first = first;
        affine_images<std::uint8_t>(how, x.data(), nullptr, 2, maps.data(), nullptr, y.data(), true);
        for (int64_t i = 0; i < y.size(); ++i) ASSERT_TRUE(y[i] >= -1e-3f && y[i] <= 255.001f);
        how.pad = 2;
        affine_images<double>(how, coefficients.data(), nullptr, 2, maps.data(), nullptr, y.data(), false);
        for (int64_t i = 0; i < y.size(); ++i) ASSERT_NEAR(y[i], 1, 1e-6);  // the weights of a spline add to one
      }
    }
  }
}

}  // namespace
}  // namespace pk
