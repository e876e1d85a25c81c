#include "kernels/random.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/parallel.h"
#include "kernels/table.h"

namespace pk {

namespace {

using std::uint32_t;
using std::uint64_t;

// Elements of one task, and words that a task draws at a time (they stay in L1). Multiples of a block's 4 words.
constexpr int64_t grain = 16384, chunk = 1024;

// f(begin, count, words) on pieces of [0, n), with the random words of elements [begin, begin + count), of which each
// has `words_each`: 1 or 2.
template <int words_each, class F>
void with_bits(RandomKey key, int64_t n, double element_ns, F&& f) {
  const auto draw = kernels().random.blocks;
  parallel_ranges(n, grain, element_ns * static_cast<double>(n), [&](int64_t begin, int64_t end) {
    uint32_t words[chunk];
    constexpr int64_t step = chunk / words_each;
    for (int64_t i = begin; i < end; i += step) {
      const int64_t count = std::min(step, end - i);
      draw(key.seed, key.stream, static_cast<uint64_t>(i * words_each / 4), (count * words_each + 3) / 4, words);
      f(i, count, words);
    }
  });
}

uint64_t word64(const uint32_t* pair) { return static_cast<uint64_t>(pair[1]) << 32 | pair[0]; }

// A bijection of 64-bit numbers: the finalizer of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
uint64_t mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15U;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
  return x ^ (x >> 31);
}

template <size_t N>
double poly(const double (&c)[N], double x) {
  double y = c[N - 1];
  for (size_t i = N - 1; i-- > 0;) y = y * x + c[i];
  return y;
}

// The inverse of the normal distribution function at 1/2 + q, |q| < 1/2, given also p = 1/2 - |q| (which keeps its
// precision near 0). Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics
// 37 (1988), routine PPND16; relative error about 1e-16.
double normal_quantile(double q, double p) {
  static constexpr double a[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                                 1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                                 3.3430575583588128105e4, 2.5090809287301226727e3};
  static constexpr double b[] = {1.0,
                                 4.2313330701600911252e1,
                                 6.8718700749205790830e2,
                                 5.3941960214247511077e3,
                                 2.1213794301586595867e4,
                                 3.9307895800092710610e4,
                                 2.8729085735721942674e4,
                                 5.2264952788528545610e3};
  static constexpr double c[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                                 3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                                 2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr double d[] = {1.0,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
  static constexpr double e[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                                 2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                 2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr double f[] = {1.0,
                                 5.99832206555887937690e-1,
                                 1.36929880922735805310e-1,
                                 1.48753612908506148525e-2,
                                 7.86869131145613259100e-4,
                                 1.84631831751005468180e-5,
                                 1.42151175831644588870e-7,
                                 2.04426310338993978564e-15};
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * poly(a, r) / poly(b, r);
  }
  const double r = std::sqrt(-std::log(p));
  const double z = r <= 5 ? poly(c, r - 1.6) / poly(d, r - 1.6) : poly(e, r - 5) / poly(f, r - 5);
  return q < 0 ? -z : z;
}

void normal_f64(RandomKey key, double mean, double stddev, bool truncated, int64_t n, double* y) {
  constexpr double half_inside_two = 0.47724986805182079;  // of a normal's mass between the mean and two deviations
  with_bits<2>(key, n, 20, [=](int64_t begin, int64_t count, const uint32_t* words) {
    for (int64_t i = 0; i < count; ++i) {
      const uint64_t word = word64(words + 2 * i);
      const double u =
          (static_cast<double>(word >> 12) + 0.5) * 0x1p-52;  // in (0, 1): the distance from the tail's end
      const double p = truncated ? 0.5 - half_inside_two * (1 - u) : 0.5 * u;
      const double distance = 0.5 - p;
      y[begin + i] = mean + stddev * normal_quantile((word & 1) != 0 ? -distance : distance, p);
    }
  });
}

}  // namespace

uint64_t mix_stream(uint64_t id, uint64_t step) { return mix(mix(id) + step); }

void random_bits(RandomKey key, int64_t n, uint32_t* y) {
  with_bits<1>(key, n, 0.5, [=](int64_t begin, int64_t count, const uint32_t* words) {
    std::copy(words, words + count, y + begin);
  });
}

// In this file and not among the inner loops, where a fused multiply-add would change the bits of some levels.
void random_uniform(RandomKey key, DType dtype, double lo, double hi, int64_t n, void* y) {
  PK_CHECK(is_float(dtype), std::string("random_uniform makes float32 or float64, not ") + name_of(dtype));
  PK_CHECK(lo <= hi && std::isfinite(lo) && std::isfinite(hi),
           "random_uniform needs finite bounds in order, got " + std::to_string(lo) + " and " + std::to_string(hi));
  if (dtype == DType::f32) {
    float* out = static_cast<float*>(y);
    const float low = static_cast<float>(lo), scale = static_cast<float>(hi - lo) * 0x1p-24F;
    const float last = std::max(low, std::nextafter(static_cast<float>(hi), low));  // rounding must not reach hi
    with_bits<1>(key, n, 0.7, [=](int64_t begin, int64_t count, const uint32_t* words) {
      for (int64_t i = 0; i < count; ++i) {
        const float v = low + scale * static_cast<float>(static_cast<std::int32_t>(words[i] >> 8));
        out[begin + i] = v < last ? v : last;
      }
    });
  } else {
    double* out = static_cast<double*>(y);
    const double scale = hi * 0x1p-53 - lo * 0x1p-53, last = std::max(lo, std::nextafter(hi, lo));
    with_bits<2>(key, n, 1.5, [=](int64_t begin, int64_t count, const uint32_t* words) {
      for (int64_t i = 0; i < count; ++i) {
        const double v = lo + scale * static_cast<double>(word64(words + 2 * i) >> 11);
        out[begin + i] = v < last ? v : last;
      }
    });
  }
}

void random_normal(RandomKey key, DType dtype, double mean, double stddev, bool truncated, int64_t n, void* y) {
  PK_CHECK(is_float(dtype), std::string("random_normal makes float32 or float64, not ") + name_of(dtype));
  if (dtype == DType::f64) return normal_f64(key, mean, stddev, truncated, n, static_cast<double*>(y));
  float* out = static_cast<float*>(y);
  const auto fill = kernels().random.normal_f32;
  const float m = static_cast<float>(mean), s = static_cast<float>(stddev);
  with_bits<1>(key, n, 1.0, [=](int64_t begin, int64_t count, const uint32_t* words) {
    fill(words, m, s, truncated, count, out + begin);
  });
}

void dropout(RandomKey key, DType dtype, double rate, int64_t n, const void* x, void* y) {
  PK_CHECK(is_float(dtype), std::string("dropout takes float32 or float64, not ") + name_of(dtype));
  PK_CHECK(rate >= 0 && rate <= 1, "the dropout rate must be in [0, 1], got " + std::to_string(rate));
  if (rate == 1) {
    std::fill_n(static_cast<char*>(y), static_cast<size_t>(n) * size_of(dtype), char{0});
    return;
  }
  constexpr double most = std::numeric_limits<uint32_t>::max();
  const uint32_t threshold = static_cast<uint32_t>(std::min(most, std::nearbyint(rate * 0x1p32)));
  const double scale = 1 / (1 - rate);
  if (dtype == DType::f32) {
    const auto apply = kernels().random.dropout_f32;
    with_bits<1>(key, n, 0.6, [=](int64_t begin, int64_t count, const uint32_t* words) {
      apply(words, threshold, static_cast<float>(scale), count, static_cast<const float*>(x) + begin,
            static_cast<float*>(y) + begin);
    });
  } else {
    const auto apply = kernels().random.dropout_f64;
    with_bits<1>(key, n, 0.8, [=](int64_t begin, int64_t count, const uint32_t* words) {
      apply(words, threshold, scale, count, static_cast<const double*>(x) + begin, static_cast<double*>(y) + begin);
    });
  }
}

}  // namespace pk
