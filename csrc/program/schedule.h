// The scheduler: it alone decides the order in which the calls of a program run. It sees only which values a call reads
// and makes, so it is tested without running a kernel.
#pragma once

#include <cstddef>
#include <vector>

namespace pk {

struct CallAccess {
  std::vector<int> reads;     // values
  std::vector<int> makes;     // values that no earlier call made
  std::vector<int> writes;    // values changed in place (variables); order among readers and writers is kept
  std::vector<int> in_place;  // of `reads`: whose memory makes[0] may take over when no later call reads them
};

// Bytes alive at the worst call when the calls run in this order. `bytes`: of each value, 0 for those that live outside
// the arena. No placement in an arena needs less.
std::size_t peak_bytes(const std::vector<CallAccess>& calls, const std::vector<int>& order,
                       const std::vector<std::size_t>& bytes);

// An order (numbers of calls) in which every call reads what it reads in the given order. List scheduling: of the calls
// that are ready (all of them, or those near in the given order), the one after which the least memory is alive, the
// earliest of equals. Of these orders the first with the smallest peak. Where none gains, the order is the given one,
// but for calls that make no value (updates of variables): each runs as soon as it is ready, so that gradients die
// early.
std::vector<int> schedule(const std::vector<CallAccess>& calls, const std::vector<std::size_t>& bytes);

}  // namespace pk
