// The executor's view of one call. Private to program/.
#pragma once

#include <atomic>

#include "program/program.h"

namespace pk {

struct Program::Call {
  std::unique_ptr<Kernel> kernel;  // null: a check that input 0 is finite
  std::size_t first_argument = 0;  // position in the argument table: inputs, then outputs
  std::size_t inputs = 0;
  DType check_dtype = DType::f32;
  int64_t check_count = 0;
  CallInfo info;

  // Kernel::prepare's result for the variable's value number `prepared_version` (0: none yet).
  std::shared_ptr<VariableStorage> prepared_from;
  mutable Buffer prepared;
  mutable std::atomic<std::uint64_t> prepared_version{0};

  Call() = default;
  Call(Call&& o) noexcept
      : kernel(std::move(o.kernel)),
        first_argument(o.first_argument),
        inputs(o.inputs),
        check_dtype(o.check_dtype),
        check_count(o.check_count),
        info(std::move(o.info)),
        prepared_from(std::move(o.prepared_from)) {}
};

}  // namespace pk
