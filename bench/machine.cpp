// The machine's limits, by themselves: multiply-adds of each instruction-set level and of AMX tiles, and memory
// bandwidth from L1 to main memory, with one thread and with as many as the library uses (OMP_NUM_THREADS).
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/cpu.h"
#include "base/parallel.h"
#include "peak.h"
#include "peak_amx.h"

namespace pk {
namespace {

// `work` for each of `threads` tasks at once.
template <class F>
void on_threads(int threads, const F& work) {
  if (threads == 1) {
    work(0);
    return;
  }
  parallel_for(threads, 1e9, [&](int64_t i) { work(i); });
}

void fma(benchmark::State& state, Isa isa, int threads) {
  auto* run = bench::fma_rounds(isa);
  std::vector<double> flops(static_cast<std::size_t>(threads));
  double total = 0;
  for (auto _ : state) {
    on_threads(threads, [&](int64_t i) {
      float out[3] = {0.5F, 1.0F, 0.0F};
      flops[static_cast<std::size_t>(i)] = run(2000000, out);
      volatile float keep = out[2];
      static_cast<void>(keep);
    });
    for (double f : flops) total += f;
  }
  state.counters["GFLOP/s"] = benchmark::Counter(total / 1e9, benchmark::Counter::kIsRate);
}

void amx(benchmark::State& state, int threads) {
  double total = 0;
  for (auto _ : state) {
    std::vector<double> flops(static_cast<std::size_t>(threads));
    on_threads(threads, [&](int64_t i) { flops[static_cast<std::size_t>(i)] = bench::amx_bf16_rounds(2000000); });
    for (double f : flops) total += f;
  }
  state.counters["GFLOP/s"] = benchmark::Counter(total / 1e9, benchmark::Counter::kIsRate);
}

enum class Traffic { read, write, copy };

// Bytes moved: read or written once, or both for a copy; a write's read for ownership is not counted.
void memory(benchmark::State& state, Traffic traffic, int threads) {
  const std::size_t bytes = static_cast<std::size_t>(state.range(0)) * 1024;
  const std::size_t each = bytes / static_cast<std::size_t>(threads) / 64 * 64;
  const Buffer from(bytes), to(bytes);
  std::memset(from.data(), 1, bytes);
  std::memset(to.data(), 2, bytes);
  std::vector<std::uint64_t> sums(static_cast<std::size_t>(threads) * 8);
  for (auto _ : state) {
    on_threads(threads, [&](int64_t i) {
      const std::size_t at = static_cast<std::size_t>(i) * each;
      const char* source = static_cast<const char*>(from.data()) + at;
      char* target = static_cast<char*>(to.data()) + at;
      if (traffic == Traffic::copy) std::memcpy(target, source, each);
      if (traffic == Traffic::write) std::memset(target, static_cast<int>(i), each);
      if (traffic == Traffic::read) sums[static_cast<std::size_t>(i) * 8] += bench::sum_of(source, each);
    });
    benchmark::ClobberMemory();
  }
  const double moved = static_cast<double>(each) * threads * (traffic == Traffic::copy ? 2 : 1);
  state.counters["GB/s"] =
      benchmark::Counter(moved * static_cast<double>(state.iterations()) / 1e9, benchmark::Counter::kIsRate);
}

void register_all() {
  std::vector<int> threads{1};
  if (num_threads() > 1) threads.push_back(num_threads());
  for (int n : threads) {
    const std::string tail = "/threads:" + std::to_string(n);
    for (Isa isa : available_isas()) {
      benchmark::RegisterBenchmark((std::string("fma_peak/") + name_of(isa) + tail).c_str(), fma, isa, n)
          ->UseRealTime();
    }
    if (bench::have_amx_bf16()) {
      benchmark::RegisterBenchmark(("amx_bf16_peak" + tail).c_str(), amx, n)->UseRealTime();
    }
    const std::pair<const char*, Traffic> kinds[] = {
        {"read", Traffic::read}, {"write", Traffic::write}, {"copy", Traffic::copy}};
    for (const auto& [name, traffic] : kinds) {
      benchmark::RegisterBenchmark((std::string("memory_") + name + tail).c_str(), memory, traffic, n)
          ->ArgName("KiB")
          ->Arg(16)
          ->Arg(512)
          ->Arg(8192)
          ->Arg(262144)
          ->UseRealTime();
    }
  }
}

}  // namespace
}  // namespace pk

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  pk::register_all();
  if (!pk::bench::have_amx_bf16()) benchmark::AddCustomContext("amx", "not on this CPU, or not granted by the system");
  benchmark::RunSpecifiedBenchmarks();
}
