#include "kernels/gemm.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/gemm_plan.h"
#include "kernels/table.h"

namespace pk {

namespace {

using PackB = GemmPlan::PackB;

void apply(Act act, float alpha, float* y, int64_t n) { kernels().elementwise.act(act, alpha, y, y, n); }
void apply(Act act, double alpha, double* y, int64_t n) { kernels().elementwise.act_f64(act, alpha, y, y, n); }

// The product as the kernels see it: a column C is computed as a row, C^T = op(B)^T op(A)^T.
template <class T>
struct Product {
  GemmArgs<T> g;
  bool bias_scalar = false;

  explicit Product(const GemmArgs<T>& args) : g(args) {
    if (g.n == 1 && g.m > 1 && g.ldc == 1 && g.epilogue.sink.fn == nullptr) {
      std::swap(g.m, g.n);
      std::swap(g.a, g.b);
      std::swap(g.lda, g.ldb);
      const bool trans_a = g.trans_a;
      g.trans_a = !g.trans_b;
      g.trans_b = !trans_a;
      g.ldc = g.n;
      bias_scalar = true;
    }
    // A packed column or row is both forms of itself.
    if (g.trans_a && g.m == 1 && g.lda == 1) {
      g.trans_a = false;
      g.lda = g.k;
    }
  }
};

// Rows of a copied B are this many elements longer than they need to be, so that they do not lie a power of two apart.
constexpr int64_t copy_gap = 16;

// Byte offsets within the scratch.
struct Layout {
  int64_t a = 0, b = 0, local = 0, tile = 0, worker = 0, total = 0;
  int64_t workers = 0;
};

template <class T>
Layout lay_out(const GemmPlan& p, const GemmArgs<T>& g) {
  const int64_t size = static_cast<int64_t>(sizeof(T));
  Layout l;
  l.workers = std::min(p.tasks(), max_workers());
  if (p.pack_a) l.b = round_up(p.a_packed * p.slab * size, 64);
  l.worker = l.b;
  if (p.pack_b == PackB::shared && g.packed_b == nullptr) l.worker += round_up(p.b_cols * p.slab * size, 64);
  if (p.pack_b == PackB::local && g.packed_b == nullptr) {
    l.tile = round_up((p.nc + copy_gap) * p.kc * size, 64);
  }
  int64_t each = l.tile;
  if (g.epilogue.sink.fn != nullptr) each += round_up(p.mc * p.nc * size, 64);
  l.local = each;
  l.total = l.worker + l.workers * each;
  return l;
}

// What does not depend on pointers.
template <class T>
struct Prepared {
  const GemmLevel<T>& active_level = loops_of<T>(kernels().gemm);
  GemmPlan plan;
  Layout layout;
  double work_ns;

  explicit Prepared(const GemmArgs<T>& args) : work_ns(gemm_work_ns(args.m, args.n, args.k)) {
    const Product<T> product(args);
    plan = make_gemm_plan(active_level, product.g);
    layout = lay_out(plan, product.g);
  }
};

template <class T>
class Gemm {
 public:
  Gemm(const GemmArgs<T>& args, const Prepared<T>& prepared, void* scratch)
      : product_(args),
        g_(product_.g),
        t_(prepared.active_level),
        p_(prepared.plan),
        l_(prepared.layout),
        work_ns_(prepared.work_ns),
        scratch_(static_cast<char*>(scratch)) {}

  void run() {
    const double work = work_ns_;
    int64_t k0 = 0;
    do {
      const int64_t k1 = std::min(g_.k, k0 + std::max<int64_t>(1, p_.slab));
      pack_slab(k0, k1);
      if (p_.tasks() == 1) {
        block(0, 0, k0, k1);
        k0 = k1;
        continue;
      }
      const double part = g_.k > 0 ? work * static_cast<double>(k1 - k0) / static_cast<double>(g_.k) : work;
      parallel_workers(p_.tasks(), l_.workers, part,
                       [&](int64_t task, int64_t worker) { block(task, worker, k0, k1); });
      k0 = k1;
    } while (k0 < g_.k);
  }

  void pack_all_b(T* dst) { pack_b_slab(0, g_.k, dst); }

