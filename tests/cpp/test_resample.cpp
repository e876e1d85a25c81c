// Resizing against its definition in double precision, on arrays that end at unreadable memory.
#include "kernels/resample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "guarded.h"
#include "kernels/table.h"

namespace pk {
namespace {

double hat(double x) { return std::max(0.0, 1 - std::fabs(x)); }
double keys(double x) {
  x = std::fabs(x);
  if (x >= 2) return 0;
  return x >= 1 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : (1.5 * x - 2.5) * x * x + 1;
}

// Row i of the matrix that makes `target` pixels of `size`.
std::vector<double> row_of(int64_t size, int64_t target, int64_t i, ResizeMethod method, bool antialias) {
  std::vector<double> w(static_cast<std::size_t>(size), 0);
  const double scale = static_cast<double>(size) / static_cast<double>(target);
  const double centre = (static_cast<double>(i) + 0.5) * scale - 0.5, wide = antialias ? std::max(1.0, scale) : 1;
  double sum = 0;
  for (int64_t t = 0; t < size; ++t) {
    const double d = (centre - static_cast<double>(t)) / wide;
    double& v = w[static_cast<std::size_t>(t)];
    if (method == ResizeMethod::nearest) {
      v = t == (2 * i + 1) * size / (2 * target) ? 1 : 0;
    } else {
      v = method == ResizeMethod::bilinear ? hat(d) : keys(d);
    }
    sum += v;
  }
  for (double& v : w) v /= sum;
  return w;
}

struct Case {
  ResizeShape s;
  ResizeMethod method;
  bool antialias;
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const std::vector<ResizeShape> shapes = {{2, 5, 7, 3, 10, 14}, {1, 9, 8, 1, 4, 3}, {2, 3, 4, 17, 7, 4},
                                           {1, 1, 1, 5, 4, 3},   {3, 6, 5, 4, 6, 9}, {1, 4, 6, 16, 8, 12},
                                           {1, 8, 3, 2, 3, 5},   {0, 3, 3, 2, 6, 6}};
  for (const ResizeShape& s : shapes) {
    for (const ResizeMethod m : {ResizeMethod::nearest, ResizeMethod::bilinear, ResizeMethod::bicubic}) {
      for (const bool antialias : {false, true}) all.push_back({s, m, antialias});
    }
  }
  return all;
}

template <class T>
void fill(Guarded<T>& x) {
  for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>((i * 37 + 11) % 251);
}

// The largest value times the roundings of a sum of at most 13 terms in each direction.
template <class T>
double tolerance() {
  return 251 * 2 * 16 * static_cast<double>(std::numeric_limits<T>::epsilon());
}

template <class X, class Y>
void check_forward(const Case& k, const X* x, const Y* y) {
  const ResizeShape& s = k.s;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t p = 0; p < s.p; ++p) {
      const auto rows = row_of(s.h, s.p, p, k.method, k.antialias);
      for (int64_t q = 0; q < s.q; ++q) {
        const auto cols = row_of(s.w, s.q, q, k.method, k.antialias);
        for (int64_t c = 0; c < s.c; ++c) {
          double want = 0;
          for (int64_t i = 0; i < s.h; ++i) {
            for (int64_t j = 0; j < s.w; ++j) {
              want += rows[static_cast<std::size_t>(i)] * cols[static_cast<std::size_t>(j)] *
                      static_cast<double>(x[((n * s.h + i) * s.w + j) * s.c + c]);
            }
          }
          ASSERT_NEAR(static_cast<double>(y[((n * s.p + p) * s.q + q) * s.c + c]), want, tolerance<Y>());
        }
      }
    }
  }
}

template <class X, class Y>
void forward(DType dtype) {
  for (const Case& k : cases()) {
    if (dtype == DType::i64 && k.method != ResizeMethod::nearest) continue;
    const ResizeShape& s = k.s;
    Guarded<X> x(s.n * s.h * s.w * s.c);
    Guarded<Y> y(s.n * s.p * s.q * s.c);
    fill(x);
    const Resize2d resize(dtype, s, k.method, k.antialias);
    if (resize.out_dtype() != dtype_of<Y>::value) continue;
    resize.run(x.data(), y.data());
    check_forward(k, x.data(), y.data());
    Guarded<Y> alone(y.size());
    resize.run(x.data(), alone.data(), false);
    ASSERT_EQ(0,
              y.size() == 0 ? 0 : std::memcmp(y.data(), alone.data(), static_cast<std::size_t>(y.size()) * sizeof(Y)));
  }
}

