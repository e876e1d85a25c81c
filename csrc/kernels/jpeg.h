// Photographs in JPEG files, decoded to exactly the bytes that libjpeg-turbo gives with its default settings.
//
// Taken are files of the common form: sequential (not progressive), Huffman codes, 8 bits, one scan, grey or YCbCr,
// with chroma of full or half width and, at half width, full or half height. Everything else, and every file with any
// damage, is refused: a full decoder then reads it or says what is wrong. No input makes these functions read or write
// outside of their arrays.
//
// ITU-T T.81 (JPEG), T.871 (JFIF). The inverse cosine transform is that of Loeffler, Ligtenberg, Moschytz, "Practical
// fast 1-D DCT algorithms with 11 multiplications", ICASSP 1989, in integers with 13 fractional bits; chroma is
// enlarged by a triangle filter.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pk {

using std::int64_t;

// One Huffman code. The tables are looked up by the next bits of the file.
struct JpegCode {
  static constexpr int kBits = 9;
  std::uint16_t symbol[1 << kBits];  // length * 256 + symbol; 0: the code is longer than kBits
  // For AC codes: value * 65536 + zeros before it * 256 + length, where the code and its value are in kBits; 0: not
  std::int32_t whole[1 << kBits];
  std::int32_t end[17], offset[17];  // codes of length n are below end[n] >> (16 - n); symbols[code + offset[n]]
  std::uint8_t symbols[256];
  bool given = false;
};

struct JpegComponent {
  int id = 0, h = 1, v = 1, quantization = 0, dc = 0, ac = 0;
  int64_t width = 0, height = 0;              // in samples
  int64_t block_columns = 0, block_rows = 0;  // with those that fill the last units
};

struct JpegHeader {
  int64_t width = 0, height = 0;
  int components = 0;  // 1 or 3
  JpegComponent component[3];
  std::uint16_t quantization[4][64];  // in the file's (zigzag) order
  bool has_quantization[4] = {};
  JpegCode dc[4], ac[4];
  int64_t restart_interval = 0;  // units, 0 for none
  std::size_t data = 0;          // where the coded units begin
};

// Reads the headers of `size` bytes; false for a file that is not taken.
bool read_jpeg_header(const std::uint8_t* file, std::size_t size, JpegHeader* header);

// Pixels to decode: rows (rising or equal, in [0, height)) and columns (the same in [0, width)); null for all of them.
struct JpegPixels {
  const int64_t *rows = nullptr, *columns = nullptr;
  int64_t row_count = 0, column_count = 0;
};

// y (row_count, column_count, channels): channels 3, or 1 for grey files. false for damage.
bool decode_jpeg(const std::uint8_t* file, std::size_t size, const JpegHeader& header, const JpegPixels& pixels,
                 int channels, std::uint8_t* y);

}  // namespace pk
