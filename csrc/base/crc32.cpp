#include "base/crc32.h"

#include <array>
#include <cstring>

#if defined(__x86_64__) && defined(__GNUC__)
#define PK_CRC_CLMUL 1
#include <immintrin.h>
#endif

namespace pk {
namespace {

constexpr std::uint32_t polynomial = 0xEDB88320;  // reflected, as the next
constexpr std::uint32_t castagnoli = 0x82F63B78;

using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

// tables[k][b]: the register after byte b and k bytes of zeros.
Tables make_tables(std::uint32_t polynomial) {
  Tables t{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t r = b;
    for (int i = 0; i < 8; ++i) r = (r >> 1) ^ ((r & 1) ? polynomial : 0);
    t[0][b] = r;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t b = 0; b < 256; ++b) t[k][b] = (t[k - 1][b] >> 8) ^ t[0][t[k - 1][b] & 255];
  }
  return t;
}

// From register to register: neither inverted.
template <std::uint32_t polynomial>
std::uint32_t by_tables(const unsigned char* p, std::size_t n, std::uint32_t r) {
  static const Tables t = make_tables(polynomial);
  for (; n >= 8; n -= 8, p += 8) {
    r ^= std::uint32_t{p[0]} | std::uint32_t{p[1]} << 8 | std::uint32_t{p[2]} << 16 | std::uint32_t{p[3]} << 24;
    r = t[7][r & 255] ^ t[6][r >> 8 & 255] ^ t[5][r >> 16 & 255] ^ t[4][r >> 24] ^ t[3][p[4]] ^ t[2][p[5]] ^
        t[1][p[6]] ^ t[0][p[7]];
  }
  for (; n > 0; --n, ++p) r = (r >> 8) ^ t[0][(r ^ *p) & 255];
  return r;
}

#ifdef PK_CRC_CLMUL
bool has_clmul() {
  static const bool has = __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1");
  return has;
}

// Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009), with its
// constants for the reflected polynomial: x^n mod P for the distances by which 128 bits are moved when they are added
// to later ones, and Barrett's quotient for the end. `n` is a multiple of 16, at least 64.
__attribute__((target("pclmul,sse4.1"))) std::uint32_t by_products(const unsigned char* p, std::size_t n,
                                                                   std::uint32_t r) {
  const auto load = [](const unsigned char* at) __attribute__((target("pclmul,sse4.1"))) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  };
  const auto moved = [](__m128i x, __m128i by) __attribute__((target("pclmul,sse4.1"))) {
    return _mm_xor_si128(_mm_clmulepi64_si128(x, by, 0x00), _mm_clmulepi64_si128(x, by, 0x11));
  };
  const __m128i by_64_bytes = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i by_16_bytes = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  __m128i x[4];
  for (int i = 0; i < 4; ++i) x[i] = load(p + 16 * i);
  x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128(static_cast<int>(r)));
  for (p += 64, n -= 64; n >= 64; p += 64, n -= 64) {
    for (int i = 0; i < 4; ++i) x[i] = _mm_xor_si128(moved(x[i], by_64_bytes), load(p + 16 * i));
  }
  __m128i y = x[0];
  for (int i = 1; i < 4; ++i) y = _mm_xor_si128(moved(y, by_16_bytes), x[i]);
  for (; n >= 16; p += 16, n -= 16) y = _mm_xor_si128(moved(y, by_16_bytes), load(p));

  const __m128i low = _mm_setr_epi32(-1, 0, -1, 0);
  y = _mm_xor_si128(_mm_srli_si128(y, 8), _mm_clmulepi64_si128(y, by_16_bytes, 0x10));
  const __m128i by_8_bytes = _mm_set_epi64x(0, 0x0163cd6124);
  y = _mm_xor_si128(_mm_srli_si128(y, 4), _mm_clmulepi64_si128(_mm_and_si128(y, low), by_8_bytes, 0x00));
  const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
  __m128i q = _mm_clmulepi64_si128(_mm_and_si128(y, low), barrett, 0x10);
  q = _mm_clmulepi64_si128(_mm_and_si128(q, low), barrett, 0x00);
  return static_cast<std::uint32_t>(_mm_extract_epi32(_mm_xor_si128(y, q), 1));
}
#endif

}  // namespace

std::uint32_t crc32_by_tables(const void* data, std::size_t bytes, std::uint32_t crc) {
  return ~by_tables<polynomial>(static_cast<const unsigned char*>(data), bytes, ~crc);
}

std::uint32_t crc32c(const void* data, std::size_t bytes, std::uint32_t crc) {
  return ~by_tables<castagnoli>(static_cast<const unsigned char*>(data), bytes, ~crc);
}

std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t crc) {
  const auto* p = static_cast<const unsigned char*>(data);
  std::uint32_t r = ~crc;
#ifdef PK_CRC_CLMUL
  if (bytes >= 64 && has_clmul()) {
    const std::size_t whole = bytes / 16 * 16;
    r = by_products(p, whole, r);
    p += whole;
    bytes -= whole;
  }
#endif
  return ~by_tables<polynomial>(p, bytes, r);
}

}  // namespace pk
