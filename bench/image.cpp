// Resizing and maps of images: GB/s of what must be read and written once, beside the bandwidth of a copy of as many
// bytes in this process (two threads may pass it). Large results live in memory, not in the caches.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <memory>

#include "kernels/resample.h"
#include "kernels/transform.h"
#include "peak.h"

namespace pk {
namespace {

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using Memory = std::unique_ptr<char, Free>;

Memory memory(int64_t bytes) {
  char* p = static_cast<char*>(std::aligned_alloc(64, static_cast<std::size_t>((bytes + 63) / 64 * 64)));
  for (int64_t i = 0; i < bytes; ++i) p[i] = static_cast<char>(0x3e + i % 2);  // no subnormals
  return Memory(p);
}

void report(benchmark::State& state, char* y, const char* x, int64_t x_bytes, int64_t y_bytes) {
  const int64_t least = x_bytes < y_bytes ? x_bytes : y_bytes;
  const double copy = bench::copy_gbs(y, x, static_cast<std::size_t>(least));
  const double moved = static_cast<double>(x_bytes + y_bytes) * static_cast<double>(state.iterations()) / 1e9;
  state.counters["GB/s"] = benchmark::Counter(moved, benchmark::Counter::kIsRate);
  state.counters["of_copy"] = benchmark::Counter(moved / copy, benchmark::Counter::kIsRate);
}

// Arguments: n, extent, new extent, channels.
void resize(benchmark::State& state, ResizeMethod method, bool backward) {
  const ResizeShape s{state.range(0), state.range(1), state.range(1), state.range(3), state.range(2), state.range(2)};
  const int64_t small = s.n * s.h * s.w * s.c * 4, large = s.n * s.p * s.q * s.c * 4;
  const Memory x = memory(small), y = memory(large);
  const Resize2d plan(DType::f32, s, method, false);
  for (auto _ : state) {
    if (backward) {
      plan.gradient(y.get(), x.get());
    } else {
      plan.run(x.get(), y.get());
    }
  }
  report(state, y.get(), x.get(), small, large);
}

void nearest(benchmark::State& state) { resize(state, ResizeMethod::nearest, false); }
void nearest_backward(benchmark::State& state) { resize(state, ResizeMethod::nearest, true); }
void bilinear(benchmark::State& state) { resize(state, ResizeMethod::bilinear, false); }
void bilinear_backward(benchmark::State& state) { resize(state, ResizeMethod::bilinear, true); }

void enlarge(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "extent", "new", "channels"})
      ->Args({16, 56, 112, 64})
      ->Args({16, 28, 56, 256})
      ->Args({64, 32, 64, 32})
      ->Args({32, 224, 448, 3})
      ->UseRealTime();
}
void shrink(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "extent", "new", "channels"})->Args({32, 256, 224, 3})->Args({32, 480, 224, 3})->UseRealTime();
}

BENCHMARK(nearest)->Apply(enlarge);
BENCHMARK(nearest_backward)->Apply(enlarge);
BENCHMARK(bilinear)->Apply(enlarge)->Apply(shrink);
BENCHMARK(bilinear_backward)->Apply(enlarge);

// Arguments: n, extent, channels.
void map(benchmark::State& state, const float (&m)[8], DType dtype) {
  TransformShape s;
  s.n = state.range(0);
  s.h = s.w = s.p = s.q = state.range(1);
  s.c = state.range(2);
  s.fill = Fill::reflect;
  const int64_t size = s.n * s.h * s.w * s.c, element = static_cast<int64_t>(size_of(dtype));
  const Memory x = memory(size * element), y = memory(size * 4), maps = memory(s.n * 32);
  for (int64_t i = 0; i < s.n * 8; ++i) reinterpret_cast<float*>(maps.get())[i] = m[i % 8];
  for (auto _ : state) {
    transform_images(dtype, s, x.get(), reinterpret_cast<const float*>(maps.get()), y.get());
  }
  report(state, y.get(), x.get(), size * element, size * 4);
}

// About 10 degrees about the middle of 224 x 224; a mirrored image; one moved by broken numbers.
constexpr float kRotation[8] = {0.985F, -0.174F, 21.1F, 0.174F, 0.985F, -17.7F, 0, 0};
constexpr float kFlip[8] = {-1, 0, 223, 0, 1, 0, 0, 0};
constexpr float kMove[8] = {1, 0, 7.3F, 0, 1, -11.6F, 0, 0};

void rotate(benchmark::State& state) { map(state, kRotation, DType::f32); }
void rotate_u8(benchmark::State& state) { map(state, kRotation, DType::u8); }
void flip(benchmark::State& state) { map(state, kFlip, DType::f32); }
void flip_u8(benchmark::State& state) { map(state, kFlip, DType::u8); }
void move(benchmark::State& state) { map(state, kMove, DType::f32); }

void photos(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "extent", "channels"})->Args({64, 224, 3})->UseRealTime();
}

BENCHMARK(rotate)->Apply(photos);
BENCHMARK(rotate_u8)->Apply(photos);
BENCHMARK(flip)->Apply(photos);
BENCHMARK(flip_u8)->Apply(photos);
BENCHMARK(move)->Apply(photos);

}  // namespace
}  // namespace pk

BENCHMARK_MAIN();
