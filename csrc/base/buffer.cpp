#include "base/buffer.h"

#include <cstdlib>
#include <string>

#include "base/error.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace pk {

namespace {
constexpr std::size_t huge_page = std::size_t{2} << 20;
}

Buffer::Buffer(std::size_t bytes) : bytes_(bytes) {
  if (bytes == 0) return;
  const std::size_t align = bytes >= 2 * huge_page ? huge_page : alignment;
  if (bytes > SIZE_MAX - align) throw OutOfMemory("cannot allocate " + std::to_string(bytes) + " bytes");
  const std::size_t rounded = (bytes + align - 1) / align * align;
  data_ = std::aligned_alloc(align, rounded);
  if (data_ == nullptr) throw OutOfMemory("cannot allocate " + std::to_string(bytes) + " bytes");
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (align == huge_page) madvise(data_, rounded, MADV_HUGEPAGE);
#endif
}

Buffer::~Buffer() { std::free(data_); }

}  // namespace pk
