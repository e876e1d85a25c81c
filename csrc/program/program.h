// A program: a flat list of kernel calls over a planned arena. Built once per (purpose, batch size);
// afterwards a step costs the kernels and a few nanoseconds a call.
//
// Values are inputs (fed at each run), constants, variables (shared with other programs, updated in
// place) and temporaries (in the arena). A program may be run by several threads at once: each run
// borrows an arena of its own (workspace.h). A run, or a step of a run of many batches, reads one set of values of its
// variables and changes them at once for others (access.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/loop_trace.h"
#include "kernels/gather.h"
#include "program/access.h"
#include "program/op.h"
#include "program/prepared.h"
#include "program/variable.h"
#include "program/workspace.h"

namespace pk {

using ValueId = int;

struct CallInfo {
  std::string op, label;
  std::vector<ValueId> in, out;
  ValueType type;            // of output 0; of input 0 where there is no output
  std::int64_t offset = -1;  // arena offset of output 0; -1 where it is not in the arena
  std::size_t bytes = 0;     // of all inputs and outputs
  double flops = 0;
};

// The processor time of a call on one thread, in its loops and outside of them.
struct CallLoops {
  double outside_ns = 0;
  std::vector<TracedLoop> loops;
};

// What a program takes while it runs, in bytes.
struct MemoryUse {
  std::size_t values = 0;    // intermediate values, placed in the arena
  std::size_t alive = 0;     // the most of them that are alive at once: no placement needs less
  std::size_t scratch = 0;   // of the kernel that needs most, at the end of the arena
  std::size_t inputs = 0;    // a batch of them, where rows are gathered
  std::size_t outputs = 0;   // a batch of them
  std::size_t prepared = 0;  // weights brought into the kernels' layout
  std::size_t constants = 0;
};

enum class RunStatus { done, time, nan };

// Rows for a run of many batches.
struct BatchRun {
  std::vector<const ArrayView*> sources;  // one per input, each with the same number of rows
  std::vector<void*> outputs;             // arrays over all rows for each program output; empty: outputs are dropped
  const std::int64_t* order = nullptr;    // row of the source for each position, or null
  std::int64_t batch = 0;                 // rows per step
  std::int64_t first = 0;                 // first position
  std::int64_t steps = 0;
  std::uint64_t step = 0;  // steps that the model ran before
  double seconds = 0;      // stop after the step in which this time is exceeded; <= 0: never
  bool check_finite = true;
};

struct BatchResult {
  std::int64_t steps = 0;
  RunStatus status = RunStatus::done;
};

class Program {
 public:
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // One run. inputs/outputs are row-major arrays of the declared types; outputs are overwritten.
  void run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs, std::uint64_t step) const;

  // Many runs on rows of arrays. Stops before the updates of a step whose check_finite fails.
  BatchResult run_batches(const BatchRun& batches) const;

  // Nanoseconds of each call, median of `repeats` runs.
  std::vector<double> profile(const std::vector<const void*>& inputs, int repeats) const;

  // What each call does on one thread, and in which loops that may have more: the least times of `repeats` runs.
  std::vector<CallLoops> trace(const std::vector<const void*>& inputs, int repeats) const;

  const std::vector<ValueType>& inputs() const { return input_types_; }
  const std::vector<ValueType>& outputs() const { return output_types_; }
  std::vector<CallInfo> describe() const;
  std::size_t arena_bytes() const { return arena_bytes_; }
  const MemoryUse& memory() const { return memory_; }

  // The variables that it only reads.
  const Variables& reads() const { return read_; }

  // From now on runs borrow their memory from this pool. Not while the program runs.
  void share(std::shared_ptr<WorkspacePool> workspaces) { workspaces_ = std::move(workspaces); }

  // Called between kernels, by the thread that runs, when a long run has lasted `poll_seconds` since the last call. It
  // may throw to stop the run there.
  std::function<void()> poll;
  double poll_seconds = 0.1;
  std::uint64_t seed = 0;

 private:
  friend class ProgramBuilder;
  Program();

  struct Call;
  struct State;
  class Lease;
  class Access;

  std::unique_ptr<State> make_state() const;
  RunStatus execute(State& state, std::uint64_t step, bool check) const;
  // Runs the calls `repeats` times; note(index, nanoseconds) after each.
  template <class Note>
  void timed_calls(const std::vector<const void*>& inputs, int repeats, const Note& note) const;
  void bind(State& state, std::size_t slot, void* pointer) const;
  void bind_arena(State& state, Workspace& workspace) const;

  std::vector<Call> calls_;
  Variables read_, written_;
  std::vector<Buffer> constants_;
  std::vector<ValueType> input_types_, output_types_;

  // Where an argument of a call lives.
  struct Location {
    enum class Kind : std::uint8_t { arena, fixed, slot } kind = Kind::arena;
    std::size_t offset = 0;         // arena
    const void* pointer = nullptr;  // fixed: constants
    std::size_t slot = 0;  // bound at each run: inputs, outputs, variables that are read, those that are written
  };
  std::vector<Location> arguments_;                  // of all calls, in then out
  std::vector<std::vector<std::size_t>> slot_uses_;  // slot -> positions in arguments_
  std::size_t scratch_offset_ = 0;
  std::size_t arena_bytes_ = 0;
  MemoryUse memory_;
  std::shared_ptr<WorkspacePool> workspaces_;
  bool heavy_ = false;  // some call takes long: look at the clock between kernels

  std::vector<std::size_t> prepared_by_;  // calls whose kernels take prepared forms
  mutable PreparedForms prepared_;
  mutable std::mutex pool_mutex_;
  mutable std::vector<std::unique_ptr<State>> pool_;
};

class ProgramBuilder {
 public:
  ProgramBuilder();
  ~ProgramBuilder();

  ValueId input(const ValueType& type);
  ValueId constant(const ValueType& type, const void* data);   // copied
  ValueId variable(std::shared_ptr<VariableStorage> storage);  // the same value for the same storage

  // Appends an op. Outputs are new values of the given types followed by the `written` variables,
  // updated in place. Returns the new values. Throws std::invalid_argument for what the op refuses.
  std::vector<ValueId> add(const std::string& name, const std::vector<ValueId>& in, const std::vector<ValueType>& out,
                           const std::vector<ValueId>& written, const Attrs& attrs, const std::string& label);
  void check_finite(ValueId value);
  void output(ValueId value);

  // The value whose memory `value` has: itself, or the one that it is another shape of. No op or output may follow.
  ValueId root(ValueId value);
  // The most bytes of intermediate values alive at once (MemoryUse::alive) in the program that build() would give. No
  // op or output may follow.
  std::size_t peak();
  // Plans the arena. The builder is empty afterwards.
  std::unique_ptr<Program> build();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pk
