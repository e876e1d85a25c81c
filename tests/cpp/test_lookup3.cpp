#include "base/lookup3.h"

#include <gtest/gtest.h>

#include <string>

namespace {

std::uint32_t of(const std::string& text, std::uint32_t initial = 0) {
  return pk::lookup3(text.data(), text.size(), initial);
}

// The values that lookup3.c states in its self-test.
TEST(Lookup3, StatedValues) {
  EXPECT_EQ(of(""), 0xdeadbeefU);
  EXPECT_EQ(of("", 0xdeadbeefU), 0xbd5b7ddeU);
  EXPECT_EQ(of("Four score and seven years ago"), 0x17770551U);
  EXPECT_EQ(of("Four score and seven years ago", 1), 0xcd628161U);
}

TEST(Lookup3, EveryBitAndTheLengthCount) {
  for (std::size_t n = 1; n < 40; ++n) {
    const std::string text(n, 'x');
    EXPECT_NE(of(text), of(text + '\0'));
    for (std::size_t bit = 0; bit < 8 * n; ++bit) {
      std::string other = text;
      other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
      EXPECT_NE(of(text), of(other)) << n << " " << bit;
    }
  }
}

}  // namespace
