// Convolutions by their definition, in double: what the tests compare with. Every sum comes with the sum of the terms'
// sizes, for the error bound.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels/conv2d.h"

namespace pk::conv_reference {

struct Sums {
  std::vector<double> sum, size;
  explicit Sums(int64_t n) : sum(static_cast<std::size_t>(n)), size(sum.size()) {}
  void add(int64_t at, double term) {
    sum[static_cast<std::size_t>(at)] += term;
    size[static_cast<std::size_t>(at)] += std::fabs(term);
  }
};

// f(index in x, index in w, index in y) for every product of the convolution.
template <class F>
void each_product(const Conv2dShape& s, F f) {
  const int64_t cg = s.c / s.groups, kg = s.k / s.groups;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t p = 0; p < s.p; ++p) {
      for (int64_t q = 0; q < s.q; ++q) {
        for (int64_t r = 0; r < s.r; ++r) {
          for (int64_t t = 0; t < s.s; ++t) {
            const int64_t h = p * s.stride_h - s.pad_top + r * s.dilation_h;
            const int64_t w = q * s.stride_w - s.pad_left + t * s.dilation_w;
            if (h < 0 || h >= s.h || w < 0 || w >= s.w) continue;
            for (int64_t c = 0; c < cg; ++c) {
              for (int64_t k = 0; k < s.k; ++k) {
                f(((n * s.h + h) * s.w + w) * s.c + k / kg * cg + c, ((r * s.s + t) * cg + c) * s.k + k,
                  ((n * s.p + p) * s.q + q) * s.k + k);
              }
            }
          }
        }
      }
    }
  }
}

inline int64_t x_size(const Conv2dShape& s) { return s.n * s.h * s.w * s.c; }
inline int64_t w_size(const Conv2dShape& s) { return s.r * s.s * (s.c / s.groups) * s.k; }
inline int64_t y_size(const Conv2dShape& s) { return s.n * s.p * s.q * s.k; }

// Sets p and q; false where the window does not fit.
inline bool set_output(Conv2dShape& s) {
  const int64_t h = s.h + s.pad_top + s.pad_bottom - (s.r - 1) * s.dilation_h - 1;
  const int64_t w = s.w + s.pad_left + s.pad_right - (s.s - 1) * s.dilation_w - 1;
  s.p = h / s.stride_h + 1, s.q = w / s.stride_w + 1;
  return h >= 0 && w >= 0;
}

inline std::string str(const Conv2dShape& s) {
  const auto t = [](int64_t v) { return std::to_string(v); };
  return "x (" + t(s.n) + ", " + t(s.h) + ", " + t(s.w) + ", " + t(s.c) + ") w (" + t(s.r) + ", " + t(s.s) + ", " +
         t(s.c / s.groups) + ", " + t(s.k) + ") strides " + t(s.stride_h) + ", " + t(s.stride_w) + " dilation " +
         t(s.dilation_h) + ", " + t(s.dilation_w) + " pads " + t(s.pad_top) + ", " + t(s.pad_bottom) + ", " +
         t(s.pad_left) + ", " + t(s.pad_right) + " groups " + t(s.groups);
}

}  // namespace pk::conv_reference
