#include "kernels/optimizer.h"

#include <type_traits>

#include "base/parallel.h"
#include "kernels/table.h"

namespace pk {

namespace {

// Elements of one task: enough to outweigh handing it out, few enough that two threads finish together.
constexpr int64_t grain = 16384;

// Nanoseconds of one thread on an element, out of cache; double moves twice the bytes.
constexpr double sgd_ns = 0.3, rmsprop_ns = 0.5, adam_ns = 0.6;

template <class T, class F>
void in_pieces(int64_t n, double float_ns, F&& piece) {
  const double ns = float_ns * static_cast<double>(n) * (sizeof(T) / sizeof(float));
  parallel_ranges(n, grain, ns, [&](int64_t begin, int64_t end) { piece(begin, end - begin); });
}

// The part of an array from `begin` on; null where the array is not used.
template <class T>
T* at(T* p, int64_t begin) {
  return p == nullptr ? nullptr : p + begin;
}

}  // namespace

template <class T>
void sgd_span(const SgdParams<T>& p, int64_t n, T* w, T* velocity, const T* g) {
  loops_of<T>(kernels().optimizer).sgd(p, n, w, velocity, g);
}

template <class T>
void sgd(const SgdParams<T>& p, int64_t n, T* w, T* velocity, const T* g) {
  const auto loop = loops_of<T>(kernels().optimizer).sgd;
  in_pieces<T>(n, sgd_ns, [&](int64_t i, int64_t count) { loop(p, count, w + i, at(velocity, i), g + i); });
}

template <class T>
void rmsprop_span(const RmspropParams<T>& p, int64_t n, T* w, T* velocity, T* mom, T* average, const T* g) {
  loops_of<T>(kernels().optimizer).rmsprop(p, n, w, velocity, mom, average, g);
}

template <class T>
void rmsprop(const RmspropParams<T>& p, int64_t n, T* w, T* velocity, T* mom, T* average, const T* g) {
  const auto loop = loops_of<T>(kernels().optimizer).rmsprop;
  in_pieces<T>(n, rmsprop_ns, [&](int64_t i, int64_t count) {
    loop(p, count, w + i, velocity + i, at(mom, i), at(average, i), g + i);
  });
}

template <class T>
void adam_span(const AdamParams<T>& p, int64_t n, T* w, T* m, T* v, T* vhat, const T* g) {
  loops_of<T>(kernels().optimizer).adam(p, n, w, m, v, vhat, g);
}

template <class T>
void adam(const AdamParams<T>& p, int64_t n, T* w, T* m, T* v, T* vhat, const T* g) {
  const auto loop = loops_of<T>(kernels().optimizer).adam;
  in_pieces<T>(n, adam_ns, [&](int64_t i, int64_t count) { loop(p, count, w + i, m + i, v + i, at(vhat, i), g + i); });
}

#define PK_INSTANTIATE(T)                                                                 \
  template void sgd_span(const SgdParams<T>&, int64_t, T*, T*, const T*);                 \
  template void sgd(const SgdParams<T>&, int64_t, T*, T*, const T*);                      \
  template void rmsprop_span(const RmspropParams<T>&, int64_t, T*, T*, T*, T*, const T*); \
  template void rmsprop(const RmspropParams<T>&, int64_t, T*, T*, T*, T*, const T*);      \
  template void adam_span(const AdamParams<T>&, int64_t, T*, T*, T*, T*, const T*);       \
  template void adam(const AdamParams<T>&, int64_t, T*, T*, T*, T*, const T*)
PK_INSTANTIATE(float);
PK_INSTANTIATE(double);

}  // namespace pk