 private:
  const T* a_at(int64_t row, int64_t k) const { return g_.trans_a ? g_.a + k * g_.lda + row : g_.a + row * g_.lda + k; }
  const T* b_at(int64_t k, int64_t col) const { return g_.trans_b ? g_.b + col * g_.ldb + k : g_.b + k * g_.ldb + col; }
  // The panel of row `row` in the block that starts `at` into the slab.
  T* packed_a(int64_t at, int64_t row, int64_t depth) const {
    return reinterpret_cast<T*>(scratch_) + at * p_.a_packed + row / p_.panel_rows * p_.panel_stride * depth;
  }
  T* packed_b() const { return reinterpret_cast<T*>(scratch_ + l_.b); }

  // A slab [k0, k1) is packed block by block: kc deep, then panel by panel.
  void pack_slab(int64_t k0, int64_t k1) {
    if (p_.pack_a) {
      const int64_t group = p_.panel_rows * 8;
      const int64_t groups = ceil_div(g_.m, group), blocks = ceil_div(k1 - k0, p_.kc);
      parallel_for(groups * blocks, static_cast<double>(g_.m * (k1 - k0)), [&](int64_t task) {
        const int64_t kb = k0 + task / groups * p_.kc, row = task % groups * group;
        const int64_t depth = std::min(p_.kc, k1 - kb), rows = std::min(group, g_.m - row);
        (g_.trans_a ? t_.pack_rows : t_.pack_cols)(depth, rows, a_at(row, kb), g_.lda, p_.panel_rows, p_.panel_stride,
                                                   packed_a(kb - k0, row, depth));
      });
    }
    if (p_.pack_b == PackB::shared && g_.packed_b == nullptr) pack_b_slab(k0, k1, packed_b());
  }

  void pack_b_slab(int64_t k0, int64_t k1, T* slab) {
    const int64_t group = t_.nr * 8;
    const int64_t groups = ceil_div(g_.n, group), blocks = ceil_div(k1 - k0, p_.kc);
    parallel_for(groups * blocks, static_cast<double>(g_.n * (k1 - k0)), [&](int64_t task) {
      const int64_t kb = k0 + task / groups * p_.kc, col = task % groups * group;
      const int64_t depth = std::min(p_.kc, k1 - kb), cols = std::min(group, g_.n - col);
      pack_b_block(kb, depth, col, cols, slab + (kb - k0) * p_.b_cols + col * depth);
    });
  }

  void pack_b_block(int64_t kb, int64_t depth, int64_t col, int64_t cols, T* dst) const {
    (g_.trans_b ? t_.pack_cols : t_.pack_rows)(depth, cols, b_at(kb, col), g_.ldb, t_.nr, t_.nr, dst);
  }

  // One block of C over the depth [k0, k1).
  void block(int64_t task, int64_t worker, int64_t k0, int64_t k1) const {
    const int64_t i0 = task / p_.col_blocks * p_.mc, j0 = task % p_.col_blocks * p_.nc;
    const int64_t rows = std::min(p_.mc, g_.m - i0), cols = std::min(p_.nc, g_.n - j0);
    const GemmEpilogue<T>& e = g_.epilogue;
    const bool sink = e.sink.fn != nullptr;
    char* mine = scratch_ + l_.worker + worker * l_.local;
    GemmOut<T> out{};
    out.c = sink ? reinterpret_cast<T*>(mine + l_.tile) : g_.c + i0 * g_.ldc + j0;
    out.ldc = sink ? cols : g_.ldc;
    const bool last = k1 == g_.k;
    int64_t kb = k0;
    do {
      const int64_t depth = std::min(p_.kc, k1 - kb);
      out.add = kb > 0 || e.accumulate;
      if (kb + depth == g_.k) {
        out.bias = e.bias != nullptr ? e.bias + (product_.bias_scalar ? 0 : j0) : nullptr;
        out.bias_scalar = product_.bias_scalar;
        out.preact = e.preact != nullptr ? e.preact + i0 * g_.n + j0 : nullptr;
        out.ldp = g_.n;
        out.relu = e.act == Act::relu;
      }
      if (p_.kind == GemmPlan::Kind::tile) {
        tiles(i0, rows, j0, cols, kb, depth, k0, reinterpret_cast<T*>(mine), out);
      } else {
        if (p_.kind == GemmPlan::Kind::dot) {
          t_.dot(rows, cols, depth, a_at(i0, kb), g_.lda, b_at(kb, j0), g_.ldb, out.add, out.c, out.ldc);
        } else {
          streams(i0, rows, j0, cols, kb, depth, reinterpret_cast<T*>(mine), out);
        }
        if (out.bias != nullptr || out.preact != nullptr || out.relu) t_.finish(rows, cols, out);
      }
      kb += depth;
    } while (kb < k1);
    if (!last) return;
    if (e.act != Act::linear && e.act != Act::relu) {
      for (int64_t r = 0; r < rows; ++r) apply(e.act, e.act_alpha, out.c + r * out.ldc, cols);
    }
    if constexpr (sizeof(T) == sizeof(float)) {
      if (sink) e.sink.fn(e.sink.ctx, i0, j0, rows, cols, out.c, out.ldc);
    }
  }

