// Shape: up to 8 extents, held in place (no allocation), row-major.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

#include "base/error.h"

namespace pk {

using std::int64_t;

class Shape {
 public:
  static constexpr int max_rank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> dims) {
    for (int64_t d : dims) push_back(d);
  }

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[static_cast<std::size_t>(i < 0 ? i + rank_ : i)]; }
  int64_t& operator[](int i) { return dims_[static_cast<std::size_t>(i < 0 ? i + rank_ : i)]; }
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }

  void push_back(int64_t d) {
    PK_CHECK(rank_ < max_rank, "tensors have at most 8 dimensions");
    PK_CHECK(d >= 0, "negative extent " + std::to_string(d) + " in a shape");
    dims_[static_cast<std::size_t>(rank_++)] = d;
  }

  // Product of the extents; throws std::invalid_argument when it does not fit int64.
  int64_t numel() const {
    int64_t n = 1;
    for (int64_t d : *this) {
      PK_CHECK(!__builtin_mul_overflow(n, d, &n), "the number of elements of " + str() + " overflows");
    }
    return n;
  }

  bool operator==(const Shape& o) const {
    if (rank_ != o.rank_) return false;
    for (int i = 0; i < rank_; ++i) {
      if ((*this)[i] != o[i]) return false;
    }
    return true;
  }
  bool operator!=(const Shape& o) const { return !(*this == o); }

  // "(2, 3)", as Python prints it.
  std::string str() const {
    std::string s = "(";
    for (int i = 0; i < rank_; ++i) s += (i ? ", " : "") + std::to_string((*this)[i]);
    return s + (rank_ == 1 ? ",)" : ")");
  }

 private:
  std::array<int64_t, max_rank> dims_{};
  int rank_ = 0;
};

}  // namespace pk
