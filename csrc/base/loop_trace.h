// What parallel loops consist of, for simulations of more threads than there are.
#pragma once

#include <cstdint>
#include <vector>

namespace pk {

struct TracedLoop {
  std::int64_t workers = 0;     // that may run at once
  std::vector<double> task_ns;  // processor time on one thread, in the order in which tasks are claimed
};

// Processor time of the calling thread: what others on the machine do is not part of it. And what asking for it takes,
// which is no little beside a task of some microseconds.
double thread_ns();
double thread_clock_ns();

// While one is alive, the loops of its thread that would have several threads run serially and their tasks are timed.
// One at a time in a thread.
class LoopTrace {
 public:
  LoopTrace();
  ~LoopTrace();
  LoopTrace(const LoopTrace&) = delete;
  LoopTrace& operator=(const LoopTrace&) = delete;

  std::vector<TracedLoop> loops;  // so far
  const double clock_ns = thread_clock_ns();
};

}  // namespace pk
