// The random inner loops of one instruction-set level, serial. Contracts: kernels/random.h.
#pragma once

#include <cstdint>

namespace pk {

struct RandomTable {
  // The four words of each of the Philox4x32-10 blocks with counters (first + b, stream), b < blocks.
  void (*blocks)(std::uint64_t seed, std::uint64_t stream, std::uint64_t first, std::int64_t blocks, std::uint32_t* y);
  // y = bits < threshold ? 0 : x * scale. y may be x.
  void (*dropout_f32)(const std::uint32_t* bits, std::uint32_t threshold, float scale, std::int64_t n, const float* x,
                      float* y);
  void (*dropout_f64)(const std::uint32_t* bits, std::uint32_t threshold, double scale, std::int64_t n, const double* x,
                      double* y);
  void (*normal_f32)(const std::uint32_t* bits, float mean, float stddev, bool truncated, std::int64_t n, float* y);
};

}  // namespace pk
