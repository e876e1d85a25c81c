// Winograd convolution, backward to the weights: dw = G^T [ sum over tiles of (B^T x B) . (A dy A^T) ] G, the adjoint
// of forward. A task has a block of channels, a block of filters and a chunk of the tiles: the sums of its positions
// stay in the cache while the tiles pass in small blocks. Chunks are few; their results are added in order.
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

constexpr int64_t min_tasks = 16;
constexpr int64_t max_chunks = 16;

}  // namespace

void Winograd::Plan::plan_weights() {
  const int64_t width = level.width, cols = level.cols;
  c_groups = std::min(groups, std::max<int64_t>(1, winograd::block_channels / width));
  k_panels = std::min(panels, std::max<int64_t>(1, winograd::block_filters / cols));
  c_parts = ceil_div(groups, c_groups);
  k_parts = ceil_div(panels, k_panels);
  c_groups = ceil_div(groups, c_parts);
  k_panels = ceil_div(panels, k_parts);
  block = winograd::block_tiles;
  const int64_t tiles = g.tiles();
  chunks = std::clamp<int64_t>(ceil_div(min_tasks, c_parts * k_parts), 1, max_chunks);
  chunk = round_up(std::max<int64_t>(1, ceil_div(tiles, chunks)), block);
  chunks = std::max<int64_t>(1, ceil_div(tiles, chunk));

  v_position = odd_lines(block * c_groups * width);
  d_panel = block * cols;
  d_position = odd_lines(k_panels * d_panel);
  acc_panel = c_groups * width * cols;
  acc_position = odd_lines(k_panels * acc_panel);
  v_floats = g.positions * v_position;
  shared = chunks > 1 ? round_up(chunks * partial(), 16) : 0;
  local = v_floats + g.positions * (d_position + acc_position);
  workers = std::min(max_workers(), c_parts * k_parts * chunks);
}

namespace {

struct Weights {
  const Winograd::Plan& plan;
  const Tiling& g;
  const ConvRun<float>& args;
  const float* zeros;
  float* partials;  // (chunks, 9 * c * k + dbias); null: the results themselves

  float* dw(int64_t chunk) const { return partials == nullptr ? args.result : partials + chunk * plan.partial(); }
  float* dbias(int64_t chunk) const {
    return partials == nullptr ? args.epilogue.dbias : partials + chunk * plan.partial() + 9 * g.c * g.k;
  }

  // The transforms of `count` tiles from `first`: of channels [c0, c0 + c) of x, of filters [k0, k0 + k) of dy.
  void transform(int64_t first, int64_t count, int64_t c0, int64_t c, int64_t k0, int64_t k, float* v, float* d,
                 float* sum) const {
    const int64_t width = plan.level.width, cols = plan.level.cols;
    const float* pointers[36];
    TileAt at(g, first);
    for (int64_t t = 0; t < count; ++t, at.next(g)) {
      const int64_t row = at.row * g.m, col = at.col * g.m;
      const WinogradPatch x =
          winograd::patch(args.x, g.h, g.w, g.c, at.image, row - g.top, col - g.left, g.side, zeros, pointers, c0);
      plan.transforms.input(x, c, v + t * width, count * width, plan.v_position);
      for (int64_t j = 0; j < k; j += cols) {
        const WinogradPatch dy =
            winograd::patch(args.dy, g.p, g.q, g.k, at.image, row, col, g.m, zeros, pointers, k0 + j);
        plan.transforms.gradient(dy, std::min(cols, k - j), d + j / cols * plan.d_panel + t * cols, width,
                                 plan.d_position, sum == nullptr ? nullptr : sum + j);
      }
    }
  }

