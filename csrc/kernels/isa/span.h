// Loops over contiguous spans with a vector type: full vectors, then one partial vector.
#pragma once

#include <cstdint>

#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

// y[i] = f(x[i]). Lanes past the end hold f(0), which is not stored.
template <class V, class F>
inline void unary_span(const typename V::T* x, typename V::T* y, std::int64_t n, F f) {
  std::int64_t i = 0;
  for (; i + V::W <= n; i += V::W) f(V::load(x + i)).store(y + i);
  if (V::W > 1 && i < n) {
    const int rest = static_cast<int>(n - i);
    f(V::load_n(x + i, rest)).store_n(y + i, rest);
  }
}

// y[i] = f(a[i], b[i]).
template <class V, class F>
inline void binary_span(const typename V::T* a, const typename V::T* b, typename V::T* y, std::int64_t n, F f) {
  std::int64_t i = 0;
  for (; i + V::W <= n; i += V::W) f(V::load(a + i), V::load(b + i)).store(y + i);
  if (V::W > 1 && i < n) {
    const int rest = static_cast<int>(n - i);
    f(V::load_n(a + i, rest), V::load_n(b + i, rest)).store_n(y + i, rest);
  }
}

}  // namespace
}  // namespace pk::PK_ISA
