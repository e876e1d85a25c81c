// The optimizers' inner loops of one instruction-set level, serial. Contracts: kernels/optimizer.h.
#pragma once

#include "kernels/optimizer.h"

namespace pk {

template <class T>
struct OptimizerLoops {
  void (*sgd)(const SgdParams<T>&, int64_t n, T* w, T* velocity, const T* g);
  void (*rmsprop)(const RmspropParams<T>&, int64_t n, T* w, T* velocity, T* mom, T* average, const T* g);
  void (*adam)(const AdamParams<T>&, int64_t n, T* w, T* m, T* v, T* vhat, const T* g);
};

struct OptimizerTable {
  OptimizerLoops<float> f32;
  OptimizerLoops<double> f64;
};

}  // namespace pk
