#include "program/program.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/float_mode.h"
#include "program/call.h"

namespace pk {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <class T>
bool all_finite(const void* data, int64_t n) {
  const T* x = static_cast<const T*>(data);
  for (int64_t i = 0; i < n; ++i) {
    if (!std::isfinite(x[i])) return false;
  }
  return true;
}

// Whether consecutive rows of the array can be read where they are: right type, packed, aligned.
bool reads_in_place(const ArrayView& view, DType to) {
  if (view.swapped || !same_type(view.type, to) || !view.row_contiguous() || view.shape.rank() == 0) return false;
  int64_t row_bytes = static_cast<int64_t>(size_of(to));
  for (int i = 1; i < view.shape.rank(); ++i) row_bytes *= view.shape[i];
  return (view.shape[0] <= 1 || view.strides[0] == row_bytes) &&
         reinterpret_cast<std::uintptr_t>(view.data) % size_of(to) == 0;
}

constexpr std::size_t pool_limit = 8;  // states kept for later runs

}  // namespace

// Everything one run needs for itself.
struct Program::State {
  std::unique_ptr<Workspace> workspace;  // borrowed
  const char* arena = nullptr;           // for which `arguments` are resolved
  std::vector<void*> arguments;          // as Program::arguments_, resolved
  VariableAccess access;
  std::vector<const void*> bound;  // where the variables were found, those that are read first
  std::vector<PreparedForm*> prepared;
  Clock::time_point last_poll;

  explicit State(const Program& program)
      : access(program.read_, program.written_),
        bound(program.read_.size() + program.written_.size(), nullptr),
        prepared(program.prepared_.size(), nullptr) {}

  const void* form_of(const Call& call) const {
    return call.prepared_from < 0 ? nullptr : prepared[call.prepared_slot]->data.data();
  }

  // The buffer of a slot: gathered inputs, unwanted outputs.
  void* staging(std::size_t slot, std::size_t bytes) {
    std::vector<Buffer>& buffers = workspace->staging;
    if (buffers.size() <= slot) buffers.resize(slot + 1);
    return Workspace::at_least(buffers[slot], bytes).data();
  }
};

// A State, and a Workspace for it, borrowed from their pools.
class Program::Lease {
 public:
  explicit Lease(const Program& program) : program_(program) {
    {
      const std::lock_guard<std::mutex> lock(program.pool_mutex_);
      if (!program.pool_.empty()) {
        state_ = std::move(program.pool_.back());
        program.pool_.pop_back();
      }
    }
    if (state_ == nullptr) state_ = program.make_state();
    state_->workspace = program.workspaces_->take();
    try {
      program.bind_arena(*state_, *state_->workspace);
    } catch (...) {
      give_back();
      throw;
    }
  }
  ~Lease() { give_back(); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  State& operator*() const { return *state_; }

 private:
  void give_back() {
    program_.workspaces_->give_back(std::move(state_->workspace));
    const std::lock_guard<std::mutex> lock(program_.pool_mutex_);
    if (program_.pool_.size() < pool_limit) {
      program_.pool_.push_back(std::move(state_));
    } else {
      program_.prepared_.give_back(state_->prepared);
    }
  }

  const Program& program_;
  std::unique_ptr<State> state_;
};

Program::Program() : workspaces_(std::make_shared<WorkspacePool>()) {}
Program::~Program() = default;

std::unique_ptr<Program::State> Program::make_state() const {
  auto state = std::make_unique<State>(*this);
  state->arguments.reserve(arguments_.size());
  for (const Location& location : arguments_) state->arguments.push_back(const_cast<void*>(location.pointer));
  return state;
}

void Program::bind_arena(State& state, Workspace& workspace) const {
  char* const arena = Workspace::at_least(workspace.arena, arena_bytes_).as<char>();
  if (state.arena == arena) return;
  for (std::size_t i = 0; i < arguments_.size(); ++i) {
    if (arguments_[i].kind == Location::Kind::arena) state.arguments[i] = arena + arguments_[i].offset;
  }
  state.arena = arena;
}

void Program::bind(State& state, std::size_t slot, void* pointer) const {
  for (std::size_t at : slot_uses_[slot]) state.arguments[at] = pointer;
}

// The variables of a run, for its lifetime.
class Program::Access {
 public:
  Access(const Program& program, State& state) : program_(program), state_(state) {
    state.access.begin(program.poll);
    try {
      bind();
    } catch (...) {
      state.access.end();
      throw;
    }
  }
  ~Access() { state_.access.end(); }
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;

  // Between two steps: lets others to the variables that this run writes.
  void give_way_if_wanted() {
    if (!state_.access.wanted()) return;
    state_.access.give_way(program_.poll);
    bind();
  }

