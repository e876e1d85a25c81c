// GEMM against a float64 reference: every level, every form, odd sizes, epilogues. Arrays end at a guard page.
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
#include "calls.h"
#include "guarded.h"
#include "kernels/gemm.h"
#include "kernels/table.h"

namespace pk {
namespace {

struct Case {
  int64_t m, n, k;
  bool trans_a, trans_b;
  int64_t pad = 0;  // added to every leading dimension

  std::string str() const {
    return "m=" + std::to_string(m) + " n=" + std::to_string(n) + " k=" + std::to_string(k) + " " +
           (trans_a ? "T" : "N") + (trans_b ? "T" : "N") + " pad=" + std::to_string(pad);
  }
};

enum class Extra { none, bias, relu, tanh_preact, accumulate, everything };

template <class T>
struct Problem {
  Case s;
  int64_t lda, ldb, ldc;
  Guarded<T> a, b, c, bias, preact;
  GemmArgs<T> args;

  Problem(const Case& c_, Extra extra, unsigned seed)
      : s(c_),
        lda((s.trans_a ? s.m : s.k) + s.pad),
        ldb((s.trans_b ? s.k : s.n) + s.pad),
        ldc(s.n + s.pad),
        a(extent(s.trans_a ? s.k : s.m, s.trans_a ? s.m : s.k, lda)),
        b(extent(s.trans_b ? s.n : s.k, s.trans_b ? s.k : s.n, ldb)),
        c(extent(s.m, s.n, ldc)),
        bias(s.n),
        preact(s.m * s.n) {
    std::mt19937 random(seed);
    std::uniform_real_distribution<T> uniform(-1, 1);
    for (auto* v : {&a, &b, &c, &bias}) {
      for (int64_t i = 0; i < v->size(); ++i) (*v)[i] = uniform(random);
    }
    args.trans_a = s.trans_a;
    args.trans_b = s.trans_b;
    args.m = s.m, args.n = s.n, args.k = s.k;
    args.a = a.data(), args.lda = lda;
    args.b = b.data(), args.ldb = ldb;
    args.c = c.data(), args.ldc = ldc;
    GemmEpilogue<T>& e = args.epilogue;
    const bool all = extra == Extra::everything;
    if (extra == Extra::bias || all) e.bias = bias.data();
    if (extra == Extra::relu) e.act = Act::relu;
    if (extra == Extra::tanh_preact || all) e.act = Act::tanh, e.preact = preact.data();
    e.accumulate = extra == Extra::accumulate || all;
    // What is overwritten must not be read.
    if (!e.accumulate) {
      for (int64_t r = 0; r < s.m; ++r) {
        for (int64_t j = 0; j < s.n; ++j) c[r * ldc + j] = std::numeric_limits<T>::quiet_NaN();
      }
    }
  }

  // Elements from the first to the last, no padding after the last row.
  static int64_t extent(int64_t rows, int64_t cols, int64_t ld) { return rows == 0 ? 0 : (rows - 1) * ld + cols; }

  void run() {
    Buffer scratch(gemm_scratch_bytes(args));
    gemm(args, scratch.data());
  }
};

template <class T>
void expect_right(Problem<T>& p) {
  const std::vector<T> before(p.c.data(), p.c.data() + p.c.size());
  p.run();
  const GemmEpilogue<T>& e = p.args.epilogue;
  const double eps = std::numeric_limits<T>::epsilon();
  for (int64_t i = 0; i < p.s.m; ++i) {
    for (int64_t j = 0; j < p.ldc; ++j) {
      const int64_t at = i * p.ldc + j;
      if (at >= p.c.size()) break;
      const double old = before[static_cast<std::size_t>(at)];
      if (j >= p.s.n) {
        ASSERT_EQ(p.c[at], static_cast<T>(old)) << "padding written at " << i << ", " << j;
        continue;
      }
      double sum = e.accumulate ? old : 0, size = std::fabs(sum);
      if (e.bias != nullptr) sum += p.bias[j], size += std::fabs(p.bias[j]);
      for (int64_t k = 0; k < p.s.k; ++k) {
        const double x = p.a[p.s.trans_a ? k * p.lda + i : i * p.lda + k];
        const double y = p.b[p.s.trans_b ? j * p.ldb + k : k * p.ldb + j];
        sum += x * y;
        size += std::fabs(x * y);
      }
      // Random rounding errors of a sum of k terms grow with sqrt(k); the activations used here do not amplify.
      const double tol = eps * size * (3 + std::sqrt(static_cast<double>(p.s.k)));
      if (e.preact != nullptr) {
        ASSERT_NEAR(p.preact[i * p.s.n + j], sum, tol) << "preact at " << i << ", " << j;
      }
      double want = sum;
      if (e.act == Act::relu) want = std::max(want, 0.0);
      if (e.act == Act::tanh) want = std::tanh(want);
      ASSERT_NEAR(p.c[at], want, tol + (e.act == Act::tanh ? 4 * eps : 0)) << "at " << i << ", " << j;
    }
  }
}

class GemmTest : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { use_isa(GetParam()); }
  void TearDown() override {
    use_isa(chosen_isa());
    set_num_threads(threads_);
  }

