#include "program/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace pk {
namespace {

// a -> {dx, dw}: the gradient of the weights first, so that x dies before dx is made.
TEST(Schedule, FreesTheLargeInputBeforeMakingTheNextLargeValue) {
  enum { x, dy, dx, dw };
  const std::vector<std::size_t> bytes{1000, 1000, 1000, 10};
  const std::vector<CallAccess> calls{
      {{}, {x}, {}, {}}, {{}, {dy}, {}, {}}, {{dy}, {dx}, {}, {}}, {{x, dy}, {dw}, {}, {}}, {{dx, dw}, {}, {}, {}}};
  const std::vector<int> order = schedule(calls, bytes);
  EXPECT_EQ(order, (std::vector<int>{0, 1, 3, 2, 4}));
  EXPECT_EQ(peak_bytes(calls, {0, 1, 2, 3, 4}, bytes), 3010U);
  EXPECT_EQ(peak_bytes(calls, order, bytes), 2010U);
}

TEST(Schedule, TheGivenOrderStaysWhereNothingIsGained) {
  const std::vector<CallAccess> calls{{{}, {0}, {}, {}}, {{}, {1}, {}, {}}, {{0, 1}, {2}, {}, {}}};
  EXPECT_EQ(schedule(calls, {8, 4, 4}), (std::vector<int>{0, 1, 2}));
}

// Updates recorded at the end run as soon as their gradients are there, in the order of recording, and not before
// another call has read the variable.
TEST(Schedule, CallsThatMakeNothingRunAsSoonAsTheyAreReady) {
  enum { w, v, loss, dw, dv, read };
  const std::vector<std::size_t> bytes{0, 0, 8, 8, 8, 8};
  const std::vector<CallAccess> calls{{{w, v}, {loss}, {}, {}}, {{loss}, {dw}, {}, {}}, {{loss}, {dv}, {}, {}},
                                      {{w}, {read}, {}, {}},    {{dw}, {}, {w}, {}},    {{dv}, {}, {v}, {}},
                                      {{read}, {}, {}, {}}};
  EXPECT_EQ(schedule(calls, bytes), (std::vector<int>{0, 1, 2, 5, 3, 4, 6}));
}

TEST(Schedule, AResultInTheMemoryOfADeadInputCostsNothing) {
  const std::vector<CallAccess> calls{{{}, {0}, {}, {}}, {{0}, {1}, {}, {0}}, {{1}, {}, {}, {}}};
  EXPECT_EQ(peak_bytes(calls, {0, 1, 2}, {64, 64}), 64U);
  const std::vector<CallAccess> twice{{{}, {0}, {}, {}}, {{0, 0}, {1}, {}, {0}}, {{1}, {}, {}, {}}};
  EXPECT_EQ(peak_bytes(twice, {0, 1, 2}, {64, 64}), 128U);
}

// Any order it gives keeps each read behind the write it sees and before the next one.
TEST(Schedule, KeepsWhatCallsSee) {
  std::mt19937 random(3);
  for (int trial = 0; trial < 200; ++trial) {
    const int variables = 3, n = 2 + static_cast<int>(random() % 30);
    std::vector<std::size_t> bytes(static_cast<std::size_t>(variables), 0);
    std::vector<CallAccess> calls;
    for (int i = 0; i < n; ++i) {
      CallAccess call;
      for (int r = static_cast<int>(random() % 3); r > 0; --r) {
        call.reads.push_back(static_cast<int>(random() % bytes.size()));
      }
      if (random() % 4 == 0) {
        call.writes.push_back(static_cast<int>(random() % variables));
      } else {
        call.makes.push_back(static_cast<int>(bytes.size()));
        bytes.push_back(random() % 100);
      }
      calls.push_back(call);
    }
    const std::vector<int> order = schedule(calls, bytes);
    std::vector<int> sorted = order, given;
    for (int i = 0; i < n; ++i) given.push_back(i);
    std::sort(sorted.begin(), sorted.end());
    ASSERT_EQ(sorted, given);
    EXPECT_LE(peak_bytes(calls, order, bytes), peak_bytes(calls, given, bytes));
    const auto seen = [&](const std::vector<int>& in_order) {
      std::vector<int> writer(bytes.size(), -1);
      std::vector<std::vector<int>> found(calls.size());
      for (int i : in_order) {
        const CallAccess& call = calls[static_cast<std::size_t>(i)];
        for (int v : call.reads) found[static_cast<std::size_t>(i)].push_back(writer[static_cast<std::size_t>(v)]);
        for (const auto* ids : {&call.makes, &call.writes}) {
          for (int v : *ids) {
            found[static_cast<std::size_t>(i)].push_back(writer[static_cast<std::size_t>(v)]);
            writer[static_cast<std::size_t>(v)] = i;
          }
        }
      }
      return found;
    };
    EXPECT_EQ(seen(order), seen(given)) << "trial " << trial;
  }
}

}  // namespace
}  // namespace pk
