// Convolution against its definition in double: every level, pass and epilogue, odd shapes. Arrays end at a guard page.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/parallel.h"
#include "conv2d_reference.h"
#include "guarded.h"
#include "kernels/conv2d.h"
#include "kernels/table.h"

namespace pk {
namespace {

using namespace conv_reference;

enum class Extra { none, bias, scale_bias_relu, tanh_preact, relu_preact, mask, everything };

template <class T>
struct Problem {
  Conv2dShape s;
  ConvPass pass;
  ConvAlgorithm algorithm = ConvAlgorithm::direct;
  Guarded<T> x, w, y, scale, bias, preact, mask, dbias;
  ConvRun<T> args;
  bool packed = false;

  static int64_t channels(const Conv2dShape& s, ConvPass p) { return p == ConvPass::backward_input ? s.c : s.k; }
  static int64_t result_size(const Conv2dShape& s, ConvPass p) {
    return p == ConvPass::forward ? y_size(s) : p == ConvPass::backward_input ? x_size(s) : w_size(s);
  }

  Problem(const Conv2dShape& shape, ConvPass p, Extra extra, unsigned seed)
      : s(shape),
        pass(p),
        x(x_size(s)),
        w(w_size(s)),
        y(y_size(s)),
        scale(channels(s, p)),
        bias(channels(s, p)),
        preact(result_size(s, p)),
        mask(result_size(s, p)),
        dbias(s.k) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<T> uniform(-1, 1);
    for (auto* v : {&x, &w, &y, &scale, &bias, &mask}) {
      for (int64_t i = 0; i < v->size(); ++i) (*v)[i] = uniform(random);
    }
    for (int64_t i = 0; i < mask.size(); i += 3) mask[i] = 0;
    // What is overwritten must not be read.
    for (auto* v : {&result(), &preact, &dbias}) {
      for (int64_t i = 0; i < v->size(); ++i) (*v)[i] = std::numeric_limits<T>::quiet_NaN();
    }
    args.x = x.data(), args.w = w.data(), args.dy = y.data(), args.result = result().data();
    ConvEpilogue<T>& e = args.epilogue;
    if (pass == ConvPass::backward_weights) {
      if (extra != Extra::none) e.dbias = dbias.data();
      return;
    }
    const bool all = extra == Extra::everything;
    if (extra == Extra::scale_bias_relu || all) e.scale = scale.data();
    if (extra == Extra::bias || extra == Extra::scale_bias_relu || all) e.bias = bias.data();
    if (extra == Extra::scale_bias_relu || extra == Extra::relu_preact) e.act = Act::relu;
    if (extra == Extra::tanh_preact || all) e.act = Act::tanh;
    if (extra == Extra::tanh_preact || extra == Extra::relu_preact || all) e.preact = preact.data();
    if (extra == Extra::mask || all) e.mask = mask.data();
  }

  Guarded<T>& result() { return pass == ConvPass::forward ? y : pass == ConvPass::backward_input ? x : w; }

