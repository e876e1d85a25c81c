#include "kernels/jpeg.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "guarded.h"
#include "kernels/table.h"

namespace pk {
namespace {

// 35 x 21 pixels, chroma of half width and height, a restart marker after every second unit.
const std::uint8_t kFile[] = {
    255, 216, 255, 224, 0,   16,  74,  70,  73,  70,  0,   1,   1,   0,   0,   1,   0,   1,   0,   0,   255, 219, 0,
    67,  0,   40,  28,  30,  35,  30,  25,  40,  35,  33,  35,  45,  43,  40,  48,  60,  100, 65,  60,  55,  55,  60,
    123, 88,  93,  73,  100, 145, 128, 153, 150, 143, 128, 140, 138, 160, 180, 230, 195, 160, 170, 218, 173, 138, 140,
    200, 255, 203, 218, 238, 245, 255, 255, 255, 155, 193, 255, 255, 255, 250, 255, 230, 253, 255, 248, 255, 219, 0,
    67,  1,   43,  45,  45,  60,  53,  60,  118, 65,  65,  118, 248, 165, 140, 165, 248, 248, 248, 248, 248, 248, 248,
    248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248,
    248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 248, 255, 192, 0,
    17,  8,   0,   21,  0,   35,  3,   1,   34,  0,   2,   17,  1,   3,   17,  1,   255, 196, 0,   23,  0,   1,   1,
    1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   4,   3,   2,   255, 196, 0,   31,  16,
    0,   2,   2,   2,   2,   3,   1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   1,   2,   3,   17,  18,  4,
    33,  19,  35,  49,  97,  255, 196, 0,   22,  1,   1,   1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    0,   0,   0,   1,   3,   2,   255, 196, 0,   31,  17,  0,   1,   3,   4,   3,   1,   0,   0,   0,   0,   0,   0,
    0,   0,   0,   0,   0,   1,   2,   18,  17,  33,  49,  81,  3,   20,  34,  35,  255, 221, 0,   4,   0,   2,   255,
    218, 0,   12,  3,   1,   0,   2,   17,  3,   17,  0,   63,  0,   162, 155, 84,  99,  131, 14,  79,  179, 225, 45,
    182, 56,  207, 9,   148, 241, 158, 235, 177, 172, 110, 8,   217, 100, 158, 16,  113, 145, 92,  37,  209, 213, 181,
    37,  28,  162, 103, 45,  100, 102, 19,  244, 51,  159, 204, 255, 208, 211, 40,  24,  249, 63,  64,  212, 122, 136,
    99,  108, 19,  145, 167, 29,  235, 240, 2,   75,  147, 110, 179, 79,  255, 209, 167, 59,  71,  178, 59,  150, 24,
    5,   89,  131, 60,  123, 50,  89,  192, 0,   138, 173, 202, 205, 219, 63,  255, 217};

class Jpeg : public ::testing::TestWithParam<Isa> {
 protected:
  void SetUp() override { use_isa(GetParam()); }
  void TearDown() override { use_isa(chosen_isa()); }
};

TEST_P(Jpeg, DecodesTheSameBytesAtEveryLevel) {
  JpegHeader header;
  ASSERT_TRUE(read_jpeg_header(kFile, sizeof kFile, &header));
  ASSERT_EQ(header.width, 35);
  ASSERT_EQ(header.height, 21);
  Guarded<std::uint8_t> have(3 * 35 * 21);
  std::vector<std::uint8_t> want(3 * 35 * 21);
  ASSERT_TRUE(decode_jpeg(kFile, sizeof kFile, header, {}, 3, have.data()));
  use_isa(Isa::scalar);
  ASSERT_TRUE(decode_jpeg(kFile, sizeof kFile, header, {}, 3, want.data()));
  EXPECT_EQ(0, std::memcmp(have.data(), want.data(), want.size()));
}

TEST_P(Jpeg, ChosenPixels) {
  JpegHeader header;
  ASSERT_TRUE(read_jpeg_header(kFile, sizeof kFile, &header));
  std::vector<std::uint8_t> whole(3 * 35 * 21);
  ASSERT_TRUE(decode_jpeg(kFile, sizeof kFile, header, {}, 3, whole.data()));
  const std::vector<int64_t> rows = {0, 0, 5, 15, 16, 20}, columns = {1, 8, 33, 34};
  Guarded<std::uint8_t> have(3 * 6 * 4);
  ASSERT_TRUE(decode_jpeg(kFile, sizeof kFile, header, {rows.data(), columns.data(), 6, 4}, 3, have.data()));
  for (std::size_t p = 0; p < rows.size(); ++p) {
    for (std::size_t q = 0; q < columns.size(); ++q) {
      const std::uint8_t* pixel = whole.data() + 3 * (35 * rows[p] + columns[q]);
      EXPECT_EQ(0, std::memcmp(have.data() + 3 * (4 * p + q), pixel, 3)) << p << " " << q;
    }
  }
}

// Nothing is read or written outside of the arrays, whatever the file holds.
TEST_P(Jpeg, DamagedFiles) {
  std::mt19937 random(7);
  int taken = 0;
  for (int k = 0; k < 20000; ++k) {
    const std::size_t size = k % 4 == 0 ? random() % (sizeof kFile) + 1 : sizeof kFile;
    Guarded<std::uint8_t> file(static_cast<int64_t>(size));
    std::memcpy(file.data(), kFile, size);
    for (unsigned n = random() % 4; n > 0; --n) {
      const std::uint8_t values[] = {0, 255, static_cast<std::uint8_t>(random()), 1};
      file[static_cast<int64_t>(random() % size)] = values[random() % 4];
    }
    JpegHeader header;
    if (!read_jpeg_header(file.data(), size, &header)) continue;
    if (header.width * header.height > 1 << 20) continue;  // would only take long
    Guarded<std::uint8_t> y(3 * header.width * header.height);
    taken += decode_jpeg(file.data(), size, header, {}, 3, y.data()) ? 1 : 0;
  }
  EXPECT_GT(taken, 100);
}

TEST_P(Jpeg, ExtremeCoefficients) {
  std::mt19937 random(8);
  for (int k = 0; k < 2000; ++k) {
    alignas(64) std::int16_t block[64];
    for (std::int16_t& v : block) v = static_cast<std::int16_t>(static_cast<int>(random() % 16383) - 8191);
    Guarded<std::uint8_t> out(64);
    kernels().jpeg.idct(block, 63, out.data(), 8);
    if (k % 2 == 0) std::memset(block + 1, 0, sizeof block - 2);
    if (kernels().jpeg.idct(block, k % 2 == 0 ? 0 : 63, out.data(), 8) && k % 2 == 0) {
      const int grey = ((block[0] + 4) >> 3) + 128;
      EXPECT_EQ(out[63], grey < 0 ? 0 : grey > 255 ? 255 : grey);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Levels, Jpeg, ::testing::ValuesIn(available_isas()));

}  // namespace
}  // namespace pk
