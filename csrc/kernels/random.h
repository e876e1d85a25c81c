// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3", SC 2011). Element i of a stream depends only on (seed, stream, i): same bits for any
// partition and thread count. Bits, uniforms, dropout masks and permutations also have the same bits
// at every ISA level; float32 normals agree across levels up to the rounding of log.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace pk {

using std::int64_t;

struct RandomKey {
  std::uint64_t seed = 0;    // Philox key
  std::uint64_t stream = 0;  // high 64 bits of the counter: op id and step, mixed by the caller
};

// A stream number for (id, step): a bijective mix of each, so that the streams of all ids and steps of
// a model are distinct for all practical purposes (collision probability 2^-64 a pair).
std::uint64_t mix_stream(std::uint64_t id, std::uint64_t step);

// 32 random bits for each of n elements: word i % 4 of the block of counter i / 4.
void random_bits(RandomKey key, int64_t n, std::uint32_t* y);
// Uniform on [lo, hi), lo <= hi finite (all lo where they are equal): lo + (hi - lo) u with u of 24 random bits (f32)
// or 53 (f64). f32, f64.
void random_uniform(RandomKey key, DType dtype, double lo, double hi, int64_t n, void* y);
// Normal, by inversion of the distribution function: of 32 bits an element (f32, |z| < 6.4), 64 (f64).
// truncated: the distribution conditioned to within two standard deviations of the mean, as
// keras.random.truncated_normal. f32, f64.
void random_normal(RandomKey key, DType dtype, double mean, double stddev, bool truncated, int64_t n, void* y);
// Inverted dropout: y = bits(i) < rate 2^32 ? 0 : x / (1 - rate). The mask is a function of (key, i), so
// the backward calls this again with dy: no mask is stored, and f32 and f64 have the same. rate in
// [0, 1]; 1 gives zeros. y may be x. f32, f64.
void dropout(RandomKey key, DType dtype, double rate, int64_t n, const void* x, void* y);

}  // namespace pk