  // C block [+]= op(A) B over the depth [kb, kb + depth).
  void streams(int64_t i0, int64_t rows, int64_t j0, int64_t cols, int64_t kb, int64_t depth, T* local,
               const GemmOut<T>& out) const {
    const int64_t a_row = g_.trans_a ? 1 : g_.lda, a_k = g_.trans_a ? g_.lda : 1;
    const T* b = b_at(kb, j0);
    int64_t ldb = g_.ldb;
    if (p_.pack_b == PackB::local) {
      ldb = p_.nc + copy_gap;
      t_.pack_rows(depth, cols, b, g_.ldb, p_.nc, ldb, local);
      b = local;
    }
    for (int64_t i = 0; i < rows; i += p_.panel_rows) {
      t_.stream(std::min(p_.panel_rows, rows - i), cols, depth, a_at(i0 + i, kb), a_row, a_k, b, ldb, out.add,
                out.c + i * out.ldc, out.ldc, i + p_.panel_rows < rows);
    }
  }

  // C block += op(A) op(B) over the depth [kb, kb + depth) of a slab that starts at k0.
  void tiles(int64_t i0, int64_t rows, int64_t j0, int64_t cols, int64_t kb, int64_t depth, int64_t k0, T* local,
             const GemmOut<T>& out) const {
    const T* b = b_at(kb, j0);
    if (g_.packed_b != nullptr && p_.pack_b != PackB::none) {
      b = static_cast<const T*>(g_.packed_b) + kb * p_.b_cols + j0 * depth;
    } else if (p_.pack_b == PackB::shared) {
      b = packed_b() + (kb - k0) * p_.b_cols + j0 * depth;
    } else if (p_.pack_b == PackB::local) {
      pack_b_block(kb, depth, j0, cols, local);
      b = local;
    }
    const bool packed = p_.pack_b != PackB::none;
    // Packed B: a panel at a time; in place: all columns at once, or what every panel of A uses in turn.
    const int64_t width = packed ? t_.nr : p_.rows_inner ? t_.strip_cols[p_.panel_rows] : cols;
    const int64_t bs = packed ? t_.nr : g_.ldb;
    const bool panel = p_.pack_a || g_.trans_a;
    const GemmStrip<T>* strips = panel ? t_.strip_panel : t_.strip_rows;
    const int64_t as = p_.pack_a ? p_.panel_stride : g_.lda;
    GemmOut<T> o = out;
    const auto tile = [&](int64_t i, int64_t j) {
      const int64_t r = std::min(p_.panel_rows, rows - i);
      const T* a = p_.pack_a ? packed_a(kb - k0, i0 + i, depth) : a_at(i0 + i, kb);
      o.c = out.c + i * out.ldc + j;
      if (out.bias != nullptr && !out.bias_scalar) o.bias = out.bias + j;
      if (out.preact != nullptr) o.preact = out.preact + i * out.ldp + j;
      const T* bj = packed ? b + j * depth : b + j;
      // The next panel of the outer loop, in as many parts as the inner loop has tiles; before that, of A.
      const int64_t part = 1024;
      o.prefetch = !p_.rows_inner ? a + as * depth + j / width * part
                   : j == 0       ? a + as * depth
                                  : bj + width * depth + i / p_.panel_rows * part;
      strips[r](depth, a, as, bj, bs, std::min(width, cols - j), o);
    };
    if (p_.rows_inner) {
      for (int64_t j = 0; j < cols; j += width) {
        for (int64_t i = 0; i < rows; i += p_.panel_rows) tile(i, j);
      }
    } else {
      for (int64_t i = 0; i < rows; i += p_.panel_rows) {
        for (int64_t j = 0; j < cols; j += width) tile(i, j);
      }
    }
  }

