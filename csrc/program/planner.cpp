#include "program/planner.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "base/buffer.h"
#include "base/error.h"

namespace pk {

namespace {

constexpr std::size_t most_tries = 40000;  // of values placed again in the search for a smaller arena

// Places the values in the given order, each at the lowest offset that is free over its whole lifetime.
ArenaLayout place(const std::vector<Lifetime>& values, const std::vector<std::size_t>& order) {
  ArenaLayout layout;
  layout.offsets.assign(values.size(), 0);
  struct Placed {
    std::size_t begin, end;
    const Lifetime* life;
  };
  std::vector<Placed> placed;  // sorted by begin
  for (std::size_t i : order) {
    const Lifetime& v = values[i];
    if (v.bytes == 0) continue;
    if (v.bytes > SIZE_MAX / 2) throw OutOfMemory("a value of the program is larger than can be addressed");
    const std::size_t bytes = Buffer::aligned(v.bytes);
    std::size_t offset = 0;
    for (const Placed& p : placed) {
      if (p.life->last < v.first || v.last < p.life->first) continue;
      if (offset + bytes <= p.begin) break;
      offset = std::max(offset, p.end);
    }
    if (offset > SIZE_MAX / 2) throw OutOfMemory("the program needs more memory than can be addressed");
    layout.offsets[i] = offset;
    layout.bytes = std::max(layout.bytes, offset + bytes);
    const Placed me{offset, offset + bytes, &v};
    placed.insert(std::upper_bound(placed.begin(), placed.end(), me,
                                   [](const Placed& a, const Placed& b) { return a.begin < b.begin; }),
                  me);
  }
  return layout;
}

}  // namespace

std::size_t most_alive(const std::vector<Lifetime>& values) {
  int calls = 0;
  for (const Lifetime& v : values) calls = std::max(calls, v.last + 1);
  std::vector<std::size_t> born(static_cast<std::size_t>(calls) + 1, 0), dead(born);
  for (const Lifetime& v : values) {
    born[static_cast<std::size_t>(v.first)] += Buffer::aligned(v.bytes);
    dead[static_cast<std::size_t>(v.last) + 1] += Buffer::aligned(v.bytes);
  }
  std::size_t most = 0, now = 0;
  for (std::size_t i = 0; i < born.size(); ++i) {
    now = now + born[i] - dead[i];
    most = std::max(most, now);
  }
  return most;
}

ArenaLayout plan_memory(const std::vector<Lifetime>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a].bytes > values[b].bytes; });
  ArenaLayout best = place(values, order);
  const std::size_t bound = most_alive(values);
  ArenaLayout last = best;
  for (std::size_t left = most_tries / (values.size() + 1); left > 0 && best.bytes > bound; --left) {
    // Whatever ended on top is placed first the next time.
    const auto on_top = std::find_if(order.begin(), order.end(), [&](std::size_t i) {
      return values[i].bytes > 0 && last.offsets[i] + Buffer::aligned(values[i].bytes) == last.bytes;
    });
    std::rotate(order.begin(), on_top, on_top + 1);
    last = place(values, order);
    if (last.bytes < best.bytes) best = last;
  }
  return best;
}

}  // namespace pk
