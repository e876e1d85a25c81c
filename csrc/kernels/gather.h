// Rows of a user's array, converted and packed into a batch. The array may have any strides, any
// numeric dtype (beyond DType: NumPy's i1 u2 i2 u4 u8 f2 too) and either byte order; only the rows
// asked for are read. Conversions are those of cast (kernels/elementwise.h).
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "base/shape.h"

namespace pk {

enum class SourceType : std::uint8_t { f32, f64, f16, i8, u8, i16, u16, i32, u32, i64, u64, boolean };

int64_t size_of(SourceType t);
// Whether the bytes are the same in both.
bool same_type(SourceType from, DType to);

struct ArrayView {
  const void* data = nullptr;
  SourceType type = SourceType::f32;
  bool swapped = false;                   // byte order opposite to the machine's
  Shape shape;                            // shape[0] rows
  int64_t strides[Shape::max_rank] = {};  // in bytes, may be negative or 0
  bool row_contiguous() const;            // each row is row-major and packed
};

// A view prepared for many batches: the conversion is looked up and the axes of a row are merged
// when it is made, so that gathering a tiny row costs a few nanoseconds. Throws
// std::invalid_argument for a view without rows (rank 0).
class RowGather {
 public:
  RowGather(const ArrayView& view, DType to);
  // out (count, shape[1:]) = view[index[i]] for i in [0, count), or view[first + i] when index is
  // null. Indices must be within [0, shape[0]).
  void operator()(const int64_t* index, int64_t first, int64_t count, void* out) const;
  int64_t rows() const { return rows_; }

  // One element after another: y[i] = x at byte offset i * step.
  using Convert = void (*)(const char* x, int64_t step, char* y, int64_t n);

 private:
  void gather_range(const int64_t* index, int64_t first, int64_t begin, int64_t end, char* out) const;
  void gather_row(const char* row, char* out) const;

  const char* data_;
  int64_t rows_, elements_ = 1, out_size_, row_stride_;
  bool copies_ = false;  // rows are packed and need no conversion
  Convert convert_;
  int rank_ = 0;  // of a row, merged; the last axis is `inner_`
  int64_t dims_[Shape::max_rank] = {}, strides_[Shape::max_rank] = {};
  int64_t inner_ = 1, inner_step_ = 0;
  int64_t row_bytes_ = 0;  // read and written
};

// The same, for one batch.
void gather_rows(const ArrayView& view, const int64_t* index, int64_t first, int64_t count, DType to, void* out);

}  // namespace pk
