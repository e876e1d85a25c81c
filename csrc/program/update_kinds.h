// The optimizers: what an op's attributes ask of the sweeps of kernels/updates.def, and the scalars of a step.
#pragma once

#include <string>

#include "kernels/optimizer.h"
#include "program/op.h"

namespace pk {

// A sweep and the hyperparameters that its scalars are made of, in double, in an order that the kind knows.
struct ChosenUpdate {
  Update update;
  double hyper[7];
};

// The inputs of a step: the learning rate, the number of updates made before, and for kinds with a third scalar that.
template <class T>
struct StepInputs {
  T lr;
  int64_t iterations;
  T third;
};

struct UpdateKind {
  const char* name;  // of the attribute `update`; with "_update" behind it, of the op
  const char* form;  // of the op
  int scalars;       // inputs: 1 lr (f32), 2 iterations (i64) too, 3 one of the variable's dtype as well
  // Throws std::invalid_argument for attributes that are missing or out of range.
  ChosenUpdate (*choose)(const Attrs&);
  // The scalars of the chosen sweep, in the order of updates.def.
  void (*fill_f32)(const double* hyper, const StepInputs<float>&, float* scalars);
  void (*fill_f64)(const double* hyper, const StepInputs<double>&, double* scalars);
};

// In a fixed order; the last one has no name.
const UpdateKind* update_kinds();
// Throws std::invalid_argument for an unknown name.
const UpdateKind& update_kind(const std::string& name);

}  // namespace pk
