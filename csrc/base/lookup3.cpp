#include "base/lookup3.h"

namespace pk {

namespace {

std::uint32_t rotated(std::uint32_t x, int bits) { return (x << bits) | (x >> (32 - bits)); }

struct Words {
  std::uint32_t a, b, c;

  // Up to 12 bytes, little-endian; those that are missing count as 0.
  void add(const unsigned char* p, std::size_t n) {
    std::uint32_t* const words[3] = {&a, &b, &c};
    for (std::size_t i = 0; i < n; ++i) *words[i / 4] += static_cast<std::uint32_t>(p[i]) << (8 * (i % 4));
  }

  void step(std::uint32_t& x, std::uint32_t& y, std::uint32_t& z, int bits) {
    x = (x - z) ^ rotated(z, bits);
    z += y;
  }
  void mix() {
    step(a, b, c, 4);
    step(b, c, a, 6);
    step(c, a, b, 8);
    step(a, b, c, 16);
    step(b, c, a, 19);
    step(c, a, b, 4);
  }

  void finish() {
    const auto fold = [](std::uint32_t& x, std::uint32_t y, int bits) { x = (x ^ y) - rotated(y, bits); };
    fold(c, b, 14);
    fold(a, c, 11);
    fold(b, a, 25);
    fold(c, b, 16);
    fold(a, c, 4);
    fold(b, a, 14);
    fold(c, b, 24);
  }
};

}  // namespace

std::uint32_t lookup3(const void* data, std::size_t bytes, std::uint32_t initial) {
  const auto* p = static_cast<const unsigned char*>(data);
  const std::uint32_t start = 0xdeadbeefU + static_cast<std::uint32_t>(bytes) + initial;
  Words words{start, start, start};
  if (bytes == 0) return words.c;
  for (; bytes > 12; p += 12, bytes -= 12) {
    words.add(p, 12);
    words.mix();
  }
  words.add(p, bytes);
  words.finish();
  return words.c;
}

}  // namespace pk
