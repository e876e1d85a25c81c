// The machine's limits, measured in the process that needs them for comparison.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "base/cpu.h"
#include "base/parallel.h"
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace pk::bench {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Each runs `rounds` of independent multiply-adds, enough of them to hide the latency on two ports, and returns
// the number of floating-point operations.
#if defined(__x86_64__)
__attribute__((target("avx512f"), noinline)) inline double fma_rounds_avx512(std::int64_t rounds, float* out) {
  __m512 acc[24];
  const __m512 x = _mm512_set1_ps(out[0]), y = _mm512_set1_ps(out[1]);
  for (auto& a : acc) a = y;
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 24
    for (auto& a : acc) a = _mm512_fmadd_ps(a, x, y);
  }
  __m512 sum = acc[0];
  for (int j = 1; j < 24; ++j) sum = _mm512_add_ps(sum, acc[j]);
  alignas(64) float lanes[16];
  _mm512_store_ps(lanes, sum);
  out[2] += lanes[0];
  return static_cast<double>(rounds) * 24 * 16 * 2;
}

__attribute__((target("avx2,fma"), noinline)) inline double fma_rounds_avx2(std::int64_t rounds, float* out) {
  __m256 acc[12];
  const __m256 x = _mm256_set1_ps(out[0]), y = _mm256_set1_ps(out[1]);
  for (auto& a : acc) a = y;
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 12
    for (auto& a : acc) a = _mm256_fmadd_ps(a, x, y);
  }
  __m256 sum = acc[0];
  for (int j = 1; j < 12; ++j) sum = _mm256_add_ps(sum, acc[j]);
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, sum);
  out[2] += lanes[0];
  return static_cast<double>(rounds) * 12 * 8 * 2;
}
#elif defined(__aarch64__)
inline double fma_rounds_neon(std::int64_t rounds, float* out) {
  float32x4_t acc[24];
  const float32x4_t x = vdupq_n_f32(out[0]), y = vdupq_n_f32(out[1]);
  for (auto& a : acc) a = y;
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 24
    for (auto& a : acc) a = vfmaq_f32(y, a, x);
  }
  float32x4_t sum = acc[0];
  for (int j = 1; j < 24; ++j) sum = vaddq_f32(sum, acc[j]);
  out[2] += vgetq_lane_f32(sum, 0);
  return static_cast<double>(rounds) * 24 * 4 * 2;
}
#endif

// The scalar level has no multiply-add instruction in the baseline: a multiplication and an addition, which the
// compiler may run four at a time.
inline double fma_rounds_scalar(std::int64_t rounds, float* out) {
  float acc[32];
  const float x = out[0], y = out[1];
  for (auto& a : acc) a = y;
  for (std::int64_t i = 0; i < rounds; ++i) {
    for (auto& a : acc) a = a * x + y;
  }
  for (float a : acc) out[2] += a;
  return static_cast<double>(rounds) * 32 * 2;
}

// The rounds of a level.
inline auto fma_rounds(Isa isa) -> double (*)(std::int64_t, float*) {
#if defined(__x86_64__)
  if (isa == Isa::avx2) return fma_rounds_avx2;
  if (isa == Isa::avx512) return fma_rounds_avx512;
#elif defined(__aarch64__)
  if (isa == Isa::neon) return fma_rounds_neon;
#endif
  static_cast<void>(isa);
  return fma_rounds_scalar;
}

// GFLOP/s of one thread with the level's widest multiply-add: the best of several runs of about a millisecond.
inline double peak_gflops(Isa isa) {
  float out[3] = {0.5F, 1.0F, 0.0F};
  auto* run = fma_rounds(isa);
  double best = 0;
  for (int i = 0; i < 40; ++i) {
    const auto start = Clock::now();
    const double flops = run(100000, out);
    best = std::max(best, flops / seconds_since(start) / 1e9);
  }
  volatile float keep = out[2];
  static_cast<void>(keep);
  return best;
}

#if defined(__x86_64__)
__attribute__((target("avx2"), noinline)) inline std::uint64_t sum_avx2(const char* from, std::size_t bytes) {
  __m256i sums[8] = {};
  for (std::size_t i = 0; i + sizeof(sums) <= bytes; i += sizeof(sums)) {
#pragma GCC unroll 8
    for (int j = 0; j < 8; ++j) {
      sums[j] = _mm256_add_epi64(sums[j], _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i) + j));
    }
  }
  std::uint64_t total = 0;
  for (const __m256i& s : sums) {
    std::uint64_t words[4];
    std::memcpy(words, &s, sizeof(words));
    for (std::uint64_t w : words) total += w;
  }
  return total;
}
#endif

// The sum of all 64-bit words, read as fast as the memory gives them.
inline std::uint64_t sum_of(const char* from, std::size_t bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) return sum_avx2(from, bytes);
#endif
  std::uint64_t total = 0;
  for (std::size_t i = 0; i + 8 <= bytes; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, from + i, sizeof(word));
    total += word;
  }
  return total;
}

// GB/s at which memory is copied (read plus written bytes), by one thread or by all that the library uses, whichever is
// faster at this size.
inline double copy_gbs(char* to, const char* from, std::size_t bytes) {
  double best = 0;
  for (const std::int64_t threads : {std::int64_t{1}, static_cast<std::int64_t>(num_threads())}) {
    const std::size_t each = bytes / static_cast<std::size_t>(threads);
    for (int i = 0; i < 5; ++i) {
      const auto start = Clock::now();
      parallel_for(threads, threads == 1 ? 0 : 1e9, [&](std::int64_t t) {
        const std::size_t at = static_cast<std::size_t>(t) * each;
        std::memcpy(to + at, from + at, each);
      });
      const double moved = 2 * static_cast<double>(each) * static_cast<double>(threads);
      best = std::max(best, moved / seconds_since(start) / 1e9);
    }
  }
  return best;
}

}  // namespace pk::bench
