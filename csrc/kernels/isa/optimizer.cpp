// Optimizer inner loops. Contracts: kernels/optimizer.h; formulas: update_rules.h.
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "kernels/isa/optimizer_table.h"
#include "kernels/isa/update_rules.h"

namespace pk::PK_ISA {
namespace {

#if defined(__SSE2__)
// Subnormal numbers are read and written as zero while one of these lives: a moment that decays without new
// gradient would otherwise stay subnormal for ever, at some 150 cycles an operation. XLA does the same.
class FlushSubnormals {
 public:
  FlushSubnormals() : saved_(_mm_getcsr()) {
    if ((saved_ & both) != both) _mm_setcsr(saved_ | both);
  }
  ~FlushSubnormals() {
    if ((saved_ & both) != both) _mm_setcsr(saved_);
  }
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
  static constexpr unsigned both = 0x8040;  // flush-to-zero, denormals-are-zero
  const unsigned saved_;
};
#else
class FlushSubnormals {  // they cost nothing extra here
 public:
  FlushSubnormals() {}
};
#endif

// As many vectors abreast as the registers hold: 32 of them with AVX-512 and NEON, else 16.
#if defined(PK_ISA_AVX512) || defined(PK_ISA_NEON)
template <class V>
using Unrolled = Pair<Pair<V>>;
#else
template <class V>
using Unrolled = Pair<V>;
#endif

// Where a step of sweep reads and writes: whole vectors (or groups) at element i, or the first `lanes` of one.
template <class V>
struct Whole {
  int64_t i;
  using Vec = V;
  V load(const typename V::T* p) const { return V::load(p + i); }
  void store(typename V::T* p, V x) const { x.store(p + i); }
};
template <class V>
struct Remainder {
  int64_t i;
  int lanes;
  using Vec = V;
  V load(const typename V::T* p) const { return V::load_n(p + i, lanes); }
  void store(typename V::T* p, V x) const { x.store_n(p + i, lanes); }
};

// step(at) over [0, n): groups of vectors, then vectors, then what is left of one. Elementwise, so bits do not depend
// on which of the three an element falls into.
template <class V, class F>
void sweep(int64_t n, const F& step) {
  int64_t i = 0;
  if constexpr (V::W > 1) {
    using Many = Unrolled<V>;
    for (; i + Many::W <= n; i += Many::W) step(Whole<Many>{i});
  }
  for (; i + V::W <= n; i += V::W) step(Whole<V>{i});
  if (i < n) step(Remainder<V>{i, static_cast<int>(n - i)});
}

// A function of its own (not inlined), so that no arithmetic moves across the change of modes that FlushSubnormals
// makes.
template <class V, Update U>
__attribute__((noinline)) void update_loop(const UpdateScalars<typename V::T>& p, int64_t n,
                                           typename V::T* __restrict w, typename V::T* __restrict slot_0,
                                           typename V::T* __restrict slot_1, typename V::T* __restrict slot_2,
                                           const typename V::T* __restrict g) {
  constexpr int slots = row_of(U).slots, scalars = row_of(U).scalars;
  static_assert(slots <= max_update_slots && scalars <= max_update_scalars);
  // Inlined in each of sweep's loops: called, it would read the scalars again for every group.
  sweep<V>(n, [=](auto at) __attribute__((always_inline)) {
    using X = typename decltype(at)::Vec;
    X scalar[scalars], state[max_update_slots];
    for (int i = 0; i < scalars; ++i) scalar[i] = X::set1(p.value[i]);
    if constexpr (slots > 0) state[0] = at.load(slot_0);
    if constexpr (slots > 1) state[1] = at.load(slot_1);
    if constexpr (slots > 2) state[2] = at.load(slot_2);
    X weight = at.load(w);
    if (p.decay != 0) weight = fnma(X::set1(p.decay), weight, weight);
    step(Rule<U>{}, scalar, at.load(g), weight, state);
    if constexpr (slots > 0) at.store(slot_0, state[0]);
    if constexpr (slots > 1) at.store(slot_1, state[1]);
    if constexpr (slots > 2) at.store(slot_2, state[2]);
    at.store(w, weight);
  });
}

template <class V, Update U>
void update(const UpdateScalars<typename V::T>& p, int64_t n, typename V::T* w, typename V::T* const* slots,
            const typename V::T* g) {
  const FlushSubnormals flush;
  update_loop<V, U>(p, n, w, slots[0], slots[1], slots[2], g);
}

template <class V>
void fill_loops(OptimizerLoops<typename V::T>& t) {
#define UPDATE(id, ...) t.update[static_cast<int>(Update::id)] = update<V, Update::id>;
#include "kernels/updates.def"
}

}  // namespace

void fill(OptimizerTable& t) {
  fill_loops<VecF>(t.f32);
  fill_loops<Vec1<double>>(t.f64);
}

}  // namespace pk::PK_ISA
