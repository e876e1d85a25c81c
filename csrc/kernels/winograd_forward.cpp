// Winograd convolution, forward and backward to the input. A task transforms the patches of a block of tiles; then,
// panel by panel of filters, it multiplies each position and transforms back while the products are in the cache.
// Where the weights of all positions pass through the cache for every block, blocks are large instead, and a task
// multiplies position by position: the weights come from memory once for many tiles, the products go to memory.
#include <algorithm>
#include <cstring>

#include "base/int_math.h"
#include "base/parallel.h"
#include "kernels/winograd_plan.h"

namespace pk {

using winograd::odd_lines;
using winograd::TileAt;
using winograd::Tiling;

namespace {

// What a task writes and reads again should stay in a core's L2 (1 MiB or more on the machines that this is for)
// together with the weights that pass through.
constexpr int64_t block_bytes = 480 << 10;
constexpr int64_t max_panels = 8;  // of tiles in a block
// Channels and filters from which on a task goes by position; then a block has so many panels of tiles, or all tiles
// where they are hardly more.
constexpr int64_t deep = 192, position_panels = 4;
constexpr int64_t min_tasks = 8;

}  // namespace

void Winograd::Plan::plan_forward() {
  const int64_t tile_bytes = g.positions * (groups * level.width + level.cols) * static_cast<int64_t>(sizeof(float));
  int64_t most = std::clamp<int64_t>(block_bytes / (tile_bytes * level.rows), 1, max_panels) * level.rows;
  by_position = std::min(g.c, g.k) >= deep && g.tiles() > level.rows;
  if (by_position) {
    const bool few = g.tiles() <= max_panels * level.rows;
    most = (few ? max_panels : position_panels) * level.rows;
  }
  if (sink_rows > 0) {
    // Whole rows of tiles of one image, whose number makes whole multiples of the sink's rows; or whole images.
    int64_t unit = 1;
    while (unit * g.m % sink_rows != 0) ++unit;
    const int64_t times = std::max<int64_t>(1, most / (unit * g.cols));
    tile_rows = std::min(unit * times, g.rows);
    images = tile_rows == g.rows ? std::clamp<int64_t>(most / (g.rows * g.cols), 1, std::max<int64_t>(1, g.n)) : 1;
    block = images * tile_rows * g.cols;
    blocks = ceil_div(g.n, images) * ceil_div(g.rows, tile_rows);
  } else {
    blocks = ceil_div(g.tiles(), most);
    block = by_position ? ceil_div(g.tiles(), std::max<int64_t>(1, blocks)) : std::min(most, g.tiles());
  }
  parts = 1;
  while (blocks * parts < min_tasks && parts * 2 <= panels) parts *= 2;

  u_position = g.c * level.cols + 16;
  u_panel = g.positions * u_position;
  v_position = odd_lines(block * groups * level.width);
  m_position = odd_lines(block * level.cols);
  m_panel = g.positions * m_position;
  one_block = blocks == 1 && parts > 1;
  v_floats = g.positions * v_position;
  m_floats = m_panel * (by_position ? ceil_div(panels, parts) : 1);
  out_floats = round_up(std::max(sink_rows > 0 ? tile_rows * g.m * g.q * level.cols : 0, g.m * g.m * level.cols), 16);
  shared = packed() + (one_block ? v_floats : 0);
  local = (one_block ? 0 : v_floats) + m_floats + out_floats;
  workers = std::min(max_workers(), blocks * parts);
}

// u[panel][position][channel][filter of the panel].
void Winograd::Plan::pack(const float* w, float* packed) const {
  constexpr int64_t depth = 16;  // channels of a task
  const int64_t steps = ceil_div(g.c, depth), cols = level.cols;
  const bool turned = pass == ConvPass::backward_input;
  const double ns = static_cast<double>(g.c * panels * cols * g.positions) / 4;
  parallel_for(panels * steps, ns, [&](int64_t task) {
    const int64_t panel = task / steps, c0 = task % steps * depth, k0 = panel * cols;
    const int64_t channels = std::min(depth, g.c - c0), n = std::min(cols, g.k - k0);
    alignas(64) float taps[9 * depth * 64];
    float* u = packed + panel * u_panel + c0 * cols;
    if (turned) {
      // w is (3, 3, g.k, g.c) here: transposed, and the taps in reverse.
      for (int64_t tap = 0; tap < 9; ++tap) {
        table->gemm.f32.pack_cols(channels, n, w + (8 - tap) * g.c * g.k + k0 * g.c + c0, g.c, cols, cols,
                                  taps + tap * depth * cols);
      }
    }
    for (int64_t c = 0; c < channels; ++c) {
      const float* from = turned ? taps + c * cols : w + (c0 + c) * g.k + k0;
      transforms.filter(from, turned ? depth * cols : g.c * g.k, n, u + c * cols, u_position);
    }
  });
}

namespace {

// One run; const and shared by the workers.
struct Forward {
  const Winograd::Plan& plan;
  const Tiling& g;
  const ConvRun<float>& args;
  const float* x;
  const float* u;
  const float* zeros;
  bool simple;  // the epilogue is what the output transform does: scale, bias, relu, mask

