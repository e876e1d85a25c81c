// What an index out of range gives.
#pragma once

#include <limits>

#include "program/op.h"

namespace pk {

// As jnp.take: NaN, the lowest integer, the highest unsigned, true.
inline double absent_value(DType t) {
  switch (t) {
    case DType::i32:
      return std::numeric_limits<std::int32_t>::min();
    case DType::i64:
      return static_cast<double>(std::numeric_limits<std::int64_t>::min());
    case DType::u8:
      return 255;
    case DType::boolean:
      return 1;
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

// The same for the first input, 0 where the attribute `zeros` asks for it.
inline double absent_value(const OpSpec& spec) {
  return spec.attrs.boolean("zeros", false) ? 0 : absent_value(spec.in[0].dtype);
}

}  // namespace pk
