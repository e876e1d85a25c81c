#include "kernels/jpeg.h"

#include <cstring>
#include <memory>
#include <vector>

#include "kernels/table.h"

namespace pk {

namespace {

// From the place in the file's order to the place in rows of 8; longer, because a run of zeros may end beyond 63.
constexpr std::uint8_t kPlaces[64] = {0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
                                      12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
                                      35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
                                      58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63};
constexpr int kLargest = 8191;             // coefficients that libjpeg-turbo's 16-bit arithmetic holds
constexpr std::size_t kMostOfBlock = 512;  // bytes: more than a block can take (64 coefficients of 31 bits)

// The coded bits of a file, without the zeros after each 0xff, between restart markers.
class Bits {
 public:
  // `data` has kMostOfBlock readable bytes after `size`.
  Bits(const std::uint8_t* data, std::size_t size) : start_(data), at_(data), end_(data + size) {}

  // At least 32 bits are there afterwards: a code and its value.
  void fill() {
    if (count_ >= 32) return;
    std::uint64_t next;
    std::memcpy(&next, at_, 8);
    buffer_ |= __builtin_bswap64(next) >> count_;
    at_ += (63 - count_) >> 3;
    count_ |= 56;
  }
  std::uint32_t peek(int n) const { return static_cast<std::uint32_t>(buffer_ >> (64 - n)); }
  void skip(int n) {
    buffer_ <<= n;
    count_ -= n;
  }
  int take(int n) {
    const std::uint32_t bits = peek(n);
    skip(n);
    return static_cast<int>(bits);
  }
  bool beyond() const { return used() > 8 * (end_ - start_); }
  // Whether all bytes are used up.
  bool finished() const { return !beyond() && 8 * (end_ - start_) - used() < 8; }

 private:
  std::ptrdiff_t used() const { return 8 * (at_ - start_) - count_; }

  const std::uint8_t *start_, *at_, *end_;
  std::uint64_t buffer_ = 0;  // the next bits, from the highest on
  int count_ = 0;
};

// The next symbol, or -1.
inline int symbol(Bits& bits, const JpegCode& code) {
  if (const int found = code.symbol[bits.peek(JpegCode::kBits)]; found != 0) {
    bits.skip(found >> 8);
    return found & 255;
  }
  const int next = static_cast<int>(bits.peek(16));
  for (int length = JpegCode::kBits + 1; length <= 16; ++length) {
    if (next < code.end[length]) {
      bits.skip(length);
      return code.symbols[((next >> (16 - length)) + code.offset[length]) & 255];
    }
  }
  return -1;
}

inline int value(Bits& bits, int size) {
  const int v = bits.take(size);
  return v < 1 << (size - 1) ? v - (1 << size) + 1 : v;
}

// Coefficients times their steps, in rows. Gives the last place in the file's order that is not zero, or -1 for damage.
int read_block(Bits& bits, const JpegCode& dc, const JpegCode& ac, const std::uint16_t* steps, int* previous,
               std::int16_t* block) {
  bits.fill();
  const int size = symbol(bits, dc);
  if (size < 0) return -1;
  if (size > 0) *previous += value(bits, size);
  int all = *previous * steps[0];  // grows beyond kLargest where any coefficient does
  if (all > kLargest || all < -kLargest) return -1;
  block[0] = static_cast<std::int16_t>(all);
  int last = 0;
  for (int k = 1; k < 64; ++k) {
    bits.fill();
    int v;
    if (const int whole = ac.whole[bits.peek(JpegCode::kBits)]; whole != 0) {
      bits.skip(whole & 255);
      k += (whole >> 8) & 255;
      v = whole >> 16;
    } else {
      const int next = symbol(bits, ac);
      if (next < 0) return -1;
      if ((next & 15) == 0) {
        if (next != 0xf0) break;
        k += 15;
        continue;
      }
      k += next >> 4;
      v = value(bits, next & 15);
    }
    if (k > 63) return -1;
    v *= steps[k];
    if (v > kLargest || v < -kLargest) return -1;
    block[kPlaces[k]] = static_cast<std::int16_t>(v);
    last = k;
  }
  return last;
}

// Samples of one component, and which of its blocks are wanted.
struct Plane {
  int64_t stride = 0;
  std::unique_ptr<std::uint8_t[]> samples;
  std::vector<std::uint8_t> rows, columns;
  int previous = 0;  // the last DC coefficient

