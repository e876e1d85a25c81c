// Max and average pooling, forward and backward: GB/s of what must be read and written once, beside the bandwidth of a
// copy in this process. Arguments: images, height (and width), channels, window; the stride is 2.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "check.h"
#include "kernels/pool2d.h"
#include "peak.h"

namespace pk {
namespace {

PoolShape shape_of(const benchmark::State& state) {
  PoolShape s{};
  s.n = state.range(0), s.h = s.w = state.range(1), s.c = state.range(2);
  s.window_h = s.window_w = state.range(3);
  s.stride_h = s.stride_w = 2;
  s.p = s.q = (s.h - s.window_h) / s.stride_h + 1;
  return s;
}

struct Data {
  explicit Data(const benchmark::State& state)
      : shape(shape_of(state)),
        pool(DType::f32, shape),
        x(static_cast<std::size_t>(shape.n * shape.h * shape.w * shape.c)),
        y(static_cast<std::size_t>(shape.n * shape.p * shape.q * shape.c)),
        index(y.size()) {
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 2654435761U % 1009) - 500.0F;
    pool.max(x.data(), y.data(), index.data());
  }

  PoolShape shape;
  Pool2d pool;
  std::vector<float> x, y;
  std::vector<std::uint8_t> index;
};

void report(benchmark::State& state, Data& d, std::size_t bytes) {
  const std::size_t half = d.x.size() * sizeof(float) / 2;
  char* at = reinterpret_cast<char*>(d.x.data());
  const double copy = bench::copy_gbs(at, at + half, half);
  const double moved = static_cast<double>(bytes) * static_cast<double>(state.iterations()) / 1e9;
  state.counters["GB/s"] = benchmark::Counter(moved, benchmark::Counter::kIsRate);
  state.counters["of_copy"] = benchmark::Counter(moved / copy, benchmark::Counter::kIsRate);
}

std::size_t floats(const Data& d) { return (d.x.size() + d.y.size()) * sizeof(float); }

// The windows of the definition (kernels/pool2d.h): there is no padding here.
void check_forward(const Data& d, bool maximum, bool index) {
  const PoolShape& s = d.shape;
  for (const int64_t at : bench::samples(static_cast<int64_t>(d.y.size()))) {
    const int64_t c = at % s.c, q = at / s.c % s.q, p = at / s.c / s.q % s.p, n = at / s.c / s.q / s.p;
    double most = -1e30, sum = 0;
    int64_t first = -1;
    for (int64_t i = 0; i < s.window_h * s.window_w; ++i) {
      const int64_t h = p * s.stride_h + i / s.window_w, w = q * s.stride_w + i % s.window_w;
      const double value = d.x[static_cast<std::size_t>(((n * s.h + h) * s.w + w) * s.c + c)];
      sum += value;
      if (value > most) most = value, first = i;
    }
    const auto place = static_cast<std::size_t>(at);
    const double mean = sum / static_cast<double>(s.window_h * s.window_w);
    bench::check(maximum ? "max_pool2d" : "average_pool2d", at, d.y[place], maximum ? most : mean,
                 maximum ? 0 : 16 * 500 * bench::eps);
    if (index) bench::check("max_pool2d, index", at, d.index[place], static_cast<double>(first), 0);
  }
}

void check_gradient(const Data& d, bool maximum) {
  const PoolShape& s = d.shape;
  for (const int64_t at : bench::samples(static_cast<int64_t>(d.x.size()))) {
    const int64_t c = at % s.c, w = at / s.c % s.w, h = at / s.c / s.w % s.h, n = at / s.c / s.w / s.h;
    double sum = 0;
    for (int64_t i = 0; i < s.window_h * s.window_w; ++i) {
      const int64_t p = h - i / s.window_w, q = w - i % s.window_w;
      if (p < 0 || q < 0 || p % s.stride_h != 0 || q % s.stride_w != 0) continue;
      if (p / s.stride_h >= s.p || q / s.stride_w >= s.q) continue;
      const auto out = static_cast<std::size_t>(((n * s.p + p / s.stride_h) * s.q + q / s.stride_w) * s.c + c);
      if (!maximum) sum += double{d.y[out]} / static_cast<double>(s.window_h * s.window_w);
      if (maximum && d.index[out] == i) sum += double{d.y[out]};
    }
    bench::check(maximum ? "max_pool2d_grad" : "average_pool2d_grad", at, d.x[static_cast<std::size_t>(at)], sum,
                 16 * 500 * bench::eps);
  }
}

void max_pool2d(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) d.pool.max(d.x.data(), d.y.data(), nullptr);
  check_forward(d, true, false);
  report(state, d, floats(d));
}

void max_pool2d_with_index(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) d.pool.max(d.x.data(), d.y.data(), d.index.data());
  check_forward(d, true, true);
  report(state, d, floats(d) + d.index.size());
}

void max_pool2d_grad(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) d.pool.max_grad(d.index.data(), d.y.data(), d.x.data());
  check_gradient(d, true);
  report(state, d, floats(d) + d.index.size());
}

void average_pool2d(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) d.pool.average(d.x.data(), d.y.data());
  check_forward(d, false, false);
  report(state, d, floats(d));
}

void average_pool2d_grad(benchmark::State& state) {
  Data d(state);
  for (auto _ : state) d.pool.average_grad(d.y.data(), d.x.data());
  check_gradient(d, false);
  report(state, d, floats(d));
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "hw", "c", "window"})
      ->Args({16, 224, 32, 2})
      ->Args({16, 112, 64, 2})
      ->Args({64, 64, 32, 2})
      ->Args({128, 26, 32, 2})
      ->Args({16, 112, 64, 3})
      ->UseRealTime()
      ->Unit(benchmark::kMillisecond);
}

BENCHMARK(max_pool2d)->Apply(shapes);
BENCHMARK(max_pool2d_with_index)->Apply(shapes);
BENCHMARK(max_pool2d_grad)->Apply(shapes);
BENCHMARK(average_pool2d)->Apply(shapes);
BENCHMARK(average_pool2d_grad)->Apply(shapes);

}  // namespace
}  // namespace pk

BENCHMARK_MAIN();
