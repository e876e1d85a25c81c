// One small call of each op, as text, and the specs they stand for.
#pragma once

#include <string>
#include <vector>

#include "program/op.h"

namespace pk {

// "f32 2,3; f32 3 -> f32 2,3 | transpose_a=false axes=[0,1] alpha=0.5 activation=relu": types of the inputs, of the
// outputs, and attributes. A number with a point is a double.
struct OpExample {
  std::string name, call;
};

// Every op of the registry is among them at least once.
std::vector<OpExample> op_examples();

OpSpec parse_example(const OpExample& example);

}  // namespace pk
