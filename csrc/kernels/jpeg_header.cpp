#include <algorithm>
#include <cstring>

#include "kernels/jpeg.h"

namespace pk {

namespace {

constexpr int64_t kMostPixels = int64_t{1} << 26;  // above, Pillow warns of decompression bombs

// A marker segment's content.
struct Segment {
  const std::uint8_t* at;
  std::size_t left;

  int byte() {
    --left;
    return *at++;
  }
  int pair() {
    const int high = byte();
    return high << 8 | byte();
  }
};

bool read_quantization(Segment s, JpegHeader* header) {
  while (s.left > 0) {
    const int which = s.byte();
    if (which > 3 || s.left < 64) return false;  // 16-bit tables have a higher number too
    for (std::uint16_t& step : header->quantization[which]) step = static_cast<std::uint16_t>(s.byte());
    header->has_quantization[which] = true;
  }
  return true;
}

// The value that `size` bits stand for.
int extended(int bits, int size) { return bits < 1 << (size - 1) ? bits - (1 << size) + 1 : bits; }

bool build_code(const std::uint8_t* counts, const std::uint8_t* symbols, int total, bool dc, JpegCode* code) {
  *code = JpegCode{};
  std::memcpy(code->symbols, symbols, static_cast<std::size_t>(total));
  int next = 0, index = 0;
  for (int length = 1; length <= 16; ++length) {
    code->offset[length] = index - next;
    for (int i = 0; i < counts[length - 1]; ++i, ++next, ++index) {
      const int symbol = symbols[index];
      if (next >= 1 << length || (dc && symbol > 11)) return false;
      if (length > JpegCode::kBits) continue;
      const int first = next << (JpegCode::kBits - length), size = symbol & 15;
      for (int k = 0; k < 1 << (JpegCode::kBits - length); ++k) {
        code->symbol[first + k] = static_cast<std::uint16_t>(length << 8 | symbol);
        if (!dc && size > 0 && length + size <= JpegCode::kBits) {
          const int bits = k >> (JpegCode::kBits - length - size);
          code->whole[first + k] = extended(bits, size) * 65536 + (symbol >> 4) * 256 + length + size;
        }
      }
    }
    code->end[length] = next << (16 - length);
    next <<= 1;
  }
  code->given = true;
  return true;
}

bool read_codes(Segment s, JpegHeader* header) {
  while (s.left > 0) {
    if (s.left < 17) return false;
    const int which = s.byte();
    if ((which & ~0x13) != 0) return false;
    const std::uint8_t* counts = s.at;
    int total = 0;
    for (int i = 0; i < 16; ++i) total += s.byte();
    if (total > 256 || s.left < static_cast<std::size_t>(total)) return false;
    const bool dc = which < 16;
    if (!build_code(counts, s.at, total, dc, &(dc ? header->dc : header->ac)[which & 3])) return false;
    s.at += total;
    s.left -= static_cast<std::size_t>(total);
  }
  return true;
}

bool read_frame(Segment s, JpegHeader* header) {
  if (header->components != 0 || s.left < 6 || s.byte() != 8) return false;
  header->height = s.pair();
  header->width = s.pair();
  header->components = s.byte();
  if (header->components != 1 && header->components != 3) return false;
  if (header->height < 1 || header->width < 1 || header->height * header->width > kMostPixels) return false;
  if (s.left != 3 * static_cast<std::size_t>(header->components)) return false;
  int most_h = 1, most_v = 1;
  for (int i = 0; i < header->components; ++i) {
    JpegComponent& c = header->component[i];
    c.id = s.byte();
    const int sampling = s.byte();
    c.quantization = s.byte();
    if (c.quantization > 3) return false;
    c.h = sampling >> 4;
    c.v = sampling & 15;
    if (header->components == 1) {  // a single component has no factors in effect
      if (c.h < 1 || c.h > 4 || c.v < 1 || c.v > 4) return false;
      c.h = c.v = 1;
    } else if (i == 0) {
      if (c.h > 2 || c.v > c.h || c.h < 1 || c.v < 1) return false;
    } else if (c.h != 1 || c.v != 1) {
      return false;
    }
    most_h = std::max(most_h, c.h);
    most_v = std::max(most_v, c.v);
  }
  const int64_t unit_columns = (header->width + 8 * most_h - 1) / (8 * most_h);
  const int64_t unit_rows = (header->height + 8 * most_v - 1) / (8 * most_v);
  for (int i = 0; i < header->components; ++i) {
    JpegComponent& c = header->component[i];
    c.width = (header->width * c.h + most_h - 1) / most_h;
    c.height = (header->height * c.v + most_v - 1) / most_v;
    c.block_columns = unit_columns * c.h;
    c.block_rows = unit_rows * c.v;
    if (c.h < most_h && c.width < 3) return false;  // libjpeg repeats samples there
  }
  return true;
}

bool read_scan(Segment s, JpegHeader* header) {
  const int n = header->components;
  if (n == 0 || s.left != 4 + 2 * static_cast<std::size_t>(n) || s.byte() != n) return false;
  for (int i = 0; i < n; ++i) {
    JpegComponent& c = header->component[i];
    if (s.byte() != c.id) return false;
    const int codes = s.byte();
    c.dc = codes >> 4;
    c.ac = codes & 15;
    if (c.dc > 3 || c.ac > 3 || !header->dc[c.dc].given || !header->ac[c.ac].given) return false;
    if (!header->has_quantization[c.quantization]) return false;
  }
  return s.byte() == 0 && s.byte() == 63 && s.byte() == 0;
}

// Whether three components are YCbCr, as libjpeg decides.
bool is_ycc(const JpegHeader& header, bool jfif, int adobe) {
  if (jfif) return true;
  if (adobe >= 0) return adobe == 1;
  return header.component[0].id == 1 && header.component[1].id == 2 && header.component[2].id == 3;
}

}  // namespace

bool read_jpeg_header(const std::uint8_t* file, std::size_t size, JpegHeader* header) {
  if (size < 4 || file[0] != 0xff || file[1] != 0xd8) return false;
  bool jfif = false;
  int adobe = -1;
  for (std::size_t at = 2; at + 4 <= size;) {
    if (file[at] != 0xff) return false;
    const int marker = file[at + 1];
    if (marker == 0xff) {  // a fill byte
      ++at;
      continue;
    }
    Segment s{file + at + 2, size - at - 2};
    const int length = s.pair();
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd9)) return false;
    if (length < 2 || static_cast<std::size_t>(length) - 2 > s.left) return false;
    s.left = static_cast<std::size_t>(length) - 2;
    at += 2 + static_cast<std::size_t>(length);
    bool good = true;
    if (marker == 0xdb) {
      good = read_quantization(s, header);
    } else if (marker == 0xc4) {
      good = read_codes(s, header);
    } else if (marker == 0xc0) {
      good = read_frame(s, header);
    } else if (marker == 0xdd) {
      good = s.left == 2;
      if (good) header->restart_interval = s.pair();
    } else if (marker == 0xe0) {
      if (s.left >= 4 && std::memcmp(s.at, "JFIF", 4) == 0) {
        good = s.left >= 14 && s.at[4] == 0;
        jfif = true;
      }
    } else if (marker == 0xee) {
      if (s.left >= 5 && std::memcmp(s.at, "Adobe", 5) == 0) {
        good = s.left >= 12;
        adobe = good ? s.at[11] : -1;
      }
    } else if (marker == 0xda) {
      header->data = at;
      return read_scan(s, header) && (header->components == 1 || is_ycc(*header, jfif, adobe));
    } else {
      good = marker == 0xfe || (marker >= 0xe1 && marker <= 0xef);  // comments and other applications
    }
    if (!good) return false;
  }
  return false;
}

}  // namespace pk
