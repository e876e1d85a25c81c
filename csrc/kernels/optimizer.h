// Optimizer updates, one sweep over memory each. T is float or double. All arrays have n elements and
// do not overlap; g is read only; w and the slots are updated in place. Formulas are Keras 3's
// (isa/update_rules.h); every hyperparameter is rounded to T once, as there. Scalars arrive ready (the
// caller computes bias corrections from the iteration number). update() splits its work over threads;
// update_span() does one contiguous piece serially, for use inside a GEMM's TileSink. Bits do not depend
// on how an array is cut into pieces. A NaN in g makes NaN of that element of w and of the slots it enters.
#pragma once

#include <cstdint>

namespace pk {

using std::int64_t;

enum class Update : int {
#define UPDATE(id, ...) id,
#include "kernels/updates.def"
};

// The places of a sweep's scalars, by name: scalars_of::adam::epsilon.
namespace scalars_of {
#define UPDATE(id, slots, flops, ...) \
  namespace id {                      \
  enum : int { __VA_ARGS__, count };  \
  }
#include "kernels/updates.def"
}  // namespace scalars_of

struct UpdateRow {
  const char* name;
  int slots, scalars;
  double flops;
};

constexpr UpdateRow update_rows[] = {
#define UPDATE(id, slots, flops, ...) {#id, slots, scalars_of::id::count, flops},
#include "kernels/updates.def"
};
constexpr int update_count = static_cast<int>(sizeof(update_rows) / sizeof(UpdateRow));
constexpr const UpdateRow& row_of(Update u) { return update_rows[static_cast<int>(u)]; }

constexpr int max_update_slots = 3, max_update_scalars = 8;

template <class T>
struct UpdateScalars {
  T decay;  // before anything else, w -= decay w; 0: nothing
  T value[max_update_scalars];
};

// slots: those of the row, max_update_slots pointers of which the others are not used.
template <class T>
void update(Update u, const UpdateScalars<T>& p, int64_t n, T* w, T* const* slots, const T* g);
template <class T>
void update_span(Update u, const UpdateScalars<T>& p, int64_t n, T* w, T* const* slots, const T* g);

}  // namespace pk
