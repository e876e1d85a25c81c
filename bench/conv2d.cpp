// Convolution beside the machine's limit: GFLOP/s as the definition counts them (so that Winograd may pass 1) and the
// fraction of the multiply-add peak of as many threads. The peak is measured anew before every run and for as long,
// because what a shared machine grants changes from second to second, and a short burst gets more of it than any
// work can keep; all figures are medians over the runs. `cpu_of_peak` divides by
// the processor time that the process got instead of the time that passed: what the code reaches while others make it
// wait; `best` is the best run's share of the best peak. --batch=N replaces the layers' batch sizes. Weights are packed
// within each run, as in training, but for `infer`. A case is pass/algorithm/layer; the level is the one in force
// (PYKERNELS_ISA), the threads those of OMP_NUM_THREADS.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/buffer.h"
#include "base/parallel.h"
#include "check.h"
#include "kernels/conv2d.h"
#include "kernels/table.h"
#include "peak.h"

namespace pk {
namespace {

// GFLOP/s of all threads at once (cores that share power or a clock do less together than alone), over `seconds`.
double peak(double seconds) {
  const int threads = num_threads();
  std::vector<double> each(static_cast<std::size_t>(threads));
  std::vector<std::thread> team;
  std::atomic<int> ready{0};
  for (double& gflops : each) {
    team.emplace_back([&gflops, &ready, threads, seconds] {
      float out[3] = {0.5F, 1.0F, 0.0F};
      ++ready;
      while (ready < threads) {
      }
      const auto start = bench::Clock::now();
      double flops = 0, passed = 0;
      while (passed < seconds) {
        flops += bench::fma_rounds(kernels().isa)(20000, out);
        passed = bench::seconds_since(start);
      }
      gflops = flops / passed / 1e9;
      volatile float keep = out[2];
      static_cast<void>(keep);
    });
  }
  for (std::thread& t : team) t.join();
  double sum = 0;
  for (const double gflops : each) sum += gflops;
  return sum;
}

double processor_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double highest(const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); }

double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

struct Layer {
  const char* name;
  int64_t n, h, w, c, window, k;
  int64_t stride = 1, dilation = 1, groups = 1;
};

const Layer layers[] = {
    {"224x224x32-32", 16, 224, 224, 32, 3, 32},
    {"112x112x64-64", 16, 112, 112, 64, 3, 64},
    {"56x56x128-128", 16, 56, 56, 128, 3, 128},
    {"28x28x256-256", 16, 28, 28, 256, 3, 256},
    {"first_224x224x3-32", 16, 224, 224, 3, 3, 32},
    {"64x64x32-32", 64, 64, 64, 32, 3, 32},
    {"32x32x64-64", 64, 32, 32, 64, 3, 64},
    {"16x16x128-128", 64, 16, 16, 128, 3, 128},
    {"8x8x256-256", 64, 8, 8, 256, 3, 256},
    {"first_64x64x3-32", 64, 64, 64, 3, 3, 32},
    {"first_28x28x1-32", 128, 28, 28, 1, 3, 32},
    {"13x13x32-64", 128, 13, 13, 32, 3, 64},
    {"1x1_56x56x256-64", 16, 56, 56, 256, 1, 64},
    {"1x1_14x14x256-1024", 16, 14, 14, 256, 1, 1024},
    {"strided_1x1_56x56x256-512", 16, 56, 56, 256, 1, 512, 2},
    {"strided_56x56x128-128", 16, 56, 56, 128, 3, 128, 2},
    {"stem_224x224x3-64_7x7", 16, 224, 224, 3, 7, 64, 2},
    {"dilated_56x56x64-64", 16, 56, 56, 64, 3, 64, 1, 2},
    {"grouped_56x56x128-128", 16, 56, 56, 128, 3, 128, 1, 1, 32},
    {"vgg_224x224x64-64", 1, 224, 224, 64, 3, 64},
    {"vgg_112x112x128-128", 1, 112, 112, 128, 3, 128},
    {"vgg_56x56x256-256", 1, 56, 56, 256, 3, 256},
    {"vgg_28x28x512-512", 1, 28, 28, 512, 3, 512},
    {"vgg_14x14x512-512", 1, 14, 14, 512, 3, 512},
    {"resnet_7x7x512-512", 16, 7, 7, 512, 3, 512},
};

// With Keras's `same` padding.
Conv2dShape shape_of(const Layer& l) {
  Conv2dShape s;
  s.n = l.n, s.h = l.h, s.w = l.w, s.c = l.c, s.k = l.k;
  s.r = s.s = l.window;
  s.groups = l.groups;
  s.stride_h = s.stride_w = l.stride;
  s.dilation_h = s.dilation_w = l.dilation;
  const auto axis = [&](int64_t in, int64_t& out, int64_t& before, int64_t& after) {
    out = (in + l.stride - 1) / l.stride;
    const int64_t pad = std::max<int64_t>(0, (out - 1) * l.stride + (l.window - 1) * l.dilation + 1 - in);
    before = pad / 2;
    after = pad - before;
  };
  axis(s.h, s.p, s.pad_top, s.pad_bottom);
  axis(s.w, s.q, s.pad_left, s.pad_right);
  return s;
}

Buffer filled(int64_t n, unsigned seed) {
  Buffer b(static_cast<std::size_t>(n) * sizeof(float));
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> uniform(-1, 1);
  for (int64_t i = 0; i < n; ++i) b.as<float>()[i] = uniform(random);
  return b;
}

// Elements of the result as the definition has them (kernels/conv2d.h).
struct Reference {
  const Conv2dShape& s;
  const ConvRun<float>& run;