  const std::uint8_t* row(int64_t r) const { return samples.get() + r * stride; }
};

// Marks the blocks that hold the samples for the pixels `at`, and their neighbours where samples are interpolated.
void mark(const int64_t* at, int64_t count, bool halved, int64_t samples, std::vector<std::uint8_t>* blocks) {
  if (at == nullptr) {
    blocks->assign(blocks->size(), 1);
    return;
  }
  for (int64_t i = 0; i < count; ++i) {
    if (!halved) {
      (*blocks)[static_cast<std::size_t>(at[i] / 8)] = 1;
      continue;
    }
    const int64_t s = at[i] / 2;
    (*blocks)[static_cast<std::size_t>((s > 0 ? s - 1 : 0) / 8)] = 1;
    (*blocks)[static_cast<std::size_t>((s + 1 < samples ? s + 1 : s) / 8)] = 1;
  }
}

class Decoding {
 public:
  Decoding(const JpegHeader& header, const JpegPixels& pixels) : header_(header) {
    for (int i = 0; i < header.components; ++i) {
      const JpegComponent& c = header.component[i];
      Plane& plane = planes_[i];
      plane.stride = 8 * c.block_columns;
      plane.samples.reset(new std::uint8_t[static_cast<std::size_t>(64 * c.block_columns * c.block_rows)]);
      plane.rows.resize(static_cast<std::size_t>(c.block_rows));
      plane.columns.resize(static_cast<std::size_t>(c.block_columns));
      mark(pixels.rows, pixels.row_count, c.v < header.component[0].v, c.height, &plane.rows);
      mark(pixels.columns, pixels.column_count, c.h < header.component[0].h, c.width, &plane.columns);
    }
  }

  // The units [first, end) in one run of bits.
  bool read_units(Bits& bits, int64_t first, int64_t end) {
    const JpegComponent& c0 = header_.component[0];
    const int64_t columns = c0.block_columns / c0.h;
    for (Plane& plane : planes_) plane.previous = 0;
    for (int64_t unit = first; unit < end; ++unit) {
      for (int i = 0; i < header_.components; ++i) {
        const JpegComponent& c = header_.component[i];
        for (int b = 0; b < c.h * c.v; ++b) {
          if (!read_one(bits, i, unit / columns * c.v + b / c.h, unit % columns * c.h + b % c.h)) return false;
        }
      }
      if (bits.beyond()) return false;
    }
    return bits.finished();
  }

  void write_pixels(const JpegPixels& pixels, int channels, std::uint8_t* y) const {
    const int64_t rows = pixels.rows != nullptr ? pixels.row_count : header_.height;
    const int64_t columns = pixels.columns != nullptr ? pixels.column_count : header_.width;
    const std::size_t row_bytes = static_cast<std::size_t>(columns * channels);
    // some room for widening odd widths
    std::vector<std::uint32_t> rgb(static_cast<std::size_t>(header_.width));
    std::vector<std::uint8_t> wide(static_cast<std::size_t>(4 * header_.width + 8));
    for (int64_t p = 0; p < rows; ++p, y += row_bytes) {
      const int64_t r = pixels.rows != nullptr ? pixels.rows[p] : p;
      if (p > 0 && pixels.rows != nullptr && pixels.rows[p - 1] == r) {
        std::memcpy(y, y - row_bytes, row_bytes);
      } else if (header_.components == 1) {
        write_grey(planes_[0].row(r), pixels.columns, columns, channels, y);
      } else {
        std::uint8_t* const chroma[2] = {wide.data(), wide.data() + wide.size() / 2};
        kernels().jpeg.to_rgb(planes_[0].row(r), chroma_row(1, r, chroma[0]), chroma_row(2, r, chroma[1]),
                              header_.width, rgb.data());
        write_rgb(rgb.data(), pixels.columns, columns, y);
      }
    }
  }

