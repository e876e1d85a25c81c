#include <cmath>
#include <cstdint>

#include "kernels/isa/lanes.h"
#include "kernels/isa/pool2d_table.h"

namespace pk::PK_ISA {

namespace {

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

struct Range {
  int64_t lo, hi;
};
// The places of the window at output position `at` that lie inside an image of `size`.
Range inside(int64_t at, int64_t stride, int64_t pad, int64_t window, int64_t size) {
  const int64_t first = at * stride - pad;
  return {most(0, -first), least(window, size - first)};
}
// The outputs whose window reaches image position `at`.
Range reaching(int64_t at, int64_t stride, int64_t pad, int64_t window, int64_t outputs) {
  const int64_t last = at + pad;
  return {last < window ? 0 : (last - window) / stride + 1, least(outputs, last / stride + 1)};
}

// What one output sees: x at the window's place (0, 0), which may lie outside the image; distances in elements.
template <class T>
struct Window {
  const T* x;
  int64_t row, pixel;
  Range r, s;
  int64_t width;  // places of a row of the window
};

// f(element, place). R x S: the window where it is known and whole; 0 x 0: the places in r, s.
template <int R, int S, class T, class F>
inline void for_each_place(const Window<T>& at, F&& f) {
  if constexpr (R > 0) {
    for (int r = 0; r < R; ++r) {
      for (int s = 0; s < S; ++s) f(at.x + r * at.row + s * at.pixel, r * S + s);
    }
  } else {
    for (int64_t r = at.r.lo; r < at.r.hi; ++r) {
      for (int64_t s = at.s.lo; s < at.s.hi; ++s) f(at.x + r * at.row + s * at.pixel, r * at.width + s);
    }
  }
}

template <class V, class Index>
struct Max {
  using T = typename V::T;
  Index* index;

  template <int R, int S>
  void operator()(const Window<T>& at, int64_t c, bool past, T* y, int64_t offset) const {
    for (int64_t k = 0; k < c; k += V::W) {
      const int n = static_cast<int>(least(V::W, c - k));
      V best = V::zero(), place = V::zero();
      bool first = true;
      for_each_place<R, S>(at, [&](const T* x, int64_t i) {
        const V v = load_lanes<V>(x + k, n), here = V::set1(static_cast<T>(i));
        // Greater, or the first NaN.
        const auto better = ~le(v, best) & eq(best, best);
        best = first ? v : select(better, v, best);
        place = first ? here : select(better, here, place);
        first = false;
      });
      past ? stream(best, y + k) : store_lanes(best, y + k, n);
      if (index != nullptr) store_indices(place, index + offset + k, n);
    }
  }
};

template <class V>
struct Average {
  using T = typename V::T;

