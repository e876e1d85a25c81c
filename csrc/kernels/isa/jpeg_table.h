// The inner loops of kernels/jpeg.h.
#pragma once

#include <cstdint>

namespace pk {

struct JpegTable {
  // 8 x 8 samples, `stride` apart, from coefficients in rows (at most 8191 in size), of which none after place `last` of
  // the zigzag order is other than 0. false: intermediate values are so large that libjpeg-turbo's arithmetic in 16 bits
  // would give something else; `out` is then undefined.
  bool (*idct)(const std::int16_t* coefficients, int last, std::uint8_t* out, std::int64_t stride);
  // out[0, 2n) from n > 2 samples, by the weights 3/4 and 1/4 of the nearer and the farther one.
  void (*widen)(const std::uint8_t* in, std::int64_t n, std::uint8_t* out);
  // The same between two rows, of which `near` is the nearer one.
  void (*widen_between)(const std::uint8_t* near, const std::uint8_t* far, std::int64_t n, std::uint8_t* out);
  // n pixels of 4 bytes: red, green, blue, 0.
  void (*to_rgb)(const std::uint8_t* y, const std::uint8_t* cb, const std::uint8_t* cr, std::int64_t n,
                 std::uint32_t* out);
};

}  // namespace pk
