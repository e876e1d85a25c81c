// Memory planner: places values with known lifetimes in one arena. It sees only (first use, last
// use, bytes) per value, so it is tested without running a kernel.
#pragma once

#include <cstddef>
#include <vector>

namespace pk {

struct Lifetime {
  int first = 0;  // call that writes it
  int last = 0;   // last call that reads it; last >= first
  std::size_t bytes = 0;
};

struct ArenaLayout {
  std::vector<std::size_t> offsets;  // one per value, multiples of 64
  std::size_t bytes = 0;             // of the arena
};

// Greedy by size: the largest value first, each at the lowest offset that is free over its whole lifetime (Pisarchyk
// and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020). While that wastes memory, again with the
// value that ended on top placed first, a bounded number of times; the smallest layout counts. Values whose lifetimes
// share a call never overlap in memory. Throws pk::OutOfMemory when the total cannot be addressed.
ArenaLayout plan_memory(const std::vector<Lifetime>& values);

// The largest sum of the sizes of values that live at one call, each rounded up as the layout rounds it: a bound that
// no layout gets below.
std::size_t most_alive(const std::vector<Lifetime>& values);

}  // namespace pk
