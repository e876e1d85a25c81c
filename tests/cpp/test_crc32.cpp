#include "base/crc32.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "guarded.h"

namespace {

// The definition, bit by bit.
std::uint32_t reference(const unsigned char* p, std::size_t n, std::uint32_t crc = 0,
                        std::uint32_t polynomial = 0xEDB88320u) {
  std::uint32_t r = ~crc;
  for (std::size_t i = 0; i < n; ++i) {
    r ^= p[i];
    for (int k = 0; k < 8; ++k) r = (r >> 1) ^ ((r & 1) ? polynomial : 0u);
  }
  return ~r;
}

TEST(Crc32, OfTheCheckString) {
  EXPECT_EQ(pk::crc32("123456789", 9), 0xCBF43926u);
  EXPECT_EQ(pk::crc32_by_tables("123456789", 9), 0xCBF43926u);
  EXPECT_EQ(pk::crc32(nullptr, 0), 0u);
  EXPECT_EQ(pk::crc32c("123456789", 9), 0xE3069283u);
}

TEST(Crc32, AnySizeAndStart) {
  std::mt19937 random(1);
  std::vector<unsigned char> bytes(700);
  for (auto& b : bytes) b = static_cast<unsigned char>(random());
  for (std::size_t n = 0; n <= 600; n += n < 200 ? 1 : 37) {
    for (std::size_t start : {std::size_t{0}, std::size_t{3}, std::size_t{16}}) {
      const std::uint32_t want = reference(bytes.data() + start, n, 0x12345678u);
      EXPECT_EQ(pk::crc32(bytes.data() + start, n, 0x12345678u), want) << n;
      EXPECT_EQ(pk::crc32_by_tables(bytes.data() + start, n, 0x12345678u), want) << n;
      EXPECT_EQ(pk::crc32c(bytes.data() + start, n, 0x12345678u),
                reference(bytes.data() + start, n, 0x12345678u, 0x82F63B78u));
    }
  }
}

TEST(Crc32, InParts) {
  std::vector<unsigned char> bytes(5000, 0);
  bytes[4000] = 7;
  for (std::size_t cut : {0u, 1u, 63u, 64u, 65u, 1000u, 4999u, 5000u}) {
    const std::uint32_t first = pk::crc32(bytes.data(), cut);
    EXPECT_EQ(pk::crc32(bytes.data() + cut, bytes.size() - cut, first), reference(bytes.data(), bytes.size()));
  }
}

TEST(Crc32, ReadsNothingBehindItsEnd) {
  for (std::size_t n : {1u, 15u, 64u, 79u, 80u, 333u}) {
    pk::Guarded<unsigned char> guarded(static_cast<std::int64_t>(n));
    std::memset(guarded.data(), 0x5A, n);
    EXPECT_EQ(pk::crc32(guarded.data(), n), reference(guarded.data(), n));
  }
}

}  // namespace
