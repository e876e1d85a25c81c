// Helpers that claim the tasks of one caller. Only claimed tasks are waited for: a helper that the system does not
// schedule costs nothing, and no barrier stands between one loop and the next.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

#include "base/team.h"

namespace pk {

using TaskFn = void (*)(void* ctx, std::int64_t task);

class Pool {
 public:
  // start(helpers, dynamic, serve, ctx): as start_team().
  using Start = int (*)(int helpers, bool dynamic, ServeFn serve, void* ctx);
  explicit Pool(Start start) : start_(start) {}

  // Calls fn(ctx, t) for t in [0, tasks), tasks < 2^31, from the caller and up to threads - 1 helpers, which are
  // started by the first run that wants them. One caller at a time.
  void run(std::int64_t tasks, int threads, TaskFn fn, void* ctx);

  // Sends the helpers away, between runs. They have left the pool when their team has ended.
  void dismiss();

  std::mutex busy;  // to be held by the caller of run() and dismiss()

  // Whether the calling thread runs a task, of any pool; that it does not (in a forked child).
  static bool in_task();
  static void leave_task();

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::uint64_t closed = 0xffffffffU;  // a next task that no job has

  struct Team {
    Pool* pool;
    std::chrono::microseconds spinning;  // how long a helper without work looks out for some before it sleeps
  };

  void serve(const Team* team, int helper);
  void work(int helper);
  void wake(std::int64_t helpers);
  void ensure(int helpers);

  const Start start_;
  alignas(64) std::atomic<std::uint64_t> ticket_{0};  // generation of the job, next task
  alignas(64) std::atomic<std::uint32_t> done_{0};
  alignas(64) std::atomic<TaskFn> fn_{nullptr};
  std::atomic<void*> ctx_{nullptr};
  std::atomic<std::uint32_t> tasks_{0};
  std::atomic<std::uint64_t> mode_{0};
  std::atomic<int> helpers_{0};
  std::atomic<int> sleepers_{0};
  std::atomic<const Team*> team_{nullptr};  // the helpers of earlier ones leave
  std::deque<Team> teams_;
  std::mutex sleep_mutex_;
  std::condition_variable wake_;
  int asked_ = 0, started_ = 0;  // helpers of the present team
  Clock::time_point opened_;
};

}  // namespace pk
