// Recurrent layers over whole sequences beside the machine's limits: GFLOP/s of the recurrent products (2 gates units^2
// a row and step, as many again for the gradient) and the fraction of one thread's multiply-add peak measured in this
// process. The products of the inputs are GEMMs, measured in gemm.cpp. Arguments of each case: batch, steps, units,
// threads. The level is the one in force (PYKERNELS_ISA).
#include <benchmark/benchmark.h>

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/parallel.h"
#include "check.h"
#include "kernels/recurrent.h"
#include "kernels/table.h"
#include "peak.h"

namespace pk {
namespace {

double peak() {
  static const double gflops = bench::peak_gflops(kernels().isa);
  return gflops;
}

using Floats = std::vector<float>;

Floats filled(int64_t n, unsigned seed, float scale) {
  Floats x(static_cast<std::size_t>(n));
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-scale, scale);
  for (float& v : x) v = uniform(random);
  return x;
}

struct Case {
  RecurrentSizes s;
  Floats x, weights, y, h, c, gates, cells, dy, dx, state, before, other;

  Case(Cell cell, int64_t batch, int64_t steps, int64_t units) {
    s.cell = cell;
    s.batch = batch;
    s.steps = steps;
    s.units = units;
    const int64_t rows = batch * steps, width = gates_of(cell) * units;
    x = filled(rows * width, 1, 1);
    weights = filled(units * width, 2, 1.7F / std::sqrt(static_cast<float>(units)));
    dy = filled(rows * units, 3, 1);
    const auto sized = [](int64_t n) { return Floats(static_cast<std::size_t>(n)); };
    y = sized(rows * units);
    cells = before = y;
    h = c = state = sized(batch * units);
    gates = sized(rows * std::max(1, kept_of(cell)) * units);
    dx = other = sized(rows * width);
  }

  RecurrentForward<float> forward() {
    RecurrentForward<float> p;
    p.x = x.data();
    p.weights = weights.data();
    p.y = y.data();
    p.h = h.data();
    p.c = c.data();
    p.gates = kept_of(s.cell) > 0 ? gates.data() : nullptr;
    p.cells = s.cell == Cell::lstm ? cells.data() : nullptr;
    return p;
  }

  RecurrentBackward<float> backward() {
    RecurrentBackward<float> p;
    p.weights = weights.data();
    p.y = y.data();
    p.gates = gates.data();
    p.cells = cells.data();
    p.dy = dy.data();
    p.dx = dx.data();
    p.dh0 = h.data();
    p.dc0 = s.cell == Cell::lstm ? state.data() : nullptr;
    p.h_before = before.data();
    p.recurrent = s.cell == Cell::gru_after ? other.data() : nullptr;
    p.reset_h = s.cell == Cell::gru_before ? other.data() : nullptr;
    return p;
  }

  // The states of some rows after each step, against the definition of the LSTM.
  void check() const {
    const int64_t u = s.units;
    for (const int64_t n : {int64_t{0}, s.batch - 1}) {
      std::vector<double> now(static_cast<std::size_t>(u)), cell = now;
      for (int64_t t = 0; t < s.steps; ++t) {
        std::vector<double> next(now.size());
        for (int64_t j = 0; j < u; ++j) {
          double z[4];
          for (int64_t g = 0; g < 4; ++g) {
            z[g] = x[static_cast<std::size_t>((n * s.steps + t) * 4 * u + g * u + j)];
            for (int64_t k = 0; k < u; ++k) {
              z[g] += now[static_cast<std::size_t>(k)] * weights[static_cast<std::size_t>(k * 4 * u + g * u + j)];
            }
          }
          const auto sigmoid = [](double v) { return 1 / (1 + std::exp(-v)); };
          double& c_now = cell[static_cast<std::size_t>(j)];
          c_now = sigmoid(z[1]) * c_now + sigmoid(z[0]) * std::tanh(z[2]);
          next[static_cast<std::size_t>(j)] = sigmoid(z[3]) * std::tanh(c_now);
        }
        now = next;
        for (int64_t j = 0; j < u; ++j) {
          const int64_t at = (n * s.steps + t) * u + j;
          bench::check("lstm", at, y[static_cast<std::size_t>(at)], now[static_cast<std::size_t>(j)], 1e-4);
        }
      }
    }
  }
};

void run(benchmark::State& state, Cell cell, bool gradient) {
  const int before = num_threads();
  set_num_threads(static_cast<int>(state.range(3)));
  Case one(cell, state.range(0), state.range(1), state.range(2));
  const Buffer scratch(
      std::max(recurrent_scratch_bytes<float>(one.s, false), recurrent_backward_scratch_bytes<float>(one.s)));
  recurrent_forward(one.s, one.forward(), scratch.data());
  if (cell == Cell::lstm) one.check();
  for (auto _ : state) {
    if (gradient) {
      recurrent_backward(one.s, one.backward(), scratch.data());
    } else {
      recurrent_forward(one.s, one.forward(), scratch.data());
    }
    benchmark::ClobberMemory();
  }
  const double u = static_cast<double>(one.s.units);
  const double flops = 2.0 * static_cast<double>(one.s.batch * one.s.steps) * u * u * gates_of(cell);
  const double runs = static_cast<double>(state.iterations());
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(flops * runs / 1e9, Counter::kIsRate);
  state.counters["of_peak"] = Counter(flops * runs / 1e9 / peak(), Counter::kIsRate);
  state.SetLabel(name_of(kernels().isa));
  set_num_threads(before);
}

void sizes(benchmark::internal::Benchmark* b) {
  for (const auto& size : {std::vector<int64_t>{32, 80, 128}, {32, 80, 64}, {256, 120, 32}, {1, 80, 128}}) {
    for (const int64_t threads : {1, 2}) b->Args({size[0], size[1], size[2], threads});
  }
  b->UseRealTime()->Unit(benchmark::kMicrosecond);
}
BENCHMARK_CAPTURE(run, lstm, Cell::lstm, false)->Apply(sizes);
BENCHMARK_CAPTURE(run, lstm_grad, Cell::lstm, true)->Apply(sizes);
BENCHMARK_CAPTURE(run, gru, Cell::gru_after, false)->Apply(sizes);
BENCHMARK_CAPTURE(run, gru_grad, Cell::gru_after, true)->Apply(sizes);

}  // namespace
}  // namespace pk

BENCHMARK_MAIN();