  // acc[position][panel][channel][filter] [+]= the products of `count` tiles.
  void products(int64_t count, int64_t c, int64_t k, const float* v, const float* d, bool add, float* acc) const {
    const WinogradLevel& level = plan.level;
    for (int64_t i = 0; i < g.positions; ++i) {
      for (int64_t j = 0; j < k; j += level.cols) {
        const auto update = k - j <= level.cols / 2 ? level.rank_k_update_narrow : level.rank_k_update;
        const float* dj = d + i * plan.d_position + j / level.cols * plan.d_panel;
        float* sums = acc + i * plan.acc_position + j / level.cols * plan.acc_panel;
        const float* group = v + i * plan.v_position;
        for (int64_t left = c; left > 0; left -= level.width, group += count * level.width) {
          const int64_t rows = std::min<int64_t>(left, level.width);
          for (int64_t r = 0; r < rows; r += level.grad_rows, sums += level.grad_rows * level.cols) {
            update(count, group + r, dj, add, sums);
          }
        }
      }
    }
  }

  void task(int64_t index, float* local) const {
    const WinogradLevel& level = plan.level;
    const int64_t chunk = index / (plan.c_parts * plan.k_parts), part = index % (plan.c_parts * plan.k_parts);
    const int64_t c0 = part / plan.k_parts * plan.c_groups * level.width, c_most = plan.c_groups * level.width;
    const int64_t k0 = part % plan.k_parts * plan.k_panels * level.cols, k_most = plan.k_panels * level.cols;
    if (c0 >= g.c || k0 >= g.k) return;
    const int64_t c = std::min(c_most, g.c - c0), k = std::min(k_most, g.k - k0);
    float* v = local;
    float* d = v + plan.v_floats;
    float* acc = d + g.positions * plan.d_position;
    float* sum = plan.dbias && c0 == 0 ? dbias(chunk) + k0 : nullptr;
    if (sum != nullptr) std::memset(sum, 0, static_cast<std::size_t>(k) * sizeof(float));
    const int64_t begin = chunk * plan.chunk, end = std::min(begin + plan.chunk, g.tiles());
    for (int64_t t = begin; t < end; t += plan.block) {
      const int64_t count = std::min(plan.block, end - t);
      transform(t, count, c0, c, k0, k, v, d, sum);
      products(count, c, k, v, d, t > begin, acc);
    }
    float* to = dw(chunk) + c0 * g.k + k0;
    for (int64_t j = 0; j < k; j += level.cols) {
      for (int64_t r = 0; r < c; ++r) {
        plan.transforms.filter_gradient(acc + j / level.cols * plan.acc_panel + r * level.cols, plan.acc_position,
                                        std::min<int64_t>(level.cols, k - j), to + r * g.k + j, g.c * g.k);
      }
    }
  }

  // The results of the chunks, added in order.
  void add_chunks() const {
    const int64_t size = plan.partial(), weights = 9 * g.c * g.k;
    parallel_ranges(size, 4096, static_cast<double>(size * plan.chunks) / 4, [&](int64_t begin, int64_t end) {
      float sums[4096];
      std::memcpy(sums, partials + begin, static_cast<std::size_t>(end - begin) * sizeof(float));
      for (int64_t i = 1; i < plan.chunks; ++i) {
        const float* from = partials + i * size + begin;
        for (int64_t j = 0; j < end - begin; ++j) sums[j] += from[j];
      }
      const int64_t split = std::clamp(weights, begin, end);
      std::memcpy(args.result + begin, sums, static_cast<std::size_t>(split - begin) * sizeof(float));
      if (split == end) return;
      std::memcpy(args.epilogue.dbias + (split - weights), sums + (split - begin),
                  static_cast<std::size_t>(end - split) * sizeof(float));
    });
  }
};

}  // namespace

void Winograd::Plan::run_weights(const ConvRun<float>& args, float* scratch) const {
  if (g.n == 0) {
    std::memset(args.result, 0, static_cast<std::size_t>(9 * g.c * g.k) * sizeof(float));
    if (dbias) std::memset(args.epilogue.dbias, 0, static_cast<std::size_t>(g.k) * sizeof(float));
    return;
  }
  std::memset(scratch, 0, static_cast<std::size_t>(zeros) * sizeof(float));
  const Weights run{*this, g, args, scratch, chunks > 1 ? scratch + zeros : nullptr};
  parallel_workers(c_parts * k_parts * chunks, workers, work_ns,
                   [&](int64_t task, int64_t worker) { run.task(task, scratch + zeros + shared + worker * local); });
  if (chunks > 1) run.add_chunks();
}

}  // namespace pk
