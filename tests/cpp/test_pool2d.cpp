// Pooling against plain loops in double, for every ISA level of this machine.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <stdexcept>
#include <vector>

#include "base/cpu.h"
#include "base/parallel.h"
#include "guarded.h"
#include "kernels/pool2d.h"
#include "kernels/table.h"

namespace pk {
namespace {

class Pooling : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { use_isa(GetParam()); }
  void TearDown() override {
    use_isa(chosen_isa());
    set_num_threads(threads_);
  }
  int threads_ = num_threads();
};

PoolShape shape_of(int64_t n, int64_t h, int64_t w, int64_t c, int64_t r, int64_t s, int64_t stride_h, int64_t stride_w,
                   int64_t top, int64_t bottom, int64_t left, int64_t right) {
  PoolShape g;
  g.n = n, g.h = h, g.w = w, g.c = c;
  g.window_h = r, g.window_w = s, g.stride_h = stride_h, g.stride_w = stride_w;
  g.pad_top = top, g.pad_bottom = bottom, g.pad_left = left, g.pad_right = right;
  g.p = (h + top + bottom - r) / stride_h + 1;
  g.q = (w + left + right - s) / stride_w + 1;
  return g;
}

std::vector<PoolShape> shapes() {
  std::vector<PoolShape> all;
  for (const int64_t c : {1, 3, 8, 16, 17, 35}) {
    all.push_back(shape_of(2, 6, 8, c, 2, 2, 2, 2, 0, 0, 0, 0));
    all.push_back(shape_of(2, 7, 9, c, 2, 2, 2, 2, 0, 0, 0, 0));
    all.push_back(shape_of(2, 7, 9, c, 2, 2, 2, 2, 0, 1, 0, 1));
    all.push_back(shape_of(1, 7, 6, c, 3, 3, 2, 2, 1, 1, 0, 1));
    all.push_back(shape_of(1, 5, 5, c, 3, 3, 1, 1, 1, 1, 1, 1));
    all.push_back(shape_of(1, 1, 11, c, 1, 4, 1, 3, 0, 0, 2, 1));
    all.push_back(shape_of(1, 9, 7, c, 2, 1, 4, 3, 0, 0, 0, 0));
    all.push_back(shape_of(1, 1, 1, c, 1, 1, 1, 1, 0, 0, 0, 0));
    all.push_back(shape_of(0, 4, 4, c, 2, 2, 2, 2, 0, 0, 0, 0));
  }
  all.push_back(shape_of(1, 20, 18, 5, 17, 16, 2, 1, 3, 2, 1, 0));  // more than 256 places: int32 indices
  return all;
}

int64_t image_numel(const PoolShape& g) { return g.n * g.h * g.w * g.c; }
int64_t pooled_numel(const PoolShape& g) { return g.n * g.p * g.q * g.c; }

// f(output element, input element, place) for all that windows hold, in row-major order of each window.
template <class F>
void each(const PoolShape& g, F&& f) {
  for (int64_t n = 0; n < g.n; ++n)
    for (int64_t p = 0; p < g.p; ++p)
      for (int64_t q = 0; q < g.q; ++q)
        for (int64_t r = 0; r < g.window_h; ++r)
          for (int64_t s = 0; s < g.window_w; ++s)
            for (int64_t c = 0; c < g.c; ++c) {
              const int64_t h = p * g.stride_h - g.pad_top + r, w = q * g.stride_w - g.pad_left + s;
              if (h < 0 || w < 0 || h >= g.h || w >= g.w) continue;
              f(((n * g.p + p) * g.q + q) * g.c + c, ((n * g.h + h) * g.w + w) * g.c + c, r * g.window_w + s);
            }
}

// Few values, so that there are ties; some NaN.
template <class T>
void fill(Guarded<T>& x, bool with_nan, unsigned seed = 1) {
  std::mt19937 rng(seed);
  for (int64_t i = 0; i < x.size(); ++i) {
    const unsigned v = rng() % 32;
    x[i] = with_nan && v == 0 ? std::numeric_limits<T>::quiet_NaN() : static_cast<T>(static_cast<int>(v % 4) - 2);
  }
}

template <class T, class Index>
void check_max(const PoolShape& g, bool with_nan) {
  const Pool2d pool(dtype_of<T>::value, g);
  ASSERT_EQ(pool.index_dtype(), dtype_of<Index>::value);
  Guarded<T> x(image_numel(g)), y(pooled_numel(g)), alone(pooled_numel(g)), dx(image_numel(g)), dy(pooled_numel(g));
  Guarded<Index> index(pooled_numel(g));
  fill(x, with_nan);
  fill(dy, false, 2);
  std::vector<T> want(static_cast<std::size_t>(y.size()));
  std::vector<int64_t> place(want.size(), -1), source(want.size());
  each(g, [&](int64_t o, int64_t i, int64_t at) {
    T& best = want[static_cast<std::size_t>(o)];
    if (place[static_cast<std::size_t>(o)] >= 0 && !(x[i] > best || (x[i] != x[i] && best == best))) return;
    best = x[i];
    place[static_cast<std::size_t>(o)] = at;
    source[static_cast<std::size_t>(o)] = i;
  });
  pool.max(x.data(), y.data(), index.data());
  pool.max(x.data(), alone.data(), nullptr);
  std::vector<double> grad(static_cast<std::size_t>(x.size()), 0);
  for (int64_t o = 0; o < y.size(); ++o) {
    const auto k = static_cast<std::size_t>(o);
    ASSERT_TRUE(y[o] == want[k] || (y[o] != y[o] && want[k] != want[k])) << o;
    ASSERT_TRUE(alone[o] == want[k] || (alone[o] != alone[o] && want[k] != want[k])) << o;
    ASSERT_EQ(static_cast<int64_t>(index[o]), place[k]) << o;
    grad[static_cast<std::size_t>(source[k])] += static_cast<double>(dy[o]);
  }
  fill(dx, true, 3);
  pool.max_grad(index.data(), dy.data(), dx.data());
  for (int64_t i = 0; i < dx.size(); ++i) {
    ASSERT_EQ(static_cast<double>(dx[i]), grad[static_cast<std::size_t>(i)]) << i;  // small whole numbers: exact
  }
}

template <class T>
void check_average(const PoolShape& g) {
  const Pool2d pool(dtype_of<T>::value, g);
  Guarded<T> x(image_numel(g)), y(pooled_numel(g)), dx(image_numel(g)), dy(pooled_numel(g));
  fill(x, false);
  fill(dy, false, 2);
  std::vector<double> sum(static_cast<std::size_t>(y.size()), 0), count(sum.size(), 0);
  each(g, [&](int64_t o, int64_t i, int64_t) {
    sum[static_cast<std::size_t>(o)] += static_cast<double>(x[i]);
    count[static_cast<std::size_t>(o)] += 1;
  });
  pool.average(x.data(), y.data());
  const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
  for (int64_t o = 0; o < y.size(); ++o) {
    const auto k = static_cast<std::size_t>(o);
    ASSERT_NEAR(static_cast<double>(y[o]), sum[k] / count[k], 2 * eps * 2) << o;  // exact sum, one division
  }
  std::vector<double> grad(static_cast<std::size_t>(x.size()), 0), terms(grad.size(), 0);
  each(g, [&](int64_t o, int64_t i, int64_t) {
    grad[static_cast<std::size_t>(i)] += static_cast<double>(dy[o]) / count[static_cast<std::size_t>(o)];
    terms[static_cast<std::size_t>(i)] += 1;
  });
  pool.average_grad(dy.data(), dx.data());
  for (int64_t i = 0; i < dx.size(); ++i) {
    const auto k = static_cast<std::size_t>(i);
    ASSERT_NEAR(static_cast<double>(dx[i]), grad[k], eps * (2 + terms[k]) * 2 * std::fmax(terms[k], 1)) << i;
  }
}

TEST_P(Pooling, Maximum) {
  for (const PoolShape& g : shapes()) {
    SCOPED_TRACE(::testing::Message() << g.h << "x" << g.w << "x" << g.c << " window " << g.window_h << "x"
                                      << g.window_w << " stride " << g.stride_h << "x" << g.stride_w);
    const bool wide = g.window_h * g.window_w > 256;
    for (const bool with_nan : {false, true}) {
      wide ? check_max<float, std::int32_t>(g, with_nan) : check_max<float, std::uint8_t>(g, with_nan);
      wide ? check_max<double, std::int32_t>(g, with_nan) : check_max<double, std::uint8_t>(g, with_nan);
    }
  }
}

TEST_P(Pooling, Average) {
  for (const PoolShape& g : shapes()) {
    SCOPED_TRACE(::testing::Message() << g.h << "x" << g.w << "x" << g.c << " window " << g.window_h << "x"
                                      << g.window_w << " stride " << g.stride_h << "x" << g.stride_w);
    check_average<float>(g);
    check_average<double>(g);
  }
}

// Large enough for several tasks, and for stores past the caches.
TEST_P(Pooling, SameBitsForAnyNumberOfThreads) {
  for (const PoolShape& g :
       {shape_of(4, 300, 320, 32, 2, 2, 2, 2, 0, 0, 0, 0), shape_of(2, 65, 67, 33, 3, 3, 2, 2, 1, 0, 1, 0),
        shape_of(1, 300, 320, 80, 3, 3, 1, 1, 1, 1, 1, 1)}) {
    const Pool2d pool(DType::f32, g);
    std::vector<float> x(static_cast<std::size_t>(image_numel(g)) + 16),
        y(static_cast<std::size_t>(pooled_numel(g)) + 16);
    // One copy of the results where lines begin, the other one element off: plain stores.
    const auto aligned = [](std::vector<float>& v) {
      return v.data() + (64 - reinterpret_cast<std::uintptr_t>(v.data()) % 64) % 64 / 4;
    };
    std::mt19937 rng(1);
    for (float& v : x) v = static_cast<float>(rng() % 1000) / 7;
    std::vector<std::uint8_t> index(y.size()), index1(y.size());
    std::vector<float> y1(y.size()), dx(x.size()), dx1(x.size());
    const auto y_bytes = static_cast<std::size_t>(pooled_numel(g)) * 4,
               x_bytes = static_cast<std::size_t>(image_numel(g)) * 4;
    set_num_threads(2);
    pool.max(x.data(), aligned(y), index.data());
    pool.max_grad(index.data(), aligned(y), aligned(dx));
    set_num_threads(1);
    pool.max(x.data(), aligned(y1) + 1, index1.data());
    pool.max_grad(index1.data(), aligned(y), aligned(dx1) + 1);
    EXPECT_EQ(std::memcmp(aligned(y), aligned(y1) + 1, y_bytes), 0);
    EXPECT_EQ(std::memcmp(index.data(), index1.data(), y_bytes / 4), 0);
    EXPECT_EQ(std::memcmp(aligned(dx), aligned(dx1) + 1, x_bytes), 0);
    set_num_threads(2);
    pool.average(x.data(), aligned(y));
    pool.average_grad(aligned(y), aligned(dx));
    set_num_threads(1);
    pool.average(x.data(), aligned(y1) + 1);
    pool.average_grad(aligned(y), aligned(dx1) + 1);
    EXPECT_EQ(std::memcmp(aligned(y), aligned(y1) + 1, y_bytes), 0);
    EXPECT_EQ(std::memcmp(aligned(dx), aligned(dx1) + 1, x_bytes), 0);
  }
}

TEST(PoolingShapes, Refused) {
  const PoolShape good = shape_of(1, 4, 4, 1, 2, 2, 2, 2, 0, 0, 0, 0);
  EXPECT_NO_THROW(Pool2d(DType::f32, good));
  EXPECT_THROW(Pool2d(DType::i32, good), std::invalid_argument);
  PoolShape bad = good;
  bad.p = 3;
  EXPECT_THROW(Pool2d(DType::f32, bad), std::invalid_argument);
  bad = good;
  bad.stride_w = 0;
  EXPECT_THROW(Pool2d(DType::f32, bad), std::invalid_argument);
  EXPECT_THROW(Pool2d(DType::f32, shape_of(1, 4, 4, 1, 2, 2, 2, 2, 2, 0, 0, 0)), std::invalid_argument);
  EXPECT_THROW(Pool2d(DType::f32, shape_of(1, 4, 4, 1, 5, 2, 2, 2, 0, 0, 0, 0)), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Levels, Pooling, ::testing::ValuesIn(available_isas()),
                         [](const auto& info) { return std::string(name_of(info.param)); });

}  // namespace
}  // namespace pk
