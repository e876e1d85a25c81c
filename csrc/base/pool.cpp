#include "base/pool.h"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <thread>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pk {

namespace {

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

// As OMP_WAIT_POLICY says; not where helpers take turns on the processors.
std::chrono::microseconds spin_time(int helpers) {
  const char* const policy = std::getenv("OMP_WAIT_POLICY");
  std::string word = policy == nullptr ? "" : policy;
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return c | 0x20; });
  if (word == "active") return std::chrono::milliseconds(200);
  const bool too_many = helpers >= static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  if (word == "passive" || too_many) return std::chrono::microseconds(0);
  return std::chrono::microseconds(100);
}

thread_local bool inside = false;

}  // namespace

bool Pool::in_task() { return inside; }

void Pool::leave_task() { inside = false; }

void Pool::run(std::int64_t tasks, int threads, TaskFn fn, void* ctx) {
  ensure(threads - 1);
  // No claim may succeed on the finished job's ticket once the fields belong to the next job.
  const std::uint64_t generation = (ticket_.load(std::memory_order_relaxed) >> 32) + 1;
  ticket_.store(generation << 32 | closed, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  fn_.store(fn, std::memory_order_relaxed);
  ctx_.store(ctx, std::memory_order_relaxed);
  tasks_.store(static_cast<std::uint32_t>(tasks), std::memory_order_relaxed);
  helpers_.store(threads - 1, std::memory_order_relaxed);
  mode_.store(float_mode(), std::memory_order_relaxed);
  done_.store(0, std::memory_order_relaxed);
  ticket_.store((generation + 1) << 32, std::memory_order_seq_cst);
  const int sleepers = sleepers_.load(std::memory_order_seq_cst);
  if (sleepers > 0) wake(std::min<std::int64_t>(tasks, threads) - 1 - (started_ - sleepers));
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

// Claims and runs tasks of the current job. The ticket is (generation, next task): a claim succeeds only
// while the generation lasts, and the job's fields cannot change before its claimed tasks are done.
void Pool::work(int helper) {
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

void Pool::serve(const Team* team, int helper) {
  inside = true;
  std::uint64_t seen = 0;
  const auto news = [&] {
    return ticket_.load(std::memory_order_seq_cst) >> 32 != seen || team_.load(std::memory_order_acquire) != team;
  };
  while (team_.load(std::memory_order_acquire) == team) {
    seen = ticket_.load(std::memory_order_acquire) >> 32;
    work(helper);
    const Clock::time_point until = Clock::now() + team->spinning;
    bool fresh = news();
    while (!fresh && Clock::now() < until) {
      for (int i = 0; i < 16 && !fresh; ++i) {
        pause();
        fresh = news();
      }
    }
    if (fresh) continue;
    std::unique_lock<std::mutex> lock(sleep_mutex_);
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    wake_.wait(lock, news);
    sleepers_.fetch_sub(1, std::memory_order_seq_cst);
  }
}

// Wakes so many sleepers. All where some may not help: nobody chooses who is woken.
void Pool::wake(std::int64_t helpers) {
  const std::lock_guard<std::mutex> lock(sleep_mutex_);
  if (helpers_.load(std::memory_order_relaxed) < started_) return wake_.notify_all();
  for (; helpers > 0; --helpers) wake_.notify_one();
}

void Pool::dismiss() {
  const std::lock_guard<std::mutex> lock(sleep_mutex_);
  team_.store(nullptr, std::memory_order_release);
  asked_ = started_ = 0;
  wake_.notify_all();
}

// Has a team of so many helpers, or of as many as are granted. A larger one replaces the present one; one whose size
// the runtime adapts to the load of the machine is opened anew every second.
void Pool::ensure(int helpers) {
  const bool dynamic = runtime_dynamic();
  if (helpers <= asked_ && !(dynamic && Clock::now() - opened_ > std::chrono::seconds(1))) return;
  dismiss();
  const Team& team = teams_.emplace_back(Team{this, spin_time(helpers)});
  team_.store(&team, std::memory_order_release);
  asked_ = helpers;
  const auto serve = [](void* team, int helper) {
    const Team* const mine = static_cast<const Team*>(team);
    mine->pool->serve(mine, helper);
  };
  started_ = start_(helpers, dynamic, serve, &teams_.back());
  opened_ = Clock::now();
}

}  // namespace pk