  // The even parts of `count` tiles: no more than a full panel each.
  int64_t panel_rows(int64_t count) const { return ceil_div(count, ceil_div(count, plan.level.rows)); }

  void input(int64_t first, int64_t count, float* v) const {
    for (int64_t start = 0; start < count; start += panel_rows(count)) input_panel(first, count, start, v);
  }

  // The tiles from `start` on of a block that make one panel.
  void input_panel(int64_t first, int64_t count, int64_t start, float* v) const {
    const int64_t width = plan.level.width, r = std::min(panel_rows(count), count - start);
    const float* pointers[36];
    TileAt at(g, first + start);
    v += start * plan.groups * width;
    for (int64_t t = 0; t < r; ++t, at.next(g)) {
      const WinogradPatch d = winograd::patch(x, g.h, g.w, g.c, at.image, at.row * g.m - g.top, at.col * g.m - g.left,
                                              g.side, zeros, pointers);
      plan.transforms.input(d, g.c, v + t * width, r * width, plan.v_position);
    }
  }

  // m[tile][filter] of one position and panel. Meanwhile the weights at `next` come to L2.
  void product(int64_t panel, int64_t i, int64_t count, const float* v, float* m, const float* next) const {
    const int64_t rows = panel_rows(count), cols = plan.level.cols;
    const bool narrow = g.k - panel * cols <= cols / 2;
    const auto* kernel = narrow ? plan.level.narrow : plan.level.product;
    const float* weights = u + panel * plan.u_panel + i * plan.u_position;
    const float* in = v + i * plan.v_position;
    float* out = m + i * plan.m_position;
    const float* end = next + g.c * cols;
    for (int64_t t = 0; t < count; t += rows, next += g.c * 8) {
      kernel[std::min(rows, count - t)](g.c, in + t * plan.groups * plan.level.width, weights, out + t * cols,
                                        next < end ? next : weights);
    }
  }

  void products(int64_t panel, int64_t count, const float* v, float* m) const {
    for (int64_t i = 0; i < g.positions; ++i) {
      product(panel, i, count, v, m, u + panel * plan.u_panel + (i + 1) * plan.u_position);
    }
  }

  void products_by_position(int64_t panel0, int64_t panel1, int64_t count, const float* v, float* m) const {
    for (int64_t i = 0; i < g.positions; ++i) {
      for (int64_t panel = panel0; panel < panel1; ++panel) {
        const float* next = panel + 1 < panel1 ? u + (panel + 1) * plan.u_panel + i * plan.u_position
                                               : u + panel0 * plan.u_panel + (i + 1) * plan.u_position;
        product(panel, i, count, v, m + (panel - panel0) * plan.m_panel, next);
      }
    }
  }

  WinogradOut out_of(int64_t k0) const {
    const ConvEpilogue<float>& e = args.epilogue;
    WinogradOut out{};
    out.row = g.q * g.k;
    out.col = g.k;
    out.scale = e.scale != nullptr ? e.scale + k0 : nullptr;
    out.bias = e.bias != nullptr ? e.bias + k0 : nullptr;
    out.relu = e.act == Act::relu && e.preact == nullptr;
    return out;
  }

  void output(int64_t first, int64_t count, int64_t panel, const float* m, float* local) const {
    const int64_t cols = plan.level.cols, k0 = panel * cols, n = std::min(cols, g.k - k0);
    WinogradOut out = out_of(k0);
    TileAt at(g, first);
    for (int64_t t = 0; t < count; ++t, at.next(g), m += cols) {
      const int64_t row = at.row * g.m, col = at.col * g.m;
      const int64_t y = ((at.image * g.p + row) * g.q + col) * g.k + k0;
      out.rows = static_cast<int>(std::min(g.m, g.p - row));
      out.cols = static_cast<int>(std::min(g.m, g.q - col));
      if (simple) {
        out.y = args.result + y;
        out.mask = args.epilogue.mask != nullptr ? args.epilogue.mask + y : nullptr;
        plan.transforms.output(m, plan.m_position, n, out);
      } else {
        WinogradOut whole = out;
        whole.y = local;
        whole.row = g.m * n, whole.col = n;
        whole.rows = whole.cols = static_cast<int>(g.m);
        plan.transforms.output(m, plan.m_position, n, whole);
        finish(local, n, out.rows, out.cols, y);
      }
    }
  }