TEST(Resample, Forward) {
  for (const Isa isa : available_isas()) {
    use_isa(isa);
    forward<float, float>(DType::f32);
    forward<double, double>(DType::f64);
    forward<std::uint8_t, float>(DType::u8);
    forward<std::uint8_t, std::uint8_t>(DType::u8);
    forward<std::int64_t, std::int64_t>(DType::i64);
  }
  use_isa(chosen_isa());
}

// <resize(x), dy> = <x, gradient(dy)>
template <class T>
void adjoint(DType dtype) {
  for (const Case& k : cases()) {
    const ResizeShape& s = k.s;
    Guarded<T> x(s.n * s.h * s.w * s.c), dx(x.size()), y(s.n * s.p * s.q * s.c), dy(y.size());
    fill(x);
    for (int64_t i = 0; i < dy.size(); ++i) dy[i] = static_cast<T>((i * 53 + 7) % 17) / 17;
    const Resize2d resize(dtype, s, k.method, k.antialias);
    resize.run(x.data(), y.data());
    resize.gradient(dy.data(), dx.data());
    double left = 0, right = 0, size = 1;
    for (int64_t i = 0; i < y.size(); ++i) left += static_cast<double>(y[i]) * static_cast<double>(dy[i]);
    for (int64_t i = 0; i < x.size(); ++i) right += static_cast<double>(x[i]) * static_cast<double>(dx[i]);
    for (int64_t i = 0; i < y.size(); ++i) size += std::fabs(static_cast<double>(y[i]));
    ASSERT_NEAR(left, right, size * 32 * static_cast<double>(std::numeric_limits<T>::epsilon()));
  }
}

TEST(Resample, GradientIsTheTransposedMap) {
  for (const Isa isa : available_isas()) {
    use_isa(isa);
    adjoint<float>(DType::f32);
    adjoint<double>(DType::f64);
  }
  use_isa(chosen_isa());
}

TEST(Resample, SameBitsForAnyNumberOfThreads) {
  const ResizeShape s{2, 200, 120, 8, 333, 257};
  std::vector<float> x(static_cast<std::size_t>(s.n * s.h * s.w * s.c));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 37 % 1009) / 1009;
  std::vector<float> one(static_cast<std::size_t>(s.n * s.p * s.q * s.c)), two(one.size()), dx(x.size()), dx2(x.size());
  const int threads = num_threads();
  for (const ResizeMethod method : {ResizeMethod::nearest, ResizeMethod::bilinear, ResizeMethod::lanczos3}) {
    const Resize2d resize(DType::f32, s, method, false);
    set_num_threads(1);
    resize.run(x.data(), one.data());
    resize.gradient(one.data(), dx.data());
    set_num_threads(3);
    resize.run(x.data(), two.data());
    resize.gradient(two.data(), dx2.data());
    ASSERT_EQ(one, two);
    ASSERT_EQ(dx, dx2);
  }
  set_num_threads(threads);
}

TEST(Resample, LargeResultsPastTheCaches) {
  const ResizeShape s{1, 160, 160, 64, 480, 480};  // 59 MB
  std::vector<float> x(static_cast<std::size_t>(s.h * s.w * s.c));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 8191);
  void* memory = nullptr;
  ASSERT_EQ(0, posix_memalign(&memory, 64, static_cast<std::size_t>(s.p * s.q * s.c) * sizeof(float)));
  float* y = static_cast<float*>(memory);
  Resize2d(DType::f32, s, ResizeMethod::nearest, false).run(x.data(), y);
  for (int64_t p = 0; p < s.p; ++p) {
    for (int64_t q = 0; q < s.q; ++q) {
      const float* want = x.data() + (p / 3 * s.w + q / 3) * s.c;
      ASSERT_EQ(0, std::memcmp(y + (p * s.q + q) * s.c, want, static_cast<std::size_t>(s.c) * sizeof(float)));
    }
  }
  std::free(memory);
}

TEST(Resample, Refusals) {
  EXPECT_THROW(resize_method("cubic"), std::invalid_argument);
  EXPECT_THROW(Resize2d(DType::i32, {1, 2, 2, 1, 4, 4}, ResizeMethod::bilinear, false), std::invalid_argument);
  EXPECT_THROW(Resize2d(DType::f32, {1, 0, 2, 1, 4, 4}, ResizeMethod::bilinear, false), std::invalid_argument);
  EXPECT_THROW(Resize2d(DType::f32, {1, 2, 2, 1, 4, 0}, ResizeMethod::nearest, false), std::invalid_argument);
}

}  // namespace
}  // namespace pk
