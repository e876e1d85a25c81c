#include "program/schedule.h"

#include <algorithm>
#include <climits>
#include <cstdint>
#include <functional>
#include <numeric>
#include <queue>
#include <utility>

namespace pk {

namespace {

// What is alive while calls run one after another.
class Alive {
 public:
  Alive(const std::vector<CallAccess>& calls, const std::vector<std::size_t>& bytes) : bytes_(bytes) {
    left_.assign(bytes.size(), 0);
    for (const CallAccess& call : calls) {
      for (int v : unique(call.reads)) ++left_[at(v)];
    }
  }

  // Change of the bytes alive that a call brings: its results, less what nobody reads afterwards.
  std::int64_t change(const CallAccess& call) const {
    std::int64_t delta = 0;
    for (int v : call.makes) delta += left_[at(v)] > 0 ? size(v) : 0;
    for (int v : unique(call.reads)) delta -= left_[at(v)] == 1 ? size(v) : 0;
    return delta;
  }

  // Bytes alive during the call; afterwards the call is done.
  std::size_t run(const CallAccess& call) {
    std::int64_t during = now_;
    for (int v : call.makes) during += size(v);
    if (!call.makes.empty()) {
      for (int v : call.in_place) {
        const bool read_twice = std::count(call.reads.begin(), call.reads.end(), v) > 1;
        if (left_[at(v)] == 1 && !read_twice && size(v) == size(call.makes[0]) && size(v) > 0) {
          during -= size(v);
          break;
        }
      }
    }
    now_ += change(call);
    for (int v : unique(call.reads)) --left_[at(v)];
    return static_cast<std::size_t>(during);
  }

 private:
  static std::size_t at(int v) { return static_cast<std::size_t>(v); }
  std::int64_t size(int v) const { return static_cast<std::int64_t>(bytes_[at(v)]); }
  static std::vector<int> unique(std::vector<int> values) {
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return values;
  }

  const std::vector<std::size_t>& bytes_;
  std::vector<int> left_;  // calls that still read each value
  std::int64_t now_ = 0;
};

// For each call, those that may run only after it; and how many each waits for.
struct Dependencies {
  std::vector<std::vector<int>> after;
  std::vector<int> waits;

  Dependencies(const std::vector<CallAccess>& calls, std::size_t values) : after(calls.size()), waits(calls.size(), 0) {
    std::vector<int> writer(values, -1);
    std::vector<std::vector<int>> readers(values);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      const int me = static_cast<int>(i);
      for (int v : calls[i].reads) {
        add(writer[static_cast<std::size_t>(v)], me);
        readers[static_cast<std::size_t>(v)].push_back(me);
      }
      for (const auto* written : {&calls[i].makes, &calls[i].writes}) {
        for (int v : *written) {
          add(writer[static_cast<std::size_t>(v)], me);
          for (int reader : readers[static_cast<std::size_t>(v)]) add(reader, me);
          readers[static_cast<std::size_t>(v)].clear();
          writer[static_cast<std::size_t>(v)] = me;
        }
      }
    }
  }

 private:
  void add(int first, int second) {
    if (first < 0 || first == second) return;
    after[static_cast<std::size_t>(first)].push_back(second);
    ++waits[static_cast<std::size_t>(second)];
  }
};

// Calls that make values in the given order, all others as soon as they are ready.
std::vector<int> effects_early(const std::vector<CallAccess>& calls, std::size_t values) {
  Dependencies dependencies(calls, values);
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  std::vector<bool> done(calls.size(), false);
  std::vector<int> order;
  const auto run = [&](int call) {
    done[static_cast<std::size_t>(call)] = true;
    order.push_back(call);
    for (int next : dependencies.after[static_cast<std::size_t>(call)]) {
      if (--dependencies.waits[static_cast<std::size_t>(next)] == 0) ready.push(next);
    }
  };
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (!done[i]) run(static_cast<int>(i));
    while (!ready.empty()) {
      const int call = ready.top();
      ready.pop();
      if (calls[static_cast<std::size_t>(call)].makes.empty()) run(call);
    }
  }
  return order;
}

// Only calls less than `window` places behind the first one that has not run are looked at: what belongs together stays
// together, and what is computed again late in the program is not computed early.
std::vector<int> greedy(const std::vector<CallAccess>& calls, const std::vector<std::size_t>& bytes, int window) {
  Dependencies dependencies(calls, bytes.size());
  Alive alive(calls, bytes);
  std::vector<int> ready, order;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (dependencies.waits[i] == 0) ready.push_back(static_cast<int>(i));
  }
  std::vector<bool> done(calls.size(), false);
  int first = 0;
  while (!ready.empty()) {
    while (done[static_cast<std::size_t>(first)]) ++first;
    std::size_t best = 0;
    std::int64_t least = INT64_MAX;
    for (std::size_t r = 0; r < ready.size(); ++r) {
      if (ready[r] - first >= window) continue;
      const std::int64_t change = alive.change(calls[static_cast<std::size_t>(ready[r])]);
      if (change < least || (change == least && ready[r] < ready[best])) {
        least = change;
        best = r;
      }
    }
    const int call = ready[best];
    done[static_cast<std::size_t>(call)] = true;
    ready.erase(ready.begin() + static_cast<std::ptrdiff_t>(best));
    alive.run(calls[static_cast<std::size_t>(call)]);
    order.push_back(call);
    for (int next : dependencies.after[static_cast<std::size_t>(call)]) {
      if (--dependencies.waits[static_cast<std::size_t>(next)] == 0) ready.push_back(next);
    }
  }
  return order;
}

}  // namespace

std::size_t peak_bytes(const std::vector<CallAccess>& calls, const std::vector<int>& order,
                       const std::vector<std::size_t>& bytes) {
  Alive alive(calls, bytes);
  std::size_t peak = 0;
  for (int call : order) peak = std::max(peak, alive.run(calls[static_cast<std::size_t>(call)]));
  return peak;
}

std::vector<int> schedule(const std::vector<CallAccess>& calls, const std::vector<std::size_t>& bytes) {
  const std::vector<int> early = effects_early(calls, bytes.size());
  std::vector<CallAccess> moved;
  for (int call : early) moved.push_back(calls[static_cast<std::size_t>(call)]);
  std::vector<int> best(calls.size());
  std::iota(best.begin(), best.end(), 0);
  std::size_t least = peak_bytes(moved, best, bytes);
  for (int window : {8, 64, INT_MAX}) {
    std::vector<int> found = greedy(moved, bytes, window);
    const std::size_t peak = peak_bytes(moved, found, bytes);
    if (peak < least) {
      best = std::move(found);
      least = peak;
    }
  }
  for (int& call : best) call = early[static_cast<std::size_t>(call)];
  return best;
}

}  // namespace pk
