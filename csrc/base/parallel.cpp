#include "base/parallel.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>

#include "base/error.h"

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
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
  return std::max(1, omp_get_num_procs());
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

// libgomp's threads do not survive fork(): a region opened in the child by the thread that
// forked would wait for them for ever. The child computes on one thread, with the same bits.
std::atomic<bool> forked{false};

void watch_forks() {
#if defined(__linux__) || defined(__APPLE__)
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forked.store(true); });
  static_cast<void>(registered);
#endif
}

// Opening a region on this machine costs about 1-2 us; below this much work it does not pay.
constexpr double min_parallel_ns = 8000;

}  // namespace

int num_threads() { return forked.load(std::memory_order_relaxed) ? 1 : thread_count().load(std::memory_order_relaxed); }

void set_num_threads(int n) {
  PK_CHECK(n >= 1, "the number of threads must be at least 1, got " + std::to_string(n));
  thread_count().store(n);
}

bool in_parallel() { return omp_in_parallel() != 0; }

void parallel_run(std::int64_t tasks, double work_ns, TaskFn fn, void* ctx) {
  if (tasks <= 0) return;
  if (tasks == 1 || work_ns < min_parallel_ns || num_threads() == 1 || omp_in_parallel() != 0) {
    for (std::int64_t t = 0; t < tasks; ++t) fn(ctx, t);
    return;
  }
  watch_forks();
  const int team = static_cast<int>(std::min<std::int64_t>(num_threads(), tasks));
#pragma omp parallel for schedule(dynamic, 1) num_threads(team)
  for (std::int64_t t = 0; t < tasks; ++t) fn(ctx, t);
}

}  // namespace pk
