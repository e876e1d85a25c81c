#include <cstdint>

#include "kernels/isa/depthwise_table.h"
#include "kernels/isa/lanes.h"
#include "kernels/isa/span.h"

namespace pk::PK_ISA {

namespace {

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// Taps that are taken together: their weights, or their gradients, stay in registers.
constexpr int most_taps = 9;

// The pixels that all taps have.
struct Range {
  int64_t lo, hi;
};
template <class T>
Range common(const DepthwiseTap<T>* taps, int count, int64_t pixels) {
  Range all{0, pixels};
  for (int t = 0; t < count; ++t) all = {most(all.lo, taps[t].lo), least(all.hi, taps[t].hi)};
  return all.lo < all.hi ? all : Range{pixels, pixels};
}

// One vector of channels of a row. `add`: to what is there.
template <class V, int count, bool full>
void row_channels(const DepthwiseTap<typename V::T>* taps, int64_t step, typename V::T* out, int64_t out_step,
                  int64_t pixels, int64_t k, int lanes, Range inside, bool add) {
  using T = typename V::T;
  V w[count];
  const T* x[count];
  for (int t = 0; t < count; ++t) {
    w[t] = load_lanes<full, V>(taps[t].w + k, lanes);
    x[t] = taps[t].x + k;
  }
  const auto put = [=](int64_t j, V v) {
    T* to = out + j * out_step + k;
    if (add) v = load_lanes<full, V>(to, lanes) + v;
    full ? v.store(to) : v.store_n(to, lanes);
  };
  const auto edge = [&](int64_t j) {
    V sum = V::zero();
    for (int t = 0; t < count; ++t) {
      if (j >= taps[t].lo && j < taps[t].hi) sum = fma(load_lanes<full, V>(x[t] + j * step, lanes), w[t], sum);
    }
    put(j, sum);
  };
  for (int64_t j = 0; j < inside.lo; ++j) edge(j);
  for (int64_t j = inside.lo; j < inside.hi; ++j) {
    V sum = load_lanes<full, V>(x[0] + j * step, lanes) * w[0];
    for (int t = 1; t < count; ++t) sum = fma(load_lanes<full, V>(x[t] + j * step, lanes), w[t], sum);
    put(j, sum);
  }
  for (int64_t j = inside.hi; j < pixels; ++j) edge(j);
}

template <class V, int count>
void row_taps(const DepthwiseTap<typename V::T>* taps, int64_t step, typename V::T* out, int64_t out_step,
              int64_t pixels, int64_t channels, bool add) {
  const Range inside = common(taps, count, pixels);
  int64_t k = 0;
  for (; k + V::W <= channels; k += V::W) {
    row_channels<V, count, true>(taps, step, out, out_step, pixels, k, V::W, inside, add);
  }
  if (V::W > 1 && k < channels) {
    const int lanes = static_cast<int>(channels - k);
    row_channels<V, count, false>(taps, step, out, out_step, pixels, k, lanes, inside, add);
  }
}

// Calls f.operator()<n>() for n = count <= most_taps.
template <int n = most_taps, class F>
inline void with_count(int count, F&& f) {
  if constexpr (n > 0) {
    if (count == n) {
      f.template operator()<n>();
    } else {
      with_count<n - 1>(count, f);
    }
  }
}

template <class V>
struct RowCall {
  using T = typename V::T;
  const DepthwiseTap<T>* taps;
  int64_t step;
  T* out;
  int64_t out_step, pixels, channels;
  bool add;
  template <int count>
  void operator()() const {
    row_taps<V, count>(taps, step, out, out_step, pixels, channels, add);
  }
};

template <class V>
void row(const DepthwiseTap<typename V::T>* taps, int64_t count, int64_t step, typename V::T* out, int64_t out_step,
         int64_t pixels, int64_t channels) {
  if (count == 0) {
    for (int64_t j = 0; j < pixels; ++j) {
      for (int64_t k = 0; k < channels; ++k) out[j * out_step + k] = 0;
    }
  }
  for (int64_t t = 0; t < count; t += most_taps) {
    const int n = static_cast<int>(least(most_taps, count - t));
    with_count(n, RowCall<V>{taps + t, step, out, out_step, pixels, channels, t > 0});
  }
}

template <class V, int count, bool full>
void weights_channels(const DepthwiseTap<typename V::T>* taps, int64_t step, const typename V::T* dy, int64_t pixels,
                      int64_t channels, int64_t k, int lanes, Range inside) {
  using T = typename V::T;
  V sum[count];
  const T* x[count];
  for (int t = 0; t < count; ++t) {
    sum[t] = V::zero();
    x[t] = taps[t].x + k;
  }
  const auto edge = [&](int64_t j) {
    const V d = load_lanes<full, V>(dy + j * channels + k, lanes);
    for (int t = 0; t < count; ++t) {
      if (j >= taps[t].lo && j < taps[t].hi) sum[t] = fma(load_lanes<full, V>(x[t] + j * step, lanes), d, sum[t]);
    }
  };
  for (int64_t j = 0; j < inside.lo; ++j) edge(j);
  for (int64_t j = inside.lo; j < inside.hi; ++j) {
    const V d = load_lanes<full, V>(dy + j * channels + k, lanes);
    for (int t = 0; t < count; ++t) sum[t] = fma(load_lanes<full, V>(x[t] + j * step, lanes), d, sum[t]);
  }
  for (int64_t j = inside.hi; j < pixels; ++j) edge(j);
  for (int t = 0; t < count; ++t) {
    T* to = taps[t].grad + k;
    const V v = load_lanes<full, V>(to, lanes) + sum[t];
    full ? v.store(to) : v.store_n(to, lanes);
  }
}

template <class V>
struct WeightsCall {
  using T = typename V::T;
  const DepthwiseTap<T>* taps;
  int64_t step;
  const T* dy;
  int64_t pixels, channels;
  template <int count>
  void operator()() const {
    const Range inside = common(taps, count, pixels);
    int64_t k = 0;
    for (; k + V::W <= channels; k += V::W) {
      weights_channels<V, count, true>(taps, step, dy, pixels, channels, k, V::W, inside);
    }
    if (V::W > 1 && k < channels) {
      const int lanes = static_cast<int>(channels - k);
      weights_channels<V, count, false>(taps, step, dy, pixels, channels, k, lanes, inside);
    }
  }
};

template <class V>
void weights(const DepthwiseTap<typename V::T>* taps, int64_t count, int64_t step, const typename V::T* dy,
             int64_t pixels, int64_t channels) {
  for (int64_t t = 0; t < count; t += most_taps) {
    const int n = static_cast<int>(least(most_taps, count - t));
    with_count(n, WeightsCall<V>{taps + t, step, dy, pixels, channels});
  }
}

template <class V>
void sum(const typename V::T* dy, int64_t pixels, int64_t channels, typename V::T* total) {
  for (int64_t k = 0; k < channels; k += V::W) {
    const int lanes = static_cast<int>(least(V::W, channels - k));
    V all = V::zero();
    for (int64_t j = 0; j < pixels; ++j) all = all + load_lanes<V>(dy + j * channels + k, lanes);
    store_lanes(load_lanes<V>(total + k, lanes) + all, total + k, lanes);
  }
}

template <class V>
void mask(const typename V::T* m, typename V::T* y, int64_t n) {
  binary_span<V>(m, y, y, n, [](V ref, V v) { return select(gt(ref, V::zero()), v, V::zero()); });
}

template <class V>
void fill(DepthwiseLoops<typename V::T>& t) {
  t.row = row<V>;
  t.weights = weights<V>;
  t.sum = sum<V>;
  t.mask = mask<V>;
}

}  // namespace

void fill(DepthwiseTable& t) {
  fill<VecF>(t.f32);
  fill<Vec1<double>>(t.f64);
}

}  // namespace pk::PK_ISA
