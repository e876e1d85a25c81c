// What parallel loops consist of, for simulations of more threads than there are.
#pragma once

#include <cstdint>
#include <vector>

namespace pk {

struct TracedLoop {
  std::int64_t workers = 0;     // that may run at once
  std::vector<double> task_ns;  // processor time on one thread, in the order in which tasks are claimed
};

// Processor time of the calling thread: what others on the machine do is not part of it.
double thread_ns();

// While one is alive, the loops of its thread that would have several threads run serially and their tasks are timed.
// One at a time in a thread.
class LoopTrace {
 public:
  LoopTrace();
  ~LoopTrace();
  LoopTrace(const LoopTrace&) = delete;
  LoopTrace& operator=(const LoopTrace&) = delete;

  std::vector<TracedLoop> loops;  // so far
};

}  // namespace pk
