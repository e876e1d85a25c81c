#include "program/image_attrs.h"

#include <string>

namespace pk {

std::vector<int64_t> int_list(const OpSpec& spec, const char* key, std::size_t count, int64_t least) {
  const std::vector<int64_t>& values = spec.attrs.integers(key);
  // Far above any image, so that sums and products of a few of them cannot overflow.
  constexpr int64_t most = int64_t{1} << 30;
  bool ok = values.size() == count;
  for (const int64_t v : values) ok = ok && v >= least && v <= most;
  if (!ok) {
    std::string got;
    for (const int64_t v : values) got += (got.empty() ? "" : ", ") + std::to_string(v);
    op_fail(spec, std::string("attribute '") + key + "' must be " + std::to_string(count) + " integers in [" +
                      std::to_string(least) + ", 2^30], got [" + got + "]");
  }
  return values;
}

void expect_image(const OpSpec& spec, const ValueType& v, const char* what) {
  if (v.shape.rank() != 4) {
    op_fail(spec, std::string(what) + " must have shape (batch, height, width, channels), got " + v.shape.str());
  }
}

}  // namespace pk