  template <int R, int S>
  void operator()(const Window<T>& at, int64_t c, bool past, T* y, int64_t) const {
    const int64_t count = R > 0 ? R * S : (at.r.hi - at.r.lo) * (at.s.hi - at.s.lo);
    const V divisor = V::set1(static_cast<T>(count)), factor = V::set1(T(1) / static_cast<T>(count));
    const bool exact = (count & (count - 1)) == 0;
    for (int64_t k = 0; k < c; k += V::W) {
      const int n = static_cast<int>(least(V::W, c - k));
      V sum = V::zero();
      for_each_place<R, S>(at, [&](const T* x, int64_t) { sum = sum + load_lanes<V>(x + k, n); });
      const V mean = exact ? sum * factor : sum / divisor;
      past ? stream(mean, y + k) : store_lanes(mean, y + k, n);
    }
  }
};

template <int R, int S, class T, class F>
void pool_bands(const PoolShape& g, const PoolPointers& a, int64_t begin, int64_t end, const F& f) {
  const T* x = static_cast<const T*>(a.in);
  T* y = static_cast<T*>(a.out);
  for (int64_t band = begin; band < end; ++band) {
    const int64_t image = band / g.p, p = band % g.p;
    Window<T> at{};
    at.row = g.w * g.c;
    at.pixel = g.c;
    at.width = g.window_w;
    at.r = inside(p, g.stride_h, g.pad_top, g.window_h, g.h);
    const bool whole_rows = at.r.hi - at.r.lo == g.window_h;
    const int64_t first_row = image * g.h + p * g.stride_h - g.pad_top;
    for (int64_t q = 0; q < g.q; ++q) {
      at.s = inside(q, g.stride_w, g.pad_left, g.window_w, g.w);
      at.x = x + (first_row * g.w + q * g.stride_w - g.pad_left) * g.c;
      const int64_t offset = (band * g.q + q) * g.c;
      if (R > 0 && whole_rows && at.s.hi - at.s.lo == g.window_w) {
        f.template operator()<R, S>(at, g.c, a.stream, y + offset, offset);
      } else {
        f.template operator()<0, 0>(at, g.c, a.stream, y + offset, offset);
      }
    }
  }
  if (a.stream) stream_end();
}

template <class T, class F>
void pool(const PoolShape& g, const PoolPointers& a, int64_t begin, int64_t end, const F& f) {
  if (g.window_h == 2 && g.window_w == 2) {
    pool_bands<2, 2, T>(g, a, begin, end, f);
  } else if (g.window_h == 3 && g.window_w == 3) {
    pool_bands<3, 3, T>(g, a, begin, end, f);
  } else {
    pool_bands<0, 0, T>(g, a, begin, end, f);
  }
}

template <class V, class Index>
void max_bands(const PoolShape& g, const PoolPointers& a, int64_t begin, int64_t end) {
  pool<typename V::T>(g, a, begin, end, Max<V, Index>{static_cast<Index*>(a.index)});
}
template <class V>
void average_bands(const PoolShape& g, const PoolPointers& a, int64_t begin, int64_t end) {
  pool<typename V::T>(g, a, begin, end, Average<V>{});
}

// What output (p, q), whose channels begin at `offset`, gives to the element at place i of its window.
template <class V, class Index>
struct MaxShare {
  using T = typename V::T;
  const T* dy;
  const Index* index;

  V operator()(int64_t offset, int n, int64_t i, int64_t /*p*/, int64_t /*q*/) const {
    const V d = load_lanes<V>(dy + offset, n);
    return select(indices_equal<V>(index + offset, n, static_cast<std::int32_t>(i)), d, V::zero());
  }
};
template <class V>
struct AverageShare {
  using T = typename V::T;
  const PoolShape* shape;
  const T* dy;
  T whole;  // 1 / places of a window

