// The vector types of the level being compiled: VecF (floats, the level's width), Vec1<double>.
// PK_ISA names the level and is its namespace. Files that include this hold kernels only, inside
// an anonymous namespace, and use no standard-library templates: the linker may keep one copy of
// an inline function, and a copy built for AVX-512 would then run on machines without it.
#pragma once

#include "kernels/isa/vec/scalar.h"

#if defined(PK_ISA_AVX512)
#include "kernels/isa/vec/avx512.h"
#elif defined(PK_ISA_AVX2)
#include "kernels/isa/vec/avx2.h"
#elif defined(PK_ISA_NEON)
#include "kernels/isa/vec/neon.h"
#else
namespace pk::PK_ISA {
namespace {
using VecF = Vec1<float>;
}
}  // namespace pk::PK_ISA
#endif
