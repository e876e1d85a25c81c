#include "base/team.h"

#include <condition_variable>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#if defined(_OPENMP)
#include <dlfcn.h>
#include <omp.h>
#endif

namespace pk {

int start_std_threads(int helpers, ServeFn serve, void* ctx) {
  for (int n = 1; n <= helpers; ++n) {
    try {
      std::thread(serve, ctx, n).detach();
    } catch (const std::system_error&) {  // the system grants no more: results do not depend on their number
      return n - 1;
    }
  }
  return helpers;
}

#if defined(_OPENMP)

namespace {

// What the primary thread of a team and its starter share.
struct Opening {
  std::mutex mutex;
  std::condition_variable changed;
  int helpers = -1;  // that the runtime granted
  int serving = 0;
};

// libgomp ends the process when it cannot have a thread that it needs: so first it is tried what the system grants.
int grantable(int threads) {
  std::mutex hold;
  std::vector<std::thread> tried;
  tried.reserve(static_cast<std::size_t>(threads));
  {
    const std::lock_guard<std::mutex> all_at_once(hold);
    try {
      while (static_cast<int>(tried.size()) < threads) {
        tried.emplace_back([&hold] { const std::lock_guard<std::mutex> lock(hold); });
      }
    } catch (const std::system_error&) {
    }
  }
  for (std::thread& t : tried) t.join();
  return static_cast<int>(tried.size());
}

void open_region(Opening& opening, int helpers, bool dynamic, ServeFn serve, void* ctx) {
  omp_set_dynamic(dynamic ? 1 : 0);
#pragma omp parallel num_threads(helpers + 1)
  {
    const int number = omp_get_thread_num();
    if (number > 0) {
      serve(ctx, number);
      const std::lock_guard<std::mutex> lock(opening.mutex);
      --opening.serving;
      opening.changed.notify_all();
    } else {
      // Sleeps here: at the region's end the runtime would spin, and for ever with OMP_WAIT_POLICY=active.
      std::unique_lock<std::mutex> lock(opening.mutex);
      opening.helpers = omp_get_num_threads() - 1;
      opening.serving += opening.helpers;
      opening.changed.notify_all();
      opening.changed.wait(lock, [&] { return opening.serving == 0; });
    }
  }
}

}  // namespace

int start_team(int helpers, bool dynamic, ServeFn serve, void* ctx) {
  const int granted = grantable(helpers + 1) - 1;
  if (granted < 1) return 0;
  auto opening = std::make_shared<Opening>();
  try {
    std::thread([=] { open_region(*opening, granted, dynamic, serve, ctx); }).detach();
  } catch (const std::system_error&) {
    return 0;
  }
  std::unique_lock<std::mutex> lock(opening->mutex);
  opening->changed.wait(lock, [&] { return opening->helpers >= 0; });
  return opening->helpers;
}

int runtime_threads() { return omp_get_max_threads(); }

int runtime_threads_of_a_new_thread() {
  int n = 0;
  try {
    std::thread([&n] { n = omp_get_max_threads(); }).join();
  } catch (const std::system_error&) {
    n = omp_get_max_threads();
  }
  return n;
}

bool runtime_dynamic() { return omp_get_dynamic() != 0; }

bool in_runtime_region() { return omp_in_parallel() != 0; }

std::string openmp_name() {
  const std::string version = _OPENMP >= 202111   ? "5.2"
                              : _OPENMP >= 202011 ? "5.1"
                              : _OPENMP >= 201811 ? "5.0"
                              : _OPENMP >= 201511 ? "4.5"
                                                  : std::to_string(_OPENMP);
  Dl_info info;
  const bool found = dladdr(reinterpret_cast<void*>(&omp_get_max_threads), &info) != 0 && info.dli_fname != nullptr;
  return version + (found ? std::string(" (") + info.dli_fname + ")" : "");
}

#else

int start_team(int helpers, bool, ServeFn serve, void* ctx) { return start_std_threads(helpers, serve, ctx); }
int runtime_threads() { return 0; }
int runtime_threads_of_a_new_thread() { return 0; }
bool runtime_dynamic() { return false; }
bool in_runtime_region() { return false; }
std::string openmp_name() { return "none: this build's threads are std::thread"; }

#endif

}  // namespace pk
