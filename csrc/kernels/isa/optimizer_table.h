// The optimizers' inner loops of one instruction-set level, serial. Contracts: kernels/optimizer.h.
#pragma once

#include "kernels/optimizer.h"

namespace pk {

template <class T>
struct OptimizerLoops {
  // One for each row of updates.def.
  void (*update[update_count])(const UpdateScalars<T>&, int64_t n, T* w, T* const* slots, const T* g);
};

struct OptimizerTable {
  OptimizerLoops<float> f32;
  OptimizerLoops<double> f64;
};

}  // namespace pk