  void run() {
    const PlannedConv2d<T> plan(s, pass, algorithm, args.epilogue);
    const Buffer scratch(plan.scratch_bytes()), weights(plan.packed_bytes());
    if (scratch.bytes() > 0) std::memset(scratch.data(), 0xff, scratch.bytes());  // NaN
    ConvRun<T> r = args;
    if (packed && plan.packed_bytes() > 0) {
      plan.pack_weights(args.w, weights.data());
      r.packed = weights.data();
      r.w = nullptr;
    }
    plan.run(r, scratch.data());
  }
};

// Rounding errors of a sum of n terms in any order are at most about n eps times the terms' sizes; at random they grow
// with the root of n.
double tolerance(double eps, double size, double terms) { return eps * size * (4 + std::sqrt(terms)); }

template <class T>
void expect_right(Problem<T>& p) {
  const Conv2dShape& s = p.s;
  const double eps = std::numeric_limits<T>::epsilon();
  Sums want(Problem<T>::result_size(s, p.pass)), dbias(s.k);
  each_product(s, [&](int64_t x, int64_t w, int64_t y) {
    if (p.pass == ConvPass::forward) {
      want.add(y, static_cast<double>(p.x[x]) * p.w[w]);
    } else if (p.pass == ConvPass::backward_input) {
      want.add(x, static_cast<double>(p.y[y]) * p.w[w]);
    } else {
      want.add(w, static_cast<double>(p.x[x]) * p.y[y]);
    }
  });
  for (int64_t i = 0; i < y_size(s) && p.args.epilogue.dbias != nullptr; ++i) dbias.add(i % s.k, p.y[i]);
  p.run();
  const ConvEpilogue<T>& e = p.args.epilogue;
  const int64_t channels = Problem<T>::channels(s, p.pass);
  const double terms =
      static_cast<double>(p.pass == ConvPass::backward_weights ? s.n * s.p * s.q : s.r * s.s * (s.c + s.k) / s.groups);
  for (std::size_t i = 0; i < want.sum.size(); ++i) {
    const int64_t at = static_cast<int64_t>(i), channel = at % channels;
    double z = want.sum[i], size = want.size[i];
    if (e.scale != nullptr) z *= p.scale[channel], size *= std::fabs(p.scale[channel]);
    if (e.bias != nullptr) z += p.bias[channel], size += std::fabs(p.bias[channel]);
    const double tol = tolerance(eps, size, terms) + (e.act == Act::tanh ? 4 * eps : 0);
    if (e.preact != nullptr) {
      ASSERT_NEAR(p.preact[at], z, tol) << "value before the activation " << i;
    }
    if (e.act == Act::relu) z = std::max(z, 0.0);
    if (e.act == Act::tanh) z = std::tanh(z);
    if (e.mask != nullptr && p.mask[at] <= 0) {
      ASSERT_EQ(p.result()[at], 0) << "masked " << i;
      continue;
    }
    ASSERT_NEAR(p.result()[at], z, tol) << i;
  }
  for (int64_t k = 0; k < s.k && e.dbias != nullptr; ++k) {
    const auto i = static_cast<std::size_t>(k);
    ASSERT_NEAR(p.dbias[k], dbias.sum[i], tolerance(eps, dbias.size[i], terms)) << "dbias " << k;
  }
}

Conv2dShape conv_shape(int64_t n, int64_t h, int64_t w, int64_t c, int64_t r, int64_t s, int64_t k) {
  Conv2dShape v;
  v.n = n, v.h = h, v.w = w, v.c = c, v.r = r, v.s = s, v.k = k;
  v.p = h - r + 1, v.q = w - s + 1;
  return v;
}
Conv2dShape same(Conv2dShape s) {
  s.pad_top = (s.r - 1) / 2, s.pad_bottom = s.r / 2, s.pad_left = (s.s - 1) / 2, s.pad_right = s.s / 2;
  set_output(s);
  return s;
}
Conv2dShape strided(Conv2dShape s, int64_t h, int64_t w) {
  s.stride_h = h, s.stride_w = w;
  set_output(s);
  return s;
}
Conv2dShape dilated(Conv2dShape s, int64_t h, int64_t w) {
  s.dilation_h = h, s.dilation_w = w;
  set_output(s);
  return s;
}
Conv2dShape grouped(Conv2dShape s, int64_t groups) {
  s.groups = groups;
  return s;
}

std::vector<Conv2dShape> shapes() {
  std::vector<Conv2dShape> v = {
      conv_shape(1, 1, 1, 1, 1, 1, 1),
      conv_shape(2, 5, 4, 3, 1, 1, 7),
      conv_shape(1, 7, 9, 3, 3, 3, 33),
      same(conv_shape(2, 30, 30, 3, 3, 3, 32)),
      same(conv_shape(1, 28, 28, 1, 5, 5, 6)),
      same(conv_shape(3, 7, 7, 20, 3, 3, 47)),
      same(conv_shape(5, 4, 4, 17, 3, 3, 64)),
      same(conv_shape(9, 2, 2, 8, 3, 3, 16)),
      same(conv_shape(4, 1, 1, 5, 3, 3, 9)),
      same(conv_shape(2, 6, 5, 15, 2, 4, 31)),
      same(conv_shape(2, 17, 1, 4, 5, 1, 65)),
      same(conv_shape(2, 1, 40, 16, 1, 7, 15)),
      conv_shape(2, 6, 29, 16, 2, 2, 48),  // in place
      // In place, with borders: one edge on either side, several, none on one side; chunks that miss rows of the
      // window.
      same(conv_shape(2, 15, 16, 16, 3, 3, 33)),
      same(conv_shape(1, 31, 29, 32, 3, 3, 16)),
      same(conv_shape(1, 7, 28, 16, 5, 7, 20)),
      same(conv_shape(1, 3, 20, 384, 3, 3, 33)),
      strided(same(conv_shape(1, 30, 30, 32, 3, 3, 32)), 2, 2),
      dilated(same(conv_shape(1, 9, 17, 16, 3, 3, 32)), 2, 1),
      same(conv_shape(0, 8, 8, 4, 3, 3, 8)),
      same(conv_shape(1, 3, 3, 2, 7, 7, 5)),
      same(conv_shape(1, 5, 6, 512, 3, 3, 34)),
      same(conv_shape(1, 3, 3, 1024, 3, 3, 20)),  // several chunks
      strided(same(conv_shape(2, 13, 12, 9, 3, 3, 18)), 2, 2),
      strided(conv_shape(2, 12, 13, 6, 1, 1, 40), 2, 3),
      strided(same(conv_shape(1, 11, 11, 5, 5, 5, 12)), 3, 2),
      strided(conv_shape(1, 10, 10, 4, 2, 2, 8), 4, 5),  // pixels that no window covers
      strided(same(conv_shape(1, 35, 35, 3, 7, 7, 17)), 2, 2),
      dilated(conv_shape(1, 12, 15, 5, 3, 3, 20), 2, 3),
      dilated(same(conv_shape(1, 12, 9, 5, 3, 2, 20)), 1, 2),
      strided(dilated(same(conv_shape(2, 16, 17, 3, 3, 3, 10)), 2, 3), 3, 2),
      strided(dilated(same(conv_shape(1, 17, 16, 3, 3, 4, 10)), 2, 2), 4, 2),
      grouped(same(conv_shape(2, 9, 9, 8, 3, 3, 12)), 4),
      grouped(same(conv_shape(1, 8, 8, 6, 3, 3, 6)), 6),
      grouped(strided(same(conv_shape(1, 9, 20, 64, 3, 3, 96)), 2, 1), 2),
      grouped(conv_shape(3, 5, 5, 34, 1, 1, 66), 2),
  };
  Conv2dShape uneven = conv_shape(2, 9, 8, 7, 3, 3, 19);
  uneven.pad_top = 4, uneven.pad_bottom = 0, uneven.pad_left = 1, uneven.pad_right = 5;
  set_output(uneven);
  v.push_back(uneven);
  return v;
}

const ConvPass passes[] = {ConvPass::forward, ConvPass::backward_input, ConvPass::backward_weights};

template <class T>
void check_everywhere(const std::vector<Conv2dShape>& list, std::vector<Extra> extras) {
  for (const Isa isa : available_isas()) {
    use_isa(isa);
    unsigned seed = 1;
    for (const Conv2dShape& s : list) {
      for (const ConvPass pass : passes) {
        for (const Extra extra : extras) {
          SCOPED_TRACE(std::string(name_of(isa)) + " pass " + std::to_string(static_cast<int>(pass)) + " extra " +
                       std::to_string(static_cast<int>(extra)) + " " + str(s));
          Problem<T> p(s, pass, extra, seed++);
          p.packed = seed % 2 == 0;
          expect_right(p);
          if (testing::Test::HasFatalFailure()) return use_isa(chosen_isa());
        }
      }
    }
  }
  use_isa(chosen_isa());
}

TEST(Conv2d, FloatIsTheDefinition) { check_everywhere<float>(shapes(), {Extra::none}); }

TEST(Conv2d, DoubleIsTheDefinition) { check_everywhere<double>(shapes(), {Extra::none, Extra::everything}); }

TEST(Conv2d, Epilogues) {
  check_everywhere<float>(
      {same(conv_shape(2, 15, 15, 5, 3, 3, 37)), strided(conv_shape(1, 9, 9, 18, 2, 2, 16), 3, 3),
       grouped(same(conv_shape(2, 5, 5, 34, 3, 3, 34)), 2), same(conv_shape(1, 4, 4, 1024, 3, 3, 33)),
       same(conv_shape(0, 4, 4, 4, 3, 3, 4))},
      {Extra::bias, Extra::scale_bias_relu, Extra::tanh_preact, Extra::relu_preact, Extra::mask, Extra::everything});
}

TEST(Conv2d, RandomShapes) {
  std::mt19937 random(7);
  const auto draw = [&](int64_t from, int64_t to) { return std::uniform_int_distribution<int64_t>(from, to)(random); };
  std::vector<Conv2dShape> list;
  while (list.size() < 150) {
    Conv2dShape s;
    s.n = draw(1, 5), s.h = draw(1, 20), s.w = draw(1, 40);
    s.groups = draw(1, 4) == 1 ? draw(2, 3) : 1;
    s.c = s.groups * draw(1, 20), s.k = s.groups * draw(1, 40);
    s.r = draw(1, 5), s.s = draw(1, 5);
    s.stride_h = draw(1, 3), s.stride_w = draw(1, 3);
    s.dilation_h = draw(1, 3), s.dilation_w = draw(1, 3);
    s.pad_top = draw(0, 4), s.pad_bottom = draw(0, 4), s.pad_left = draw(0, 4), s.pad_right = draw(0, 4);
    if (set_output(s)) list.push_back(s);
  }
  check_everywhere<float>(list, {Extra::everything});
}

TEST(Conv2d, OneByOneAsAProduct) {
  const Conv2dShape s = conv_shape(3, 7, 9, 21, 1, 1, 37);
  for (const ConvPass pass : passes) {
    for (const Extra extra : {Extra::none, Extra::bias, Extra::tanh_preact, Extra::mask, Extra::everything}) {
      Problem<float> p(s, pass, extra, 3);
      p.algorithm = ConvAlgorithm::gemm;
      p.packed = extra == Extra::bias;
      expect_right(p);
      Problem<double> d(s, pass, extra, 3);
      d.algorithm = ConvAlgorithm::automatic;
      expect_right(d);
    }
  }
}

// The same bits where the result takes the mask's place; a plan that says it may is there for direct and Winograd.
TEST(Conv2d, ResultOverMask) {
  for (const Isa isa : available_isas()) {
    use_isa(isa);
    for (const ConvAlgorithm algorithm :
         {ConvAlgorithm::direct, ConvAlgorithm::winograd2, ConvAlgorithm::winograd4, ConvAlgorithm::automatic}) {
      int overlaid = 0;
      for (const Conv2dShape& s : {conv_shape(2, 9, 11, 5, 3, 3, 7), conv_shape(1, 6, 5, 40, 3, 3, 35),
                                   conv_shape(3, 13, 17, 64, 3, 3, 200), conv_shape(1, 5, 5, 3, 3, 3, 1024)}) {
        Problem<float> p(s, ConvPass::backward_input, Extra::mask, 5);
        p.algorithm = algorithm;
        p.run();
        const std::vector<float> want(p.x.data(), p.x.data() + p.x.size());
        if (!PlannedConv2d<float>(s, p.pass, algorithm, p.args.epilogue).result_over_mask()) continue;
        ++overlaid;
        p.args.epilogue.mask = p.x.data();
        std::copy(p.mask.data(), p.mask.data() + p.mask.size(), p.x.data());
        p.run();
        EXPECT_EQ(std::memcmp(want.data(), p.x.data(), want.size() * sizeof(float)), 0) << static_cast<int>(algorithm);
      }
      EXPECT_GT(overlaid, 0) << static_cast<int>(algorithm);
    }
  }
  use_isa(chosen_isa());
}

TEST(Conv2d, SameBitsForAnyNumberOfThreads) {
  const int before = num_threads();
  for (const Conv2dShape& s :
       {same(conv_shape(4, 56, 56, 16, 3, 3, 32)), same(conv_shape(1, 14, 14, 128, 3, 3, 128)),
        same(conv_shape(9, 7, 7, 64, 3, 3, 96)), strided(same(conv_shape(2, 57, 40, 12, 3, 3, 40)), 2, 2)}) {
    for (const ConvPass pass : passes) {
      std::vector<float> bits[3];
      for (const int threads : {1, 2, 3}) {
        set_num_threads(threads);
        Problem<float> p(s, pass, Extra::bias, 5);
        p.run();
        bits[threads - 1].assign(p.result().data(), p.result().data() + p.result().size());
        if (p.args.epilogue.dbias != nullptr) {
          bits[threads - 1].insert(bits[threads - 1].end(), p.dbias.data(), p.dbias.data() + s.k);
        }
      }
      for (const int i : {1, 2}) {
        EXPECT_EQ(std::memcmp(bits[0].data(), bits[i].data(), bits[0].size() * sizeof(float)), 0) << str(s);
      }
    }
  }
  set_num_threads(before);
}

struct Collected {
  const Conv2dShape* s;
  int64_t multiple;
  std::vector<float> y;
  std::vector<int> times;