 private:
  bool read_one(Bits& bits, int i, int64_t row, int64_t column) {
    const JpegComponent& c = header_.component[i];
    Plane& plane = planes_[i];
    const int last = read_block(bits, header_.dc[c.dc], header_.ac[c.ac], header_.quantization[c.quantization],
                                &plane.previous, block_);
    if (last < 0) return false;
    bool good = true;
    if (plane.rows[static_cast<std::size_t>(row)] != 0 && plane.columns[static_cast<std::size_t>(column)] != 0) {
      std::uint8_t* out = plane.samples.get() + 8 * row * plane.stride + 8 * column;
      if (last == 0) {
        const int grey = ((block_[0] + 4) >> 3) + 128;
        for (int r = 0; r < 8; ++r) std::memset(out + r * plane.stride, grey < 0 ? 0 : grey > 255 ? 255 : grey, 8);
      } else {
        good = kernels().jpeg.idct(block_, last, out, plane.stride);
      }
    }
    std::memset(block_, 0, sizeof block_);
    return good;
  }

  // Row r of a chroma component in full width; in `space` where it has to be computed.
  const std::uint8_t* chroma_row(int i, int64_t r, std::uint8_t* space) const {
    const JpegComponent &c = header_.component[i], &luma = header_.component[0];
    if (c.h == luma.h) return planes_[i].row(r);
    if (c.v == luma.v) {
      kernels().jpeg.widen(planes_[i].row(r), c.width, space);
      return space;
    }
    const int64_t near = r / 2, far = r % 2 != 0 ? near + 1 : near - 1;
    const int64_t there = far < 0 || far >= c.height ? near : far;
    kernels().jpeg.widen_between(planes_[i].row(near), planes_[i].row(there), c.width, space);
    return space;
  }

  static void write_grey(const std::uint8_t* row, const int64_t* at, int64_t count, int channels, std::uint8_t* y) {
    for (int64_t q = 0; q < count; ++q) {
      for (int k = 0; k < channels; ++k) *y++ = row[at != nullptr ? at[q] : q];
    }
  }

  static void write_rgb(const std::uint32_t* row, const int64_t* at, int64_t count, std::uint8_t* y) {
    for (int64_t q = 0; q < count - 1; ++q, y += 3) {  // four bytes, of which the next pixel overwrites the last
      std::memcpy(y, &row[at != nullptr ? at[q] : q], 4);
    }
    if (count > 0) std::memcpy(y, &row[at != nullptr ? at[count - 1] : count - 1], 3);
  }

  const JpegHeader& header_;
  Plane planes_[3];
  alignas(64) std::int16_t block_[64] = {};
};

}  // namespace

bool decode_jpeg(const std::uint8_t* file, std::size_t size, const JpegHeader& header, const JpegPixels& pixels,
                 int channels, std::uint8_t* y) {
  Decoding decoding(header, pixels);
  const JpegComponent& luma = header.component[0];
  const int64_t units = luma.block_columns / luma.h * (luma.block_rows / luma.v);
  const int64_t interval = header.restart_interval > 0 ? header.restart_interval : units;
  std::unique_ptr<std::uint8_t[]> run(new std::uint8_t[size - header.data + kMostOfBlock * 16]);
  std::size_t at = header.data;
  for (int64_t first = 0, number = 0; first < units; first += interval, ++number) {
    std::size_t length = 0;
    for (;;) {  // up to the next marker
      const void* found = at < size ? std::memchr(file + at, 0xff, size - at) : nullptr;
      if (found == nullptr) return false;
      const std::size_t stop = static_cast<std::size_t>(static_cast<const std::uint8_t*>(found) - file);
      if (stop + 1 >= size) return false;
      const bool data = file[stop + 1] == 0;
      std::memcpy(run.get() + length, file + at, stop - at + (data ? 1 : 0));
      length += stop - at + (data ? 1 : 0);
      at = stop + 2;
      if (!data) break;
    }
    std::memset(run.get() + length, 0, kMostOfBlock * 16);
    const bool is_last = first + interval >= units;
    if (file[at - 1] != (is_last ? 0xd9 : 0xd0 + number % 8)) return false;
    Bits bits(run.get(), length);
    if (!decoding.read_units(bits, first, is_last ? units : first + interval)) return false;
  }
  decoding.write_pixels(pixels, channels, y);
  return true;
}

}  // namespace pk
