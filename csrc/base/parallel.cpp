#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

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

}  // namespace

std::int64_t max_workers() {
  static const std::int64_t n = std::max<std::int64_t>(4, std::thread::hardware_concurrency());
  return n;
}

bool in_parallel() { return Pool::in_task() || in_runtime_region(); }

void parallel_run(std::int64_t tasks, double work_ns, TaskFn fn, void* ctx) {
  if (tasks > 1 && work_ns >= min_parallel_ns && tasks < (std::int64_t{1} << 31) && !in_parallel()) {
    const int threads = num_threads();
    if (threads > 1) {
      Pool& p = pool();
      const std::unique_lock<std::mutex> lock(p.busy, std::try_to_lock);
      if (lock.owns_lock()) return p.run(tasks, threads, fn, ctx);
    }
  }
  for (std::int64_t t = 0; t < tasks; ++t) fn(ctx, t);
}

}  // namespace pk
