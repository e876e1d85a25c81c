#include "base/thread_count.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/team.h"

#if defined(__linux__)
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

struct Setting {
  std::atomic<int> own{default_threads()};
  // What the runtime says where nobody asked it for anything: in a new thread, and in the thread that set `own` then.
  const int initial = runtime_threads_of_a_new_thread();
  std::atomic<int> at_setting{initial};
};

Setting& setting() {
  static Setting s;
  return s;
}

}  // namespace

int num_threads() {
  const Setting& s = setting();
  const int asked = runtime_threads();
  if (asked != s.initial && asked != s.at_setting.load(std::memory_order_relaxed)) return asked;
  return s.own.load(std::memory_order_relaxed);
}

void set_num_threads(int n) {
  PK_CHECK(n >= 1, "the number of threads must be at least 1, got " + std::to_string(n));
  Setting& s = setting();
  s.at_setting.store(runtime_threads());
  s.own.store(n);
}

}  // namespace pk
