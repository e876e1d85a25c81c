// The executor's view of one call. Private to program/.
#pragma once

#include "program/program.h"

namespace pk {

struct Program::Call {
  std::unique_ptr<Kernel> kernel;  // null: a check that input 0 is finite
  std::size_t first_argument = 0;  // position in the argument table: inputs, then outputs
  std::size_t inputs = 0;
  DType check_dtype = DType::f32;
  int64_t check_count = 0;
  CallInfo info;

  int prepared_from = -1;  // number of the variable that is read (Program::read_) whose prepared form the kernel takes
  std::size_t prepared_slot = 0;  // place of that form in Program::prepared_ and State::prepared
};

}  // namespace pk
