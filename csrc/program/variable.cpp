#include "program/variable.h"

#include <cstring>

namespace pk {

VariableStorage::VariableStorage(DType dtype, const Shape& shape)
    : type_{dtype, shape}, data_(static_cast<std::size_t>(shape.numel()) * size_of(dtype)) {
  if (data_.bytes() > 0) std::memset(data_.data(), 0, data_.bytes());
}

VariableWrite::~VariableWrite() {
  for (std::size_t i = 0; i < count_; ++i) first_[i]->version_.fetch_add(1, std::memory_order_release);
}

}  // namespace pk
