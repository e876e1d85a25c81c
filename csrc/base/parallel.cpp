// A small pool of threads. OpenMP's regions end with a barrier over the whole team: when another process
// holds a core, every region then waits for a thread that had nothing to do (measured with one busy neighbour
// on two cores: a training step of 2 ms on one thread took 20 ms on two). Here threads claim tasks, and only
// claimed tasks are waited for: a thread that is not scheduled costs nothing. It also lets
// a forked child start a pool of its own, and gives a second caller the serial path instead of more threads.
#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include "base/error.h"

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pk {

namespace {

// CPUs that the control group grants, rounded up; 0 where no limit is set.
int cgroup_cpus() {
#if defined(__linux__)
  double quota = -1, period = 100000;
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2) {
    std::string q;
    if (v2 >> q >> period && q != "max") quota = std::atof(q.c_str());
  } else if (std::ifstream v1("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"); v1) {
    v1 >> quota;
    std::ifstream("/sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
  }
  if (quota > 0 && period > 0) return std::max(1, static_cast<int>(std::ceil(quota / period)));
#endif
  return 0;
}

int affinity_cpus() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int default_threads() {
  if (const char* env = std::getenv("OMP_NUM_THREADS"); env != nullptr) {
    const int n = std::atoi(env);
    if (n >= 1) return n;
  }
  const int cpus = affinity_cpus();
  const int quota = cgroup_cpus();
  return quota > 0 ? std::min(cpus, quota) : cpus;
}

std::atomic<int>& thread_count() {
  static std::atomic<int> n{default_threads()};
  return n;
}

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Rounding and flush-to-zero modes of the caller, so that every thread computes the same bits.
std::uint64_t float_mode() {
  std::uint64_t mode = 0;
#if defined(__x86_64__)
  mode = _mm_getcsr();
#elif defined(__aarch64__)
  asm volatile("mrs %0, fpcr" : "=r"(mode));
#endif
  return mode;
}

void set_float_mode([[maybe_unused]] std::uint64_t mode) {
#if defined(__x86_64__)
  _mm_setcsr(static_cast<unsigned>(mode));
#elif defined(__aarch64__)
  asm volatile("msr fpcr, %0" ::"r"(mode));
#endif
}

thread_local bool inside = false;

class Pool {
 public:
  void run(std::int64_t tasks, int team, TaskFn fn, void* ctx) {
    grow(team - 1);
    // No claim may succeed on the finished job's ticket once the fields belong to the next job.
    const std::uint64_t generation = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
    ticket_.store(generation << 32 | closed, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    fn_.store(fn, std::memory_order_relaxed);
    ctx_.store(ctx, std::memory_order_relaxed);
    tasks_.store(static_cast<std::uint32_t>(tasks), std::memory_order_relaxed);
    helpers_.store(team - 1, std::memory_order_relaxed);
    mode_.store(float_mode(), std::memory_order_relaxed);
    done_.store(0, std::memory_order_relaxed);
    ticket_.store((generation + 1) << 32, std::memory_order_seq_cst);
    if (sleepers_.load(std::memory_order_seq_cst) > 0) {
      const std::lock_guard<std::mutex> lock(sleep_mutex_);
      wake_.notify_all();
    }
    inside = true;
    work(0);
    inside = false;
    for (int spins = 0; done_.load(std::memory_order_acquire) != static_cast<std::uint32_t>(tasks); ++spins) {
      if (spins < 4000) {
        pause();
      } else {
        std::this_thread::yield();  // whoever holds the last task may be waiting for this core
      }
    }
  }

  std::mutex busy;  // held by the caller whose tasks the pool runs

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr auto spin_time = std::chrono::microseconds(100);
  static constexpr std::uint64_t closed = 0xffffffffU;  // a next task that no job has

  // Claims and runs tasks of the current job. The ticket is (generation, next task): a claim succeeds only
  // while the generation lasts, and the job's fields cannot change before its claimed tasks are done.
  void work(int helper) {
    for (;;) {
      std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
      const TaskFn fn = fn_.load(std::memory_order_relaxed);
      void* const ctx = ctx_.load(std::memory_order_relaxed);
      const std::uint32_t tasks = tasks_.load(std::memory_order_relaxed);
      const std::uint64_t mode = mode_.load(std::memory_order_relaxed);
      const std::uint32_t task = static_cast<std::uint32_t>(ticket);
      if (task >= tasks || helper > helpers_.load(std::memory_order_relaxed)) return;
      std::atomic_thread_fence(std::memory_order_acquire);  // a field of a later job means a later ticket
      if (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel)) continue;
      if (helper > 0) set_float_mode(mode);
      fn(ctx, task);
      done_.fetch_add(1, std::memory_order_release);
    }
  }

  void serve(int helper) {
    inside = true;
    std::uint64_t seen = 0;
    for (;;) {
      seen = ticket_.load(std::memory_order_acquire) >> 32;
      work(helper);
      const Clock::time_point until = Clock::now() + spin_time;
      bool fresh = false;
      do {
        for (int i = 0; i < 16 && !fresh; ++i) {
          pause();
          fresh = ticket_.load(std::memory_order_acquire) >> 32 != seen;
        }
      } while (!fresh && Clock::now() < until);
      if (fresh) continue;
      std::unique_lock<std::mutex> lock(sleep_mutex_);
      sleepers_.fetch_add(1, std::memory_order_seq_cst);
      wake_.wait(lock, [&] { return ticket_.load(std::memory_order_seq_cst) >> 32 != seen; });
      sleepers_.fetch_sub(1, std::memory_order_seq_cst);
    }
  }

  void grow(int helpers) {
    for (; helpers_started_ < helpers; ++helpers_started_) {
      std::thread([this, n = helpers_started_ + 1] { serve(n); }).detach();
    }
  }

  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  alignas(64) std::atomic<std::uint32_t> done_{0};
  alignas(64) std::atomic<TaskFn> fn_{nullptr};
  std::atomic<void*> ctx_{nullptr};
  std::atomic<std::uint32_t> tasks_{0};
  std::atomic<std::uint64_t> mode_{0};
  std::atomic<int> helpers_{0};
  std::atomic<int> sleepers_{0};
  std::mutex sleep_mutex_;
  std::condition_variable wake_;
  int helpers_started_ = 0;
};

// Never destroyed: its threads run until the process ends. A forked child, which has none of them, makes a new one.
std::atomic<Pool*> current_pool{nullptr};

Pool& pool() {
  Pool* p = current_pool.load(std::memory_order_acquire);
  if (p != nullptr) return *p;
  Pool* fresh = new Pool();
  if (!current_pool.compare_exchange_strong(p, fresh, std::memory_order_acq_rel)) {
    delete fresh;  // another thread was first
    return *p;
  }
#if defined(__linux__) || defined(__APPLE__)
  static const int registered = pthread_atfork(nullptr, nullptr, [] {
    current_pool.store(nullptr);
    inside = false;
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

int num_threads() { return thread_count().load(std::memory_order_relaxed); }

void set_num_threads(int n) {
  PK_CHECK(n >= 1, "the number of threads must be at least 1, got " + std::to_string(n));
  thread_count().store(n);
}

bool in_parallel() { return inside; }

void parallel_run(std::int64_t tasks, double work_ns, TaskFn fn, void* ctx) {
  if (tasks <= 0) return;
  const int team = static_cast<int>(std::min<std::int64_t>(num_threads(), tasks));
  if (team > 1 && work_ns >= min_parallel_ns && !inside && tasks < (std::int64_t{1} << 31)) {
    Pool& p = pool();
    const std::unique_lock<std::mutex> lock(p.busy, std::try_to_lock);
    if (lock.owns_lock()) {
      p.run(tasks, team, fn, ctx);
      return;
    }
  }
  for (std::int64_t t = 0; t < tasks; ++t) fn(ctx, t);
}

}  // namespace pk
