// The storage of a variable: an array that programs share and update in place.
//
// Programs keep copies of variables in a kernel's own layout (Kernel::prepare) and learn from the version whether a
// copy is stale. So the only pointer to write through comes from VariableWrite, which raises the version.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/buffer.h"
#include "program/op.h"

namespace pk {

class VariableStorage {
 public:
  // Filled with zeros.
  VariableStorage(DType dtype, const Shape& shape);

  const ValueType& type() const { return type_; }
  std::size_t bytes() const { return data_.bytes(); }
  const void* data() const { return data_.data(); }
  template <class T>
  const T* as() const {
    return data_.as<T>();
  }
  // The number of write accesses that have ended, plus one.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  friend class VariableWrite;

  ValueType type_;
  Buffer data_;
  std::atomic<std::uint64_t> version_{1};
};

using Variables = std::vector<std::shared_ptr<VariableStorage>>;

// Write access to variables for the lifetime of the object. Its end raises their versions, by an exception too. It does
// not own the variables and keeps no other writer out.
class VariableWrite {
 public:
  explicit VariableWrite(const Variables& variables) : first_(variables.data()), count_(variables.size()) {}
  explicit VariableWrite(const std::shared_ptr<VariableStorage>& variable) : first_(&variable), count_(1) {}
  ~VariableWrite();
  VariableWrite(const VariableWrite&) = delete;
  VariableWrite& operator=(const VariableWrite&) = delete;

  std::size_t size() const { return count_; }
  void* data(std::size_t i = 0) const { return first_[i]->data_.data(); }

 private:
  const std::shared_ptr<VariableStorage>* first_;
  std::size_t count_;
};

}  // namespace pk
