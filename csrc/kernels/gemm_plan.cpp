#include "kernels/gemm_plan.h"

#include <algorithm>
#include <cstdlib>

namespace pk {

namespace {
int64_t env(const char*n,int64_t d){const char*e=getenv(n); return e?atol(e):d;}
int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

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
constexpr int64_t enough_tasks = 32;
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

template <class T>
void plan_dot(const GemmLevel<T>& t, const GemmArgs<T>& g, GemmPlan& p) {
  p.dot = true;
  p.panel_rows = 1;
  p.kc = even_part(g.k, t.dot_kc, 16);
  p.slab = g.k;
  p.mc = g.m;
  p.nc = round_up(g.n, t.nr);
  split_tasks(t, g, g.m, t.nr, p);
}

template <class T>
void plan_tiles(const GemmLevel<T>& t, const GemmArgs<T>& g, GemmPlan& p) {
  const bool sink = g.epilogue.sink.fn != nullptr;
  const int64_t panels = g.m <= t.most_rows ? 1 : ceil_div(g.m, t.mr);
  p.panel_rows = ceil_div(g.m, panels);
  p.panel_stride = round_up(p.panel_rows, t.align);
  p.a_rows = panels * p.panel_rows;
  p.a_packed = panels * p.panel_stride;
  p.b_cols = round_up(g.n, t.nr);
  p.kc = even_part(g.k, t.kc, 8);
  p.mc = std::min(p.a_rows, round_up(t.mc, p.panel_rows));
  p.nc = std::min(p.b_cols, t.nc);
  int64_t min_mc = p.panel_rows, min_nc = std::min<int64_t>(p.b_cols, 4 * t.nr);

  if (g.trans_a) {
    p.pack_a = g.n > 8 * t.nr;
  } else {
    p.pack_a = g.n > 2 * t.nr || (conflicts<T>(g.lda) && g.m > 4 && g.n > t.nr / 2);
  }
  if (!g.trans_b && (panels == 1 || g.n <= t.nr || (panels <= env("DPAN", 8) && !conflicts<T>(g.ldb)))) {
    p.pack_b = GemmPlan::PackB::none;
    if (panels == 1) {
      // B streams from memory once. Few rows of it at a time, so that their pages stay in the first-level TLB.
      p.kc = even_part(g.k, g.m <= 3 ? env("KC1", 16) : env("KC2", 32), 8);
      p.nc = std::min(p.b_cols, round_up(1024, t.nr));
    } else {
      p.kc = even_part(g.k, env("KC3", 256), 8);
      p.rows_inner = true;
      p.mc = min_mc = p.a_rows;
    }
  } else if (p.a_rows <= 2 * t.mc) {
    p.pack_b = GemmPlan::PackB::local;
    p.mc = min_mc = p.a_rows;
  } else {
    p.pack_b = GemmPlan::PackB::shared;
    p.rows_inner = g.k > 256;
  }
  if (sink) {
    const int64_t parts = std::max<int64_t>(1, g.n / sink_columns);
    p.nc = min_nc = round_up(ceil_div(g.n, parts), t.nr);
    p.mc = std::max(p.panel_rows, sink_elements / std::min(p.nc, g.n) / p.panel_rows * p.panel_rows);
    p.mc = std::min(p.mc, p.a_rows);
    min_mc = p.mc;
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
  constexpr int64_t dot_rows = 16;  // above, packing B costs less than summing lanes
  if (g.trans_b && !g.trans_a && g.m <= dot_rows && g.k >= 16) {
    plan_dot(level, g, p);
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
