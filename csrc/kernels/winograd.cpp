#include "kernels/winograd.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"
#include "base/int_math.h"
#include "kernels/table.h"
#include "kernels/winograd_plan.h"

namespace pk {

namespace winograd {

namespace {

// Backward to the input is forward with the filters turned round: what pads the output of forward is cut from this one.
Tiling make_tiling(const Conv2dShape& s, ConvPass pass, int tile) {
  Tiling g;
  g.m = tile;
  g.side = tile + 2;
  g.positions = g.side * g.side;
  g.n = s.n;
  if (pass == ConvPass::backward_input) {
    g.h = s.p, g.w = s.q, g.c = s.k;
    g.p = s.h, g.q = s.w, g.k = s.c;
    g.top = 2 - s.pad_top, g.left = 2 - s.pad_left;
  } else {
    g.h = s.h, g.w = s.w, g.c = s.c;
    g.p = s.p, g.q = s.q, g.k = s.k;
    g.top = s.pad_top, g.left = s.pad_left;
  }
  g.rows = ceil_div(g.p, g.m);
  g.cols = ceil_div(g.q, g.m);
  return g;
}

}  // namespace
}  // namespace winograd

bool Winograd::applies(const Conv2dShape& s, ConvPass) {
  return s.r == 3 && s.s == 3 && s.groups == 1 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
         s.dilation_w == 1;
}

Winograd::Winograd(const Conv2dShape& shape, ConvPass pass, int tile, const ConvEpilogue<float>& prototype) {
  PK_CHECK(applies(shape, pass), "Winograd convolution needs a 3 x 3 window, stride 1, dilation 1 and groups 1");
  PK_CHECK(tile == 2 || tile == 4, "Winograd convolution: tile must be 2 or 4, got " + std::to_string(tile));
  auto plan = std::make_shared<Plan>();
  plan->pass = pass;
  plan->g = winograd::make_tiling(shape, pass, tile);
  plan->table = &kernels();
  plan->level = plan->table->winograd.f32;
  plan->transforms = tile == 2 ? plan->level.f2 : plan->level.f4;
  plan->work_ns = estimated_ns(shape, pass, tile);
  plan->groups = ceil_div(plan->g.c, plan->level.width);
  plan->panels = ceil_div(plan->g.k, plan->level.cols);
  plan->zeros = round_up(std::max(plan->g.c, plan->g.k), 16);
  if (pass == ConvPass::backward_weights) {
    plan->dbias = prototype.dbias != nullptr;
    plan->plan_weights();
  } else {
    plan->sink_rows = prototype.sink.fn != nullptr ? std::max<int64_t>(1, prototype.sink.multiple) : 0;
    plan->plan_forward();
  }
  plan_ = std::move(plan);
}

std::size_t Winograd::scratch_bytes() const { return plan_->scratch_bytes(); }

std::size_t Winograd::packed_bytes() const { return static_cast<std::size_t>(plan_->packed()) * sizeof(float); }

void Winograd::pack_weights(const float* w, void* packed) const { plan_->pack(w, static_cast<float*>(packed)); }

void Winograd::run(const ConvRun<float>& args, void* scratch) const {
  float* s = static_cast<float*>(scratch);
  plan_->pass == ConvPass::backward_weights ? plan_->run_weights(args, s) : plan_->run_forward(args, s);
}

// Measured on AVX-512 and kept in the units of the direct path's estimate (flops / gflops): products at 0.88 of its
// rate; a transformed float costs as much as 36 of its floating-point operations (F(2x2): 24), channels counted in
// whole vectors; each transformed weight, which comes from memory or is made in the run, as much as 20. The gradient of
// the weights transforms x once for each block of filters, and dy once for each block of channels.
double Winograd::estimated_ns(const Conv2dShape& shape, ConvPass pass, int tile) {
  const winograd::Tiling g = winograd::make_tiling(shape, pass, tile);
  const KernelTable& table = kernels();
  const int64_t width = table.winograd.f32.width;
  const double tiles = static_cast<double>(g.tiles()), positions = static_cast<double>(g.positions);
  const double products = static_cast<double>(g.c) * static_cast<double>(g.k);
  double c = static_cast<double>(round_up(g.c, width)), k = static_cast<double>(round_up(g.k, width));
  if (pass == ConvPass::backward_weights) {
    const double c_parts = static_cast<double>(ceil_div(g.c, winograd::block_channels));
    c *= static_cast<double>(ceil_div(g.k, winograd::block_filters));
    k *= c_parts;
  }
  const double transform = tile == 2 ? 24 : 36;
  const double flops = positions * (tiles * (2 * products / 0.88 + transform * (c + k)) + 20 * products);
  return flops / table.gemm.f32.gflops;
}

}  // namespace pk
