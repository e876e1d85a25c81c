// Inner loops of the losses. Contracts: kernels/loss.h.
#include "kernels/isa/loss_table.h"
#include "kernels/isa/softmax.h"

namespace pk::PK_ISA {
namespace {

using std::int64_t;
using Class = std::int32_t;

// min(max(p, eps), 1 - eps) and its derivative; NaN passes through the first and gives 1 in the second.
template <class V>
struct Clip {
  V low, high;

  explicit Clip(typename V::T eps) : low(V::set1(eps)), high(V::set1(static_cast<typename V::T>(1.0 - eps))) {}
  V operator()(V p) const { return vmin(high, vmax(low, p)); }
  V inside(V p) const {
    const V one = V::set1(1);
    const V at_bound = select(eq(p, low) | eq(p, high), V::set1(0.5F), one);
    return select(lt(p, low) | gt(p, high), V::zero(), at_bound);
  }
  // d * inside(p), but 0 for any d beyond the bounds.
  V masked(V p, V d) const {
    const V share = inside(p);
    return select(eq(share, V::zero()), V::zero(), share * d);
  }
};

template <class T>
using Scalar = Vec1<T>;

// log of one number, by the vector form.
template <class V>
typename V::T log_of(typename V::T x) {
  typename V::T y;
  vlog(V::set1(x)).store_n(&y, 1);
  return y;
}

// x / total, and 1 / n for 0 / 0.
template <class V>
V share_of(V x, typename V::T total, int64_t n) {
  using T = typename V::T;
  if (total != T(0)) return x / V::set1(total);
  return select(eq(x, V::zero()), V::set1(T(1) / static_cast<T>(n)), x / V::set1(total));
}

template <class V>
typename V::T row_sum(const typename V::T* x, int64_t n) {
  return span_reduce<Reduce::sum, V>(x, n);
}

template <class V>
void fill_row(typename V::T value, int64_t n, typename V::T* y) {
  for_vectors<V>(n, [&](int64_t i, int lanes) { store_lanes(V::set1(value), y + i, lanes); });
}

// Writes exp(x - max) to e (which may be x) unless e is null, and returns its sum; *max is max(x).
template <class V>
typename V::T exp_row(const typename V::T* x, int64_t n, typename V::T* e, typename V::T* max) {
  *max = row_max<V>(x, n);
  const V m = V::set1(*max);
  V sum = V::zero();
  for_vectors<V>(n, [&](int64_t i, int lanes) {
    const V v = first_lanes(vexp(load_lanes<V>(x + i, lanes) - m), V::zero(), lanes);
    if (e != nullptr) store_lanes(v, e + i, lanes);
    sum = sum + v;
  });
  return reduce_add(sum);
}

// --- categorical ------------------------------------------------------------------------------------------------

template <class V>
void categorical(bool from_logits, int64_t rows, int64_t n, const typename V::T* t, const typename V::T* x,
                 typename V::T* loss, typename V::T eps) {
  using T = typename V::T;
  const Clip<V> clip(eps);
  for (int64_t r = 0; r < rows; ++r, t += n, x += n) {
    V sum = V::zero();
    if (from_logits) {
      T max;
      const T log_z = log_of<V>(exp_row<V>(x, n, static_cast<T*>(nullptr), &max));
      const V m = V::set1(max), lz = V::set1(log_z);
      for_vectors<V>(n, [&](int64_t i, int lanes) {
        const V log_p = first_lanes((load_lanes<V>(x + i, lanes) - m) - lz, V::zero(), lanes);
        sum = fma(load_lanes<V>(t + i, lanes), log_p, sum);
      });
    } else {
      const T total = row_sum<V>(x, n);
      for_vectors<V>(n, [&](int64_t i, int lanes) {
        const V log_p = first_lanes(vlog(clip(share_of(load_lanes<V>(x + i, lanes), total, n))), V::zero(), lanes);
        sum = fma(load_lanes<V>(t + i, lanes), log_p, sum);
      });
    }
    loss[r] = -reduce_add(sum);
  }
}

template <class V>
void categorical_grad(bool from_logits, int64_t rows, int64_t n, const typename V::T* t, const typename V::T* x,
                      const typename V::T* dloss, typename V::T* dx, typename V::T eps) {
  using T = typename V::T;
  const Clip<V> clip(eps);
  for (int64_t r = 0; r < rows; ++r, t += n, x += n, dx += n) {
    if (from_logits) {
      T max;
      const T z = exp_row<V>(x, n, dx, &max);
      const V scale = V::set1(row_sum<V>(t, n) / z), d = V::set1(dloss[r]);
      for_vectors<V>(n, [&](int64_t i, int lanes) {
        const V v = load_lanes<V>(dx + i, lanes) * scale - load_lanes<V>(t + i, lanes);
        store_lanes(d * v, dx + i, lanes);
      });
      continue;
    }
    const T sum = row_sum<V>(x, n);
    if (sum == T(0)) {
      fill_row<V>(T(0), n, dx);
      continue;
    }
    const V total = V::set1(sum), scale = V::set1(dloss[r] / sum);
    V u = V::zero();
    for_vectors<V>(n, [&](int64_t i, int lanes) {
      u = fma(load_lanes<V>(t + i, lanes), clip.inside(load_lanes<V>(x + i, lanes) / total), u);
    });
    const V all = V::set1(reduce_add(u));
    for_vectors<V>(n, [&](int64_t i, int lanes) {
      const V q = load_lanes<V>(x + i, lanes) / total;
      const V share = load_lanes<V>(t + i, lanes) * clip.inside(q);
      // Beyond the bounds the share is 0 and q may be 0, or what a division by 0 makes.
      const V own = select(lt(q, clip.low) | gt(q, clip.high), V::zero(), share / q);
      const V slope = all - own;
      store_lanes(select(eq(slope, V::zero()), V::zero(), scale * slope), dx + i, lanes);
    });
  }
}

template <class V>
void softmax_categorical_grad(int64_t rows, int64_t n, const typename V::T* t, const typename V::T* p,
                              const typename V::T* dloss, typename V::T* dz) {
  for (int64_t r = 0; r < rows; ++r, t += n, p += n, dz += n) {
    const V all = V::set1(row_sum<V>(t, n)), d = V::set1(dloss[r]);
    for_vectors<V>(n, [&](int64_t i, int lanes) {
      store_lanes(d * (all * load_lanes<V>(p + i, lanes) - load_lanes<V>(t + i, lanes)), dz + i, lanes);
    });
  }
}

// --- sparse -----------------------------------------------------------------------------------------------------

bool valid(Class c, int64_t n) { return c >= 0 && c < n; }

template <class V>
void sparse(bool from_logits, int64_t rows, int64_t n, const Class* t, const typename V::T* x, typename V::T* loss,
            typename V::T eps) {
  using T = typename V::T;
  constexpr int64_t block = 64;  // rows whose logarithms are taken together
  const Clip<Scalar<T>> clip(eps);
  T offset[block];
  for (int64_t first = 0; first < rows; first += block, loss += block, t += block) {
    const int64_t count = rows - first < block ? rows - first : block;
    // loss = offset -+ log(loss)
    for (int64_t r = 0; r < count; ++r, x += n) {
      const Class c = t[r];
      if (!valid(c, n)) {
        loss[r] = offset[r] = static_cast<T>(NAN);
      } else if (from_logits) {
        T max;
        loss[r] = exp_row<V>(x, n, static_cast<T*>(nullptr), &max);
        offset[r] = max - x[c];
      } else {
        loss[r] = clip(share_of(Scalar<T>{x[c]}, row_sum<V>(x, n), n)).v;
        offset[r] = 0;
      }
    }
    const V sign = V::set1(from_logits ? T(1) : T(-1));
    for_vectors<V>(count, [&](int64_t i, int lanes) {
      const V v = fma(sign, vlog(load_lanes<V>(loss + i, lanes)), load_lanes<V>(offset + i, lanes));
      store_lanes(v, loss + i, lanes);
    });
  }
}

// y = scale * x
template <class V>
void scale_row(typename V::T scale, int64_t n, const typename V::T* x, typename V::T* y) {
  const V s = V::set1(scale);
  for_vectors<V>(n, [&](int64_t i, int lanes) { store_lanes(s * load_lanes<V>(x + i, lanes), y + i, lanes); });
}

template <class V>
void sparse_grad(bool from_logits, int64_t rows, int64_t n, const Class* t, const typename V::T* x,
                 const typename V::T* dloss, typename V::T* dx, typename V::T eps) {
  using T = typename V::T;
  const Clip<Scalar<T>> clip(eps);
  for (int64_t r = 0; r < rows; ++r, x += n, dx += n) {
    const Class c = t[r];
    const T d = dloss[r];
    if (!valid(c, n)) {
      fill_row<V>(static_cast<T>(NAN), n, dx);
    } else if (from_logits) {
      T max;
      const T z = exp_row<V>(x, n, dx, &max);
      const T own = d * (dx[c] / z - 1);  // in one piece: (p - 1) d, not p d - d
      scale_row<V>(d / z, n, dx, dx);
      dx[c] = own;
    } else {
      const T sum = row_sum<V>(x, n), q = x[c] / sum;
      if (sum == T(0)) {
        fill_row<V>(T(0), n, dx);
        continue;
      }
      const T share = clip.masked(Scalar<T>{q}, Scalar<T>{d}).v / sum;
      fill_row<V>(share, n, dx);
      if (!(q < clip.low.v || q > clip.high.v)) dx[c] = share - share / q;
    }
  }
}

template <class V>
void softmax_sparse_grad(int64_t rows, int64_t n, const Class* t, const typename V::T* p, const typename V::T* dloss,
                         typename V::T* dz) {
  using T = typename V::T;
  for (int64_t r = 0; r < rows; ++r, p += n, dz += n) {
    const Class c = t[r];
    if (!valid(c, n)) {
      fill_row<V>(static_cast<T>(NAN), n, dz);
      continue;
    }
    const T d = dloss[r], own = d * (p[c] - 1);
    scale_row<V>(d, n, p, dz);
    dz[c] = own;
  }
}

// --- means of elementwise losses ----------------------------------------------------------------------------------

// loss[r] = mean over n of f(x, t).
template <class V, class F>
void mean_rows(int64_t rows, int64_t n, const typename V::T* t, const typename V::T* x, typename V::T* loss, F f) {
  using T = typename V::T;
  if (n == 1) {
    for_vectors<V>(rows, [&](int64_t i, int lanes) {
      store_lanes(f(load_lanes<V>(x + i, lanes), load_lanes<V>(t + i, lanes)), loss + i, lanes);
    });
    return;
  }
  for (int64_t r = 0; r < rows; ++r, t += n, x += n) {
    V sum = V::zero();
    for_vectors<V>(n, [&](int64_t i, int lanes) {
      sum = sum + first_lanes(f(load_lanes<V>(x + i, lanes), load_lanes<V>(t + i, lanes)), V::zero(), lanes);
    });
    loss[r] = reduce_add(sum) / static_cast<T>(n);
  }
}

// dx = f(x, t, dloss / n).
template <class V, class F>
void mean_rows_grad(int64_t rows, int64_t n, const typename V::T* t, const typename V::T* x, const typename V::T* dloss,
                    typename V::T* dx, F f) {
  using T = typename V::T;
  if (n == 1) {
    for_vectors<V>(rows, [&](int64_t i, int lanes) {
      const V d = load_lanes<V>(dloss + i, lanes);
      store_lanes(f(load_lanes<V>(x + i, lanes), load_lanes<V>(t + i, lanes), d), dx + i, lanes);
    });
    return;
  }
  for (int64_t r = 0; r < rows; ++r, t += n, x += n, dx += n) {
    const V d = V::set1(dloss[r] / static_cast<T>(n));
    for_vectors<V>(n, [&](int64_t i, int lanes) {
      store_lanes(f(load_lanes<V>(x + i, lanes), load_lanes<V>(t + i, lanes), d), dx + i, lanes);
    });
  }
}

template <class V>
void binary(bool from_logits, int64_t rows, int64_t n, const typename V::T* t, const typename V::T* x,
            typename V::T* loss, typename V::T eps) {
  const Clip<V> clip(eps);
  const V one = V::set1(1);
  if (from_logits) {
    mean_rows<V>(rows, n, t, x, loss, [=](V z, V y) { return (vmax(V::zero(), z) - z * y) + vlog1p(vexp(-vabs(z))); });
  } else {
    mean_rows<V>(rows, n, t, x, loss, [=](V z, V y) {
      const V p = clip(z);
      return -(y * vlog(p) + (one - y) * vlog(one - p));
    });
  }
}

template <class V>
void binary_grad(bool from_logits, int64_t rows, int64_t n, const typename V::T* t, const typename V::T* x,
                 const typename V::T* dloss, typename V::T* dx, typename V::T eps) {
  const Clip<V> clip(eps);
  const V one = V::set1(1);
  if (from_logits) {
    mean_rows_grad<V>(rows, n, t, x, dloss, dx, [=](V z, V y, V d) { return d * (vsigmoid(z) - y); });
  } else {
    mean_rows_grad<V>(rows, n, t, x, dloss, dx, [=](V z, V y, V d) {
      const V p = clip(z);
      return clip.masked(z, d * ((one - y) / (one - p) - y / p));
    });
  }
}

template <class V>
void sigmoid_binary_grad(int64_t rows, int64_t n, const typename V::T* t, const typename V::T* p,
                         const typename V::T* dloss, typename V::T* dz) {
  mean_rows_grad<V>(rows, n, t, p, dloss, dz, [](V q, V y, V d) { return d * (q - y); });
}

template <class V>
void squared(int64_t rows, int64_t n, const typename V::T* t, const typename V::T* x, typename V::T* loss) {
  mean_rows<V>(rows, n, t, x, loss, [](V a, V b) { return (a - b) * (a - b); });
}

template <class V>
void squared_grad(int64_t rows, int64_t n, const typename V::T* t, const typename V::T* x, const typename V::T* dloss,
                  typename V::T* dx) {
  mean_rows_grad<V>(rows, n, t, x, dloss, dx, [](V a, V b, V d) { return d * ((a - b) + (a - b)); });
}

template <class V>
void absolute(int64_t rows, int64_t n, const typename V::T* t, const typename V::T* x, typename V::T* loss) {
  mean_rows<V>(rows, n, t, x, loss, [](V a, V b) { return vabs(a - b); });
}

template <class V>
void absolute_grad(int64_t rows, int64_t n, const typename V::T* t, const typename V::T* x, const typename V::T* dloss,
                   typename V::T* dx) {
  mean_rows_grad<V>(rows, n, t, x, dloss, dx, [](V a, V b, V d) {
    const V gap = a - b;  // 0 for any dloss where there is no gap
    const V sign = select(eq(gap, gap), copysign(V::set1(1), gap), gap);
    return select(eq(gap, V::zero()), V::zero(), d * sign);
  });
}

template <class V>
void fill_loops(LossLoops<typename V::T>& t) {
  t.categorical = categorical<V>;
  t.categorical_grad = categorical_grad<V>;
  t.softmax_categorical_grad = softmax_categorical_grad<V>;
  t.sparse = sparse<V>;
  t.sparse_grad = sparse_grad<V>;
  t.softmax_sparse_grad = softmax_sparse_grad<V>;
  t.binary = binary<V>;
  t.binary_grad = binary_grad<V>;
  t.sigmoid_binary_grad = sigmoid_binary_grad<V>;
  t.squared = squared<V>;
  t.squared_grad = squared_grad<V>;
  t.absolute = absolute<V>;
  t.absolute_grad = absolute_grad<V>;
}

}  // namespace

void fill(LossTable& t) {
  fill_loops<VecF>(t.f32);
  fill_loops<Vec1<double>>(t.f64);
}

}  // namespace pk::PK_ISA
