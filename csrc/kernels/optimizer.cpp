#include "kernels/optimizer.h"

#include "base/parallel.h"
#include "kernels/table.h"

namespace pk {

namespace {

// Elements of one task: enough to outweigh handing it out, few enough that two threads finish together.
constexpr int64_t grain = 16384;

// Nanoseconds of one thread for an element of one array, read or written, out of cache; double moves twice the bytes.
constexpr double array_ns = 0.1;

template <class T>
constexpr auto loop_of(const KernelTable& table, Update u) {
  return loops_of<T>(table.optimizer).update[static_cast<int>(u)];
}

}  // namespace

template <class T>
void update_span(Update u, const UpdateScalars<T>& p, int64_t n, T* w, T* const* slots, const T* g) {
  loop_of<T>(kernels(), u)(p, n, w, slots, g);
}

template <class T>
void update(Update u, const UpdateScalars<T>& p, int64_t n, T* w, T* const* slots, const T* g) {
  const auto loop = loop_of<T>(kernels(), u);
  const int arrays = 3 + 2 * row_of(u).slots;
  const double ns = array_ns * arrays * static_cast<double>(n) * (sizeof(T) / sizeof(float));
  parallel_ranges(n, grain, ns, [&](int64_t begin, int64_t end) {
    T* from[max_update_slots];
    for (int i = 0; i < max_update_slots; ++i) from[i] = i < row_of(u).slots ? slots[i] + begin : nullptr;
    loop(p, end - begin, w + begin, from, g + begin);
  });
}

#define PK_INSTANTIATE(T)                                                                       \
  template void update_span(Update, const UpdateScalars<T>&, int64_t, T*, T* const*, const T*); \
  template void update(Update, const UpdateScalars<T>&, int64_t, T*, T* const*, const T*)
PK_INSTANTIATE(float);
PK_INSTANTIATE(double);

}  // namespace pk
