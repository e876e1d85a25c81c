#include "program/workspace.h"

#include <gtest/gtest.h>

#include <memory>
#include <utility>
#include <vector>

namespace pk {
namespace {

// Many threads that once ran at the same time leave no more memory behind than a few need.
TEST(WorkspacePool, KeepsAFew) {
  WorkspacePool pool;
  std::vector<std::unique_ptr<Workspace>> taken;
  for (int i = 0; i < 20; ++i) {
    taken.push_back(pool.take());
    Workspace::at_least(taken.back()->arena, 4096);
  }
  for (auto& workspace : taken) pool.give_back(std::move(workspace));
  int kept = 0;
  for (auto& workspace : taken) {
    workspace = pool.take();
    if (workspace->arena.bytes() > 0) ++kept;
  }
  EXPECT_EQ(kept, 8);
}

TEST(WorkspacePool, TellsWhatTheNextRunNeedNotAllocate) {
  WorkspacePool pool;
  EXPECT_EQ(pool.idle_bytes(), 0u);
  auto small = pool.take(), large = pool.take();
  Workspace::at_least(small->arena, 4096);
  Workspace::at_least(large->arena, 1 << 20);
  const std::size_t bytes = large->arena.bytes();
  pool.give_back(std::move(large));
  pool.give_back(std::move(small));
  EXPECT_EQ(pool.idle_bytes(), bytes);
  pool.clear();
  EXPECT_EQ(pool.idle_bytes(), 0u);
}

}  // namespace
}  // namespace pk
