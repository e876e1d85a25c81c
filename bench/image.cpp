// Resizing and maps of images: GB/s of what must be read and written once, beside the bandwidth of a copy of as many
// bytes in this process (two threads may pass it). Large results live in memory, not in the caches.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "check.h"
#include "kernels/resample.h"
#include "kernels/transform.h"
#include "peak.h"

namespace pk {
namespace {

struct Free {
  void operator()(void* p) const { std::free(p); }
};
using Memory = std::unique_ptr<char, Free>;

// Elements with values from 1 to 2 (or 0 to 250) that differ from their neighbours'.
Memory memory(int64_t elements, DType dtype = DType::f32) {
  const int64_t bytes = elements * static_cast<int64_t>(size_of(dtype));
  if (bytes <= 0 || bytes > (int64_t{1} << 40)) throw std::bad_alloc();
  char* p = static_cast<char*>(std::aligned_alloc(64, static_cast<std::size_t>((bytes + 63) / 64 * 64)));
  for (int64_t i = 0; i < elements; ++i) {
    const std::uint32_t value = static_cast<std::uint32_t>(i) * 2654435761U % 251U;
    if (dtype == DType::u8) {
      p[i] = static_cast<char>(value);
    } else {
      reinterpret_cast<float*>(p)[i] = 1.0F + static_cast<float>(value) / 251.0F;
    }
  }
  return Memory(p);
}

float* floats(const Memory& m) { return reinterpret_cast<float*>(m.get()); }

void report(benchmark::State& state, char* y, const char* x, int64_t x_bytes, int64_t y_bytes) {
  const int64_t least = x_bytes < y_bytes ? x_bytes : y_bytes;
  const double copy = bench::copy_gbs(y, x, static_cast<std::size_t>(least));
  const double moved = static_cast<double>(x_bytes + y_bytes) * static_cast<double>(state.iterations()) / 1e9;
  state.counters["GB/s"] = benchmark::Counter(moved, benchmark::Counter::kIsRate);
  state.counters["of_copy"] = benchmark::Counter(moved / copy, benchmark::Counter::kIsRate);
}

// What new position `i` of an axis takes from old position `j` (kernels/resample.h).
double weight(ResizeMethod method, int64_t i, int64_t j, int64_t old_size, int64_t new_size) {
  if (method == ResizeMethod::nearest) return (2 * i + 1) * old_size / (2 * new_size) == j ? 1 : 0;
  double at = (static_cast<double>(i) + 0.5) * static_cast<double>(old_size) / static_cast<double>(new_size) - 0.5;
  at = std::min(std::max(at, 0.0), static_cast<double>(old_size - 1));
  return std::max(0.0, 1 - std::fabs(at - static_cast<double>(j)));
}

void check(const ResizeShape& s, ResizeMethod method, const float* x, const float* y, bool backward) {
  const int64_t height = backward ? s.h : s.p, width = backward ? s.w : s.q;  // of the result
  const int64_t rows = backward ? s.p : s.h, columns = backward ? s.q : s.w;  // of what it is made of
  const float *result = backward ? x : y, *source = backward ? y : x;
  for (const int64_t at : bench::samples(s.n * height * width * s.c)) {
    const int64_t c = at % s.c, q = at / s.c % width, p = at / s.c / width % height, n = at / s.c / width / height;
    bench::Sum sum;
    for (int64_t h = 0; h < rows; ++h) {
      const double down = backward ? weight(method, h, p, s.h, s.p) : weight(method, p, h, s.h, s.p);
      for (int64_t w = 0; w < columns && down > 0; ++w) {
        const double across = backward ? weight(method, w, q, s.w, s.q) : weight(method, q, w, s.w, s.q);
        if (across > 0) sum.add(down * across * double{source[((n * rows + h) * columns + w) * s.c + c]});
      }
    }
    bench::check(backward ? "gradient of resizing" : "resizing", at, result[at], sum.value, sum.bound());
  }
}

// Arguments: n, extent, new extent, channels.
void resize(benchmark::State& state, ResizeMethod method, bool backward) {
  const ResizeShape s{state.range(0), state.range(1), state.range(1), state.range(3), state.range(2), state.range(2)};
  const int64_t small = s.n * s.h * s.w * s.c * 4, large = s.n * s.p * s.q * s.c * 4;
  const Memory x = memory(small / 4), y = memory(large / 4);
  const Resize2d plan(DType::f32, s, method, false);
  for (auto _ : state) {
    if (backward) {
      plan.gradient(y.get(), x.get());
    } else {
      plan.run(x.get(), y.get());
    }
  }
  check(s, method, floats(x), floats(y), backward);
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

int64_t reflected(int64_t i, int64_t size) {
  const int64_t period = 2 * size, at = ((i % period) + period) % period;
  return at < size ? at : period - 1 - at;
}

// Bilinear, reflected at the edges (kernels/transform.h).
void check(const TransformShape& s, const float (&m)[8], DType dtype, const char* x, const float* y) {
  const double range = dtype == DType::u8 ? 250 : 1;
  for (const int64_t at : bench::samples(s.n * s.p * s.q * s.c)) {
    const int64_t c = at % s.c, q = at / s.c % s.q, p = at / s.c / s.q % s.p, n = at / s.c / s.q / s.p;
    const double column = double{m[0]} * static_cast<double>(q) + double{m[1]} * static_cast<double>(p) + double{m[2]};
    const double row = double{m[3]} * static_cast<double>(q) + double{m[4]} * static_cast<double>(p) + double{m[5]};
    const double top = std::floor(row), left = std::floor(column);
    double want = 0;
    for (int i = 0; i < 4; ++i) {
      const int64_t h = reflected(static_cast<int64_t>(top) + i / 2, s.h);
      const int64_t w = reflected(static_cast<int64_t>(left) + i % 2, s.w);
      const int64_t from = ((n * s.h + h) * s.w + w) * s.c + c;
      const double value =
          dtype == DType::u8 ? static_cast<unsigned char>(x[from]) : double{reinterpret_cast<const float*>(x)[from]};
      want += value * (i / 2 == 1 ? row - top : 1 - row + top) * (i % 2 == 1 ? column - left : 1 - column + left);
    }
    // Positions of some hundreds in float are off by some 1e-5, and neighbours differ by the whole range.
    bench::check("affine map", at, y[at], want, 1e-3 * range);
  }
}

// Arguments: n, extent, channels.
void map(benchmark::State& state, const float (&m)[8], DType dtype) {
  TransformShape s;
  s.n = state.range(0);
  s.h = s.w = s.p = s.q = state.range(1);
  s.c = state.range(2);
  s.fill = Fill::reflect;
  const int64_t size = s.n * s.h * s.w * s.c, element = static_cast<int64_t>(size_of(dtype));
  const Memory x = memory(size, dtype), y = memory(size), maps = memory(s.n * 8);
  for (int64_t i = 0; i < s.n * 8; ++i) floats(maps)[i] = m[i % 8];
  for (auto _ : state) transform_images(dtype, s, x.get(), floats(maps), y.get());
  check(s, m, dtype, x.get(), floats(y));
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
