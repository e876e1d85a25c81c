// Integer arithmetic on sizes: division that rounds up, and the next multiple; a >= 0, b > 0.
#pragma once

#include <cstdint>

namespace pk {

constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
constexpr std::int64_t round_up(std::int64_t a, std::int64_t b) { return ceil_div(a, b) * b; }

}  // namespace pk
