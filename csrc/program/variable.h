// The storage of a variable: an array that programs share and update.
//
// A variable has one value at a time. Values are read and written through a VariableAccess (access.h), which holds them
// and says which version they are: programs keep copies of variables in a kernel's own layout (Kernel::prepare).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/buffer.h"
#include "program/op.h"

namespace pk {

class VariableAccess;

// `data` is read by those who hold the value, and written by the variable's writer while nobody does. The rest belongs
// to access.cpp.
struct VariableValue {
  Buffer data;
  std::uint64_t version = 1;
  int holders = 0;
  bool current = true;  // the variable's value; others are freed with their last holder
};

class VariableStorage {
 public:
  // Filled with zeros.
  VariableStorage(DType dtype, const Shape& shape);
  ~VariableStorage();
  VariableStorage(const VariableStorage&) = delete;
  VariableStorage& operator=(const VariableStorage&) = delete;

  const ValueType& type() const { return type_; }
  std::size_t bytes() const { return bytes_; }
  // The value, up to the next write. Only where no other thread writes.
  const void* data() const { return value_->data.data(); }
  template <class T>
  const T* as() const {
    return value_->data.as<T>();
  }
  // The number of write accesses that have ended, plus one.
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  friend class VariableAccess;

  ValueType type_;
  std::size_t bytes_;
  std::atomic<std::uint64_t> version_{1};
  // Guarded by the lock of access.cpp:
  VariableValue* value_;
  VariableAccess* writer_ = nullptr;
  const VariableAccess* marked_by_ = nullptr;
};

using Variables = std::vector<std::shared_ptr<VariableStorage>>;

}  // namespace pk
