#include "kernels/gemm_plan.h"

#include <algorithm>

#include "base/int_math.h"

namespace pk {

namespace {

// n cut into the fewest parts of at most `most`, evenly, each a multiple of `unit`.
int64_t even_part(int64_t n, int64_t most, int64_t unit) {
  const int64_t parts = std::max<int64_t>(1, ceil_div(n, most));
  return std::max(unit, round_up(ceil_div(n, parts), unit));
}

// Rows this far apart share a few sets of the L1 cache, and a panel's lines evict each other.
template <class T>
bool conflicts(int64_t ld) {
  return ld * static_cast<int64_t>(sizeof(T)) % 2048 == 0;
}

// Packed slabs of A and B stay below this, so that they live in the last-level cache.
constexpr int64_t slab_bytes = int64_t{16} << 20;
// Work below which a task is not worth a thread's attention, and the number of tasks that suffices
// for an even load.
constexpr double task_ns = 10000;
constexpr int64_t enough_tasks = 16;
constexpr int64_t dot_rows = 16;         // most rows for dot; above, packing B costs less than summing lanes
constexpr int64_t stream_rows = 3;       // most rows for stream: one group, so that nothing of B is read twice
constexpr int64_t direct_rows = 32;      // most rows for reading B in place; above, packing it costs less
constexpr int64_t stream_depth = 12;     // most depth for stream of any number of rows
constexpr int64_t sink_columns = 256;    // TileSink's promise
constexpr int64_t sink_elements = 8192;  // a sink's block stays near L1

// Splits C further until there are tasks for several threads or they would be too small.
template <class T>
void split_tasks(const GemmLevel<T>& t, const GemmArgs<T>& g, int64_t min_mc, int64_t min_nc, GemmPlan& p) {
  const double work = gemm_work_ns(g.m, g.n, g.k);
  const int64_t want = std::min(enough_tasks, static_cast<int64_t>(work / task_ns));
  const int64_t nr = t.nr;
  while (ceil_div(g.m, p.mc) * ceil_div(g.n, p.nc) < want) {
    const bool rows = p.mc > min_mc && p.mc >= p.panel_rows * 2;
    const bool cols = p.nc > min_nc && p.nc >= nr * 2;
    if (cols && (p.nc >= p.mc || !rows)) {
      p.nc = std::max(min_nc, round_up(p.nc / 2, nr));
    } else if (rows) {
      p.mc = std::max(min_mc, round_up(p.mc / 2, p.panel_rows));
    } else {
      break;
    }
  }
  p.mc = even_part(g.m, p.mc, p.panel_rows);
  p.nc = even_part(g.n, p.nc, nr);
}

// The C block that a sink gets at once.
template <class T>
void sink_block(const GemmLevel<T>& t, const GemmArgs<T>& g, GemmPlan& p) {
  const int64_t parts = std::max<int64_t>(1, g.n / sink_columns);
  p.nc = round_up(ceil_div(g.n, parts), t.nr);
  p.mc = std::max(p.panel_rows, sink_elements / std::min(p.nc, g.n) / p.panel_rows * p.panel_rows);
  p.mc = std::min(p.mc, round_up(g.m, p.panel_rows));
}

// Columns of a task that streams B from memory: long runs of its rows, hence few tasks.
int64_t stream_columns(double work_ns, int64_t n, int64_t unit) {
  constexpr double stream_task_ns = 40000;
  const int64_t most = std::max<int64_t>(2, n / 1024), least = ceil_div(n, 1024);
  const int64_t tasks = std::max(least, std::min(most, static_cast<int64_t>(work_ns / stream_task_ns)));
  return round_up(ceil_div(n, std::clamp<int64_t>(tasks, 1, 64)), unit);
}

template <class T>
void plan_stream(const GemmLevel<T>& t, const GemmArgs<T>& g, GemmPlan& p) {
  p.kind = GemmPlan::Kind::stream;
  p.kc = p.slab = g.k;
  const bool sink = g.epilogue.sink.fn != nullptr;
  if (g.m <= stream_rows && !sink) {
    p.panel_rows = p.mc = g.m;
    p.nc = stream_columns(gemm_work_ns(g.m, g.n, g.k), g.n, t.nr);
    return;
  }
  // Little depth: a copy of B stays while rows of C pass. In place its rows may lie a power of two apart.
  p.pack_b = GemmPlan::PackB::local;
  p.panel_rows = 3;
  p.mc = std::min<int64_t>(round_up(g.m, 3), 192);
  p.nc = std::min(round_up(g.n, t.nr), round_up(512, t.nr));
  int64_t min_mc = p.panel_rows, min_nc = std::min(p.nc, round_up(256, t.nr));
  if (sink) {
    sink_block(t, g, p);
    min_mc = p.mc;
    min_nc = p.nc;
  }
  split_tasks(t, g, min_mc, min_nc, p);
}

// Tiles that read B in place.
template <class T>
void plan_direct(const GemmLevel<T>& t, const GemmArgs<T>& g, GemmPlan& p) {
  const int64_t panels = ceil_div(g.m, t.direct_rows);
  p.panel_rows = ceil_div(g.m, panels);
  p.panel_stride = round_up(p.panel_rows, std::min(t.align, t.direct_rows));  // all of A's block stays in L1
  p.a_rows = p.mc = panels * p.panel_rows;
  p.a_packed = panels * p.panel_stride;
  p.pack_a = !g.trans_a && conflicts<T>(g.lda);
  p.rows_inner = true;
  p.slab = g.k;
  // What all tiles of a column of them read stays in L1.
  p.kc = even_part(g.k, conflicts<T>(g.ldb) ? 16 : 64, 8);
  p.nc = stream_columns(gemm_work_ns(g.m, g.n, g.k), g.n, t.nr);
}

template <class T>
void plan_dot(const GemmLevel<T>& t, const GemmArgs<T>& g, GemmPlan& p) {
  p.kind = GemmPlan::Kind::dot;
  p.panel_rows = 1;
  p.kc = even_part(g.k, t.dot_kc, 16);
  p.slab = g.k;
  p.mc = g.m;
  p.nc = round_up(g.n, t.nr);
  int64_t min_nc = t.nr;
  if (g.epilogue.sink.fn != nullptr) {
    sink_block(t, g, p);
    min_nc = p.nc;
  }
  split_tasks(t, g, p.mc, min_nc, p);
}

template <class T>
void plan_tiles(const GemmLevel<T>& t, const GemmArgs<T>& g, GemmPlan& p) {
  const bool sink = g.epilogue.sink.fn != nullptr;
  const int64_t panels = ceil_div(g.m, t.mr);
  p.panel_rows = ceil_div(g.m, panels);
  p.panel_stride = p.panel_rows;
  p.a_rows = panels * p.panel_rows;
  p.a_packed = panels * p.panel_stride;
  p.b_cols = round_up(g.n, t.nr);
  p.kc = even_part(g.k, t.kc, 8);
  p.mc = std::min(p.a_rows, round_up(t.mc, p.panel_rows));
  p.nc = std::min(p.b_cols, t.nc);
  int64_t min_mc = p.panel_rows, min_nc = std::min<int64_t>(p.b_cols, 8 * t.nr);

  // Packing reads and writes A once, which is much beside few columns of C; unpacked, rows a power of two apart share
  // sets of the L1 cache.
  p.pack_a = g.n >= 2 * t.nr || (conflicts<T>(g.lda) && g.m > 4 && g.n > t.nr);
  if (!g.trans_b && g.n <= t.nr) {
    p.pack_b = GemmPlan::PackB::none;
  } else if (p.a_rows <= 2 * t.mc) {
    p.pack_b = GemmPlan::PackB::local;
    p.mc = min_mc = p.a_rows;
    min_nc = t.nr;
    p.kc = even_part(g.k, std::min<int64_t>(t.kc, 256), 8);
    if (g.m <= direct_rows && !g.trans_b) {
      p.kc = even_part(g.k, 128, 8);
      p.nc = min_nc = stream_columns(gemm_work_ns(g.m, g.n, g.k), g.n, t.nr);
    }
  } else {
    p.pack_b = GemmPlan::PackB::shared;
    p.rows_inner = g.k > 256;
  }
  if (sink) {
    sink_block(t, g, p);
    min_mc = p.mc;
    min_nc = p.nc;
    if (p.pack_b == GemmPlan::PackB::local && p.mc < p.a_rows) p.pack_b = GemmPlan::PackB::shared;
  }
  split_tasks(t, g, min_mc, min_nc, p);

  const int64_t packed = ((p.pack_a ? p.a_packed : 0) + (p.pack_b == GemmPlan::PackB::shared ? p.b_cols : 0)) *
                         static_cast<int64_t>(sizeof(T));
  p.slab = g.k;
  if (packed > 0 && !sink && packed * g.k > slab_bytes) {
    p.slab = std::max<int64_t>(1, slab_bytes / packed / p.kc) * p.kc;
  }
}

}  // namespace

template <class T>
GemmPlan make_gemm_plan(const GemmLevel<T>& level, const GemmArgs<T>& g) {
  GemmPlan p;
  const bool sink = g.epilogue.sink.fn != nullptr;
  if (g.trans_b && !g.trans_a && g.m <= dot_rows && g.k >= 16) {
    plan_dot(level, g, p);
  } else if (g.trans_b || sink || g.k == 0 || g.n <= level.nr) {
    if (!g.trans_b && g.k >= 1 && g.k <= stream_depth && g.n > level.nr) {
      plan_stream(level, g, p);
    } else {
      plan_tiles(level, g, p);
    }
  } else if (g.m <= stream_rows || g.k <= stream_depth) {
    plan_stream(level, g, p);
  } else if (g.m <= (conflicts<T>(g.ldb) ? level.direct_rows : direct_rows)) {
    plan_direct(level, g, p);
  } else {
    plan_tiles(level, g, p);
  }
  p.row_blocks = ceil_div(g.m, p.mc);
  p.col_blocks = ceil_div(g.n, p.nc);
  return p;
}

template GemmPlan make_gemm_plan<float>(const GemmLevel<float>&, const GemmArgs<float>&);
template GemmPlan make_gemm_plan<double>(const GemmLevel<double>&, const GemmArgs<double>&);

}  // namespace pk
