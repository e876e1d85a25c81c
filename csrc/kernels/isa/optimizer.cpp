// Optimizer inner loops. Contracts: kernels/optimizer.h.
#include <cfloat>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

#include "kernels/isa/optimizer_table.h"
#include "kernels/isa/vec.h"

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

// Two vectors (or pairs) that go through every step of a formula side by side: the chains of dependent operations
// are long (about 80 cycles for adam), and one vector at a time fills the scheduler with waiting instructions.
template <class V>
struct Pair {
  using T = typename V::T;
  static constexpr int W = 2 * V::W;
  struct M {
    typename V::M a, b;
  };
  V a, b;

  static Pair load(const T* p) { return {V::load(p), V::load(p + V::W)}; }
  static Pair set1(T x) { return {V::set1(x), V::set1(x)}; }
  void store(T* p) const {
    a.store(p);
    b.store(p + V::W);
  }
  friend Pair operator+(Pair x, Pair y) { return {x.a + y.a, x.b + y.b}; }
  friend Pair operator-(Pair x, Pair y) { return {x.a - y.a, x.b - y.b}; }
  friend Pair operator*(Pair x, Pair y) { return {x.a * y.a, x.b * y.b}; }
  friend Pair operator-(Pair x) { return {-x.a, -x.b}; }
  friend Pair operator/(Pair x, Pair y) { return {x.a / y.a, x.b / y.b}; }
  friend Pair fma(Pair x, Pair y, Pair z) { return {fma(x.a, y.a, z.a), fma(x.b, y.b, z.b)}; }
  friend Pair fnma(Pair x, Pair y, Pair z) { return {fnma(x.a, y.a, z.a), fnma(x.b, y.b, z.b)}; }
  friend Pair vmin(Pair x, Pair y) { return {vmin(x.a, y.a), vmin(x.b, y.b)}; }
  friend Pair vsqrt(Pair x) { return {vsqrt(x.a), vsqrt(x.b)}; }
  friend M le(Pair x, Pair y) { return {le(x.a, y.a), le(x.b, y.b)}; }
  friend Pair select(M m, Pair x, Pair y) { return {select(m.a, x.a, y.a), select(m.b, x.b, y.b)}; }
};

template <class V>
struct Estimates {
  static constexpr bool available = false;
};

#if defined(PK_ISA_AVX512)
// The forms with a mask, because those without read an undefined register in GCC's headers, which it then warns about.
Vec16 estimate_rsqrt(Vec16 x) { return {_mm512_maskz_rsqrt14_ps(0xFFFF, x.v)}; }
Vec16 estimate_reciprocal(Vec16 x) { return {_mm512_maskz_rcp14_ps(0xFFFF, x.v)}; }
template <class V>
Pair<V> estimate_rsqrt(Pair<V> x) {
  return {estimate_rsqrt(x.a), estimate_rsqrt(x.b)};
}
template <class V>
Pair<V> estimate_reciprocal(Pair<V> x) {
  return {estimate_reciprocal(x.a), estimate_reciprocal(x.b)};
}
template <>
struct Estimates<Vec16> {
  static constexpr bool available = true;
};
template <class V>
struct Estimates<Pair<V>> : Estimates<V> {};
#endif

// num / sqrt(d). Where there are estimates, one Newton step brings 14 bits to 1 or 2 units in the last place: vdivps
// and vsqrtps take longer than the memory traffic out of L2. Inside the step an infinite d is replaced, so that
// the estimate 0 stays 0.
template <class V>
V over_root(V num, V d) {
  if constexpr (Estimates<V>::available) {
    const V y = estimate_rsqrt(d), half = V::set1(0.5F);
    const V e = fnma(vmin(V::set1(FLT_MAX), d) * y, y * half, half);
    return num * fma(e, y, y);
  } else {
    return num / vsqrt(d);
  }
}

// num / (sqrt(v) + eps). The square root is left to the divider, which works beside the multipliers: with both
// estimated, or neither, adam is slower.
template <class V>
V over_root_plus(V num, V v, V eps) {
  const V d = vsqrt(v) + eps;
  if constexpr (Estimates<V>::available) {
    const V r = estimate_reciprocal(d);
    const V e = fnma(vmin(V::set1(FLT_MAX), d), r, V::set1(1));
    return num * fma(e, r, r);
  } else {
    return num / d;
  }
}

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

// The loops. Functions of their own (not inlined), so that no arithmetic moves across the change of modes that
// FlushSubnormals makes. Multiply-adds are spelled out: left to the compiler, they could differ between the
// kinds of step, and bits with them.
#define PK_LOOP __attribute__((noinline))

