#include "kernels/adjust.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <vector>

#include "guarded.h"

namespace pk {
namespace {

using std::int64_t;

template <class X, class Y>
void check(DType dtype) {
  for (const auto& [n, s, c] :
       std::vector<std::array<int64_t, 3>>{{2, 35, 3}, {3, 7, 1}, {1, 5, 17}, {2, 40000, 2}, {0, 4, 3}}) {
    Guarded<X> x(n * s * c);
    Guarded<Y> scale(n), shift(n * c), y(x.size());
    for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<X>((i * 37 + 11) % 251);
    for (int64_t i = 0; i < n; ++i) scale[i] = static_cast<Y>(0.5) + static_cast<Y>(i);
    for (int64_t i = 0; i < n * c; ++i) shift[i] = static_cast<Y>(3 * i - 20);
    adjust_images(dtype, n, s, c, x.data(), scale.data(), shift.data(), 10, 200, y.data());
    for (int64_t i = 0; i < x.size(); ++i) {
      const int64_t image = i / (s * c);
      const double v =
          static_cast<double>(x[i]) * static_cast<double>(scale[image]) + static_cast<double>(shift[image * c + i % c]);
      ASSERT_NEAR(static_cast<double>(y[i]), std::min(std::max(v, 10.0), 200.0),
                  800 * 2 * static_cast<double>(std::numeric_limits<Y>::epsilon()));
    }
  }
}

TEST(Adjust, ScalesShiftsAndBounds) {
  check<float, float>(DType::f32);
  check<double, double>(DType::f64);
  check<std::uint8_t, float>(DType::u8);
  float x = 0;
  EXPECT_THROW(adjust_images(DType::i64, 1, 1, 1, &x, &x, &x, 0, 1, &x), std::invalid_argument);
}

}  // namespace
}  // namespace pk