  V operator()(int64_t offset, int n, int64_t /*i*/, int64_t p, int64_t q) const {
    const PoolShape& g = *shape;
    const Range r = inside(p, g.stride_h, g.pad_top, g.window_h, g.h);
    const Range s = inside(q, g.stride_w, g.pad_left, g.window_w, g.w);
    const int64_t count = (r.hi - r.lo) * (s.hi - s.lo);
    const T factor = count == g.window_h * g.window_w ? whole : T(1) / static_cast<T>(count);
    return load_lanes<V>(dy + offset, n) * V::set1(factor);
  }
};

// One image row of dx: each element gathers what it gets, outputs in row-major order.
template <class V, class Share>
void gradient_row(const PoolShape& g, const PoolPointers& a, int64_t image, int64_t h, const Share& share) {
  using T = typename V::T;
  T* dx = static_cast<T*>(a.out) + (image * g.h + h) * g.w * g.c;
  const Range rows = reaching(h, g.stride_h, g.pad_top, g.window_h, g.p);
  for (int64_t w = 0; w < g.w; ++w, dx += g.c) {
    const Range cols = reaching(w, g.stride_w, g.pad_left, g.window_w, g.q);
    for (int64_t k = 0; k < g.c; k += V::W) {
      const int n = static_cast<int>(least(V::W, g.c - k));
      V sum = V::zero();
      for (int64_t p = rows.lo; p < rows.hi; ++p) {
        const int64_t r = h + g.pad_top - p * g.stride_h;
        for (int64_t q = cols.lo; q < cols.hi; ++q) {
          const int64_t s = w + g.pad_left - q * g.stride_w;
          const int64_t offset = ((image * g.p + p) * g.q + q) * g.c + k;
          sum = sum + share(offset, n, r * g.window_w + s, p, q);
        }
      }
      a.stream ? stream(sum, dx + k) : store_lanes(sum, dx + k, n);
    }
  }
}

// Two image rows of dx of 2x2 windows side by side, all of them whole: each dy is read once.
template <class V, class Share>
void gradient_pair(const PoolShape& g, const PoolPointers& a, int64_t image, int64_t p, const Share& share) {
  using T = typename V::T;
  const int64_t row = g.w * g.c;
  T* top = static_cast<T*>(a.out) + (image * g.h + 2 * p) * row;
  int64_t offset = (image * g.p + p) * g.q * g.c;
  for (int64_t q = 0; q < g.q; ++q, offset += g.c, top += 2 * g.c) {
    for (int64_t k = 0; k < g.c; k += V::W) {
      const int n = static_cast<int>(least(V::W, g.c - k));
      V d[4];
      for (int i = 0; i < 4; ++i) d[i] = share(offset + k, n, i, p, q);
      for (int i = 0; i < 4; ++i) {
        T* dx = top + (i / 2) * row + (i % 2) * g.c + k;
        a.stream ? stream(d[i], dx) : store_lanes(d[i], dx, n);
      }
    }
  }
  if (g.w % 2 != 0) {
    for (int64_t k = 0; k < g.c; ++k) top[k] = top[row + k] = 0;
  }
}

template <class V, class Share>
void gradient_bands(const PoolShape& g, const PoolPointers& a, int64_t begin, int64_t end, const Share& share) {
  const bool pairs = g.window_h == 2 && g.window_w == 2 && g.stride_h == 2 && g.stride_w == 2 && g.pad_top == 0 &&
                     g.pad_left == 0 && 2 * g.p <= g.h && 2 * g.q <= g.w;
  for (int64_t band = begin; band < end; ++band) {
    const int64_t image = band / g.p, p = band % g.p;
    int64_t h = p == 0 ? 0 : least(g.h, p * g.stride_h);
    const int64_t stop = p + 1 == g.p ? g.h : least(g.h, h + g.stride_h);
    if (pairs) {
      gradient_pair<V>(g, a, image, p, share);
      h += 2;
    }
    for (; h < stop; ++h) gradient_row<V>(g, a, image, h, share);
  }
  if (a.stream) stream_end();
}

template <class V, class Index>
void max_grad_bands(const PoolShape& g, const PoolPointers& a, int64_t begin, int64_t end) {
  using T = typename V::T;
  const MaxShare<V, Index> share{static_cast<const T*>(a.in), static_cast<const Index*>(a.index)};
  gradient_bands<V>(g, a, begin, end, share);
}
template <class V>
void average_grad_bands(const PoolShape& g, const PoolPointers& a, int64_t begin, int64_t end) {
  using T = typename V::T;
  const T whole = T(1) / static_cast<T>(g.window_h * g.window_w);
  gradient_bands<V>(g, a, begin, end, AverageShare<V>{&g, static_cast<const T*>(a.in), whole});
}

void max_block(int64_t p, int64_t q, int64_t n, const float* x, int64_t x_row, int64_t x_pixel, float* y,
               std::uint8_t* index, int64_t y_row, int64_t y_pixel) {
  const Max<VecF, std::uint8_t> max{index};
  Window<float> at{};
  at.row = x_row;
  at.pixel = x_pixel;
  for (int64_t i = 0; i < p; ++i) {
    at.x = x + 2 * i * x_row;
    for (int64_t j = 0; j < q; ++j, at.x += 2 * x_pixel) {
      const int64_t offset = i * y_row + j * y_pixel;
      max.template operator()<2, 2>(at, n, false, y + offset, offset);
    }
  }
}

template <class V>
void fill(PoolLoops& t) {
  t.max[0] = max_bands<V, std::uint8_t>;
  t.max[1] = max_bands<V, std::int32_t>;
  t.max_grad[0] = max_grad_bands<V, std::uint8_t>;
  t.max_grad[1] = max_grad_bands<V, std::int32_t>;
  t.average = average_bands<V>;
  t.average_grad = average_grad_bands<V>;
}

}  // namespace

void fill(Pool2dTable& t) {
  fill<VecF>(t.f32);
  fill<Vec1<double>>(t.f64);
  t.max_block = max_block;
  t.vector_f32 = VecF::W;
}

}  // namespace pk::PK_ISA
