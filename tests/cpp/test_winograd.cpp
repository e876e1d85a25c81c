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
#include "calls.h"
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

// The epilogue in float64, from the exact convolution; the tolerance grows with what the epilogue multiplies by.
struct Extras {
  Guarded<float> scale, bias, preact, mask;
  explicit Extras(Problem& p, unsigned seed)
      : scale(p.channels()), bias(p.channels()), preact(p.result.size()), mask(p.result.size()) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<float> uniform(-2, 2);
    for (auto* v : {&scale, &bias, &mask}) {
      for (int64_t i = 0; i < v->size(); ++i) (*v)[i] = uniform(random);
    }
  }
};

double activated(Act act, double alpha, double z) {
  double y = 0;
  activation(act, alpha, DType::f64, &z, &y, 1);
  return y;
}

TEST_F(WinogradTest, Epilogues) {
  struct Form {
    bool scale, bias, preact, mask;
    Act act;
    bool packed;
  };
  const std::vector<Form> forms = {
      {true, false, false, false, Act::linear, false}, {false, true, false, false, Act::relu, true},
      {true, true, false, false, Act::relu, false},    {false, true, true, false, Act::relu, true},
      {true, true, true, false, Act::gelu, false},     {false, false, false, true, Act::linear, false},
      {true, true, true, true, Act::tanh, true},       {false, true, false, true, Act::leaky_relu, false}};
  each_level([&] {
    unsigned seed = 100;
    for (const Conv2dShape& s : {make_shape(2, 7, 9, 20, 37, 1, 1, 1, 1), make_shape(1, 9, 5, 33, 16, 0, 2, 1, 0)}) {
      for (const Form& f : forms) {
        for (ConvPass pass : {ConvPass::forward, ConvPass::backward_input}) {
          for (int tile : {2, 4}) {
            Problem p(s, pass, seed);
            Extras extra(p, seed++);
            ConvEpilogue<float>& e = p.run.epilogue;
            e.scale = f.scale ? extra.scale.data() : nullptr;
            e.bias = f.bias ? extra.bias.data() : nullptr;
            e.preact = f.preact ? extra.preact.data() : nullptr;
            e.mask = f.mask ? extra.mask.data() : nullptr;
            e.act = f.act;
            e.act_alpha = 0.25F;
            p.go(tile, f.packed);
            double worst = 0;
            for (int64_t i = 0; i < p.result.size(); ++i) {
              const std::size_t at = static_cast<std::size_t>(i);
              const double scale = f.scale ? extra.scale[i % p.channels()] : 1;
              const double z = p.want[at] * scale + (f.bias ? extra.bias[i % p.channels()] : 0);
              // Slopes of these activations stay below 1.13.
              const double bound = 1.2 * (std::fabs(scale) * p.tolerance(at) + 8 * std::fabs(z) * 6e-8);
              const double want = f.mask && extra.mask[i] <= 0 ? 0 : activated(f.act, 0.25, z);
              worst = std::max(worst, std::fabs(p.result[i] - want) / bound);
              if (f.preact) worst = std::max(worst, std::fabs(extra.preact[i] - z) / bound);
              if (std::isnan(p.result[i])) worst = 1e30;
            }
            EXPECT_LE(worst, 1) << str(s) << " form " << &f - forms.data() << " pass " << static_cast<int>(pass)
                                << " tile " << tile << " " << name_of(kernels().isa);
          }
        }
      }
    }
  });
}

struct Collected {
  const Conv2dShape& s;
  int64_t multiple;
  std::vector<float> y;
  std::vector<int> seen;
  std::mutex mutex;
  bool good = true;

  static void take(void* ctx, int64_t n, int64_t row, int64_t rows, int64_t k0, int64_t kn, const float* block,
                   int64_t ld) {
    Collected& c = *static_cast<Collected*>(ctx);
    const std::lock_guard<std::mutex> lock(c.mutex);
    if (row % c.multiple != 0 || (rows % c.multiple != 0 && row + rows != c.s.p)) c.good = false;
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t q = 0; q < c.s.q; ++q) {
        for (int64_t j = 0; j < kn; ++j) {
          const auto at = static_cast<std::size_t>(((n * c.s.p + row + i) * c.s.q + q) * c.s.k + k0 + j);
          c.y[at] = block[(i * c.s.q + q) * ld + j];
          ++c.seen[at];
        }
      }
    }
  }
};

