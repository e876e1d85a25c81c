// CRC-32 as ZIP files have it (ISO-HDLC: polynomial 0x04C11DB7, bits reflected, inverted before and after), and as
// TensorFlow's record files have it (CRC-32C: polynomial 0x1EDC6F41, else the same).
#pragma once

#include <cstddef>
#include <cstdint>

namespace pk {

// The checksum of bytes that follow others whose checksum is `crc` (0: none do). Any alignment and size.
// Speed: with carry-less multiplication (PCLMULQDQ) that of memory; else eight bytes a step by tables.
std::uint32_t crc32(const void* data, std::size_t bytes, std::uint32_t crc = 0);

// The path by tables, on every machine.
std::uint32_t crc32_by_tables(const void* data, std::size_t bytes, std::uint32_t crc = 0);

// CRC-32C, eight bytes a step by tables.
std::uint32_t crc32c(const void* data, std::size_t bytes, std::uint32_t crc = 0);

}  // namespace pk
