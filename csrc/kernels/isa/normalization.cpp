#include <cmath>
#include <cstdint>

#include "kernels/isa/act_math.h"
#include "kernels/isa/lanes.h"
#include "kernels/isa/normalization_table.h"

namespace pk::PK_ISA {

namespace {

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Rows that are summed in the element type, one after another; their sums meet in double. A block of a panel stays in
// the first cache, so that its mean is known before its deviations are squared.
constexpr int64_t block_rows = 64;
constexpr int panel_vectors = 8;

// f(panel's first column, vectors, lanes of the last one) for panels of at most 8 vectors.
template <class V, class F>
inline void for_each_panel(int64_t cols, F&& f) {
  constexpr int64_t width = panel_vectors * V::W;
  for (int64_t j = 0; j < cols; j += width) {
    const int64_t n = least(width, cols - j);
    const int vectors = static_cast<int>((n + V::W - 1) / V::W);
    f(j, vectors, static_cast<int>(n - (vectors - 1) * V::W));
  }
}

// Calls f<vectors>() with the number of vectors as a constant, so that sums live in registers.
#define PK_WITH_VECTORS(vectors, call) \
  switch (vectors) {                   \
    case 1:                            \
      call(1);                         \
      break;                           \
    case 2:                            \
      call(2);                         \
      break;                           \
    case 3:                            \
      call(3);                         \
      break;                           \
    case 4:                            \
      call(4);                         \
      break;                           \
    case 5:                            \
      call(5);                         \
      break;                           \
    case 6:                            \
      call(6);                         \
      break;                           \
    case 7:                            \
      call(7);                         \
      break;                           \
    default:                           \
      call(8);                         \
  }

// Vector k of `count`; the last holds `last` elements.
template <class V, int count>
inline V load_of(const typename V::T* x, int k, int last) {
  return k + 1 < count ? V::load(x + k * V::W) : load_lanes<V>(x + k * V::W, last);
}

// Sums of deviations from `base`, which is the mean but for rounding, and of their squares.
template <class V, int count>
void block_stats(const typename V::T* x, int64_t ld, int64_t rows, int last, typename V::T* base, typename V::T* sum,
                 typename V::T* squares) {
  using T = typename V::T;
  V m[count], s[count], q[count];
  for (int k = 0; k < count; ++k) m[k] = s[k] = q[k] = V::zero();
  for (int64_t r = 0; r < rows; ++r) {
    for (int k = 0; k < count; ++k) m[k] = m[k] + load_of<V, count>(x + r * ld, k, last);
  }
  const V part = V::set1(T(1) / static_cast<T>(rows));
  for (int k = 0; k < count; ++k) m[k] = m[k] * part;
  for (int64_t r = 0; r < rows; ++r) {
    for (int k = 0; k < count; ++k) {
      const V d = load_of<V, count>(x + r * ld, k, last) - m[k];
      s[k] = s[k] + d;
      q[k] = fma(d, d, q[k]);
    }
  }
  for (int k = 0; k < count; ++k) {
    m[k].store(base + k * V::W);
    s[k].store(sum + k * V::W);
    q[k].store(squares + k * V::W);
  }
}

// Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances" (1979).
template <class V>
void stats(const typename V::T* x, int64_t ld, int64_t rows, int64_t cols, double* mean, double* squares) {
  using T = typename V::T;
  T base[panel_vectors * V::W], sum[panel_vectors * V::W], square[panel_vectors * V::W];
  for (int64_t j = 0; j < cols; ++j) mean[j] = squares[j] = 0;
  for (int64_t r = 0; r < rows; r += block_rows) {
    const int64_t n = least(block_rows, rows - r);
    const double before = static_cast<double>(r), here = static_cast<double>(n);
    const double part = here / (before + here), weight = before * part, inverse = 1 / here;
    for_each_panel<V>(cols, [&](int64_t j, int vectors, int last) {
      const T* at = x + r * ld + j;
#define PK_CALL(count) block_stats<V, count>(at, ld, n, last, base, sum, square)
      PK_WITH_VECTORS(vectors, PK_CALL)
#undef PK_CALL
      const int64_t width = (vectors - 1) * V::W + last;
      for (int64_t i = 0; i < width; ++i) {
        const double off = static_cast<double>(sum[i]) * inverse;
        const double own = static_cast<double>(square[i]) - static_cast<double>(sum[i]) * off;
        const double delta = static_cast<double>(base[i]) + off - mean[j + i];
        mean[j + i] += delta * part;
        squares[j + i] += own + delta * delta * weight;
      }
    });
  }
}

template <class V, int count>
void block_sums(const typename V::T* x, const typename V::T* dy, int64_t ld, int64_t rows, int last,
                const typename V::T* mean, typename V::T* sum, typename V::T* product) {
  V m[count], s[count], p[count];
  for (int k = 0; k < count; ++k) {
    m[k] = load_of<V, count>(mean, k, last);
    s[k] = p[k] = V::zero();
  }
  for (int64_t r = 0; r < rows; ++r) {
    for (int k = 0; k < count; ++k) {
      const V d = load_of<V, count>(dy + r * ld, k, last);
      s[k] = s[k] + d;
      p[k] = fma(d, load_of<V, count>(x + r * ld, k, last) - m[k], p[k]);
    }
  }
  for (int k = 0; k < count; ++k) {
    s[k].store(sum + k * V::W);
    p[k].store(product + k * V::W);
  }
}

template <class V>
void sums(const typename V::T* x, const typename V::T* dy, int64_t ld, int64_t rows, int64_t cols,
          const typename V::T* mean, double* sum, double* product) {
  using T = typename V::T;
  T s[panel_vectors * V::W], p[panel_vectors * V::W];
  for (int64_t j = 0; j < cols; ++j) sum[j] = product[j] = 0;
  for (int64_t r = 0; r < rows; r += block_rows) {
    const int64_t n = least(block_rows, rows - r);
    for_each_panel<V>(cols, [&](int64_t j, int vectors, int last) {
      const int64_t at = r * ld + j;
#define PK_CALL(count) block_sums<V, count>(x + at, dy + at, ld, n, last, mean + j, s, p)
      PK_WITH_VECTORS(vectors, PK_CALL)
#undef PK_CALL
      const int64_t width = (vectors - 1) * V::W + last;
      for (int64_t i = 0; i < width; ++i) {
        sum[j + i] += static_cast<double>(s[i]);
        product[j + i] += static_cast<double>(p[i]);
      }
    });
  }
}

// y = f(first element, elements) for the vectors of each row.
template <class V, class F>
inline void map_rows(int64_t ld, int64_t rows, int64_t cols, typename V::T* y, bool past, F f) {
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t row = r * ld;
    int64_t j = 0;
    if (past) {
      for (; j + V::W <= cols; j += V::W) stream(f(row, j, V::W), y + row + j);
    } else {
      for (; j + V::W <= cols; j += V::W) f(row, j, V::W).store(y + row + j);
    }
    if (V::W > 1 && j < cols) {
      const int n = static_cast<int>(cols - j);
      f(row, j, n).store_n(y + row + j, n);
    }
  }
  if (past) stream_end();
}

template <class V>
void affine(const typename V::T* x, int64_t ld, int64_t rows, int64_t cols, const typename V::T* mean,
            const typename V::T* scale, const typename V::T* shift, typename V::T* y, bool past) {
  map_rows<V>(ld, rows, cols, y, past, [=](int64_t row, int64_t j, int n) {
    const V d = load_lanes<V>(x + row + j, n) - load_lanes<V>(mean + j, n);
    return fma(d, load_lanes<V>(scale + j, n), load_lanes<V>(shift + j, n));
  });
}

template <class V>
void gradient(const typename V::T* x, const typename V::T* dy, int64_t ld, int64_t rows, int64_t cols,
              const typename V::T* mean, const typename V::T* scale, const typename V::T* shift,
              const typename V::T* slope, typename V::T* dx, bool past) {
  map_rows<V>(ld, rows, cols, dx, past, [=](int64_t row, int64_t j, int n) {
    const V d = load_lanes<V>(x + row + j, n) - load_lanes<V>(mean + j, n);
    const V direct = fma(load_lanes<V>(dy + row + j, n), load_lanes<V>(scale + j, n), -load_lanes<V>(shift + j, n));
    return fnma(d, load_lanes<V>(slope + j, n), direct);
  });
}

template <class V>
void scale_shift(const typename V::T* x, int64_t ld, int64_t rows, int64_t cols, const typename V::T* scale,
                 const typename V::T* shift, Act act, typename V::T alpha, typename V::T* y, bool past) {
  const V a = V::set1(alpha);
  switch (act) {
#define ACTIVATION(name, ...)                                                                                   \
  case Act::name:                                                                                               \
    map_rows<V>(ld, rows, cols, y, past, [=](int64_t row, int64_t j, int n) {                                   \
      const V z = fma(load_lanes<V>(x + row + j, n), load_lanes<V>(scale + j, n), load_lanes<V>(shift + j, n)); \
      return act_value<Act::name>(z, a);                                                                        \
    });                                                                                                         \
    return;
#include "kernels/activations.def"
  }
}

template <class V>
inline V masked_difference(const typename V::T* x, V m, int n) {
  if (n == V::W) return V::load(x) - m;
  // Lanes past the end must add nothing: m - m there.
  typename V::T lanes[V::W];
  m.store(lanes);
  for (int i = 0; i < n; ++i) lanes[i] = x[i];
  return V::load(lanes) - m;
}

// f(first element, elements, sum, sum) for the vectors of a row: two sums of four strands each.
template <class V, class F>
inline void row_sums(int64_t d, V& s, V& q, F f) {
  V s1 = V::zero(), s2 = s1, s3 = s1, q1 = s1, q2 = s1, q3 = s1;
  s = q = s1;
  int64_t j = 0;
  for (; j + 4 * V::W <= d; j += 4 * V::W) {
    f(j, V::W, s, q);
    f(j + V::W, V::W, s1, q1);
    f(j + 2 * V::W, V::W, s2, q2);
    f(j + 3 * V::W, V::W, s3, q3);
  }
  for (; j < d; j += V::W) f(j, static_cast<int>(least(V::W, d - j)), s, q);
  s = (s + s1) + (s2 + s3);
  q = (q + q1) + (q2 + q3);
}

template <class V>
void layer_norm(const typename V::T* x, int64_t rows, int64_t d, const typename V::T* gamma, const typename V::T* beta,
                double epsilon, typename V::T* y, typename V::T* mean, typename V::T* rstd) {
  using T = typename V::T;
  const double count = static_cast<double>(d);
  for (int64_t r = 0; r < rows; ++r, x += d, y += d) {
    V s, q;
    row_sums<V>(d, s, q, [=](int64_t j, int n, V& sum, V&) { sum = sum + load_lanes<V>(x + j, n); });
    const T base = static_cast<T>(static_cast<double>(reduce_add(s)) / count);
    const V m = V::set1(base);
    row_sums<V>(d, s, q, [=](int64_t j, int n, V& sum, V& squares) {
      const V off = masked_difference<V>(x + j, m, n);
      sum = sum + off;
      squares = fma(off, off, squares);
    });
    const double sum = static_cast<double>(reduce_add(s));
    const double variance = (static_cast<double>(reduce_add(q)) - sum * sum / count) / count;
    mean[r] = static_cast<T>(static_cast<double>(base) + sum / count);
    rstd[r] = static_cast<T>(1 / std::sqrt((variance < 0 ? 0 : variance) + epsilon));
    const V centre = V::set1(mean[r]), scale = V::set1(rstd[r]);
    for (int64_t j = 0; j < d; j += V::W) {
      const int n = static_cast<int>(least(V::W, d - j));
      const V hat = (load_lanes<V>(x + j, n) - centre) * scale;
      store_lanes(fma(hat, load_lanes<V>(gamma + j, n), load_lanes<V>(beta + j, n)), y + j, n);
    }
  }
}

template <class V>
void layer_norm_grad(const typename V::T* x, const typename V::T* gamma, const typename V::T* mean,
                     const typename V::T* rstd, const typename V::T* dy, int64_t rows, int64_t d, typename V::T* dx,
                     double* dgamma, double* dbeta, typename V::T* work) {
  using T = typename V::T;
  T *own_gamma = work, *own_beta = work + d;
  for (int64_t r0 = 0; r0 < rows; r0 += block_rows) {
    for (int64_t j = 0; j < 2 * d; ++j) work[j] = 0;
    for (int64_t r = r0; r < least(rows, r0 + block_rows); ++r) {
      const T *a = x + r * d, *b = dy + r * d;
      const V m = V::set1(mean[r]), inverse = V::set1(rstd[r]);
      V s, p;
      row_sums<V>(d, s, p, [=](int64_t j, int n, V& sum, V& product) {
        // dy is 0 in the lanes past the end, and so is what they add.
        const V g = load_lanes<V>(b + j, n), hat = (load_lanes<V>(a + j, n) - m) * inverse;
        const V weighted = g * load_lanes<V>(gamma + j, n);
        sum = sum + weighted;
        product = fma(weighted, hat, product);
        store_lanes(fma(g, hat, load_lanes<V>(own_gamma + j, n)), own_gamma + j, n);
        store_lanes(g + load_lanes<V>(own_beta + j, n), own_beta + j, n);
      });
      const V sum = V::set1(reduce_add(s) / static_cast<T>(d)), product = V::set1(reduce_add(p) / static_cast<T>(d));
      for (int64_t j = 0; j < d; j += V::W) {
        const int n = static_cast<int>(least(V::W, d - j));
        const V hat = (load_lanes<V>(a + j, n) - m) * inverse;
        const V weighted = load_lanes<V>(b + j, n) * load_lanes<V>(gamma + j, n);
        store_lanes(inverse * fnma(hat, product, weighted - sum), dx + r * d + j, n);
      }
    }
    for (int64_t j = 0; j < d; ++j) {
      dgamma[j] += static_cast<double>(own_gamma[j]);
      dbeta[j] += static_cast<double>(own_beta[j]);
    }
  }
}

template <class V>
void fill(NormLoops<typename V::T>& t) {
  t.stats = stats<V>;
  t.sums = sums<V>;
  t.affine = affine<V>;
  t.gradient = gradient<V>;
  t.scale_shift = scale_shift<V>;
  t.layer_norm = layer_norm<V>;
  t.layer_norm_grad = layer_norm_grad<V>;
}

}  // namespace

void fill(NormTable& t) {
  fill<VecF>(t.f32);
  fill<Vec1<double>>(t.f64);
  t.vector_f32 = VecF::W;
}

}  // namespace pk::PK_ISA
