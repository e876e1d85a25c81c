// Owned, 64-byte aligned, uninitialised memory. Large blocks are page aligned and advised for
// huge pages, so that a planned arena is faulted in once and costs few TLB entries.
#pragma once

#include <cstddef>
#include <utility>

namespace pk {

class Buffer {
 public:
  static constexpr std::size_t alignment = 64;
  // `bytes` rounded up to a multiple of the alignment.
  static constexpr std::size_t aligned(std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

  Buffer() = default;
  // Throws pk::OutOfMemory, which names the size, when the memory is not to be had.
  explicit Buffer(std::size_t bytes);
  ~Buffer();
  Buffer(Buffer&& o) noexcept : data_(std::exchange(o.data_, nullptr)), bytes_(std::exchange(o.bytes_, 0)) {}
  Buffer& operator=(Buffer&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(bytes_, o.bytes_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace pk
