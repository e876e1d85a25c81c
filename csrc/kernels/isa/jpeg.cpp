#include <cstdint>
#include <cstring>

#include "kernels/isa/jpeg_table.h"

namespace pk::PK_ISA {

namespace {

using std::int16_t;
using std::int32_t;
using std::int64_t;
using std::uint32_t;
using std::uint64_t;
using std::uint8_t;

// Eight numbers side by side; the compiler cuts them into the level's registers.
typedef int32_t Wide __attribute__((vector_size(32)));
typedef int16_t Short __attribute__((vector_size(16)));

constexpr int kFraction = 13;  // bits of the constants below
constexpr int kKept = 2;       // fractional bits between the two passes

#if defined(__clang__) || __GNUC__ >= 12
#define PK_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PK_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Short{__VA_ARGS__})
#endif

// One pass over eight lines at once: x[k] holds coefficient k of each line, then sample k times 2^(13 + shift).
// Coefficients from `kGiven` (4 or 8) on are zero.
template <int kGiven>
inline void transform(Wide* x, int shift) {
  const Wide zero = {};
  const Wide x4 = kGiven > 4 ? x[4] : zero, x5 = kGiven > 4 ? x[5] : zero;
  const Wide x6 = kGiven > 4 ? x[6] : zero, x7 = kGiven > 4 ? x[7] : zero;
  const int32_t half = 1 << (shift - 1);
  // even coefficients: 0.541196100, 1.847759065, 0.765366865
  const Wide z = (x[2] + x6) * 4433;
  const Wide low = z - x6 * 15137, high = z + x[2] * 6270;
  const Wide sum = (x[0] + x4) * (1 << kFraction) + half, difference = (x[0] - x4) * (1 << kFraction) + half;
  const Wide e0 = sum + high, e3 = sum - high, e1 = difference + low, e2 = difference - low;
  // odd coefficients
  const Wide z5 = (x7 + x[3] + x5 + x[1]) * 9633;                            // 1.175875602
  const Wide z1 = (x7 + x[1]) * -7373, z2 = (x5 + x[3]) * -20995;            // 0.899976223, 2.562915447
  const Wide z3 = (x7 + x[3]) * -16069 + z5, z4 = (x5 + x[1]) * -3196 + z5;  // 1.961570560, 0.390180644
  const Wide o0 = x7 * 2446 + z1 + z3, o1 = x5 * 16819 + z2 + z4;            // 0.298631336, 2.053119869
  const Wide o2 = x[3] * 25172 + z2 + z3, o3 = x[1] * 12299 + z1 + z4;       // 3.072711026, 1.501321110
  x[0] = (e0 + o3) >> shift;
  x[7] = (e0 - o3) >> shift;
  x[1] = (e1 + o2) >> shift;
  x[6] = (e1 - o2) >> shift;
  x[2] = (e2 + o1) >> shift;
  x[5] = (e2 - o1) >> shift;
  x[3] = (e3 + o0) >> shift;
  x[4] = (e3 - o0) >> shift;
}

// Of values in 16 bits. Three times, the first half of the rows is interleaved with the second.
template <int kGiven>
inline void transpose(Wide* x) {
  Short s[8], t[8];
  for (int i = 0; i < 8; ++i) s[i] = __builtin_convertvector(x[i], Short);
  for (int step = 0; step < 3; ++step) {
    for (int i = 0; i < 4; ++i) {
      t[2 * i] = PK_SHUFFLE(s[i], s[i + 4], 0, 8, 1, 9, 2, 10, 3, 11);
      t[2 * i + 1] = PK_SHUFFLE(s[i], s[i + 4], 4, 12, 5, 13, 6, 14, 7, 15);
    }
    for (int i = 0; i < 8; ++i) s[i] = t[i];
  }
  for (int i = 0; i < kGiven; ++i) x[i] = __builtin_convertvector(s[i], Wide);
}

// To [0, 255].
inline void clamp(Wide& v) {
  v = v & (v > 0);
  const Wide top = v > 255;
  v = (v & ~top) | (top & 255);
}

// Swaps the bits of `mask` in a with those `shift` higher in b.
inline void exchange(uint64_t& a, uint64_t& b, int shift, uint64_t mask) {
  const uint64_t t = ((b) ^ (a >> shift)) & mask;
  b ^= t;
  a ^= t << shift;
}

template <int kGiven>
inline bool idct_given(const int16_t* coefficients, uint8_t* out, int64_t stride) {
  Wide x[8];
  for (int i = 0; i < kGiven; ++i) {
    Short row;
    std::memcpy(&row, coefficients + 8 * i, sizeof row);
    x[i] = __builtin_convertvector(row, Wide);
  }
  transform<kGiven>(x, kFraction - kKept);
  Wide beyond = {};
  for (int i = 0; i < 8; ++i) beyond |= (x[i] + 8192) & ~16383;
  uint64_t parts[4];
  std::memcpy(parts, &beyond, sizeof parts);
  if ((parts[0] | parts[1] | parts[2] | parts[3]) != 0) return false;
  transpose<kGiven>(x);
  transform<kGiven>(x, kFraction + kKept + 3);
  typedef uint8_t Bytes __attribute__((vector_size(8)));
  uint64_t columns[8];  // byte r of columns[c]: the sample in row r, column c
  for (int c = 0; c < 8; ++c) {
    x[c] += 128;
    clamp(x[c]);
    const Bytes bytes = __builtin_convertvector(x[c], Bytes);
    std::memcpy(&columns[c], &bytes, sizeof bytes);
  }
  for (int c = 0; c < 4; ++c) exchange(columns[c], columns[c + 4], 32, 0xffffffffu);
  for (int c = 0; c < 8; c += (c % 2 == 1) ? 3 : 1) exchange(columns[c], columns[c + 2], 16, 0x0000ffff0000ffffu);
  for (int c = 0; c < 8; c += 2) exchange(columns[c], columns[c + 1], 8, 0x00ff00ff00ff00ffu);
  for (int r = 0; r < 8; ++r) std::memcpy(out + r * stride, &columns[r], 8);
  return true;
}

bool idct(const int16_t* coefficients, int last, uint8_t* out, int64_t stride) {
  // the first ten in the file's order lie in the first four rows and columns
  return last < 10 ? idct_given<4>(coefficients, out, stride) : idct_given<8>(coefficients, out, stride);
}

// `sum(i)` is a multiple of the sample i; out = (3 sum(i) + sum(i -+ 1) + rounding) >> shift.
template <class F>
inline void interpolate(int64_t n, int round_left, int round_right, int shift, uint8_t* out, F&& sum) {
  out[0] = static_cast<uint8_t>((4 * sum(0) + round_left) >> shift);
  out[1] = static_cast<uint8_t>((3 * sum(0) + sum(1) + round_right) >> shift);
  for (int64_t i = 1; i < n - 1; ++i) {
    const int32_t middle = 3 * sum(i);
    out[2 * i] = static_cast<uint8_t>((middle + sum(i - 1) + round_left) >> shift);
    out[2 * i + 1] = static_cast<uint8_t>((middle + sum(i + 1) + round_right) >> shift);
  }
  out[2 * n - 2] = static_cast<uint8_t>((3 * sum(n - 1) + sum(n - 2) + round_left) >> shift);
  out[2 * n - 1] = static_cast<uint8_t>((4 * sum(n - 1) + round_right) >> shift);
}

void widen(const uint8_t* __restrict in, int64_t n, uint8_t* __restrict out) {
  interpolate(n, 1, 2, 2, out, [&](int64_t i) { return static_cast<int32_t>(in[i]); });
}

void widen_between(const uint8_t* __restrict near, const uint8_t* __restrict far, int64_t n, uint8_t* __restrict out) {
  interpolate(n, 8, 7, 4, out, [&](int64_t i) { return 3 * near[i] + far[i]; });
}

inline int32_t byte(int32_t v) {
  v = v < 0 ? 0 : v;
  return v > 255 ? 255 : v;
}

void to_rgb(const uint8_t* __restrict y, const uint8_t* __restrict cb, const uint8_t* __restrict cr, int64_t n,
            uint32_t* __restrict out) {
  for (int64_t i = 0; i < n; ++i) {
    const int32_t b = cb[i] - 128, r = cr[i] - 128;
    const int32_t red = y[i] + ((91881 * r + 32768) >> 16);                 // 1.402 * 65536
    const int32_t green = y[i] + ((-22554 * b - 46802 * r + 32768) >> 16);  // 0.344136, 0.714136
    const int32_t blue = y[i] + ((116130 * b + 32768) >> 16);               // 1.772
    out[i] = static_cast<uint32_t>(byte(red) | byte(green) << 8 | byte(blue) << 16);
  }
}

}  // namespace

void fill(JpegTable& t) {
  t.idct = idct;
  t.widen = widen;
  t.widen_between = widen_between;
  t.to_rgb = to_rgb;
}

}  // namespace pk::PK_ISA
