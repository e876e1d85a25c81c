// Broadcasting: the iteration spaces of kernels/elementwise.h and the loops over them.
#include <cstring>
#include <string>
#include <utility>

#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/elementwise.h"

namespace pk {

namespace {

Broadcast make_broadcast(const Shape& out, const Shape* const* inputs, int count) {
  Broadcast bc;
  bc.numel = out.numel();
  for (int k = 0; k < count; ++k) {
    PK_CHECK(inputs[k]->rank() <= out.rank(), "shape " + inputs[k]->str() + " does not broadcast to " + out.str());
  }
  int64_t step[3] = {1, 1, 1};
  // From the last dimension outwards: bc is built reversed, then turned round.
  for (int i = out.rank() - 1; i >= 0; --i) {
    const int64_t d = out[i];
    int64_t stride[3] = {0, 0, 0};
    for (int k = 0; k < count; ++k) {
      const Shape& s = *inputs[k];
      const int j = i - (out.rank() - s.rank());
      const int64_t extent = j < 0 ? 1 : s[j];
      PK_CHECK(extent == d || extent == 1, "shape " + s.str() + " does not broadcast to " + out.str());
      stride[k] = extent == 1 ? 0 : step[k];
      step[k] *= extent;
    }
    if (d == 1) continue;
    bool merges = bc.rank > 0;
    for (int k = 0; k < count && merges; ++k) {
      merges = stride[k] == bc.stride[k][bc.rank - 1] * bc.dims[bc.rank - 1];
    }
    if (merges) {
      bc.dims[bc.rank - 1] *= d;
      continue;
    }
    bc.dims[bc.rank] = d;
    for (int k = 0; k < count; ++k) bc.stride[k][bc.rank] = stride[k];
    ++bc.rank;
  }
  for (int i = 0, j = bc.rank - 1; i < j; ++i, --j) {
    std::swap(bc.dims[i], bc.dims[j]);
    for (int k = 0; k < count; ++k) std::swap(bc.stride[k][i], bc.stride[k][j]);
  }
  if (bc.rank == 0) {
    bc.rank = 1;
    bc.dims[0] = 1;
    for (int k = 0; k < count; ++k) bc.stride[k][0] = 1;
  }
  return bc;
}

// Calls f(offsets of the inputs, offset of the output, n) for pieces of rows, from several threads
// where that pays.
template <class F>
void for_each_row(const Broadcast& bc, const LoopCost& cost, F f) {
  if (bc.numel == 0) return;
  const int outer = bc.rank - 1;
  const int64_t n = bc.dims[outer], rows = bc.numel / n;
  const int64_t pieces = n > 2 * cost.grain ? ceil_div(n, cost.grain) : 1;
  const int64_t rows_per_task = n >= cost.grain ? 1 : cost.grain / n;
  const int64_t tasks = pieces > 1 ? rows * pieces : ceil_div(rows, rows_per_task);
  parallel_for(tasks, cost.ns * static_cast<double>(bc.numel), [&](int64_t task) {
    int64_t row = pieces > 1 ? task / pieces : task * rows_per_task;
    int64_t last = pieces > 1 ? row + 1 : row + rows_per_task;
    if (last > rows) last = rows;
    const int64_t begin = pieces > 1 ? task % pieces * cost.grain : 0;
    const int64_t length = pieces > 1 ? (begin + cost.grain < n ? cost.grain : n - begin) : n;
    int64_t index[Shape::max_rank] = {};
    int64_t offset[3] = {};
    int64_t rest = row;
    for (int i = outer - 1; i >= 0; --i) {
      index[i] = rest % bc.dims[i];
      rest /= bc.dims[i];
    }
    for (int k = 0; k < 3; ++k) {
      offset[k] = begin * bc.stride[k][outer];
      for (int i = 0; i < outer; ++i) offset[k] += index[i] * bc.stride[k][i];
    }
    for (; row < last; ++row) {
      f(offset, row * n + begin, length);
      for (int i = outer - 1; i >= 0; --i) {
        for (int k = 0; k < 3; ++k) offset[k] += bc.stride[k][i];
        if (++index[i] < bc.dims[i]) break;
        for (int k = 0; k < 3; ++k) offset[k] -= bc.stride[k][i] * bc.dims[i];
        index[i] = 0;
      }
    }
  });
}

}  // namespace

Broadcast Broadcast::make(const Shape& out, const Shape& a) {
  const Shape* inputs[] = {&a};
  return make_broadcast(out, inputs, 1);
}
Broadcast Broadcast::make(const Shape& out, const Shape& a, const Shape& b) {
  const Shape* inputs[] = {&a, &b};
  return make_broadcast(out, inputs, 2);
}
Broadcast Broadcast::make(const Shape& out, const Shape& a, const Shape& b, const Shape& c) {
  const Shape* inputs[] = {&a, &b, &c};
  return make_broadcast(out, inputs, 3);
}

Shape broadcast_shape(const Shape& a, const Shape& b) {
  const int rank = a.rank() > b.rank() ? a.rank() : b.rank();
  Shape out;
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const int64_t da = ia < 0 ? 1 : a[ia], db = ib < 0 ? 1 : b[ib];
    PK_CHECK(da == db || da == 1 || db == 1, "shapes " + a.str() + " and " + b.str() + " do not broadcast together");
    out.push_back(da == 1 ? db : da);
  }
  return out;
}