  static void take(void* ctx, int64_t n, int64_t row, int64_t rows, int64_t k0, int64_t kn, const float* block,
                   int64_t ld) {
    Collected& c = *static_cast<Collected*>(ctx);
    const Conv2dShape& s = *c.s;
    EXPECT_EQ(row % c.multiple, 0);
    EXPECT_TRUE(rows % c.multiple == 0 || row + rows == s.p);
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t q = 0; q < s.q; ++q) {
        for (int64_t j = 0; j < kn; ++j) {
          const auto at = static_cast<std::size_t>(((n * s.p + row + i) * s.q + q) * s.k + k0 + j);
          c.y[at] = block[(i * s.q + q) * ld + j];
          ++c.times[at];
        }
      }
    }
  }
};

TEST(Conv2d, SinkReceivesEveryElementOnce) {
  for (const Conv2dShape& s :
       {same(conv_shape(2, 64, 100, 8, 3, 3, 32)), same(conv_shape(3, 7, 7, 8, 3, 3, 70)),
        grouped(same(conv_shape(2, 9, 9, 8, 3, 3, 12)), 2), same(conv_shape(1, 15, 16, 64, 3, 3, 256))}) {
    for (const int64_t multiple : {1, 2, 3}) {
      for (const Extra extra : {Extra::scale_bias_relu, Extra::tanh_preact}) {
        Problem<float> p(s, ConvPass::forward, extra, 11);
        p.args.epilogue.preact = nullptr;
        p.run();
        Collected got{&s, multiple, std::vector<float>(static_cast<std::size_t>(y_size(s))), {}};
        got.times.resize(got.y.size());
        p.args.epilogue.sink.fn = Collected::take;
        p.args.epilogue.sink.ctx = &got;
        p.args.epilogue.sink.multiple = multiple;
        p.args.result = nullptr;
        p.run();
        for (std::size_t i = 0; i < got.y.size(); ++i) {
          ASSERT_EQ(got.times[i], 1) << i << " " << str(s);
          // Blocks may be cut elsewhere, and tiles of another size sum in the same order.
          ASSERT_EQ(got.y[i], p.y[static_cast<int64_t>(i)]) << i << " " << str(s);
        }
      }
    }
  }
}

