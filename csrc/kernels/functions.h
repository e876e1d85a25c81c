// Names of the functions that elementwise and reduction kernels compute, and the facts of their rows in functions.def.
// Apart from the kernels' headers so that the per-ISA files can include it: enumerations and constants only.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace pk {

enum class Dtypes : std::uint8_t { floats, numbers };
enum class Work : std::uint8_t { moves, modulo, transcendental };

struct FunctionRow {
  const char* name;  // the op's
  Dtypes dtypes;
  Work work;
};

constexpr bool takes(Dtypes dtypes, DType t) {
  return is_float(t) || (dtypes == Dtypes::numbers && (t == DType::i32 || t == DType::i64));
}

enum class Unary : std::uint8_t {
#define UNARY(id, ...) id,
#include "kernels/functions.def"
};
constexpr FunctionRow unary_rows[] = {
#define UNARY(id, name, dtypes, work, value) {name, Dtypes::dtypes, Work::work},
#include "kernels/functions.def"
};
constexpr int unary_count = static_cast<int>(sizeof(unary_rows) / sizeof(FunctionRow));
constexpr const FunctionRow& row_of(Unary f) { return unary_rows[static_cast<int>(f)]; }

enum class Predicate : std::uint8_t {
#define PREDICATE(id, ...) id,
#include "kernels/functions.def"
};
constexpr const char* predicate_names[] = {
#define PREDICATE(id, name, ...) name,
#include "kernels/functions.def"
};
constexpr int predicate_count = static_cast<int>(sizeof(predicate_names) / sizeof(const char*));

enum class Binary : std::uint8_t {
#define BINARY(id, ...) id,
#include "kernels/functions.def"
};
constexpr FunctionRow binary_rows[] = {
#define BINARY(id, name, dtypes, work, value) {name, Dtypes::dtypes, Work::work},
#include "kernels/functions.def"
};
constexpr int binary_count = static_cast<int>(sizeof(binary_rows) / sizeof(FunctionRow));
constexpr const FunctionRow& row_of(Binary f) { return binary_rows[static_cast<int>(f)]; }

enum class Compare : std::uint8_t {
#define COMPARE(id, ...) id,
#include "kernels/functions.def"
};
constexpr const char* compare_names[] = {
#define COMPARE(id, name, ...) name,
#include "kernels/functions.def"
};
constexpr int compare_count = static_cast<int>(sizeof(compare_names) / sizeof(const char*));

// f32, f64, i32, i64 (mean: f32, f64); max and min propagate NaN.
enum class Reduce : std::uint8_t { sum, mean, max, min, prod };
constexpr int reduce_count = static_cast<int>(Reduce::prod) + 1;

// The first index at a tie; NaN counts as the extremum, as NumPy.
enum class ArgReduce : std::uint8_t { argmax, argmin };

}  // namespace pk
