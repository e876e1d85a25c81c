// The attributes {strides, pads, ...} that ops on images share.
#pragma once

#include "program/op.h"

namespace pk {

// Attribute `key`: `count` integers of at least `least`. Throws std::invalid_argument naming the op and the attribute.
std::vector<int64_t> int_list(const OpSpec& spec, const char* key, std::size_t count, int64_t least);

// (N, H, W, C); throws for another rank.
void expect_image(const OpSpec& spec, const ValueType& v, const char* what);

}  // namespace pk