  float x(int64_t n, int64_t h, int64_t w, int64_t c) const { return run.x[((n * s.h + h) * s.w + w) * s.c + c]; }
  float dy(int64_t n, int64_t p, int64_t q, int64_t k) const { return run.dy[((n * s.p + p) * s.q + q) * s.k + k]; }
  float weight(int64_t i, int64_t j, int64_t c, int64_t k) const {
    return run.w[((i * s.s + j) * (s.c / s.groups) + c) * s.k + k];
  }

  bench::Sum forward(int64_t at) const {
    const int64_t k = at % s.k, q = at / s.k % s.q, p = at / s.k / s.q % s.p, n = at / s.k / s.q / s.p;
    const int64_t channels = s.c / s.groups, first = k / (s.k / s.groups) * channels;
    bench::Sum sum;
    for (int64_t i = 0; i < s.r; ++i) {
      for (int64_t j = 0; j < s.s; ++j) {
        const int64_t h = p * s.stride_h - s.pad_top + i * s.dilation_h;
        const int64_t w = q * s.stride_w - s.pad_left + j * s.dilation_w;
        if (h < 0 || h >= s.h || w < 0 || w >= s.w) continue;
        for (int64_t c = 0; c < channels; ++c) sum.add(double{x(n, h, w, first + c)} * double{weight(i, j, c, k)});
      }
    }
    return sum;
  }

  bench::Sum backward_input(int64_t at) const {
    const int64_t c = at % s.c, w = at / s.c % s.w, h = at / s.c / s.w % s.h, n = at / s.c / s.w / s.h;
    const int64_t channels = s.c / s.groups, filters = s.k / s.groups, first = c / channels * filters;
    bench::Sum sum;
    for (int64_t i = 0; i < s.r; ++i) {
      for (int64_t j = 0; j < s.s; ++j) {
        const int64_t p = h + s.pad_top - i * s.dilation_h, q = w + s.pad_left - j * s.dilation_w;
        if (p < 0 || q < 0 || p % s.stride_h != 0 || q % s.stride_w != 0) continue;
        if (p / s.stride_h >= s.p || q / s.stride_w >= s.q) continue;
        for (int64_t k = first; k < first + filters; ++k) {
          sum.add(double{dy(n, p / s.stride_h, q / s.stride_w, k)} * double{weight(i, j, c % channels, k)});
        }
      }
    }
    return sum;
  }