 private:
  void bind() {
    const std::size_t reads = program_.read_.size();
    const std::size_t first = program_.input_types_.size() + program_.output_types_.size();
    for (std::size_t i = 0; i < state_.bound.size(); ++i) {
      const void* const pointer = i < reads ? state_.access.read(i) : state_.access.written(i - reads);
      if (state_.bound[i] == pointer) continue;
      program_.bind(state_, first + i, const_cast<void*>(pointer));
      state_.bound[i] = pointer;
    }
    prepare();
  }

  // The forms stay with the state: they fit until a variable changes.
  void prepare() {
    bool fits = true;
    for (std::size_t i = 0; i < state_.prepared.size(); ++i) {
      fits = fits && state_.prepared[i] != nullptr && state_.prepared[i]->version == source(i).version;
    }
    if (fits) return;
    {
      const std::lock_guard<std::mutex> lock(program_.pool_mutex_);
      for (const auto& idle : program_.pool_) program_.prepared_.give_back(idle->prepared);
    }
    program_.prepared_.take(state_.prepared, [this](std::size_t i) { return source(i); });
  }
  PreparedForms::Source source(std::size_t form) const {
    const Call& call = program_.calls_[program_.prepared_by_[form]];
    const auto variable = static_cast<std::size_t>(call.prepared_from);
    return {call.kernel.get(), state_.access.read(variable), state_.access.version(variable)};
  }

  const Program& program_;
  State& state_;
};

RunStatus Program::execute(State& state, std::uint64_t step, bool check) const {
  const FlushSubnormals mode;
  void* const scratch = state.workspace->arena.as<char>() + scratch_offset_;
  void** arguments = state.arguments.data();
  for (const Call& call : calls_) {
    void** const in = arguments + call.first_argument;
    if (call.kernel == nullptr) {
      if (!check) continue;
      const bool ok = call.check_dtype == DType::f32 ? all_finite<float>(in[0], call.check_count)
                                                     : all_finite<double>(in[0], call.check_count);
      if (!ok) return RunStatus::nan;
      continue;
    }
    call.kernel->run({const_cast<const void* const*>(in), in + call.inputs, scratch, seed, step, state.form_of(call)});
    if (heavy_ && poll && seconds_since(state.last_poll) > poll_seconds) {
      poll();
      state.last_poll = Clock::now();
    }
  }
  return RunStatus::done;
}

void Program::run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs, std::uint64_t step) const {
  const Lease lease(*this);
  State& state = *lease;
  for (std::size_t i = 0; i < inputs.size(); ++i) bind(state, i, const_cast<void*>(inputs[i]));
  for (std::size_t i = 0; i < outputs.size(); ++i) bind(state, inputs.size() + i, outputs[i]);
  state.last_poll = Clock::now();
  const Access access(*this, state);
  execute(state, step, false);
}

BatchResult Program::run_batches(const BatchRun& batches) const {
  const Lease lease(*this);
  State& state = *lease;
  const std::size_t n_in = input_types_.size();

  struct Feed {
    std::size_t row_bytes = 0;
    bool direct = false;   // rows are read where they are
    void* rows = nullptr;  // otherwise the buffer that they are gathered into
    RowGather gather;
  };
  std::vector<Feed> feeds;
  for (std::size_t i = 0; i < n_in; ++i) {
    const ValueType& type = input_types_[i];
    const ArrayView& view = *batches.sources[i];
    const std::size_t bytes = static_cast<std::size_t>(type.shape.numel()) * size_of(type.dtype);
    feeds.push_back({batches.batch > 0 ? bytes / static_cast<std::size_t>(batches.batch) : 0,
                     batches.order == nullptr && reads_in_place(view, type.dtype), nullptr,
                     RowGather(view, type.dtype)});
    if (!feeds[i].direct) {
      feeds[i].rows = state.staging(i, bytes);
      bind(state, i, feeds[i].rows);
    }
  }
  std::vector<std::size_t> out_row_bytes(output_types_.size());
  for (std::size_t o = 0; o < output_types_.size(); ++o) {
    const std::size_t bytes =
        static_cast<std::size_t>(output_types_[o].shape.numel()) * size_of(output_types_[o].dtype);
    out_row_bytes[o] = batches.batch > 0 ? bytes / static_cast<std::size_t>(batches.batch) : 0;
    if (batches.outputs.empty()) bind(state, n_in + o, state.staging(n_in + o, bytes));
  }

  const Clock::time_point start = Clock::now();
  state.last_poll = start;
  Access access(*this, state);
  BatchResult result;
  for (; result.steps < batches.steps; ++result.steps) {
    access.give_way_if_wanted();
    const int64_t position = batches.first + result.steps * batches.batch;
    for (std::size_t i = 0; i < n_in; ++i) {
      if (feeds[i].direct) {
        const char* rows = static_cast<const char*>(batches.sources[i]->data) +
                           static_cast<std::size_t>(position) * feeds[i].row_bytes;
        bind(state, i, const_cast<char*>(rows));
      } else {
        const int64_t* order = batches.order == nullptr ? nullptr : batches.order + position;
        feeds[i].gather(order, position, batches.batch, feeds[i].rows);
      }
    }
    for (std::size_t o = 0; o < batches.outputs.size(); ++o) {
      char* rows = static_cast<char*>(batches.outputs[o]) + static_cast<std::size_t>(position) * out_row_bytes[o];
      bind(state, n_in + o, rows);
    }
    if (execute(state, batches.step + static_cast<std::uint64_t>(result.steps), batches.check_finite) ==
        RunStatus::nan) {
      result.status = RunStatus::nan;
      return result;
    }
    if (batches.seconds > 0 && result.steps + 1 < batches.steps && seconds_since(start) > batches.seconds) {
      ++result.steps;
      result.status = RunStatus::time;
      return result;
    }
  }
  return result;
}

