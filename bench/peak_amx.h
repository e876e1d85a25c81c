// The peak of AMX's bfloat16 tiles (Intel 64 and IA-32 Architectures Software Developer's Manual, vol. 1, ch. 18).
#pragma once

#include <cstdint>
#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace pk::bench {

#if defined(__x86_64__) && defined(__linux__)

// Whether the CPU has AMX with bfloat16 and the system grants its registers to this process (Linux asks that a
// process requests them).
inline bool have_amx_bf16() {
  static const bool granted = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
    constexpr unsigned amx_bf16 = 1U << 22, amx_tile = 1U << 24;
    if ((d & amx_bf16) == 0 || (d & amx_tile) == 0) return false;
    constexpr long request_permission = 0x1023, tile_data = 18;
    return syscall(SYS_arch_prctl, request_permission, tile_data) == 0;
  }();
  return granted;
}

// Four tiles of sums from two by two operand tiles, 16 x 16 sums of 32 products each: the number of operations done.
__attribute__((target("amx-tile,amx-bf16"), noinline)) inline double amx_bf16_rounds(std::int64_t rounds) {
  struct alignas(64) Config {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } config;
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (std::int64_t i = 0; i < rounds; ++i) {
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return static_cast<double>(rounds) * 4 * 16 * 16 * 32 * 2;
}

#else

inline bool have_amx_bf16() { return false; }
inline double amx_bf16_rounds(std::int64_t) { return 0; }

#endif

}  // namespace pk::bench