  bench::Sum backward_weights(int64_t at) const {
    const int64_t channels = s.c / s.groups;
    const int64_t k = at % s.k, c = at / s.k % channels, j = at / s.k / channels % s.s, i = at / s.k / channels / s.s;
    const int64_t first = k / (s.k / s.groups) * channels;
    bench::Sum sum;
    for (int64_t n = 0; n < s.n; ++n) {
      for (int64_t p = 0; p < s.p; ++p) {
        for (int64_t q = 0; q < s.q; ++q) {
          const int64_t h = p * s.stride_h - s.pad_top + i * s.dilation_h;
          const int64_t w = q * s.stride_w - s.pad_left + j * s.dilation_w;
          if (h < 0 || h >= s.h || w < 0 || w >= s.w) continue;
          sum.add(double{x(n, h, w, first + c)} * double{dy(n, p, q, k)});
        }
      }
    }
    return sum;
  }
};

void check(const std::string& what, const Conv2dShape& s, ConvPass pass, ConvAlgorithm algorithm,
           const ConvRun<float>& run) {
  const Reference reference{s, run};
  const bool winograd = algorithm == ConvAlgorithm::winograd2 || algorithm == ConvAlgorithm::winograd4;
  const double factor = winograd ? 256 : 16;  // the transforms multiply rounding errors
  const int64_t size = pass == ConvPass::forward          ? s.n * s.p * s.q * s.k
                       : pass == ConvPass::backward_input ? s.n * s.h * s.w * s.c
                                                          : s.r * s.s * s.c / s.groups * s.k;
  for (const int64_t at : bench::samples(size, pass == ConvPass::backward_weights ? 16 : 64)) {
    if (pass == ConvPass::forward) {
      bench::Sum sum = reference.forward(at);
      sum.add(run.epilogue.bias[at % s.k]);
      bench::check(what, at, run.result[at], std::max(0.0, sum.value), sum.bound(factor));
    } else {
      const bench::Sum sum =
          pass == ConvPass::backward_input ? reference.backward_input(at) : reference.backward_weights(at);
      bench::check(what, at, run.result[at], sum.value, sum.bound(factor));
    }
  }
  for (const int64_t k : bench::samples(run.epilogue.dbias != nullptr ? s.k : 0, 4)) {
    bench::Sum sum;
    for (int64_t i = 0; i < s.n * s.p * s.q; ++i) sum.add(run.dy[i * s.k + k]);
    bench::check(what + ", gradient of the bias", k, run.epilogue.dbias[k], sum.value, sum.bound());
  }
}

void convolution(benchmark::State& state, const Layer& layer, ConvPass pass, ConvAlgorithm algorithm, bool packed) {
  const Conv2dShape s = shape_of(layer);
  const Buffer x = filled(s.n * s.h * s.w * s.c, 1), w = filled(s.r * s.s * s.c / s.groups * s.k, 2),
               y = filled(s.n * s.p * s.q * s.k, 3), bias = filled(s.k, 4);
  ConvRun<float> run;
  run.x = x.as<float>();
  run.w = w.as<float>();
  run.dy = y.as<float>();
  run.result = pass == ConvPass::forward          ? y.as<float>()
               : pass == ConvPass::backward_input ? x.as<float>()
                                                  : w.as<float>();
  if (pass == ConvPass::forward) {
    run.epilogue.bias = bias.as<float>();
    run.epilogue.act = Act::relu;
  }
  if (pass == ConvPass::backward_weights) run.epilogue.dbias = bias.as<float>();
  const PlannedConv2d<float> plan(s, pass, algorithm, run.epilogue);
  const Buffer scratch(plan.scratch_bytes()), weights(plan.packed_bytes());
  if (packed && plan.packed_bytes() > 0) {
    plan.pack_weights(w.as<float>(), weights.data());
    run.packed = weights.data();
  }
  const auto warm_up = bench::Clock::now();
  plan.run(run, scratch.data());
  const double about = bench::seconds_since(warm_up);
  std::vector<double> rates, limits, fractions, cpu_fractions;
  for (auto _ : state) {
    const double limit = peak(about);
    const double cpu = processor_seconds();
    const auto start = bench::Clock::now();
    plan.run(run, scratch.data());
    benchmark::ClobberMemory();
    const double seconds = bench::seconds_since(start);
    const double cpu_seconds = (processor_seconds() - cpu) / num_threads();
    state.SetIterationTime(seconds);
    rates.push_back(s.flops() / seconds / 1e9);
    limits.push_back(limit);
    fractions.push_back(rates.back() / limit);
    cpu_fractions.push_back(s.flops() / cpu_seconds / 1e9 / limit);
  }
  check(layer.name, s, pass, plan.algorithm(), run);
  state.counters["GFLOP/s"] = median(rates);
  state.counters["peak"] = median(limits);
  state.counters["of_peak"] = median(fractions);
  state.counters["cpu_of_peak"] = median(cpu_fractions);
  state.counters["best"] = highest(rates) / highest(limits);
  const char* const names[] = {"auto", "direct", "winograd2", "winograd4", "gemm"};
  state.SetLabel(std::string(name_of(kernels().isa)) + " " + names[static_cast<int>(plan.algorithm())] + " " +
                 std::to_string(num_threads()) + " threads");
}

bool possible(const Layer& layer, ConvPass pass, ConvAlgorithm algorithm) {
  try {
    const PlannedConv2d<float> plan(shape_of(layer), pass, algorithm, {});
    return true;
  } catch (const std::invalid_argument&) {
    return false;
  }
}

// batch: images of every layer; 0: the layers' own.
void register_cases(int64_t batch) {
  const struct {
    const char* name;
    ConvPass pass;
    bool packed;
  } passes[] = {{"forward", ConvPass::forward, false},
                {"infer", ConvPass::forward, true},
                {"backward_input", ConvPass::backward_input, false},
                {"backward_weights", ConvPass::backward_weights, false}};
  const struct {
    const char* name;
    ConvAlgorithm algorithm;
  } algorithms[] = {{"auto", ConvAlgorithm::automatic},
                    {"direct", ConvAlgorithm::direct},
                    {"winograd2", ConvAlgorithm::winograd2},
                    {"winograd4", ConvAlgorithm::winograd4},
                    {"gemm", ConvAlgorithm::gemm}};
  for (const auto& pass : passes) {
    for (const auto& algorithm : algorithms) {
      for (Layer layer : layers) {
        if (batch > 0) layer.n = batch;
        if (!possible(layer, pass.pass, algorithm.algorithm)) continue;
        const std::string name = std::string(pass.name) + "/" + algorithm.name + "/" + layer.name;
        benchmark::RegisterBenchmark(name.c_str(), convolution, layer, pass.pass, algorithm.algorithm, pass.packed)
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace
}  // namespace pk

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  long batch = 0;
  if (argc == 2 && std::sscanf(argv[1], "--batch=%ld", &batch) == 1) argc = 1;
  pk::register_cases(batch);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
