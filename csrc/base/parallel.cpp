#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <ctime>
#include <mutex>
#include <thread>
#include <utility>

#include "base/loop_trace.h"
#include "base/pool.h"
#include "base/team.h"

#if defined(__linux__) || defined(__APPLE__)
#include <pthread.h>
#endif

namespace pk {

namespace {

// Never destroyed: its threads serve until the process ends. A forked child, which has none of them, makes a new one.
std::atomic<Pool*> current_pool{nullptr};

Pool& pool() {
  Pool* p = current_pool.load(std::memory_order_acquire);
  if (p != nullptr) return *p;
  Pool* fresh = new Pool(&start_team);
  if (!current_pool.compare_exchange_strong(p, fresh, std::memory_order_acq_rel)) {
    delete fresh;  // another thread was first
    return *p;
  }
#if defined(__linux__) || defined(__APPLE__)
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    current_pool.store(nullptr);
    Pool::leave_task();
  });
  static_cast<void>(registered);
#endif
  return *fresh;
}

// Waking a helper costs a few microseconds; below this much work it does not pay.
constexpr double min_parallel_ns = 8000;

bool worth_it(std::int64_t tasks, double work_ns) {
  return tasks > 1 && work_ns >= min_parallel_ns && tasks < (std::int64_t{1} << 31);
}

thread_local LoopTrace* trace = nullptr;

template <class Task>
void run_traced(std::int64_t tasks, std::int64_t workers, const Task& task) {
  LoopTrace* const mine = std::exchange(trace, nullptr);  // loops in tasks are serial
  TracedLoop loop{workers, {}};
  loop.task_ns.reserve(static_cast<std::size_t>(tasks));
  for (std::int64_t t = 0; t < tasks; ++t) {
    const double start = thread_ns();
    task(t);
    loop.task_ns.push_back(std::max(0.0, thread_ns() - start - mine->clock_ns));
  }
  mine->loops.push_back(std::move(loop));
  trace = mine;
}

}  // namespace

std::int64_t max_workers() {
  static const std::int64_t n = std::max<std::int64_t>(4, std::thread::hardware_concurrency());
  return n;
}

bool in_parallel() { return Pool::in_task() || in_runtime_region(); }

void parallel_run(std::int64_t tasks, double work_ns, TaskFn fn, void* ctx) {
  if (worth_it(tasks, work_ns) && !in_parallel()) {
    if (trace != nullptr) return run_traced(tasks, tasks, [&](std::int64_t t) { fn(ctx, t); });
    const int threads = num_threads();
    if (threads > 1) {
      Pool& p = pool();
      const std::unique_lock<std::mutex> lock(p.busy, std::try_to_lock);
      if (lock.owns_lock()) return p.run(tasks, threads, fn, ctx);
    }
  }
  for (std::int64_t t = 0; t < tasks; ++t) fn(ctx, t);
}

void parallel_run_workers(std::int64_t tasks, std::int64_t workers, double work_ns, WorkerFn fn, void* ctx) {
  if (trace != nullptr && worth_it(std::min(tasks, workers), work_ns)) {
    // Where the processors of this machine are the bound, another machine has another one.
    const std::int64_t bound = workers < max_workers() ? workers : tasks;
    return run_traced(tasks, bound, [&](std::int64_t t) { fn(ctx, t, 0); });
  }
  std::atomic<std::int64_t> next{0};
  parallel_for(std::min<std::int64_t>({tasks, workers, num_threads()}), work_ns, [&](std::int64_t worker) {
    for (std::int64_t task = next++; task < tasks; task = next++) fn(ctx, task, worker);
  });
}

double thread_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

double thread_clock_ns() {
  double least = 1e9;
  for (int i = 0; i < 1000; ++i) {
    const double start = thread_ns();
    least = std::min(least, thread_ns() - start);
  }
  return least;
}

LoopTrace::LoopTrace() { trace = this; }
LoopTrace::~LoopTrace() { trace = nullptr; }

}  // namespace pk
