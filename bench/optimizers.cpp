// The optimizers' updates: GB/s of what they read and write, and the fraction of the bandwidth that a loop of
// the same traffic without arithmetic reaches at the same size, measured in this process.
//
//   optimizers [--benchmark_filter=adam]     threads: OMP_NUM_THREADS, level: PYKERNELS_ISA
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "check.h"
#include "kernels/optimizer.h"
#include "kernels/table.h"

namespace pk {
namespace {

// w and two slots to update, and a gradient.
struct Arrays {
  explicit Arrays(int64_t n) : count(n), stride(n + 272), data(static_cast<std::size_t>(4 * stride)) {
    for (int64_t i = 0; i < n; ++i) gradient()[i] = static_cast<float>(i % 1013 - 500) * 1e-3F;
  }
  float* array(int i) { return data.data() + i * stride; }
  float* gradient() { return array(3); }

  int64_t count, stride;  // the arrays do not begin at the same place of a page
  std::vector<float> data;
};

// What is measured: a row of updates.def, with scalars in the order of that row.
struct Case {
  const char* name;
  Update update;
  UpdateScalars<float> scalars;
  // Takes w and its slots to what they are one update later, in double.
  void (*expected)(double (&a)[3], double g);

  int written() const { return 1 + row_of(update).slots; }  // arrays; one more is read
  void run(Arrays& a) const {
    float* const slots[max_update_slots] = {a.array(1), a.array(2), nullptr};
    pk::update<float>(update, scalars, a.count, a.array(0), slots, a.gradient());
  }
};

double square(double x) { return x * x; }

const Case cases[] = {
    {"sgd", Update::sgd, {0, {1e-3F}}, [](double (&a)[3], double g) { a[0] -= 1e-3 * g; }},
    {"sgd_momentum",
     Update::sgd_momentum,
     {0, {1e-3F, 0.9F}},
     [](double (&a)[3], double g) {
       a[1] = 0.9 * a[1] - 1e-3 * g;
       a[0] += a[1];
     }},
    {"rmsprop",
     Update::rmsprop,
     {0, {1e-3F, 0.9F, 0.1F, 1e-7F}},
     [](double (&a)[3], double g) {
       a[1] = 0.9 * a[1] + 0.1 * g * g;
       a[0] -= 1e-3 * g / std::sqrt(a[1] + 1e-7);
     }},
    {"adam",
     Update::adam,
     {0, {1e-3F, 0.1F, 1e-3F, 1e-7F}},
     [](double (&a)[3], double g) {
       a[1] += (g - a[1]) * 0.1;
       a[2] += (g * g - a[2]) * 1e-3;
       a[0] -= a[1] * 1e-3 / (std::sqrt(a[2]) + 1e-7);
     }},
    {"adamw",
     Update::adam,
     {4e-6F, {1e-3F, 0.1F, 1e-3F, 1e-7F}},
     [](double (&a)[3], double g) {
       a[1] += (g - a[1]) * 0.1;
       a[2] += (g * g - a[2]) * 1e-3;
       a[0] -= 4e-6 * a[0] + a[1] * 1e-3 / (std::sqrt(a[2]) + 1e-7);
     }},
    {"adagrad",
     Update::adagrad,
     {0, {1e-3F, 1e-7F}},
     [](double (&a)[3], double g) {
       a[1] += g * g;
       a[0] -= 1e-3 * g / std::sqrt(a[1] + 1e-7);
     }},
    {"adadelta",
     Update::adadelta,
     {0, {1e-3F, 0.95F, 0.05F, 1e-7F}},
     [](double (&a)[3], double g) {
       a[1] = 0.95 * a[1] + 0.05 * g * g;
       const double delta = std::sqrt(a[2] + 1e-7) * g / std::sqrt(a[1] + 1e-7);
       a[2] = 0.95 * a[2] + 0.05 * delta * delta;
       a[0] -= 1e-3 * delta;
     }},
    {"adamax",
     Update::adamax,
     {0, {1e-3F, 0.1F, 0.999F, 1e-7F}},
     [](double (&a)[3], double g) {
       a[1] += (g - a[1]) * 0.1;
       a[2] = std::max(0.999 * a[2], std::fabs(g));
       a[0] -= 1e-3 * a[1] / (a[2] + 1e-7);
     }},
    {"nadam",
     Update::nadam,
     {0, {1e-3F, 1e-4F, 1, 0.1F, 1e-3F, 1e-7F}},
     [](double (&a)[3], double g) {
       a[1] += (g - a[1]) * 0.1;
       a[2] += (g * g - a[2]) * 1e-3;
       a[0] -= (1e-3 * a[1] + 1e-4 * g) / (std::sqrt(a[2]) + 1e-7);
     }},
    {"lion",
     Update::lion,
     {0, {1e-3F, 0.9F, 0.1F, 0.99F, 0.01F}},
     [](double (&a)[3], double g) {
       const double c = 0.9 * a[1] + 0.1 * g;
       a[0] -= c > 0 ? 1e-3 : (c < 0 ? -1e-3 : 0);
       a[1] = 0.99 * a[1] + 0.01 * g;
     }},
    {"ftrl",
     Update::ftrl_root,
     {0, {1e3F, 0, 1e-3F, 0}},
     [](double (&a)[3], double g) {
       const double before = std::sqrt(a[1]);
       a[1] += g * g;
       a[2] += g - (std::sqrt(a[1]) - before) * 1e3 * a[0];
       a[0] = -a[2] / (std::sqrt(a[1]) * 1e3 + 1e-3);
     }},
    {"schedule_free",
     Update::schedule_free,
     {0, {1e-3F, 0.9F, 1 / 0.9F, 0.1F, 1e-3F, 1, 1e-8F, 0.01F}},
     [](double (&a)[3], double g) {
       double x = (a[0] - 0.1 * a[1]) / 0.9;
       a[2] += (square(g) - a[2]) * 1e-3;
       a[1] -= 1e-3 * g / (std::sqrt(a[2]) + 1e-8);
       x += (a[1] - x) * 0.01;
       a[0] = 0.1 * a[1] + 0.9 * x;
     }},
};

// One more update of arrays that have been through many.
void check(Arrays& a, const Case& u) {
  const std::vector<float> before = a.data;
  u.run(a);
  for (const int64_t i : bench::samples(a.count)) {
    double want[3];
    for (int k = 0; k < 3; ++k) want[k] = before[static_cast<std::size_t>(k * a.stride + i)];
    u.expected(want, a.gradient()[i]);
    for (int k = 0; k < u.written(); ++k) {
      bench::check(u.name, i, a.array(k)[i], want[k], 16 * bench::eps * (std::fabs(want[k]) + 1e-3));
    }
  }
}

// y_k += g for the `written` first arrays, cut into threads as the updates are.
template <int written>
void touch(Arrays& a) {
  parallel_ranges(a.count, 16384, 0.6 * static_cast<double>(a.count), [&](int64_t begin, int64_t end) {
    // Spans short enough for L1, so that each is one plain loop over two arrays and g comes from memory once.
    for (int64_t i = begin; i < end; i += 1024) {
      const int64_t stop = std::min(end, i + 1024);
      for (int k = 0; k < written; ++k) {
        float* __restrict y = a.array(k);
        const float* __restrict g = a.gradient();
        for (int64_t j = i; j < stop; ++j) y[j] += g[j];
      }
    }
  });
}

void touch(Arrays& a, int written) {
  if (written == 1) touch<1>(a);
  if (written == 2) touch<2>(a);
  if (written == 3) touch<3>(a);
}

double bytes_of(const Arrays& a, const Case& u) {
  return static_cast<double>(a.count) * sizeof(float) * (1 + 2 * u.written());
}

// GB/s of that traffic, the best of several runs.
double bandwidth(Arrays& a, const Case& u) {
  using Clock = std::chrono::steady_clock;
  const int64_t repeats = std::max<int64_t>(1, 4000000 / a.count);
  double best = 0;
  for (int round = 0; round < 10; ++round) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < repeats; ++i) {
      touch(a, u.written());
      benchmark::ClobberMemory();
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    best = std::max(best, bytes_of(a, u) * static_cast<double>(repeats) / seconds / 1e9);
  }
  return best;
}

void run(benchmark::State& state, const Case& u) {
  Arrays a(state.range(0));
  const double limit = bandwidth(a, u);
  a = Arrays(state.range(0));  // what that left behind, negative second moments, would be NaN after an update
  for (auto _ : state) {
    u.run(a);
    benchmark::ClobberMemory();
  }
  check(a, u);
  const double total = bytes_of(a, u) * static_cast<double>(state.iterations()) / 1e9;
  state.counters["GB/s"] = benchmark::Counter(total, benchmark::Counter::kIsRate);
  state.counters["of_limit"] = benchmark::Counter(total / limit, benchmark::Counter::kIsRate);
  state.SetLabel(name_of(kernels().isa));
}

}  // namespace
}  // namespace pk

int main(int argc, char** argv) {
  for (const pk::Case& u : pk::cases) {
    // Elements: four arrays of them in L2 (128 KB, 512 KB), in L3 (4 MB), and beyond every cache (256 MB).
    benchmark::RegisterBenchmark(u.name, [&u](benchmark::State& s) { pk::run(s, u); })
        ->Arg(8 << 10)
        ->Arg(32 << 10)
        ->Arg(256 << 10)
        ->Arg(16 << 20)
        ->UseRealTime();
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
