// What threads cost: steps of many kernels, from 3 us to 1 s, alone and beside processes that hold processors.
//
//   threads [--neighbours=0,1,2] [--sizes=6] [--rounds=4] [--seconds=0.1]
//
// A step of S microseconds on one thread is a row of kernels of eight equal tasks that only compute; a kernel of less
// than 8 us stays on one thread, as everywhere in the library. Contenders, each with num_threads() threads:
//
//   serial   one thread
//   pool     base/pool.h on std::thread (a build without OpenMP)
//   team     base/pool.h on one OpenMP region for the process (a build with it)
//   step     base/pool.h in one OpenMP region for each step, whose threads claim tasks
//   slice    the same, one region for the steps of 50 ms, as fit() runs them
//   kernel   an OpenMP region for each kernel: parallel for schedule(dynamic, 1)
//
// Prints microseconds a step: the median, and the tenth that took longest. Contenders take turns. A build without
// OpenMP measures the first two. OMP_WAIT_POLICY acts on all of them.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "base/parallel.h"
#include "base/pool.h"
#include "base/team.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// A chain of multiply-adds: computes only.
double work(std::int64_t iterations, double x) {
  for (std::int64_t i = 0; i < iterations; ++i) x = x * 0.999999 + 1e-6;
  return x;
}

double iterations_per_second() {
  double best = 0;
  for (int i = 0; i < 20; ++i) {
    const Clock::time_point start = Clock::now();
    volatile double keep = work(1000000, 1.5);
    static_cast<void>(keep);
    best = std::max(best, 1e6 / seconds_since(start));
  }
  return best;
}

constexpr int tasks = 8;

struct Step {
  double us;  // on one thread
  int kernels;
  std::int64_t iterations = 0;  // of a task
  bool serial() const { return us / kernels < 8; }
};

struct Kernel {
  std::int64_t iterations;
  double* results;
  static void task(void* kernel, std::int64_t t) {
    const Kernel& k = *static_cast<const Kernel*>(kernel);
    k.results[t] = work(k.iterations, static_cast<double>(t));
  }
};

using RunKernel = std::function<void(Kernel&)>;

void run_serial(Kernel& kernel) {
  for (int t = 0; t < tasks; ++t) Kernel::task(&kernel, t);
}

void run_step(const Step& step, const RunKernel& run, double* results) {
  Kernel kernel{step.iterations, results};
  for (int k = 0; k < step.kernels; ++k) step.serial() ? run_serial(kernel) : run(kernel);
}

// One contender runs steps for so many seconds, at least one; appends the microseconds of each.
using Contender = std::function<void(const Step&, double seconds, double* results, std::vector<double>& times)>;

void timed_steps(const Step& step, const RunKernel& run, double seconds, double* results, std::vector<double>& times) {
  const Clock::time_point start = Clock::now();
  do {
    const Clock::time_point begin = Clock::now();
    run_step(step, run, results);
    times.push_back(seconds_since(begin) * 1e6);
  } while (seconds_since(start) < seconds);
}

Contender steps_of(const RunKernel& run) {
  return [run](const Step& step, double seconds, double* results, std::vector<double>& times) {
    timed_steps(step, run, seconds, results, times);
  };
}

int start_std(int helpers, bool, pk::ServeFn serve, void* ctx) { return pk::start_std_threads(helpers, serve, ctx); }

RunKernel on(pk::Pool& pool) {
  return [&pool](Kernel& kernel) { pool.run(tasks, pk::num_threads(), &Kernel::task, &kernel); };
}

#if defined(_OPENMP)

void run_region(Kernel& kernel) {
  const int threads = pk::num_threads();
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (int t = 0; t < tasks; ++t) Kernel::task(&kernel, t);
}

// What the pool that a region serves wants its helpers to call.
struct Offer {
  std::atomic<pk::ServeFn> serve{nullptr};
  std::atomic<void*> ctx{nullptr};
} offer;

int start_in_region(int helpers, bool, pk::ServeFn serve, void* ctx) {
  offer.ctx.store(ctx);
  offer.serve.store(serve);
  return helpers;
}

void ignore_task(void*, std::int64_t) {}

void in_a_region(const std::function<void(pk::Pool&)>& body) {
  pk::Pool pool(&start_in_region);
  const int threads = pk::num_threads();
  offer.serve.store(nullptr);
#pragma omp parallel num_threads(threads)
  {
    if (omp_get_thread_num() == 0) {
      pool.run(1, threads, &ignore_task, nullptr);
      body(pool);
      pool.dismiss();
    } else {
      while (offer.serve.load() == nullptr) std::this_thread::yield();
      offer.serve.load()(offer.ctx.load(), omp_get_thread_num());
    }
  }
}