// A matrix of short rows with a row vector: the vector is laid out several times, so that a span
// covers several rows. False where the loop is not of that kind.
bool BinaryLoop::narrow_rows(const char* a, const char* b, char* y) const {
  constexpr int64_t widest = 64, tile_elements = 256;
  if (bc.rank != 2 || bc.dims[1] > widest || bc.stride[0][1] == 0 || bc.stride[1][1] == 0) return false;
  const bool a_repeats = bc.stride[0][0] == 0;
  if (!a_repeats && bc.stride[1][0] != 0) return false;
  const int64_t n = bc.dims[1], rows = bc.dims[0];
  int64_t tile_rows = tile_elements / n;
  if (tile_rows > rows) tile_rows = rows;
  alignas(64) char tile[tile_elements * 8];
  const int64_t row_bytes = n * in_size, tile_bytes = tile_rows * row_bytes;
  std::memcpy(tile, a_repeats ? a : b, static_cast<std::size_t>(row_bytes));
  for (int64_t have = row_bytes; have < tile_bytes; have *= 2) {
    std::memcpy(tile + have, tile, static_cast<std::size_t>(have < tile_bytes - have ? have : tile_bytes - have));
  }
  const int64_t tiles_per_task = cost.grain < tile_elements ? 1 : cost.grain / tile_elements;
  const int64_t grain = tiles_per_task * tile_rows;
  const char* moving = a_repeats ? b : a;
  parallel_ranges(rows, grain, cost.ns * static_cast<double>(bc.numel), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; r += tile_rows) {
      const int64_t count = (r + tile_rows < end ? tile_rows : end - r) * n;
      const char* from = moving + r * row_bytes;
      span[0](a_repeats ? tile : from, a_repeats ? from : tile, y + r * n * out_size, count);
    }
  });
  return true;
}

void BinaryLoop::walk(const void* a, const void* b, void* y) const {
  const int last = bc.rank - 1;
  const bool a_moves = bc.stride[0][last] != 0, b_moves = bc.stride[1][last] != 0;
  const BinarySpan f = span[a_moves == b_moves ? 0 : b_moves ? 2 : 1];
  const char* pa = static_cast<const char*>(a);
  const char* pb = static_cast<const char*>(b);
  char* py = static_cast<char*>(y);
  if (bc.numel > 0 && narrow_rows(pa, pb, py)) return;
  for_each_row(bc, cost, [&](const int64_t* offset, int64_t at, int64_t n) {
    const char* ra = pa + offset[0] * in_size;
    const char* rb = pb + offset[1] * in_size;
    char* ry = py + at * out_size;
    if (a_moves || b_moves) {
      f(ra, rb, ry, n);
    } else {  // the output is larger than both
      f(ra, rb, ry, 1);
      repeat(ry, ry, n);
    }
  });
}

void SelectLoop::operator()(const bool* c, const void* a, const void* b, void* y) const {
  const int last = bc.rank - 1;
  const int64_t c_step = bc.stride[0][last], a_step = bc.stride[1][last], b_step = bc.stride[2][last];
  const char* pa = static_cast<const char*>(a);
  const char* pb = static_cast<const char*>(b);
  char* py = static_cast<char*>(y);
  for_each_row(bc, cost, [&](const int64_t* offset, int64_t at, int64_t n) {
    const char* ra = pa + offset[1] * size;
    const char* rb = pb + offset[2] * size;
    char* ry = py + at * size;
    const bool* rc = c + offset[0];
    if (c_step != 0) return span(rc, ra, a_step, rb, b_step, ry, n);
    const char* from = *rc ? ra : rb;
    if ((*rc ? a_step : b_step) == 0) return repeat(from, ry, n);
    if (from != ry) std::memcpy(ry, from, static_cast<std::size_t>(n * size));
  });
}

}  // namespace pk