  // The epilogue of a tile z (m, m, n) for what the output transform does not do: other activations, preact.
  void finish(float* z, int64_t n, int rows, int cols, int64_t y) const {
    const ConvEpilogue<float>& e = args.epilogue;
    const auto each = [&](auto fn) {
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < cols; ++j) fn(z + (i * g.m + j) * n, y + (i * g.q + j) * g.k);
      }
    };
    const std::size_t bytes = static_cast<std::size_t>(n) * sizeof(float);
    if (e.preact != nullptr) each([&](const float* from, int64_t to) { std::memcpy(e.preact + to, from, bytes); });
    if (e.act != Act::linear) plan.table->elementwise.act(e.act, e.act_alpha, z, z, g.m * g.m * n);
    each([&](float* from, int64_t to) {
      if (e.mask != nullptr) {
        for (int64_t c = 0; c < n; ++c) from[c] = e.mask[to + c] <= 0 ? 0 : from[c];
      }
      std::memcpy(args.result + to, from, bytes);
    });
  }

  void output_to_sink(int64_t first, int64_t count, int64_t panel, const float* m, float* local) const {
    const ConvEpilogue<float>& e = args.epilogue;
    const int64_t cols = plan.level.cols, k0 = panel * cols, n = std::min(cols, g.k - k0);
    WinogradOut out = out_of(k0);
    out.row = g.q * n;
    out.col = n;
    TileAt at(g, first);
    const int64_t image = at.image, top = at.row * g.m, rows = std::min(count / g.cols * g.m, g.p - top);
    for (int64_t t = 0; t < count; ++t, at.next(g), m += cols) {
      const int64_t row = at.row * g.m, col = at.col * g.m;
      out.rows = static_cast<int>(std::min(g.m, g.p - row));
      out.cols = static_cast<int>(std::min(g.m, g.q - col));
      out.y = local + ((row - top) * g.q + col) * n;
      plan.transforms.output(m, plan.m_position, n, out);
    }
    if (e.act != Act::linear && e.act != Act::relu) {
      plan.table->elementwise.act(e.act, e.act_alpha, local, local, rows * g.q * n);
    }
    e.sink.fn(e.sink.ctx, image, top, rows, k0, n, local, n);
  }

  void results(int64_t first, int64_t count, int64_t panel, const float* m, float* local) const {
    if (plan.sink_rows == 0) return output(first, count, panel, m, local);
    const int64_t each = plan.images == 1 ? count : g.rows * g.cols;
    for (int64_t t = 0; t < count; t += each) {
      output_to_sink(first + t, each, panel, m + t * plan.level.cols, local);
    }
  }

  // The tiles of a block: from `first`, `count` of them.
  void tiles_of(int64_t block, int64_t& first, int64_t& count) const {
    first = block * plan.block;
    if (plan.sink_rows > 0 && plan.images == 1) {
      const int64_t strips = ceil_div(g.rows, plan.tile_rows), row = block % strips * plan.tile_rows;
      first = (block / strips * g.rows + row) * g.cols;
      count = std::min(plan.tile_rows, g.rows - row) * g.cols;
    } else {
      count = std::min(plan.block, g.tiles() - first);
    }
  }

  void task(int64_t index, const float* shared_v, float* local) const {
    const int64_t part = index % plan.parts;
    int64_t first = 0, count = 0;
    tiles_of(index / plan.parts, first, count);
    const float* v = shared_v;
    float* m = local;
    if (v == nullptr) {
      input(first, count, local);
      v = local;
      m += plan.v_floats;
    }
    float* rest = m + plan.m_floats;
    const int64_t begin = plan.panels * part / plan.parts, end = plan.panels * (part + 1) / plan.parts;
    if (plan.by_position) products_by_position(begin, end, count, v, m);
    for (int64_t panel = begin; panel < end; ++panel) {
      if (!plan.by_position) products(panel, count, v, m);
      results(first, count, panel, plan.by_position ? m + (panel - begin) * plan.m_panel : m, rest);
    }
  }
};

}  // namespace

void Winograd::Plan::run_forward(const ConvRun<float>& args, float* scratch) const {
  if (g.n == 0) return;
  const float* u = static_cast<const float*>(args.packed);
  if (u == nullptr) {
    pack(args.w, scratch + zeros);
    u = scratch + zeros;
  }
  std::memset(scratch, 0, static_cast<std::size_t>(zeros) * sizeof(float));
  const ConvEpilogue<float>& e = args.epilogue;
  const Forward run{*this,
                    g,
                    args,
                    pass == ConvPass::forward ? args.x : args.dy,
                    u,
                    scratch,
                    e.preact == nullptr && (e.act == Act::linear || e.act == Act::relu)};
  const float* v = nullptr;
  if (one_block) {
    float* all = scratch + zeros + packed();
    int64_t first = 0, count = 0;
    run.tiles_of(0, first, count);
    const int64_t rows = run.panel_rows(count);
    parallel_for(ceil_div(count, rows), static_cast<double>(v_floats),
                 [&](int64_t panel) { run.input_panel(first, count, panel * rows, all); });
    v = all;
  }
  parallel_workers(blocks * parts, workers, work_ns,
                   [&](int64_t task, int64_t worker) { run.task(task, v, scratch + zeros + shared + worker * local); });
}

}  // namespace pk
