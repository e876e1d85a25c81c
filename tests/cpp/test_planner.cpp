#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "base/error.h"
#include "program/planner.h"

namespace pk {
namespace {

bool overlap(const ArenaLayout& plan, const std::vector<Lifetime>& v, std::size_t a, std::size_t b) {
  const bool in_time = v[a].first <= v[b].last && v[b].first <= v[a].last;
  const bool in_space =
      plan.offsets[a] < plan.offsets[b] + v[b].bytes && plan.offsets[b] < plan.offsets[a] + v[a].bytes;
  return in_time && in_space && v[a].bytes > 0 && v[b].bytes > 0;
}

TEST(Planner, NothingNeedsNothing) { EXPECT_EQ(plan_memory({}).bytes, 0U); }

TEST(Planner, ValuesThatDoNotMeetShareMemory) {
  const ArenaLayout plan = plan_memory({{0, 1, 640}, {2, 3, 640}, {4, 9, 640}});
  EXPECT_EQ(plan.bytes, 640U);
}

TEST(Planner, ValuesOfOneStepDoNotShare) {
  const ArenaLayout plan = plan_memory({{0, 1, 64}, {1, 2, 64}});
  EXPECT_EQ(plan.bytes, 128U);
}

TEST(Planner, FillsTheGapBeforeTheFirstBlock) {
  // The large value is placed first at 0; the small one lives when it does not and fits there too.
  const ArenaLayout plan = plan_memory({{0, 1, 1024}, {2, 3, 64}});
  EXPECT_EQ(plan.offsets[1], 0U);
}

TEST(Planner, NoOverlapAndNoMoreThanTheSum) {
  std::mt19937 random(7);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<Lifetime> values;
    std::size_t sum = 0;
    const int n = 1 + static_cast<int>(random() % 40);
    for (int i = 0; i < n; ++i) {
      const int first = static_cast<int>(random() % 20);
      values.push_back({first, first + static_cast<int>(random() % 8), random() % 5000});
      sum += (values.back().bytes + 63) / 64 * 64;
    }
    const ArenaLayout plan = plan_memory(values);
    EXPECT_LE(plan.bytes, sum);
    EXPECT_GE(plan.bytes, most_alive(values));
    for (std::size_t a = 0; a < values.size(); ++a) {
      EXPECT_EQ(plan.offsets[a] % 64, 0U);
      EXPECT_LE(plan.offsets[a] + values[a].bytes, plan.bytes);
      for (std::size_t b = 0; b < a; ++b) ASSERT_FALSE(overlap(plan, values, a, b)) << "trial " << trial;
    }
  }
}

TEST(Planner, MostAliveIsTheLargestSumAtAStep) {
  EXPECT_EQ(most_alive({}), 0U);
  EXPECT_EQ(most_alive({{0, 1, 640}, {2, 3, 640}, {1, 2, 60}}), 704U);
}

TEST(Planner, WhatCannotBeAddressedIsOutOfMemory) {
  EXPECT_THROW(plan_memory({{0, 1, SIZE_MAX / 2 + 1}}), OutOfMemory);
  EXPECT_THROW(plan_memory({{0, 1, SIZE_MAX / 2}, {0, 1, SIZE_MAX / 2 - 64}, {0, 1, 640}}), OutOfMemory);
}

}  // namespace
}  // namespace pk
