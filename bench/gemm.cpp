// GEMM beside the machine's limits: GFLOP/s, the fraction of one thread's multiply-add peak measured in this
// process, and GB/s of the operands counted once. Operands are warm where they fit the caches. Arguments of each
// case: form (0 NN, 1 TN, 2 NT), m, n, k, threads. The level is the one in force (PYKERNELS_ISA).
#include <benchmark/benchmark.h>

#include <random>
#include <string>
#include <vector>

#include "../tests/cpp/calls.h"
#include "base/buffer.h"
#include "base/parallel.h"
#include "check.h"
#include "kernels/gemm.h"
#include "kernels/table.h"
#include "peak.h"

namespace pk {
namespace {

double peak() {
  static const double gflops = bench::peak_gflops(kernels().isa);
  return gflops;
}

Buffer filled(int64_t n, unsigned seed) {
  Buffer b(static_cast<std::size_t>(n) * sizeof(float));
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (int64_t i = 0; i < n; ++i) b.as<float>()[i] = uniform(random);
  return b;
}

void check(const GemmArgs<float>& g) {
  const std::string what = "gemm " + std::to_string(g.m) + " x " + std::to_string(g.n) + " x " + std::to_string(g.k);
  for (const int64_t at : bench::samples(g.m * g.n)) {
    const int64_t i = at / g.n, j = at % g.n;
    bench::Sum sum;
    for (int64_t p = 0; p < g.k; ++p) {
      sum.add(double{g.trans_a ? g.a[p * g.lda + i] : g.a[i * g.lda + p]} *
              double{g.trans_b ? g.b[j * g.ldb + p] : g.b[p * g.ldb + j]});
    }
    bench::check(what, at, g.c[at], sum.value, sum.bound());
  }
}

void product(benchmark::State& state) {
  GemmArgs<float> g;
  g.trans_a = state.range(0) == 1;
  g.trans_b = state.range(0) == 2;
  g.m = state.range(1);
  g.n = state.range(2);
  g.k = state.range(3);
  const int before = num_threads();
  set_num_threads(static_cast<int>(state.range(4)));
  const Buffer a = filled(g.m * g.k, 1), b = filled(g.k * g.n, 2), c = filled(g.m * g.n, 3);
  const Buffer scratch(gemm_scratch_bytes(g));
  g.a = a.as<float>();
  g.b = b.as<float>();
  g.c = c.as<float>();
  g.lda = g.trans_a ? g.m : g.k;
  g.ldb = g.trans_b ? g.k : g.n;
  g.ldc = g.n;
  for (auto _ : state) {
    gemm(g, scratch.data());
    benchmark::ClobberMemory();
  }
  check(g);
  const double flops = 2.0 * static_cast<double>(g.m) * static_cast<double>(g.n) * static_cast<double>(g.k);
  const double bytes = 4.0 * static_cast<double>(g.m * g.k + g.k * g.n + g.m * g.n);
  const double runs = static_cast<double>(state.iterations());
  using benchmark::Counter;
  state.counters["GFLOP/s"] = Counter(flops * runs / 1e9, Counter::kIsRate);
  state.counters["of_peak"] = Counter(flops * runs / 1e9 / peak(), Counter::kIsRate);
  state.counters["GB/s"] = Counter(bytes * runs / 1e9, Counter::kIsRate);
  state.SetLabel(std::string(name_of(kernels().isa)) + (g.trans_a ? " TN" : g.trans_b ? " NT" : " NN"));
  set_num_threads(before);
}

void fma_peak(benchmark::State& state) {
  double gflops = 0;
  for (auto _ : state) gflops = bench::peak_gflops(kernels().isa);
  state.counters["GFLOP/s"] = gflops;
  state.SetLabel(name_of(kernels().isa));
}
BENCHMARK(fma_peak)->Iterations(1)->Unit(benchmark::kMillisecond);

void squares(benchmark::internal::Benchmark* b) {
  for (int64_t n : {256, 512, 768, 1000, 1024, 1536, 2048}) {
    for (int64_t threads : {1, 2}) b->Args({0, n, n, n, threads});
  }
  for (int64_t form : {1, 2}) b->Args({form, 1024, 1024, 1024, 1});
}
BENCHMARK(product)->Name("square")->Apply(squares)->UseRealTime()->Unit(benchmark::kMicrosecond);

// y = x W (batch, in) (in, out); dx = dy W^T; dW = x^T dy.
void dense(benchmark::internal::Benchmark* b) {
  const int64_t layers[][2] = {{784, 10}, {784, 500}, {500, 500}, {500, 10}, {3072, 500}, {1024, 1024}, {4096, 4096}};
  for (const auto& layer : layers) {
    const int64_t in = layer[0], out = layer[1];
    for (int64_t batch : {1, 10, 64, 256}) {
      b->Args({0, batch, out, in, 1});
      b->Args({2, batch, in, out, 1});
      b->Args({1, in, out, batch, 1});
    }
  }
}
BENCHMARK(product)->Name("dense")->Apply(dense)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace pk

BENCHMARK_MAIN();