void region_for_each_step(const Step& step, double seconds, double* results, std::vector<double>& times) {
  const Clock::time_point start = Clock::now();
  do {
    const Clock::time_point begin = Clock::now();
    if (step.serial()) {
      run_step(step, run_serial, results);
    } else {
      in_a_region([&](pk::Pool& pool) { run_step(step, on(pool), results); });
    }
    times.push_back(seconds_since(begin) * 1e6);
  } while (seconds_since(start) < seconds);
}

void region_for_each_slice(const Step& step, double seconds, double* results, std::vector<double>& times) {
  const Clock::time_point start = Clock::now();
  do {
    const std::size_t first = times.size();
    const Clock::time_point begin = Clock::now();
    in_a_region([&](pk::Pool& pool) { timed_steps(step, on(pool), 0.05, results, times); });
    // Opening and closing the region belong to its steps.
    const double inside = [&] {
      double sum = 0;
      for (std::size_t i = first; i < times.size(); ++i) sum += times[i];
      return sum;
    }();
    const double each = (seconds_since(begin) * 1e6 - inside) / static_cast<double>(times.size() - first);
    for (std::size_t i = first; i < times.size(); ++i) times[i] += each;
  } while (seconds_since(start) < seconds);
}

#endif

pid_t neighbour() {
  const pid_t pid = fork();
  if (pid != 0) return pid;
  for (volatile std::uint64_t i = 0;; i = i + 1) {
    if (i % 100000000 == 0 && getppid() == 1) _exit(0);  // the bench is gone
  }
}

double quantile(std::vector<double>& times, double q) {
  const auto at = times.begin() + static_cast<std::ptrdiff_t>(q * static_cast<double>(times.size() - 1) + 0.5);
  std::nth_element(times.begin(), at, times.end());
  return *at;
}

std::string option(int argc, char** argv, const std::string& name, const std::string& fallback) {
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg.rfind("--" + name + "=", 0) == 0) return arg.substr(name.size() + 3);
  }
  return fallback;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string neighbours = option(argc, argv, "neighbours", "0,1,2");
  const int rounds = std::stoi(option(argc, argv, "rounds", "4"));
  const double seconds = std::stod(option(argc, argv, "seconds", "0.1"));
  std::vector<Step> steps{{3, 1}, {30, 2}, {300, 8}, {3000, 24}, {30000, 48}, {1000000, 96}};
  steps.resize(std::min<std::size_t>(steps.size(), std::stoul(option(argc, argv, "sizes", "6"))));
  const double speed = iterations_per_second();
  for (Step& s : steps) s.iterations = static_cast<std::int64_t>(s.us * 1e-6 * speed / s.kernels / tasks);

  // Never destroyed: their helpers serve until the process ends.
  pk::Pool& std_pool = *new pk::Pool(&start_std);
  std::vector<std::pair<std::string, Contender>> contenders{{"serial", steps_of(run_serial)},
                                                            {"pool", steps_of(on(std_pool))}};
#if defined(_OPENMP)
  pk::Pool& omp_pool = *new pk::Pool(&pk::start_team);
  contenders.emplace_back("team", steps_of(on(omp_pool)));
  contenders.emplace_back("step", region_for_each_step);
  contenders.emplace_back("slice", region_for_each_slice);
  contenders.emplace_back("kernel", steps_of(run_region));
#endif
  const char* const policy = std::getenv("OMP_WAIT_POLICY");
  std::printf("%d threads, OpenMP %s, OMP_WAIT_POLICY %s\n", pk::num_threads(), pk::openmp_name().c_str(),
              policy == nullptr ? "not set" : policy);
  std::printf("%10s %12s", "neighbours", "serial work");
  for (const auto& c : contenders) std::printf(" %21s", c.first.c_str());
  std::printf("\n");

  bool right = true;
  std::vector<pid_t> pids;
  for (const char c : neighbours) {
    if (c == ',') continue;
    const std::size_t wanted = static_cast<std::size_t>(c - '0');
    while (pids.size() < wanted) pids.push_back(neighbour());
    for (const Step& step : steps) {
      double want[tasks], got[tasks];
      Kernel kernel{step.iterations, want};
      run_serial(kernel);
      std::vector<std::vector<double>> times(contenders.size());
      const int turns = step.us > 100000 ? std::min(rounds, 2) : rounds;
      for (int round = 0; round < turns; ++round) {
        for (std::size_t i = 0; i < contenders.size(); ++i) {
          std::fill(got, got + tasks, 0.0);
          contenders[i].second(step, seconds, got, times[i]);
          right = right && std::equal(want, want + tasks, got);
        }
      }
      std::printf("%10zu %9.0f us", pids.size(), step.us);
      for (std::vector<double>& t : times) std::printf(" %10.1f %10.1f", quantile(t, 0.5), quantile(t, 0.9));
      std::printf("\n");
      std::fflush(stdout);
    }
  }
  for (const pid_t pid : pids) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  if (!right) std::printf("wrong results\n");
  std::_Exit(right ? 0 : 1);  // helpers still serve
}
