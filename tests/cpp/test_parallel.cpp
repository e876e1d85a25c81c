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
#include "base/parallel.h"

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

TEST_F(Threads, HelpersComputeInTheCallersFloatMode) {
  const FlushSubnormals mode;
  std::atomic<int> kept{0};
  parallel_for(1000, much_work, [&](int64_t) {
    volatile float tiny = 1e-30F;
    if (tiny * 1e-12F != 0) ++kept;
  });
  EXPECT_EQ(kept.load(), 0);
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

TEST_F(Threads, RefusesNoThreads) { EXPECT_THROW(set_num_threads(0), std::invalid_argument); }

}  // namespace
}  // namespace pk
