// The inner loops of kernels/reduce.h: serial, any alignment. Entries for a (function, dtype) that
// is not supported are null; mean is a sum that kernels/reduce.cpp divides.
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "kernels/functions.h"
#include "kernels/isa/elementwise_table.h"

namespace pk {

// y[i] = f over x[i * n], ..., x[i * n + n - 1], for `rows` rows; n >= 1.
using ReduceRows = void (*)(const void* x, int64_t rows, int64_t n, void* y);
// y[j] = f over x[j], x[ld + j], ..., x[(rows - 1) * ld + j], for `cols` columns; rows >= 1.
using ReduceCols = void (*)(const void* x, int64_t ld, int64_t rows, int64_t cols, void* y);
// The same shapes; y is the index along n (or rows) of the first extremum, NaN being one.
using ArgRows = void (*)(const void* x, int64_t rows, int64_t n, std::int32_t* y);
using ArgCols = void (*)(const void* x, int64_t ld, int64_t rows, int64_t cols, std::int32_t* y);
// Row by row: y = f(x); dx = f'(y, dy). y may be x, dx may be dy. n >= 1.
using RowMap = void (*)(int64_t rows, int64_t n, const void* x, void* y);
using RowGrad = void (*)(int64_t rows, int64_t n, const void* y, const void* dy, void* dx);

struct ReduceTable {
  // u8 (and bool): max is any, min is all.
  ReduceRows rows[dtype_count][reduce_count];
  ReduceCols cols[dtype_count][reduce_count];
  ArgRows arg_rows[dtype_count][2];
  ArgCols arg_cols[dtype_count][2];
  // f32, f64.
  RowMap softmax[2], log_softmax[2];
  RowGrad softmax_grad[2], log_softmax_grad[2];
};

}  // namespace pk