std::string refusal(const Conv2dShape& s, ConvPass pass, ConvAlgorithm algorithm,
                    const ConvEpilogue<float>& prototype = {}) {
  try {
    const PlannedConv2d<float> plan(s, pass, algorithm, prototype);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(Conv2d, RefusesWhatDoesNotFit) {
  const Conv2dShape good = same(conv_shape(2, 8, 8, 4, 3, 3, 8));
  EXPECT_EQ(refusal(good, ConvPass::forward, ConvAlgorithm::direct), "");
  const auto expect = [&](const Conv2dShape& s, const char* what) {
    EXPECT_NE(refusal(s, ConvPass::forward, ConvAlgorithm::direct).find(what), std::string::npos)
        << refusal(s, ConvPass::forward, ConvAlgorithm::direct);
  };
  Conv2dShape s = good;
  s.p = 9;
  expect(s, "height: output must be 8, got 9");
  s = good, s.groups = 3;
  expect(s, "groups must divide");
  s = good, s.r = 12;
  expect(s, "does not fit");
  s = good, s.stride_w = 0;
  expect(s, "stride and dilation must be at least 1");
  s = good, s.n = int64_t{1} << 60;
  expect(s, "the size of the input overflows");
  s = good, s.dilation_h = int64_t{1} << 62;
  expect(s, "overflow");
  EXPECT_NE(refusal(good, ConvPass::forward, ConvAlgorithm::gemm).find("'gemm' needs a window of 1 x 1"),
            std::string::npos);
  const Conv2dShape five = same(conv_shape(1, 8, 8, 4, 5, 5, 8));
  EXPECT_NE(refusal(five, ConvPass::forward, ConvAlgorithm::winograd4).find("'winograd4' needs"), std::string::npos);
  float one = 0;
  ConvEpilogue<float> e;
  e.dbias = &one;
  EXPECT_NE(refusal(good, ConvPass::forward, ConvAlgorithm::direct, e).find("only backward_weights"),
            std::string::npos);
}

}  // namespace
}  // namespace pk
