// Names of the functions that elementwise and reduction kernels compute. Apart from the kernels'
// headers so that the per-ISA files can include it: enumerations only.
#pragma once

#include <cstdint>

namespace pk {

// f32 and f64; the first four also i32 and i64.
enum class Unary : std::uint8_t {
  neg,
  abs,
  sign,  // NaN stays NaN
  square,
  sqrt,
  rsqrt,
  reciprocal,
  exp,
  expm1,
  log,
  log1p,
  sin,
  cos,
  tan,
  tanh_,
  sigmoid_,
  erf,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  floor,
  ceil,
  round,        // ties to even
  log_sigmoid,  // -softplus(-x)
};
constexpr int unary_count = static_cast<int>(Unary::log_sigmoid) + 1;

// Any dtype -> bool.
enum class Predicate : std::uint8_t { isnan, isinf, isfinite, logical_not };
constexpr int predicate_count = static_cast<int>(Predicate::logical_not) + 1;

// f32 and f64; all but divide and arctan2 also i32 and i64.
enum class Binary : std::uint8_t {
  add,
  subtract,
  multiply,
  divide,
  maximum,  // maximum and minimum propagate NaN
  minimum,
  power,         // integers: a negative exponent gives 0, but 1 and -1 to the power b stay exact
  floor_divide,  // floor_divide and mod as NumPy: mod has the sign of the divisor; integer division by 0 gives 0
  mod,
  arctan2,
  squared_difference,
};
constexpr int binary_count = static_cast<int>(Binary::squared_difference) + 1;

// Any dtype -> bool; the logical ones on x != 0.
enum class Compare : std::uint8_t {
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  logical_and,
  logical_or,
  logical_xor,
};
constexpr int compare_count = static_cast<int>(Compare::logical_xor) + 1;

// f32, f64, i32, i64 (mean: f32, f64); max and min propagate NaN.
enum class Reduce : std::uint8_t { sum, mean, max, min, prod };
constexpr int reduce_count = static_cast<int>(Reduce::prod) + 1;

// The first index at a tie; NaN counts as the extremum, as NumPy.
enum class ArgReduce : std::uint8_t { argmax, argmin };

}  // namespace pk
