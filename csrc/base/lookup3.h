// Bob Jenkins's hash lookup3 (`hashlittle`), the checksum of HDF5's headers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pk {

// Any alignment and size.
std::uint32_t lookup3(const void* data, std::size_t bytes, std::uint32_t initial = 0);

}  // namespace pk
