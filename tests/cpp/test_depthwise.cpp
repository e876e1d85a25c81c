// Depthwise convolution against plain loops in double, for every ISA level of this machine.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/cpu.h"
#include "base/parallel.h"
#include "guarded.h"
#include "kernels/depthwise.h"
#include "kernels/table.h"

namespace pk {
namespace {

class Depthwise : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { use_isa(GetParam()); }
  void TearDown() override {
    use_isa(chosen_isa());
    set_num_threads(threads_);
  }
  int threads_ = num_threads();
};

struct Pads {
  int64_t top = 0, bottom = 0, left = 0, right = 0;
};
Conv2dShape shape_of(int64_t n, int64_t h, int64_t w, int64_t c, int64_t m, int64_t r, int64_t s, int64_t stride,
                     int64_t dilation, Pads pads) {
  Conv2dShape g;
  g.n = n, g.h = h, g.w = w, g.c = g.groups = c, g.k = c * m, g.r = r, g.s = s;
  g.stride_h = g.stride_w = stride;
  g.dilation_h = g.dilation_w = dilation;
  g.pad_top = pads.top, g.pad_bottom = pads.bottom, g.pad_left = pads.left, g.pad_right = pads.right;
  g.p = (h + pads.top + pads.bottom - (r - 1) * dilation - 1) / stride + 1;
  g.q = (w + pads.left + pads.right - (s - 1) * dilation - 1) / stride + 1;
  return g;
}

std::vector<Conv2dShape> shapes() {
  std::vector<Conv2dShape> all;
  for (const int64_t c : {1, 7, 16, 35}) {
    for (const int64_t m : {1, 2}) {
      all.push_back(shape_of(2, 6, 7, c, m, 3, 3, 1, 1, {1, 1, 1, 1}));
      all.push_back(shape_of(1, 7, 8, c, m, 3, 3, 2, 1, {0, 1, 0, 1}));
      all.push_back(shape_of(1, 9, 8, c, m, 5, 5, 1, 1, {2, 2, 2, 2}));
      all.push_back(shape_of(1, 9, 11, c, m, 3, 2, 2, 3, {3, 2, 5, 0}));
      all.push_back(shape_of(1, 2, 2, c, m, 1, 1, 3, 1, {0, 2, 4, 0}));  // outputs that see nothing
      all.push_back(shape_of(0, 4, 4, c, m, 3, 3, 1, 1, {0, 0, 0, 0}));
    }
  }
  all.push_back(shape_of(1, 36, 3, 3, 1, 35, 2, 1, 1, {0, 0, 0, 0}));  // more rows than are held without allocation
  return all;
}

template <class F>
void each(const Conv2dShape& g, F&& f) {
  const int64_t m = g.k / g.c;
  for (int64_t n = 0; n < g.n; ++n)
    for (int64_t p = 0; p < g.p; ++p)
      for (int64_t q = 0; q < g.q; ++q)
        for (int64_t r = 0; r < g.r; ++r)
          for (int64_t s = 0; s < g.s; ++s) {
            const int64_t h = p * g.stride_h - g.pad_top + r * g.dilation_h,
                          w = q * g.stride_w - g.pad_left + s * g.dilation_w;
            if (h < 0 || w < 0 || h >= g.h || w >= g.w) continue;
            for (int64_t k = 0; k < g.k; ++k) {
              f(((n * g.h + h) * g.w + w) * g.c + k / m, (r * g.s + s) * g.k + k, ((n * g.p + p) * g.q + q) * g.k + k);
            }
          }
}

template <class T>
void fill(Guarded<T>& x, unsigned seed) {
  std::mt19937 rng(seed);
  std::uniform_real_distribution<double> u(-1, 1);
  for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(u(rng));
}

template <class T>
void expect_near(Guarded<T>& got, const std::vector<double>& want, int64_t terms) {
  const double allowed = static_cast<double>(std::numeric_limits<T>::epsilon()) * static_cast<double>(terms + 2);
  for (int64_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(static_cast<double>(got[i]), want[static_cast<std::size_t>(i)], allowed) << i;
}

template <class T>
void check(const Conv2dShape& g) {
  const DType t = dtype_of<T>::value;
  Guarded<T> x(g.n * g.h * g.w * g.c), w(g.r * g.s * g.k), y(g.n * g.p * g.q * g.k), dx(x.size()), dw(w.size()),
      dy(y.size()), dbias(g.k);
  fill(x, 1);
  fill(w, 2);
  fill(dy, 3);
  std::vector<double> want_y(static_cast<std::size_t>(y.size()), 0), want_dx(static_cast<std::size_t>(x.size()), 0),
      want_dw(static_cast<std::size_t>(w.size()), 0), want_bias(static_cast<std::size_t>(g.k), 0);
  each(g, [&](int64_t i, int64_t j, int64_t o) {
    want_y[o] += static_cast<double>(x[i]) * static_cast<double>(w[j]);
    want_dx[i] += static_cast<double>(dy[o]) * static_cast<double>(w[j]);
    want_dw[j] += static_cast<double>(dy[o]) * static_cast<double>(x[i]);
  });
  for (int64_t o = 0; o < dy.size(); ++o) want_bias[o % g.k] += static_cast<double>(dy[o]);
  const DepthwiseConv forward(t, g, ConvPass::forward), input(t, g, ConvPass::backward_input),
      weights(t, g, ConvPass::backward_weights);
  forward.forward(x.data(), w.data(), {}, y.data(), Buffer(forward.scratch_bytes()).data());
  expect_near(y, want_y, g.r * g.s);
  input.backward_input(dy.data(), w.data(), {}, dx.data(), Buffer(input.scratch_bytes()).data());
  expect_near(dx, want_dx, g.r * g.s * (g.k / g.c));
  weights.backward_weights(x.data(), dy.data(), dw.data(), dbias.data(), Buffer(weights.scratch_bytes()).data());
  expect_near(dw, want_dw, g.n * g.p * g.q);
  expect_near(dbias, want_bias, g.n * g.p * g.q);

  Guarded<T> scale(g.k), bias(g.k), mask(x.size()), plain(x.size());
  fill(scale, 4);
  fill(bias, 5);
  fill(mask, 6);
  DepthwiseEpilogue e;
  e.scale = scale.data();
  e.bias = bias.data();
  e.act = Act::relu;
  for (int64_t o = 0; o < y.size(); ++o) {
    double& v = want_y[static_cast<std::size_t>(o)];
    v = std::fmax(0, v * static_cast<double>(scale[o % g.k]) + static_cast<double>(bias[o % g.k]));
  }
  forward.forward(x.data(), w.data(), e, y.data(), Buffer(forward.scratch_bytes()).data());
  expect_near(y, want_y, g.r * g.s + 2);
  DepthwiseEpilogue masked;
  masked.mask = mask.data();
  input.backward_input(dy.data(), w.data(), masked, plain.data(), Buffer(input.scratch_bytes()).data());
  for (int64_t i = 0; i < dx.size(); ++i) ASSERT_EQ(plain[i], mask[i] > 0 ? dx[i] : T(0)) << i;
}

TEST_P(Depthwise, Passes) {
  for (const Conv2dShape& g : shapes()) {
    SCOPED_TRACE(::testing::Message() << g.n << "x" << g.h << "x" << g.w << "x" << g.c << " -> " << g.k << ", window "
                                      << g.r << "x" << g.s << ", stride " << g.stride_h << ", dilation "
                                      << g.dilation_h);
    check<float>(g);
    check<double>(g);
  }
}

TEST_P(Depthwise, SameBitsForAnyNumberOfThreads) {
  for (const Conv2dShape& g :
       {shape_of(3, 40, 41, 48, 1, 3, 3, 1, 1, {1, 1, 1, 1}), shape_of(5, 30, 31, 20, 2, 3, 3, 2, 1, {0, 1, 0, 1})}) {
    std::vector<float> x(static_cast<std::size_t>(g.n * g.h * g.w * g.c)), w(static_cast<std::size_t>(g.r * g.s * g.k)),
        dy(static_cast<std::size_t>(g.n * g.p * g.q * g.k)), first;
    std::mt19937 rng(1);
    for (auto* v : {&x, &w, &dy}) {
      for (float& e : *v) e = static_cast<float>(rng() % 1000) / 700 - 0.5F;
    }
    const DepthwiseConv forward(DType::f32, g, ConvPass::forward), input(DType::f32, g, ConvPass::backward_input),
        weights(DType::f32, g, ConvPass::backward_weights);
    for (const int threads : {1, 2}) {
      set_num_threads(threads);
      std::vector<float> y(dy.size()), dx(x.size()), dw(w.size()), dbias(static_cast<std::size_t>(g.k));
      forward.forward(x.data(), w.data(), {}, y.data(), Buffer(forward.scratch_bytes()).data());
      input.backward_input(dy.data(), w.data(), {}, dx.data(), Buffer(input.scratch_bytes()).data());
      weights.backward_weights(x.data(), dy.data(), dw.data(), dbias.data(), Buffer(weights.scratch_bytes()).data());
      for (const auto* v : {&dx, &dw, &dbias}) y.insert(y.end(), v->begin(), v->end());
      if (threads == 1) first = y;
      EXPECT_EQ(std::memcmp(first.data(), y.data(), y.size() * 4), 0);
    }
  }
}

TEST(DepthwiseShapes, Refused) {
  const Conv2dShape good = shape_of(1, 4, 4, 3, 2, 3, 3, 1, 1, {});
  EXPECT_NO_THROW(DepthwiseConv(DType::f32, good, ConvPass::forward));
  EXPECT_THROW(DepthwiseConv(DType::i32, good, ConvPass::forward), std::invalid_argument);
  Conv2dShape bad = good;
  bad.groups = 1;
  EXPECT_THROW(DepthwiseConv(DType::f32, bad, ConvPass::forward), std::invalid_argument);
  bad = good;
  bad.p = 3;
  EXPECT_THROW(DepthwiseConv(DType::f32, bad, ConvPass::backward_input), std::invalid_argument);
  bad = good;
  bad.dilation_w = 0;
  EXPECT_THROW(DepthwiseConv(DType::f32, bad, ConvPass::backward_weights), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Levels, Depthwise, ::testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace pk
