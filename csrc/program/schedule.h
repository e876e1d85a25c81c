// Order of the calls of a program: one in which less memory is alive at once. It sees only which values a call reads
// and makes, so it is tested without running a kernel.
#pragma once

#include <cstddef>
#include <vector>

namespace pk {

struct CallShape {
  std::vector<int> reads;     // values
  std::vector<int> makes;     // values that no earlier call made
  std::vector<int> writes;    // values changed in place (variables); order among readers and writers is kept
  std::vector<int> in_place;  // of `reads`: whose memory makes[0] may take over when nobody reads them later
};

// Bytes alive at the worst call when the calls run in this order. `bytes`: of each value, 0 for those that live outside
// the arena. No placement in an arena needs less.
std::size_t peak_bytes(const std::vector<CallShape>& calls, const std::vector<int>& order,
                       const std::vector<std::size_t>& bytes);

// An order (numbers of calls) that keeps what calls see: greedily, of the calls that may run (among all, or among those
// near in the given order), the one after which the least is alive, the earliest of equals. Of these orders and the
// given one the first with the smallest peak, the given one first.
std::vector<int> schedule(const std::vector<CallShape>& calls, const std::vector<std::size_t>& bytes);

}  // namespace pk
