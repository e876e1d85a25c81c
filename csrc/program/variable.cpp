#include "program/variable.h"

#include <cstring>

#include "program/access.h"

namespace pk {

VariableStorage::VariableStorage(DType dtype, const Shape& shape)
    : type_{dtype, shape}, bytes_(static_cast<std::size_t>(shape.numel()) * size_of(dtype)) {
  auto value = std::make_unique<VariableValue>();
  value->data = Buffer(bytes_);
  if (bytes_ > 0) std::memset(value->data.data(), 0, bytes_);
  value_ = value.release();
}

VariableStorage::~VariableStorage() { VariableAccess::retire(value_); }

}  // namespace pk
