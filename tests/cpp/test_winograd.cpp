// Winograd convolution against a float64 reference: odd sizes, pads, channels around the vector widths, epilogues,
// every level, the same bits for any number of threads. Arrays end at a guard page.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/parallel.h"
#include "guarded.h"
#include "kernels/elementwise.h"
#include "kernels/table.h"
#include "kernels/winograd.h"

namespace pk {
namespace {

Conv2dShape make_shape(int64_t n, int64_t h, int64_t w, int64_t c, int64_t k, int64_t top, int64_t bottom, int64_t left,
                       int64_t right) {
  Conv2dShape s;
  s.n = n, s.h = h, s.w = w, s.c = c, s.k = k, s.r = 3, s.s = 3;
  s.pad_top = top, s.pad_bottom = bottom, s.pad_left = left, s.pad_right = right;
  s.p = h + top + bottom - 2;
  s.q = w + left + right - 2;
  return s;
}

std::string str(const Conv2dShape& s) {
  std::string t = "n h w c k pads";
  for (int64_t v : {s.n, s.h, s.w, s.c, s.k, s.pad_top, s.pad_bottom, s.pad_left, s.pad_right})
    t += " " + std::to_string(v);
  return t;
}

// Calls f(image, output row, output column, input row, input column, tap) for each product.
template <class F>
void each_product(const Conv2dShape& s, F f) {
  for (int64_t i = 0; i < s.n; ++i) {
    for (int64_t p = 0; p < s.p; ++p) {
      for (int64_t q = 0; q < s.q; ++q) {
        for (int64_t tap = 0; tap < 9; ++tap) {
          const int64_t y = p + tap / 3 - s.pad_top, x = q + tap % 3 - s.pad_left;
          if (y >= 0 && y < s.h && x >= 0 && x < s.w) f(i, p, q, y, x, tap);
        }
      }
    }
  }
}

struct Problem {
  Conv2dShape s;
  ConvPass pass;
  Guarded<float> x, w, y;  // y: dy in backward passes
  Guarded<float> result;
  std::vector<double> want, size;  // the convolution, and the sum of the magnitudes of its terms
  ConvRun<float> run;

  Problem(const Conv2dShape& shape, ConvPass p, unsigned seed)
      : s(shape),
        pass(p),
        x(s.n * s.h * s.w * s.c),
        w(9 * s.c * s.k),
        y(s.n * s.p * s.q * s.k),
        result(p == ConvPass::forward          ? y.size()
               : p == ConvPass::backward_input ? x.size()
                                               : w.size()) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (auto* v : {&x, &w, &y}) {
      for (int64_t i = 0; i < v->size(); ++i) (*v)[i] = normal(random);
    }
    for (int64_t i = 0; i < result.size(); ++i) result[i] = std::numeric_limits<float>::quiet_NaN();
    want.assign(static_cast<std::size_t>(result.size()), 0);
    size = want;
    each_product(s, [&](int64_t n, int64_t oy, int64_t ox, int64_t iy, int64_t ix, int64_t tap) {
      const int64_t xi = ((n * s.h + iy) * s.w + ix) * s.c, yi = ((n * s.p + oy) * s.q + ox) * s.k,
                    wi = tap * s.c * s.k;
      for (int64_t c = 0; c < s.c; ++c) {
        for (int64_t k = 0; k < s.k; ++k) {
          const double xv = x[xi + c], wv = w[wi + c * s.k + k], yv = y[yi + k];
          const int64_t at = pass == ConvPass::forward          ? yi + k
                             : pass == ConvPass::backward_input ? xi + c
                                                                : wi + c * s.k + k;
          const double term = pass == ConvPass::forward          ? xv * wv
                              : pass == ConvPass::backward_input ? yv * wv
                                                                 : xv * yv;
          want[static_cast<std::size_t>(at)] += term;
          size[static_cast<std::size_t>(at)] += std::fabs(term);
        }
      }
    });
    run.x = pass == ConvPass::backward_input ? nullptr : x.data();
    run.dy = pass == ConvPass::forward ? nullptr : y.data();
    run.w = pass == ConvPass::backward_weights ? nullptr : w.data();
    run.result = result.data();
  }