TEST_F(WinogradTest, SinkGetsEveryElementOnceWithTheSameBits) {
  each_level([&] {
    for (const Conv2dShape& s : {make_shape(2, 13, 11, 20, 37, 1, 1, 1, 1), make_shape(3, 5, 60, 16, 70, 1, 1, 0, 1)}) {
      for (Act act : {Act::relu, Act::tanh}) {
        for (int tile : {2, 4}) {
          for (int64_t multiple : {1, 2, 3, 8}) {
            Problem p(s, ConvPass::forward, 7);
            Extras extra(p, 8);
            p.run.epilogue.bias = extra.bias.data();
            p.run.epilogue.act = act;
            p.go(tile);
            Collected got{s, multiple, std::vector<float>(p.want.size()), std::vector<int>(p.want.size()), {}};
            p.run.epilogue.sink = {Collected::take, &got, multiple};
            p.run.result = nullptr;
            p.go(tile);
            EXPECT_TRUE(got.good);
            EXPECT_EQ(std::count(got.seen.begin(), got.seen.end(), 1), static_cast<std::ptrdiff_t>(got.seen.size()));
            EXPECT_EQ(std::memcmp(got.y.data(), p.result.data(), got.y.size() * sizeof(float)), 0) << str(s);
          }
        }
      }
    }
  });
}

// Many channels and filters: products position by position, in one block or several, of whole images with a sink.
TEST_F(WinogradTest, DeepLayers) {
  each_level([&] {
    const Conv2dShape s = make_shape(5, 9, 9, 200, 194, 1, 1, 1, 1);
    for (ConvPass pass : {ConvPass::forward, ConvPass::backward_input}) {
      Problem p(s, pass, 9);
      for (int tile : {2, 4}) {
        set_num_threads(1);
        p.go(tile);
        p.check("deep, tile " + std::to_string(tile));
        const std::vector<float> bits(p.result.data(), p.result.data() + p.result.size());
        set_num_threads(2);
        p.go(tile);
        EXPECT_EQ(std::memcmp(bits.data(), p.result.data(), bits.size() * sizeof(float)), 0);
        if (pass == ConvPass::backward_input) continue;
        for (int64_t multiple : {2, 3}) {
          Collected got{s, multiple, std::vector<float>(p.want.size()), std::vector<int>(p.want.size()), {}};
          ConvRun<float> before = p.run;
          p.run.epilogue.sink = {Collected::take, &got, multiple};
          p.run.result = nullptr;
          p.go(tile);
          p.run = before;
          EXPECT_TRUE(got.good);
          EXPECT_EQ(std::count(got.seen.begin(), got.seen.end(), 1), static_cast<std::ptrdiff_t>(got.seen.size()));
          EXPECT_EQ(std::memcmp(got.y.data(), bits.data(), bits.size() * sizeof(float)), 0);
        }
      }
    }
  });
}

TEST_F(WinogradTest, BiasGradient) {
  each_level([&] {
    for (const Conv2dShape& s : {make_shape(3, 9, 7, 5, 37, 1, 1, 1, 1), make_shape(2, 40, 40, 40, 3, 0, 0, 0, 0)}) {
      for (int tile : {2, 4}) {
        Problem p(s, ConvPass::backward_weights, 3);
        Guarded<float> dbias(s.k);
        p.run.epilogue.dbias = dbias.data();
        p.go(tile);
        p.check("with dbias");
        for (int64_t k = 0; k < s.k; ++k) {
          double want = 0, size = 0;
          for (int64_t i = k; i < p.y.size(); i += s.k) want += p.y[i], size += std::fabs(p.y[i]);
          EXPECT_NEAR(dbias[k], want, size * 6e-8 * 16) << str(s);
        }
      }
    }
  });
}

TEST_F(WinogradTest, NoImages) {
  const Conv2dShape s = make_shape(0, 8, 8, 16, 16, 1, 1, 1, 1);
  for (int tile : {2, 4}) {
    for (ConvPass pass : {ConvPass::forward, ConvPass::backward_input, ConvPass::backward_weights}) {
      Problem p(s, pass, 1);
      std::vector<float> dbias(16, 1);
      if (pass == ConvPass::backward_weights) p.run.epilogue.dbias = dbias.data();
      p.go(tile);
      for (int64_t i = 0; i < p.result.size(); ++i) EXPECT_EQ(p.result[i], 0);
      if (pass == ConvPass::backward_weights) {
        EXPECT_EQ(std::count(dbias.begin(), dbias.end(), 0), 16);
      }
    }
  }
}

