#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "base/float_mode.h"
#include "base/loop_trace.h"
#include "base/parallel.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace pk {
namespace {

constexpr double much_work = 1e9;

class Threads : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = num_threads();
    set_num_threads(4);
  }
  void TearDown() override { set_num_threads(before_); }

 private:
  int before_ = 1;
};

bool each_task_once(int64_t tasks) {
  std::vector<std::atomic<int>> hits(static_cast<std::size_t>(tasks));
  parallel_for(tasks, much_work, [&](int64_t t) { hits[static_cast<std::size_t>(t)].fetch_add(1); });
  for (const auto& h : hits) {
    if (h.load() != 1) return false;
  }
  return true;
}

TEST_F(Threads, EveryTaskRunsOnce) {
  for (int round = 0; round < 300; ++round) {
    for (int64_t tasks : {0, 1, 2, 3, 7, 64, 1000}) ASSERT_TRUE(each_task_once(tasks)) << tasks;
  }
}

TEST_F(Threads, ALateHelperDoesNotTakeTasksOfAJobThatIsBeingPrepared) {
  for (int round = 0; round < 20000; ++round) {
    ASSERT_TRUE(each_task_once(2)) << round;
    ASSERT_TRUE(each_task_once(9)) << round;
  }
}

TEST_F(Threads, AfterAPauseTheHelpersWakeUp) {
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(each_task_once(16));
    std::this_thread::sleep_for(std::chrono::microseconds(500 * (round % 4)));
  }
}

TEST_F(Threads, RangesCoverEverything) {
  for (int64_t n : {1, 5, 16, 17, 1000}) {
    std::vector<int> seen(static_cast<std::size_t>(n), 0);
    parallel_ranges(n, 16, much_work, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) ++seen[static_cast<std::size_t>(i)];
    });
    EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), 0), n);
  }
}

TEST_F(Threads, NestedRegionsAreSerial) {
  std::atomic<int> inner{0}, nested{0};
  parallel_for(8, much_work, [&](int64_t) {
    if (in_parallel()) ++nested;
    parallel_for(8, much_work, [&](int64_t) { ++inner; });
  });
  EXPECT_EQ(inner.load(), 64);
  EXPECT_EQ(nested.load(), 8);
  EXPECT_FALSE(in_parallel());
}

TEST_F(Threads, SeveralCallersAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<bool> ok{true};
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        if (!each_task_once(37)) ok = false;
      }
    });
  }
  for (std::thread& t : callers) t.join();
  EXPECT_TRUE(ok.load());
}

TEST_F(Threads, SmallWorkStaysOnTheCaller) {
  const std::thread::id me = std::this_thread::get_id();
  parallel_for(64, 100, [&](int64_t) { EXPECT_EQ(std::this_thread::get_id(), me); });
}

TEST_F(Threads, AForkedChildHasThreadsOfItsOwn) {
  ASSERT_TRUE(each_task_once(100));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) _exit(each_task_once(100) && each_task_once(1000) ? 0 : 1);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Threads, TheirNumberMayChangeBetweenLoops) {
  for (const int threads : {2, 64, 1, 7, 3, 64, 100}) {
    set_num_threads(threads);
    for (int round = 0; round < 20; ++round) ASSERT_TRUE(each_task_once(200)) << threads;
  }
}

TEST_F(Threads, NoMoreOfThemRunThanAreAllowed) {
  set_num_threads(8);
  ASSERT_TRUE(each_task_once(1000));  // the helpers are there
  for (const int threads : {1, 2, 3}) {
    set_num_threads(threads);
    std::atomic<int> running{0}, most{0};
    parallel_for(200, much_work, [&](int64_t) {
      const int now = ++running;
      for (int seen = most; now > seen && !most.compare_exchange_weak(seen, now);) continue;
      std::this_thread::sleep_for(std::chrono::microseconds(50));
      --running;
    });
    EXPECT_LE(most.load(), threads);
  }
}

// Tasks that wait for each other, and then compute: whether so many threads work at once, however few processors there
// are.
template <class F>
bool all_at_once(int threads, const F& compute) {
  std::atomic<int> inside{0}, late{0};
  parallel_for(threads, much_work, [&](int64_t) {
    ++inside;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (inside < threads && late == 0) {
      std::this_thread::yield();
      if (std::chrono::steady_clock::now() > until) ++late;
    }
    compute();
  });
  return late == 0;
}

bool all_at_once(int threads) {
  return all_at_once(threads, [] {});
}

TEST_F(Threads, HelpersComputeInTheCallersFloatMode) {
  ASSERT_TRUE(all_at_once(4));  // they have begun in another mode
  std::atomic<int> kept{0};
  const auto compute = [&] {
    volatile float tiny = 1e-30F;
    if (tiny * 1e-12F != 0) ++kept;
  };
  {
    const FlushSubnormals mode;
    ASSERT_TRUE(all_at_once(4, compute));
    EXPECT_EQ(kept.load(), 0);
  }
  ASSERT_TRUE(all_at_once(4, compute));
  EXPECT_EQ(kept.load(), 4);
}