template <class V, bool Momentum, bool Nesterov>
PK_LOOP void sgd_loop(const SgdParams<typename V::T>& p, int64_t n, typename V::T* __restrict w,
                      typename V::T* __restrict velocity, const typename V::T* __restrict g) {
  sweep<V>(n, [=](auto at) {
    using X = typename decltype(at)::Vec;
    const X lr = X::set1(p.lr), grad = at.load(g);
    if constexpr (Momentum) {
      const X momentum = X::set1(p.momentum), step = -(lr * grad);
      const X v = fma(momentum, at.load(velocity), step);
      at.store(velocity, v);
      at.store(w, at.load(w) + (Nesterov ? fma(momentum, v, step) : v));
    } else {
      at.store(w, fnma(lr, grad, at.load(w)));
    }
  });
}

template <class V>
void sgd(const SgdParams<typename V::T>& p, int64_t n, typename V::T* w, typename V::T* velocity,
         const typename V::T* g) {
  const FlushSubnormals flush;
  if (p.momentum == 0) {
    sgd_loop<V, false, false>(p, n, w, velocity, g);
  } else if (p.nesterov) {
    sgd_loop<V, true, true>(p, n, w, velocity, g);
  } else {
    sgd_loop<V, true, false>(p, n, w, velocity, g);
  }
}

template <class V, bool Momentum, bool Centered>
PK_LOOP void rmsprop_loop(const RmspropParams<typename V::T>& p, int64_t n, typename V::T* __restrict w,
                          typename V::T* __restrict velocity, typename V::T* __restrict mom,
                          typename V::T* __restrict average, const typename V::T* __restrict g) {
  sweep<V>(n, [=](auto at) {
    using X = typename decltype(at)::Vec;
    const X rho = X::set1(p.rho), rest = X::set1(p.one_minus_rho);
    const X grad = at.load(g);
    const X v = fma(rho, at.load(velocity), rest * (grad * grad));
    at.store(velocity, v);
    X d = v;
    if constexpr (Centered) {
      const X a = fma(rho, at.load(average), rest * grad);
      at.store(average, a);
      d = fnma(a, a, v);
    }
    X inc = over_root(X::set1(p.lr) * grad, d + X::set1(p.epsilon));
    if constexpr (Momentum) {
      inc = fma(X::set1(p.momentum), at.load(mom), inc);
      at.store(mom, inc);
    }
    at.store(w, at.load(w) - inc);
  });
}

template <class V>
void rmsprop(const RmspropParams<typename V::T>& p, int64_t n, typename V::T* w, typename V::T* velocity,
             typename V::T* mom, typename V::T* average, const typename V::T* g) {
  const FlushSubnormals flush;
  if (p.centered && p.momentum > 0) {
    rmsprop_loop<V, true, true>(p, n, w, velocity, mom, average, g);
  } else if (p.centered) {
    rmsprop_loop<V, false, true>(p, n, w, velocity, mom, average, g);
  } else if (p.momentum > 0) {
    rmsprop_loop<V, true, false>(p, n, w, velocity, mom, average, g);
  } else {
    rmsprop_loop<V, false, false>(p, n, w, velocity, mom, average, g);
  }
}

template <class V, bool Amsgrad>
PK_LOOP void adam_loop(const AdamParams<typename V::T>& p, int64_t n, typename V::T* __restrict w,
                       typename V::T* __restrict m, typename V::T* __restrict v, typename V::T* __restrict vhat,
                       const typename V::T* __restrict g) {
  sweep<V>(n, [=](auto at) {
    using X = typename decltype(at)::Vec;
    const X grad = at.load(g), m0 = at.load(m), v0 = at.load(v);
    const X m1 = fma(grad - m0, X::set1(p.one_minus_beta1), m0);
    X v1 = fnma(fnma(grad, grad, v0), X::set1(p.one_minus_beta2), v0);
    at.store(m, m1);
    at.store(v, v1);
    if constexpr (Amsgrad) {
      const X top = at.load(vhat);
      v1 = select(le(v1, top), top, v1);  // a NaN in v1 stays
      at.store(vhat, v1);
    }
    at.store(w, at.load(w) - over_root_plus(m1 * X::set1(p.alpha), v1, X::set1(p.epsilon)));
  });
}

template <class V>
void adam(const AdamParams<typename V::T>& p, int64_t n, typename V::T* w, typename V::T* m, typename V::T* v,
          typename V::T* vhat, const typename V::T* g) {
  const FlushSubnormals flush;
  if (p.amsgrad) {
    adam_loop<V, true>(p, n, w, m, v, vhat, g);
  } else {
    adam_loop<V, false>(p, n, w, m, v, vhat, g);
  }
}

template <class V>
void fill_loops(OptimizerLoops<typename V::T>& t) {
  t.sgd = sgd<V>;
  t.rmsprop = rmsprop<V>;
  t.adam = adam<V>;
}

}  // namespace

void fill(OptimizerTable& t) {
  fill_loops<VecF>(t.f32);
  fill_loops<Vec1<double>>(t.f64);
}

}  // namespace pk::PK_ISA