TEST_F(WinogradTest, SameBitsForAnyNumberOfThreads) {
  const std::vector<Conv2dShape> all = {make_shape(2, 40, 36, 40, 72, 1, 1, 1, 1),
                                        make_shape(1, 14, 14, 96, 160, 1, 1, 1, 1)};
  for (const Conv2dShape& s : all) {
    for (int tile : {2, 4}) {
      for (ConvPass pass : {ConvPass::forward, ConvPass::backward_input, ConvPass::backward_weights}) {
        Problem p(s, pass, 5);
        std::vector<float> dbias(static_cast<std::size_t>(s.k)), bits;
        if (pass == ConvPass::backward_weights) p.run.epilogue.dbias = dbias.data();
        for (int threads : {1, 2, 3}) {
          set_num_threads(threads);
          p.go(tile);
          std::vector<float> now(p.result.data(), p.result.data() + p.result.size());
          now.insert(now.end(), dbias.begin(), dbias.end());
          if (bits.empty()) bits = now;
          EXPECT_EQ(std::memcmp(bits.data(), now.data(), now.size() * sizeof(float)), 0) << str(s);
        }
      }
    }
  }
}

// Direct convolution in float, a chain of multiply-adds for each result, as the direct path computes it.
std::vector<float> direct(const Problem& p) {
  const Conv2dShape& s = p.s;
  std::vector<float> y(p.want.size());
  each_product(s, [&](int64_t n, int64_t oy, int64_t ox, int64_t iy, int64_t ix, int64_t tap) {
    const float* x = p.x.data() + ((n * s.h + iy) * s.w + ix) * s.c;
    const float* dy = p.y.data() + ((n * s.p + oy) * s.q + ox) * s.k;
    for (int64_t c = 0; c < s.c; ++c) {
      for (int64_t k = 0; k < s.k; ++k) {
        const int64_t wi = (tap * s.c + c) * s.k + k;
        const int64_t yi = ((n * s.p + oy) * s.q + ox) * s.k + k, xi = ((n * s.h + iy) * s.w + ix) * s.c + c;
        float& to = y[static_cast<std::size_t>(p.pass == ConvPass::forward          ? yi
                                               : p.pass == ConvPass::backward_input ? xi
                                                                                    : wi)];
        to = p.pass == ConvPass::forward          ? std::fma(x[c], p.w.data()[wi], to)
             : p.pass == ConvPass::backward_input ? std::fma(dy[k], p.w.data()[wi], to)
                                                  : std::fma(x[c], dy[k], to);
      }
    }
  });
  return y;
}

// Issue 3, point 2: at most 5 times the error of the direct path on normal data.
TEST_F(WinogradTest, ErrorIsWithinFiveTimesTheDirectPath) {
  for (const Conv2dShape& s : {make_shape(1, 24, 24, 64, 64, 1, 1, 1, 1), make_shape(2, 28, 28, 16, 32, 1, 1, 1, 1),
                               make_shape(1, 12, 12, 128, 64, 1, 1, 1, 1)}) {
    for (ConvPass pass : {ConvPass::forward, ConvPass::backward_input, ConvPass::backward_weights}) {
      Problem p(s, pass, 11);
      const std::vector<float> plain = direct(p);
      const auto errors = [&](const float* got) {
        double most = 0, sum = 0;
        for (std::size_t i = 0; i < p.want.size(); ++i) {
          const double e = std::fabs(got[i] - p.want[i]);
          most = std::max(most, e);
          sum += e * e;
        }
        return std::pair<double, double>(most, std::sqrt(sum / static_cast<double>(p.want.size())));
      };
      const auto reference = errors(plain.data());
      for (int tile : {2, 4}) {
        p.go(tile);
        const auto mine = errors(p.result.data());
        RecordProperty("error ratio", std::to_string(mine.second / reference.second));
        EXPECT_LE(mine.first, 5 * reference.first) << str(s) << " tile " << tile;
        EXPECT_LE(mine.second, 5 * reference.second) << str(s) << " tile " << tile;
      }
    }
  }
}

TEST_F(WinogradTest, RefusesWhatItCannotDo) {
  Conv2dShape s = make_shape(1, 8, 8, 4, 4, 1, 1, 1, 1);
  EXPECT_TRUE(Winograd::applies(s, ConvPass::forward));
  EXPECT_THROW(Winograd(s, ConvPass::forward, 3, {}), std::invalid_argument);
  s.stride_h = 2;
  EXPECT_FALSE(Winograd::applies(s, ConvPass::forward));
  EXPECT_THROW(Winograd(s, ConvPass::forward, 4, {}), std::invalid_argument);
}

}  // namespace
}  // namespace pk