TEST_F(Threads, EachOfThemWorks) {
  for (const int threads : {2, 5, 16}) {
    set_num_threads(threads);
    ASSERT_TRUE(all_at_once(threads)) << threads;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // now they sleep, and have to be woken
    ASSERT_TRUE(all_at_once(threads)) << threads;
    ASSERT_TRUE(all_at_once(2)) << threads;
    ASSERT_TRUE(all_at_once(threads)) << threads;
  }
}

#if defined(_OPENMP)

class HostProgram : public Threads {
 protected:
  void TearDown() override {
    omp_set_num_threads(initial_);
    Threads::TearDown();
  }
  int initial_ = omp_get_max_threads();
};

TEST_F(HostProgram, TheLaterOfItsSettingAndOursCounts) {
  omp_set_num_threads(initial_ + 5);
  EXPECT_EQ(num_threads(), initial_ + 5);
  set_num_threads(3);
  EXPECT_EQ(num_threads(), 3);
  omp_set_num_threads(initial_ + 7);
  EXPECT_EQ(num_threads(), initial_ + 7);
  int elsewhere = 0;
  std::thread([&] { elsewhere = num_threads(); }).join();
  EXPECT_EQ(elsewhere, 3) << "a setting of the runtime is the calling thread's";
  omp_set_num_threads(initial_);  // as threadpoolctl restores it
  EXPECT_EQ(num_threads(), 3);
}

TEST_F(HostProgram, ItsLimitOfOneKeepsLoopsOnTheCaller) {
  ASSERT_TRUE(each_task_once(100));
  omp_set_num_threads(initial_ == 1 ? 2 : 1);
  const std::thread::id me = std::this_thread::get_id();
  if (num_threads() == 1) {
    parallel_for(64, much_work, [&](int64_t) { EXPECT_EQ(std::this_thread::get_id(), me); });
  }
}

TEST_F(HostProgram, LoopsInsideOfItsRegionsAreSerial) {
  std::atomic<int> wrong{0}, regions{0};
#pragma omp parallel num_threads(2)
  {
    const std::thread::id me = std::this_thread::get_id();
    if (omp_get_num_threads() > 1) {
      ++regions;
      if (!in_parallel()) ++wrong;
      parallel_for(64, much_work, [&](int64_t) { wrong += std::this_thread::get_id() != me ? 1 : 0; });
    }
  }
  EXPECT_EQ(regions.load(), 2);
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_FALSE(in_parallel());
}

// A thread that has opened a region cannot open another one in a forked child: libgomp waits there for threads that are
// gone.
TEST_F(HostProgram, AForkedChildWorksWhereTheHostHasOpenedRegions) {
#pragma omp parallel num_threads(3)
  static_cast<void>(omp_get_thread_num());
  ASSERT_TRUE(each_task_once(100));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    alarm(20);
    _exit(all_at_once(4) && each_task_once(1000) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

#endif

TEST_F(Threads, ATraceNotesTheTasksOfLargeLoops) {
  const std::thread::id me = std::this_thread::get_id();
  std::vector<int> hits(9, 0);
  const auto task = [&](int64_t t) {
    EXPECT_EQ(std::this_thread::get_id(), me);
    ++hits[static_cast<std::size_t>(t)];
    parallel_for(5, much_work, [](int64_t) {});  // part of the task
  };
  {
    LoopTrace trace;
    parallel_for(9, much_work, task);
    parallel_for(9, 100, task);  // stays on one thread, whatever their number: no loop
    parallel_workers(7, 3, much_work, [&](int64_t t, int64_t worker) {
      EXPECT_EQ(worker, 0);
      task(t);
      for (const double start = thread_ns(); t == 2 && thread_ns() - start < 2e6;) continue;
    });
    ASSERT_EQ(trace.loops.size(), 2U + 9U);  // the loops in the small one are loops of the thread
    EXPECT_EQ(trace.loops.front().workers, 9);
    EXPECT_EQ(trace.loops.front().task_ns.size(), 9U);
    EXPECT_EQ(trace.loops.back().workers, 3);
    ASSERT_EQ(trace.loops.back().task_ns.size(), 7U);
    EXPECT_GE(trace.loops.back().task_ns[2], 2e6);
  }
  EXPECT_EQ(hits, std::vector<int>({3, 3, 3, 3, 3, 3, 3, 2, 2}));
  ASSERT_TRUE(all_at_once(4));  // loops have their threads again
}

TEST_F(Threads, RefusesNoThreads) { EXPECT_THROW(set_num_threads(0), std::invalid_argument); }

}  // namespace
}  // namespace pk
