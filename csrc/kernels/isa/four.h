// Four floats in a register: pixels of three or four channels, of which those of three have a fourth that is not
// theirs.
#pragma once

#include <cstdint>

#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

typedef float Four __attribute__((vector_size(16)));

[[maybe_unused]] inline Four load_four(const float* p) {
  Four v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
[[maybe_unused]] inline Four load_four(const std::uint8_t* p) {
#if defined(PK_ISA_AVX512) || defined(PK_ISA_AVX2)
  std::int32_t bytes;
  __builtin_memcpy(&bytes, p, sizeof bytes);
  return (Four)_mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)));
#else
  return Four{static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2]), static_cast<float>(p[3])};
#endif
}
template <int C, class X>
inline Four load_exactly(const X* p) {
  Four v = {};
  for (int i = 0; i < C; ++i) v[i] = static_cast<float>(p[i]);
  return v;
}
[[maybe_unused]] inline Four four_of(float f) { return Four{f, f, f, f}; }

[[maybe_unused]] inline void store_four(Four v, float* p) { __builtin_memcpy(p, &v, sizeof v); }
template <int C>
inline void store_exactly(Four v, float* p) {
  for (int i = 0; i < C; ++i) p[i] = v[i];
}

}  // namespace
}  // namespace pk::PK_ISA
