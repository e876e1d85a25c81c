// Softmax and crossentropy, forward and backward: GB/s of what must be read and written once, beside the bandwidth of a
// copy of the same size in this process. Arguments: rows, classes.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "kernels/loss.h"
#include "kernels/reduce.h"
#include "peak.h"

namespace pk {
namespace {

struct Data {
  explicit Data(benchmark::State& state)
      : rows(state.range(0)),
        n(state.range(1)),
        x(static_cast<std::size_t>(rows * n)),
        y(x.size()),
        labels(static_cast<std::size_t>(rows)),
        loss(labels.size()),
        dloss(labels.size(), 1.0F / static_cast<float>(rows)) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 977) * 1e-2F - 5.0F;
    for (std::size_t i = 0; i < labels.size(); ++i)
      labels[i] = static_cast<std::int32_t>(i % static_cast<std::size_t>(n));
  }

  int64_t rows, n;
  std::vector<float> x, y;
  std::vector<std::int32_t> labels;
  std::vector<float> loss, dloss;
};

// `passes`: how often an array of (rows, n) is read or written.
void report(benchmark::State& state, Data& d, double passes) {
  const double bytes = static_cast<double>(d.x.size() * sizeof(float));
  const double copy = bench::copy_gbs(reinterpret_cast<char*>(d.y.data()), reinterpret_cast<const char*>(d.x.data()),
                                      d.x.size() * sizeof(float));
  const double moved = passes * bytes * static_cast<double>(state.iterations()) / 1e9;
  state.counters["GB/s"] = benchmark::Counter(moved, benchmark::Counter::kIsRate);
  state.counters["of_copy"] = benchmark::Counter(moved / copy, benchmark::Counter::kIsRate);
}

void softmax_forward(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) softmax(DType::f32, d.rows, d.n, d.x.data(), d.y.data());
  report(state, d, 2);
}

void crossentropy_logits(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) {
    sparse_categorical_crossentropy<float>(true, d.rows, d.n, d.labels.data(), d.x.data(), d.loss.data(), 1e-7F);
  }
  report(state, d, 1);
}

void crossentropy_logits_grad(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) {
    sparse_categorical_crossentropy_grad<float>(true, d.rows, d.n, d.labels.data(), d.x.data(), d.dloss.data(),
                                                d.y.data(), 1e-7F);
  }
  report(state, d, 2);
}

// The backward pass of softmax and crossentropy in one step, in place.
void softmax_crossentropy_grad(benchmark::State& state) {
  Data d(state);
  softmax(DType::f32, d.rows, d.n, d.x.data(), d.y.data());
  for (auto _ : state) {
    softmax_sparse_categorical_crossentropy_grad<float>(d.rows, d.n, d.labels.data(), d.y.data(), d.dloss.data(),
                                                        d.x.data(), 1e-7F);
  }
  report(state, d, 2);
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"rows", "n"})->Args({128, 10})->Args({64, 20})->Args({64, 1000})->Args({4096, 1000})->UseRealTime();
}

BENCHMARK(softmax_forward)->Apply(shapes);
BENCHMARK(crossentropy_logits)->Apply(shapes);
BENCHMARK(crossentropy_logits_grad)->Apply(shapes);
BENCHMARK(softmax_crossentropy_grad)->Apply(shapes);

}  // namespace
}  // namespace pk

BENCHMARK_MAIN();
