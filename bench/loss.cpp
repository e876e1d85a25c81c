// Softmax and crossentropy, forward and backward: GB/s of what must be read and written once, beside the bandwidth of a
// copy of the same size in this process. Arguments: rows, classes.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "../tests/cpp/calls.h"
#include "check.h"
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

// The softmax of a row of `x` in double.
std::vector<double> softmax_of(const Data& d, const std::vector<float>& x, int64_t row) {
  std::vector<double> p(static_cast<std::size_t>(d.n));
  double sum = 0;
  for (std::size_t j = 0; j < p.size(); ++j)
    sum += p[j] = std::exp(double{x[static_cast<std::size_t>(row) * p.size() + j]});
  for (double& v : p) v /= sum;
  return p;
}

// `have` is the softmax of `x`, or the gradient of the crossentropy of it.
void check(const char* what, const Data& d, const std::vector<float>& x, const std::vector<float>& have,
           bool gradient) {
  for (const int64_t row : bench::samples(d.rows, 8)) {
    const std::vector<double> p = softmax_of(d, x, row);
    const auto r = static_cast<std::size_t>(row);
    for (std::size_t j = 0; j < p.size(); ++j) {
      const double target = d.labels[r] == static_cast<std::int32_t>(j) ? 1 : 0;
      const double want = gradient ? double{d.dloss[r]} * (p[j] - target) : p[j];
      const double bound =
          (64 * p[j] + (gradient ? 64 * target : 0)) * bench::eps * (gradient ? double{d.dloss[r]} : 1);
      bench::check(what, row * d.n + static_cast<int64_t>(j), have[r * p.size() + j], want, bound + 1e-12);
    }
  }
}

void softmax_forward(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) softmax(DType::f32, d.rows, d.n, d.x.data(), d.y.data());
  check("softmax", d, d.x, d.y, false);
  report(state, d, 2);
}

void crossentropy_logits(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) {
    sparse_categorical_crossentropy<float>(true, d.rows, d.n, d.labels.data(), d.x.data(), d.loss.data(), 1e-7F);
  }
  for (const int64_t row : bench::samples(d.rows)) {
    const auto r = static_cast<std::size_t>(row);
    const double want = -std::log(softmax_of(d, d.x, row)[static_cast<std::size_t>(d.labels[r])]);
    bench::check("crossentropy", row, d.loss[r], want, 64 * bench::eps * (1 + want));
  }
  report(state, d, 1);
}

void crossentropy_logits_grad(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) {
    sparse_categorical_crossentropy_grad<float>(true, d.rows, d.n, d.labels.data(), d.x.data(), d.dloss.data(),
                                                d.y.data(), 1e-7F);
  }
  check("gradient of crossentropy", d, d.x, d.y, true);
  report(state, d, 2);
}

// The backward pass of softmax and crossentropy in one step.
void softmax_crossentropy_grad(benchmark::State& state) {
  Data d(state);
  const std::vector<float> logits = d.x;
  softmax(DType::f32, d.rows, d.n, d.x.data(), d.y.data());
  for (auto _ : state) {
    softmax_sparse_categorical_crossentropy_grad<float>(d.rows, d.n, d.labels.data(), d.y.data(), d.dloss.data(),
                                                        d.x.data());
  }
  check("gradient of softmax and crossentropy", d, logits, d.x, true);
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
