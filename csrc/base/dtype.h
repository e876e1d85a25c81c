// Element types of buffers, variables and program values.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pk {

enum class DType : std::uint8_t { f32, f64, i32, i64, u8, boolean };
constexpr int dtype_count = static_cast<int>(DType::boolean) + 1;

constexpr std::size_t size_of(DType t) {
  switch (t) {
    case DType::f32:
    case DType::i32:
      return 4;
    case DType::f64:
    case DType::i64:
      return 8;
    case DType::u8:
    case DType::boolean:
      return 1;
  }
  return 0;
}

// NumPy's name of the type ("float32", ..., "bool").
const char* name_of(DType t);

constexpr bool is_float(DType t) { return t == DType::f32 || t == DType::f64; }

template <class T>
struct dtype_of;
template <>
struct dtype_of<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct dtype_of<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct dtype_of<std::int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct dtype_of<std::int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct dtype_of<std::uint8_t> {
  static constexpr DType value = DType::u8;
};
template <>
struct dtype_of<bool> {
  static constexpr DType value = DType::boolean;
};

}  // namespace pk