  template <class T>
  void check(const Case& base, Extra extra) {
    for (int form = 0; form < 4; ++form) {
      Case s = base;
      s.trans_a = (form & 1) != 0;
      s.trans_b = (form & 2) != 0;
      SCOPED_TRACE(s.str() + " epilogue " + std::to_string(static_cast<int>(extra)) + " seed " + std::to_string(seed_));
      Problem<T> p(s, extra, seed_++);
      expect_right(p);
      if (HasFatalFailure()) return;
      ++ran_;
    }
  }

  unsigned seed_ = 1;
  int ran_ = 0;
  int threads_ = num_threads();
};

INSTANTIATE_TEST_SUITE_P(Levels, GemmTest, ::testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

constexpr Extra all_extras[] = {Extra::none,        Extra::bias,       Extra::relu,
                                Extra::tanh_preact, Extra::accumulate, Extra::everything};

TEST_P(GemmTest, SmallSizesAllFormsAllEpilogues) {
  const int64_t sizes[] = {0, 1, 2, 3, 5, 15, 16, 17, 33};
  for (int64_t m : sizes) {
    for (int64_t n : sizes) {
      for (int64_t k : sizes) {
        const Extra extra = all_extras[(m + 2 * n + 3 * k) % 6];
        check<float>({m, n, k, false, false, (m + n + k) % 3}, extra);
        if (HasFatalFailure()) return;
      }
    }
  }
  EXPECT_EQ(ran_, 9 * 9 * 9 * 4);
}

TEST_P(GemmTest, EveryRowCount) {
  for (int64_t m = 1; m <= 40; ++m) {
    for (int64_t n : {7, 64, 150, 301}) {
      check<float>({m, n, 40 + m % 7, false, false, m % 2}, all_extras[(m + n) % 6]);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(GemmTest, DepthAcrossBlocks) {
  for (int64_t k : {255, 256, 385, 513, 1025, 1500}) {
    for (int64_t m : {1, 4, 13, 37, 260}) {
      check<float>({m, 70, k, false, false, 0}, Extra::everything);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(GemmTest, ManyBlocks) {
  check<float>({530, 430, 400, false, false, 3}, Extra::everything);
  check<float>({1, 3000, 700, false, false, 0}, Extra::bias);
  check<float>({3000, 1, 700, false, false, 0}, Extra::bias);
  check<float>({3000, 1, 70, false, false, 2}, Extra::everything);
  check<float>({1100, 10, 64, false, false, 0}, Extra::none);
  check<float>({64, 10, 1100, false, false, 0}, Extra::bias);
  check<float>({128, 1024, 128, false, false, 0}, Extra::relu);
}

TEST_P(GemmTest, Float64) {
  for (int64_t m : {0, 1, 3, 4, 9, 70, 200}) {
    for (int64_t n : {1, 2, 17, 130}) {
      for (int64_t k : {0, 1, 19, 140}) {
        check<double>({m, n, k, false, false, (m + n) % 2}, all_extras[(m + n + k) % 6]);
        if (HasFatalFailure()) return;
      }
    }
  }
}

// Many rows are packed band after band, in scratch that does not grow with them.
TEST_P(GemmTest, BandsOfRows) {
  for (bool trans_a : {false, true}) {
    Problem<double> p({8201, 33, 1030, trans_a, false, 1}, Extra::tanh_preact, 11);
    ASSERT_GT(static_cast<std::size_t>(p.args.m * p.args.k) * sizeof(double), gemm_scratch_bytes(p.args));
    p.run();
    const std::vector<double> whole(p.c.data(), p.c.data() + p.c.size());
    const std::vector<double> before(p.preact.data(), p.preact.data() + p.preact.size());
    for (int64_t row : {0, 4100}) {
      Problem<double> half({4100 + (row > 0), 33, 1030, trans_a, false, 1}, Extra::tanh_preact, 12);
      GemmArgs<double> args = p.args;
      args.m = half.s.m;
      args.a += trans_a ? row : row * args.lda;
      args.c = half.c.data();
      args.epilogue.preact = half.preact.data();
      Buffer scratch(gemm_scratch_bytes(args));
      gemm(args, scratch.data());
      for (int64_t i = 0; i < args.m; ++i) {
        EXPECT_EQ(std::memcmp(&whole[(row + i) * p.ldc], &half.c[i * p.ldc], 33 * sizeof(double)), 0) << row + i;
        EXPECT_EQ(std::memcmp(&before[(row + i) * 33], &half.preact[i * 33], 33 * sizeof(double)), 0) << row + i;
      }
    }
  }
  GemmArgs<float> tall;
  tall.m = 1 << 20, tall.n = tall.k = tall.lda = tall.ldb = tall.ldc = 256;
  EXPECT_LT(gemm_scratch_bytes(tall), std::size_t{100} << 20);
}

TEST_P(GemmTest, NanPassesThroughRelu) {
  Problem<float> p({20, 40, 30, false, false}, Extra::relu, 3);
  p.a[30 * 2 + 5] = std::numeric_limits<float>::quiet_NaN();
  p.run();
  for (int64_t j = 0; j < 40; ++j) EXPECT_TRUE(std::isnan(p.c[2 * 40 + j]));
  EXPECT_FALSE(std::isnan(p.c[3 * 40]));
}

TEST_P(GemmTest, PackedBGivesTheSameBits) {
  int packed_cases = 0;
  for (int64_t m : {1, 14, 30, 64, 300, 700}) {
    for (bool trans_b : {false, true}) {
      SCOPED_TRACE(m);
      Problem<float> p({m, 333, 500, false, trans_b}, Extra::bias, 5);
      p.run();
      const std::vector<float> plain(p.c.data(), p.c.data() + p.c.size());
      const std::size_t bytes = pack_b_bytes(p.args);
      if (bytes == 0) continue;
      ++packed_cases;
      Buffer packed(bytes);
      pack_b(p.args, packed.data());
      p.args.packed_b = packed.data();
      p.args.b = nullptr;
      p.run();
      EXPECT_EQ(std::memcmp(plain.data(), p.c.data(), plain.size() * sizeof(float)), 0);
    }
  }
  EXPECT_GT(packed_cases, 4);
}

TEST_P(GemmTest, SameBitsForAnyNumberOfThreads) {
  const Case cases[] = {{300, 300, 300, false, false}, {64, 1000, 500, false, true}, {784, 500, 100, true, false},
                        {4, 2000, 1000, false, false}, {8, 2000, 1000, false, true}, {600, 600, 600, true, true}};
  for (const Case& s : cases) {
    SCOPED_TRACE(s.str());
    Problem<float> p(s, Extra::none, 9);
    set_num_threads(1);
    p.run();
    const std::vector<float> one(p.c.data(), p.c.data() + p.c.size());
    for (int threads : {2, 3, 7}) {
      set_num_threads(threads);
      std::fill(p.c.data(), p.c.data() + p.c.size(), -1.0F);
      p.run();
      EXPECT_EQ(std::memcmp(one.data(), p.c.data(), one.size() * sizeof(float)), 0) << threads << " threads";
    }
  }
}

struct Collected {
  std::vector<float> c;
  std::vector<int> times;
  int64_t n = 0;
  bool narrow = false, loose = false;
};

TEST_P(GemmTest, SinkReceivesEveryElementOnce) {
  const Case cases[] = {{784, 500, 64, true, false},  {30, 10, 32, true, false},   {100, 2000, 7, true, false},
                        {3, 700, 20, false, true},    {500, 1, 64, true, false},   {300, 300, 900, false, false},
                        {40, 300, 0, true, false},    {2000, 300, 64, true, true}, {2, 3000, 16, true, false},
                        {12, 3000, 900, false, true}, {3, 600, 1, true, false}};
  for (const Case& s : cases) {
    SCOPED_TRACE(s.str());
    Problem<float> p(s, Extra::none, 11);
    p.run();
    Collected got;
    got.n = s.n;
    got.c.resize(static_cast<std::size_t>(s.m * s.n));
    got.times.resize(got.c.size());
    p.args.c = nullptr;
    p.args.epilogue.sink.ctx = &got;
    p.args.epilogue.sink.fn = [](void* ctx, int64_t row, int64_t col, int64_t rows, int64_t cols, const float* tile,
                                 int64_t ld) {
      Collected& to = *static_cast<Collected*>(ctx);
      if (cols < std::min<int64_t>(to.n, 256) && col + cols != to.n) to.narrow = true;
      if (cols == to.n && ld != cols) to.loose = true;
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t j = 0; j < cols; ++j) {
          const auto at = static_cast<std::size_t>((row + r) * to.n + col + j);
          to.c[at] = tile[r * ld + j];
          ++to.times[at];
        }
      }
    };
    p.run();
    EXPECT_FALSE(got.narrow);
    EXPECT_FALSE(got.loose);
    EXPECT_TRUE(std::all_of(got.times.begin(), got.times.end(), [](int t) { return t == 1; }));
    for (std::size_t i = 0; i < got.c.size(); ++i) ASSERT_NEAR(got.c[i], p.c[static_cast<int64_t>(i)], 2e-4);
  }
}

TEST(GemmTable, WrongConstantsAreRefused) {
  GemmTable t = kernel_table(Isa::scalar).gemm;
  EXPECT_NO_THROW(check_table(t));
  t.f32.mc += 1;
  EXPECT_THROW(check_table(t), std::logic_error);
  t = kernel_table(Isa::scalar).gemm;
  t.f32.strip_rows[1] = nullptr;
  EXPECT_THROW(check_table(t), std::logic_error);
}

}  // namespace
}  // namespace pk