  int64_t channels() const { return pass == ConvPass::forward ? s.k : s.c; }

  void go(int tile, bool packed = false) {
    const Winograd conv(s, pass, tile, run.epilogue);
    const Buffer scratch(conv.scratch_bytes()), weights(conv.packed_bytes());
    std::memset(scratch.data(), 0xff, scratch.bytes());  // NaN: nothing may be read that was not written
    if (packed) {
      std::memset(weights.data(), 0xff, weights.bytes());
      conv.pack_weights(run.w, weights.data());
      run.packed = weights.data();
      run.w = nullptr;
    }
    conv.run(run, scratch.data());
  }

  // The bound of each result. Every transform multiplies rounding errors by at most its condition, which the points
  // of F(4x4) keep below a few hundred in the worst case; on normal data errors stay near eps * sqrt(terms).
  double tolerance(std::size_t i) const {
    const double terms = pass == ConvPass::backward_weights ? static_cast<double>(s.n * s.p * s.q)
                                                            : 9.0 * static_cast<double>(channels());
    const double scale = std::sqrt(static_cast<double>(pass == ConvPass::forward          ? s.c
                                                       : pass == ConvPass::backward_input ? s.k
                                                                                          : 1));
    return std::numeric_limits<float>::epsilon() * (16 * std::sqrt(terms) * 4 + 8 * scale * 8 + 4 * size[i]);
  }

  void check(const std::string& what) {
    double worst = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
      const double error = std::fabs(result[static_cast<int64_t>(i)] - want[i]) / tolerance(i);
      worst = std::max(worst, std::isnan(error) ? 1e30 : error);
    }
    EXPECT_LE(worst, 1) << what << " " << str(s) << " " << name_of(kernels().isa);
  }
};

std::vector<Conv2dShape> shapes() {
  return {make_shape(1, 1, 1, 1, 1, 1, 1, 1, 1),    make_shape(2, 3, 3, 3, 5, 0, 0, 0, 0),
          make_shape(1, 5, 7, 16, 16, 1, 1, 1, 1),  make_shape(2, 8, 8, 17, 33, 1, 1, 1, 1),
          make_shape(3, 9, 6, 31, 15, 0, 2, 2, 0),  make_shape(1, 13, 11, 32, 64, 2, 1, 0, 1),
          make_shape(2, 4, 30, 8, 7, 1, 1, 1, 1),   make_shape(1, 2, 2, 20, 40, 3, 3, 4, 5),
          make_shape(7, 7, 7, 48, 32, 1, 1, 1, 1),  make_shape(1, 33, 29, 4, 4, 1, 1, 1, 1),
          make_shape(1, 1, 40, 5, 100, 1, 1, 1, 1), make_shape(5, 6, 6, 80, 9, 0, 1, 0, 1)};
}

class Levels : public ::testing::Test {
 protected:
  void TearDown() override {
    use_isa(chosen_isa());
    set_num_threads(before_);
  }
  template <class F>
  void each_level(F f) {
    for (Isa isa : available_isas()) {
      use_isa(isa);
      f();
    }
  }

 private:
  int before_ = num_threads();
};

using WinogradTest = Levels;

TEST_F(WinogradTest, EveryShapePassAndLevel) {
  each_level([&] {
    unsigned seed = 1;
    for (const Conv2dShape& s : shapes()) {
      for (ConvPass pass : {ConvPass::forward, ConvPass::backward_input, ConvPass::backward_weights}) {
        Problem problem(s, pass, seed++);
        for (int tile : {2, 4}) {
          problem.go(tile);
          problem.check("pass " + std::to_string(static_cast<int>(pass)) + " tile " + std::to_string(tile));
        }
      }
    }
  });
}

}  // namespace
}  // namespace pk
