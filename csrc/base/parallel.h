// Threads. One way to run loops on several cores.
//
// Law: what a task computes depends on its index and on shapes, never on the number of threads,
// so results have the same bits for any thread count. Tasks must not throw.
#pragma once

#include <cstdint>
#include <type_traits>

#include "base/int_math.h"
#include "base/thread_count.h"

namespace pk {

// Inside a task, and inside a parallel region that the host program opened with the same OpenMP runtime. Loops there
// are serial.
bool in_parallel();

using TaskFn = void (*)(void* ctx, std::int64_t task);

// Calls fn(ctx, t) for t in [0, tasks), from several threads when the estimated total `work`
// (in nanoseconds on one thread) repays it. Serial inside another parallel region, and while another thread's loop has
// the helpers. Helpers compute in the caller's float modes.
void parallel_run(std::int64_t tasks, double work_ns, TaskFn fn, void* ctx);

// parallel_for(tasks, work_ns, [&](int64_t task) {...})
template <class F>
void parallel_for(std::int64_t tasks, double work_ns, F&& f) {
  parallel_run(
      tasks, work_ns, [](void* ctx, std::int64_t t) { (*static_cast<std::remove_reference_t<F>*>(ctx))(t); },
      const_cast<void*>(static_cast<const void*>(&f)));
}

// parallel_ranges(n, grain, work_ns, [&](int64_t begin, int64_t end) {...}): [0, n) cut into
// ranges of `grain` elements (the last may be shorter).
template <class F>
void parallel_ranges(std::int64_t n, std::int64_t grain, double work_ns, F&& f) {
  const std::int64_t tasks = ceil_div(n, grain);
  parallel_for(tasks, work_ns, [&](std::int64_t t) {
    const std::int64_t begin = t * grain;
    f(begin, begin + grain < n ? begin + grain : n);
  });
}

// The most workers that parallel_workers() needs: at least num_threads() and at least 4. Fixed for the process, so that
// sizes of scratch may depend on it.
std::int64_t max_workers();

using WorkerFn = void (*)(void* ctx, std::int64_t task, std::int64_t worker);
void parallel_run_workers(std::int64_t tasks, std::int64_t workers, double work_ns, WorkerFn fn, void* ctx);

// f(task, worker) for each task in [0, tasks). Tasks of one worker, in [0, workers), run one after another: they may
// share a private part of the scratch.
template <class F>
void parallel_workers(std::int64_t tasks, std::int64_t workers, double work_ns, F&& f) {
  parallel_run_workers(
      tasks, workers, work_ns,
      [](void* ctx, std::int64_t t, std::int64_t worker) {
        (*static_cast<std::remove_reference_t<F>*>(ctx))(t, worker);
      },
      const_cast<void*>(static_cast<const void*>(&f)));
}

}  // namespace pk