  const Product<T> product_;
  const GemmArgs<T>& g_;
  const GemmLevel<T>& t_;
  const GemmPlan& p_;
  const Layout& l_;
  const double work_ns_;
  char* const scratch_;
};

// A's packed copy takes about this many bytes at most; longer products run band after band of rows.
constexpr int64_t band_bytes = int64_t{32} << 20;
constexpr int64_t min_band_rows = 4096;

// Rows of a band: all of them, or a part whose packed rows fit. The order of summation does not depend on it.
template <class T>
int64_t band_rows(const GemmArgs<T>& args) {
  const int64_t bytes = args.m * args.k * static_cast<int64_t>(sizeof(T));
  if (args.n == 1 || args.epilogue.sink.fn != nullptr || bytes <= 2 * band_bytes || args.m < 2 * min_band_rows) {
    return args.m;
  }
  const GemmPlan whole = make_gemm_plan(loops_of<T>(kernels().gemm), args);
  const int64_t packed = whole.pack_a ? whole.a_packed * whole.slab * static_cast<int64_t>(sizeof(T)) : 0;
  if (packed <= 2 * band_bytes) return args.m;
  const int64_t rows = std::max(min_band_rows, args.m / ceil_div(packed, band_bytes));
  return ceil_div(args.m, ceil_div(args.m, rows));  // bands of nearly equal size
}

template <class T>
GemmArgs<T> band(GemmArgs<T> args, int64_t row, int64_t rows) {
  args.m = rows;
  if (args.a != nullptr) args.a += args.trans_a ? row : row * args.lda;
  if (args.c != nullptr) args.c += row * args.ldc;
  if (args.epilogue.preact != nullptr) args.epilogue.preact += row * args.n;
  return args;
}

// The plans of all bands: of `rows` rows, and of the last.
template <class T>
struct Bands {
  int64_t rows;
  Prepared<T> first, last;

  explicit Bands(const GemmArgs<T>& args)
      : rows(band_rows(args)), first(band(args, 0, rows)), last(band(args, 0, args.m - (args.m - 1) / rows * rows)) {}

  std::size_t scratch_bytes() const {
    return static_cast<std::size_t>(std::max(first.layout.total, last.layout.total));
  }

  void run(const GemmArgs<T>& args, void* scratch) const {
    for (int64_t row = 0; row < args.m; row += rows) {
      const int64_t height = std::min(rows, args.m - row);
      Gemm<T>(band(args, row, height), height == rows ? first : last, scratch).run();
    }
  }
};

}  // namespace

template <class T>
struct PlannedGemm<T>::Plan {
  Bands<T> bands;
};

// Without rows or columns there is nothing to plan.
template <class T>
PlannedGemm<T>::PlannedGemm(const GemmArgs<T>& prototype) {
  if (prototype.m > 0 && prototype.n > 0) plan_ = std::make_shared<const Plan>(Plan{Bands<T>(prototype)});
}

template <class T>
std::size_t PlannedGemm<T>::scratch_bytes() const {
  return plan_ == nullptr ? 0 : plan_->bands.scratch_bytes();
}

template <class T>
void PlannedGemm<T>::run(const GemmArgs<T>& args, void* scratch) const {
  if (plan_ != nullptr) plan_->bands.run(args, scratch);
}

template class PlannedGemm<float>;
template class PlannedGemm<double>;

std::size_t pack_b_bytes(const GemmArgs<float>& args) {
  if (args.m == 0 || args.n == 0 || args.k == 0) return 0;
  const Product<float> product(band(args, 0, band_rows(args)));
  const GemmPlan p = make_gemm_plan(kernels().gemm.f32, product.g);
  if (p.kind != GemmPlan::Kind::tile || p.pack_b == PackB::none) return 0;
  return static_cast<std::size_t>(p.b_cols * product.g.k) * sizeof(float);
}

void pack_b(const GemmArgs<float>& args, void* packed) {
  const GemmArgs<float> first = band(args, 0, band_rows(args));
  const Prepared<float> prepared(first);
  Gemm<float>(first, prepared, nullptr).pack_all_b(static_cast<float*>(packed));
}

double gemm_work_ns(int64_t m, int64_t n, int64_t k) {
  const double md = static_cast<double>(m), nd = static_cast<double>(n), kd = static_cast<double>(k);
  const double flops = 2 * md * nd * kd;
  const double bytes = 4 * (md * kd + kd * nd + md * nd);
  // 20 GB/s: between what one core draws from memory and from the last-level cache.
  return 30 + std::max(flops / kernels().gemm.f32.gflops, bytes / 20);
}

}  // namespace pk