template <class Note>
void Program::timed_calls(const std::vector<const void*>& inputs, int repeats, const Note& note) const {
  const Lease lease(*this);
  State& state = *lease;
  for (std::size_t i = 0; i < inputs.size(); ++i) bind(state, i, const_cast<void*>(inputs[i]));
  for (std::size_t o = 0; o < output_types_.size(); ++o) {
    const std::size_t slot = inputs.size() + o;
    const std::size_t bytes =
        static_cast<std::size_t>(output_types_[o].shape.numel()) * size_of(output_types_[o].dtype);
    bind(state, slot, state.staging(slot, bytes));
  }
  void* const scratch = state.workspace->arena.as<char>() + scratch_offset_;
  const Access access(*this, state);
  for (int r = 0; r < repeats; ++r) {
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      const Call& call = calls_[i];
      void** const in = state.arguments.data() + call.first_argument;
      const Clock::time_point start = Clock::now();
      if (call.kernel != nullptr) {
        call.kernel->run({const_cast<const void* const*>(in), in + call.inputs, scratch, seed,
                          static_cast<std::uint64_t>(r), state.form_of(call)});
      }
      note(i, seconds_since(start) * 1e9);
    }
  }
}

std::vector<double> Program::profile(const std::vector<const void*>& inputs, int repeats) const {
  std::vector<std::vector<double>> times(calls_.size());
  timed_calls(inputs, repeats, [&](std::size_t i, double ns) { times[i].push_back(ns); });
  std::vector<double> medians;
  for (std::vector<double>& t : times) {
    std::nth_element(t.begin(), t.begin() + static_cast<std::ptrdiff_t>(t.size() / 2), t.end());
    medians.push_back(t.empty() ? 0 : t[t.size() / 2]);
  }
  return medians;
}

std::vector<CallLoops> Program::trace(const std::vector<const void*>& inputs, int repeats) const {
  std::vector<CallLoops> calls(calls_.size());
  std::vector<bool> seen(calls_.size(), false);
  LoopTrace trace;
  std::size_t first_run = calls_.size();  // is not counted: weights are prepared in it
  double last = 0;
  timed_calls(inputs, repeats + 1, [&](std::size_t i, double) {
    CallLoops now{thread_ns() - last - trace.clock_ns, std::exchange(trace.loops, {})};
    if (first_run > 0) {
      --first_run;
      last = thread_ns();
      return;
    }
    for (const TracedLoop& loop : now.loops) {
      // Each task's two readings of the clock lie half inside and half outside of it.
      now.outside_ns -= std::accumulate(loop.task_ns.begin(), loop.task_ns.end(), 0.0) +
                        2 * trace.clock_ns * static_cast<double>(loop.task_ns.size());
    }
    if (seen[i]) {
      PK_CHECK(now.loops.size() == calls[i].loops.size(), "a call's loops changed between runs of one program");
      now.outside_ns = std::min(now.outside_ns, calls[i].outside_ns);
      for (std::size_t l = 0; l < now.loops.size(); ++l) {
        std::vector<double>& times = now.loops[l].task_ns;
        const std::vector<double>& before = calls[i].loops[l].task_ns;
        PK_CHECK(times.size() == before.size(), "a loop's tasks changed between runs of one program");
        std::transform(times.begin(), times.end(), before.begin(), times.begin(),
                       [](double a, double b) { return std::min(a, b); });
      }
    }
    calls[i] = std::move(now);
    seen[i] = true;
    last = thread_ns();
  });
  return calls;
}

std::vector<CallInfo> Program::describe() const {
  std::vector<CallInfo> infos;
  for (const Call& call : calls_) infos.push_back(call.info);
  return infos;
}

}  // namespace pk
