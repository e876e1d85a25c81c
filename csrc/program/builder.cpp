// Building a program: values and calls are collected and put into an order that needs little memory, lifetimes follow
// from that order, outputs take over dead inputs where the kernel allows it, the planner places the rest.
#include <algorithm>
#include <climits>
#include <cstring>

#include "base/error.h"
#include "program/call.h"
#include "program/planner.h"
#include "program/schedule.h"

namespace pk {

namespace {

std::size_t bytes_of(const ValueType& type) {
  return static_cast<std::size_t>(type.shape.numel()) * size_of(type.dtype);
}

enum class ValueKind { input, constant, variable, temporary };

struct Value {
  ValueKind kind;
  ValueType type;
  ValueId root;               // itself, or the value whose memory it shares (reshape, in place)
  std::size_t index = 0;      // input number, constant number, variable number
  int first = -1, last = -1;  // calls; of the root: over all values that share its memory
  int output_slot = -1;       // written straight to this program output
  std::size_t bytes() const { return bytes_of(type); }
};

struct Call {
  std::unique_ptr<Kernel> kernel;
  std::vector<ValueId> in, out;
  CallInfo info;
};

void check_addressable(const ValueType& type) {
  constexpr int64_t most = INT64_MAX / 2;
  int64_t bytes = static_cast<int64_t>(size_of(type.dtype));
  for (int64_t d : type.shape) {
    if (d == 0) return;
  }
  for (int64_t d : type.shape) {
    if (d > most / bytes) {
      throw OutOfMemory("a value of shape " + type.shape.str() + " and dtype " + name_of(type.dtype) +
                        " is larger than can be addressed");
    }
    bytes *= d;
  }
}

constexpr double heavy_flops = 2e8;

}  // namespace

struct ProgramBuilder::Impl {
  std::vector<Value> values;
  std::vector<Call> calls;
  std::vector<ValueId> outputs;
  std::vector<Buffer> constants;
  Variables variables;
  std::size_t n_inputs = 0;
  bool aliases_resolved = false, arranged = false;
  std::vector<Lifetime> lifetimes;  // of the values in the arena
  std::vector<ValueId> placed;      // these values

  ValueId new_value(ValueKind kind, const ValueType& type, std::size_t index = 0) {
    const ValueId id = static_cast<ValueId>(values.size());
    check_addressable(type);
    values.push_back({kind, type, id, index, -1, -1, -1});
    return id;
  }
  Value& at(ValueId id) {
    PK_CHECK(id >= 0 && id < static_cast<ValueId>(values.size()), "no value has the number " + std::to_string(id));
    return values[static_cast<std::size_t>(id)];
  }
  Value& root_of(ValueId id) { return at(at(id).root); }

  void append(const std::string& name, const std::vector<ValueId>& in, const std::vector<ValueId>& out,
              const Attrs& attrs, const std::string& label);
  void expect_open() const { PK_CHECK(!aliases_resolved, "the program is complete: no op or output may follow"); }
  std::vector<int> last_reads();
  bool is_reshape(const Call& call);
  void resolve_aliases();
  void order_calls();
  void find_lifetimes();
  void share_in_place();
  void assign_output_slots();
  void arrange();
  std::vector<bool> find_written();  // of each variable, whether a call writes it
};

ProgramBuilder::ProgramBuilder() : impl_(std::make_unique<Impl>()) {}
ProgramBuilder::~ProgramBuilder() = default;

ValueId ProgramBuilder::input(const ValueType& type) {
  return impl_->new_value(ValueKind::input, type, impl_->n_inputs++);
}

ValueId ProgramBuilder::constant(const ValueType& type, const void* data) {
  const ValueId id = impl_->new_value(ValueKind::constant, type, impl_->constants.size());
  impl_->constants.emplace_back(impl_->at(id).bytes());
  if (impl_->at(id).bytes() > 0) std::memcpy(impl_->constants.back().data(), data, impl_->at(id).bytes());
  return id;
}

ValueId ProgramBuilder::variable(std::shared_ptr<VariableStorage> storage) {
  const auto& values = impl_->values;
  const auto known = std::find_if(values.begin(), values.end(), [&](const Value& v) {
    return v.kind == ValueKind::variable && impl_->variables[v.index] == storage;
  });
  if (known != values.end()) return static_cast<ValueId>(known - values.begin());
  const ValueId id = impl_->new_value(ValueKind::variable, storage->type(), impl_->variables.size());
  impl_->variables.push_back(std::move(storage));
  return id;
}

void ProgramBuilder::Impl::append(const std::string& name, const std::vector<ValueId>& in,
                                  const std::vector<ValueId>& out, const Attrs& attrs, const std::string& label) {
  OpSpec spec;
  spec.name = name;
  spec.attrs = attrs;
  std::size_t bytes = 0;
  for (ValueId id : in) {
    spec.in.push_back(at(id).type);
    bytes += at(id).bytes();
  }
  for (ValueId id : out) {
    spec.out.push_back(at(id).type);
    bytes += at(id).bytes();
  }
  Call call;
  call.kernel = make_op(spec);
  call.in = in;
  call.out = out;
  const ValueType shown = out.empty() ? (in.empty() ? ValueType() : at(in[0]).type) : at(out[0]).type;
  call.info = {name, label, in, out, shown, -1, bytes, call.kernel->flops};
  calls.push_back(std::move(call));
}

std::vector<ValueId> ProgramBuilder::add(const std::string& name, const std::vector<ValueId>& in,
                                         const std::vector<ValueType>& out, const std::vector<ValueId>& written,
                                         const Attrs& attrs, const std::string& label) {
  impl_->expect_open();
  std::vector<ValueId> made;
  for (const ValueType& type : out) made.push_back(impl_->new_value(ValueKind::temporary, type));
  std::vector<ValueId> all = made;
  for (ValueId id : written) {
    PK_CHECK(impl_->at(id).kind == ValueKind::variable, "op '" + name + "' can only update variables in place");
    all.push_back(id);
  }
  impl_->append(name, in, all, attrs, label);
  return made;
}

void ProgramBuilder::check_finite(ValueId value) {
  impl_->expect_open();
  const ValueType& type = impl_->at(value).type;
  PK_CHECK(is_float(type.dtype), std::string("check_finite takes float values, got ") + name_of(type.dtype));
  Call call;
  call.in = {value};
  call.info = {"check_finite", "", call.in, {}, type, -1, impl_->at(value).bytes(), 0};
  impl_->calls.push_back(std::move(call));
}

void ProgramBuilder::output(ValueId value) {
  impl_->expect_open();
  impl_->at(value);
  impl_->outputs.push_back(value);
}

// For each value, the last call that reads it or another shape of it; INT_MAX for program outputs.
std::vector<int> ProgramBuilder::Impl::last_reads() {
  std::vector<int> last(values.size(), -1);
  for (std::size_t i = 0; i < calls.size(); ++i) {
    for (ValueId id : calls[i].in) last[static_cast<std::size_t>(id)] = static_cast<int>(i);
  }
  for (ValueId id : outputs) last[static_cast<std::size_t>(id)] = INT_MAX;
  for (auto call = calls.rbegin(); call != calls.rend(); ++call) {
    if (!is_reshape(*call)) continue;
    int& source = last[static_cast<std::size_t>(call->in[0])];
    source = std::max(source, last[static_cast<std::size_t>(call->out[0])]);
  }
  return last;
}

bool ProgramBuilder::Impl::is_reshape(const Call& call) {
  return call.info.op == "reshape" && at(call.in[0]).type.dtype == at(call.out[0]).type.dtype;
}

// A reshape is the same memory under another shape. It stays a copy where a variable is written while the reshaped
// value is still to be read.
void ProgramBuilder::Impl::resolve_aliases() {
  if (aliases_resolved) return;
  aliases_resolved = true;
  const std::vector<int> last = last_reads();
  std::vector<Call> kept;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    Call& call = calls[i];
    if (is_reshape(call)) {
      const ValueId source = at(call.in[0]).root;
      bool written = false;
      if (at(source).kind == ValueKind::variable) {
        const int end = last[static_cast<std::size_t>(call.out[0])];
        for (std::size_t j = i + 1; j < calls.size() && static_cast<int>(j) <= end; ++j) {
          for (ValueId id : calls[j].out) written = written || id == source;
        }
      }
      if (!written) {
        at(call.out[0]).root = source;
        continue;
      }
    }
    kept.push_back(std::move(call));
  }
  calls = std::move(kept);
}

// A temporary that is a program output is computed straight into the caller's array. Whatever else is
// an output (an input, a constant, a variable, a second name of the same memory) is copied at the end.
void ProgramBuilder::Impl::assign_output_slots() {
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    Value& root = root_of(outputs[o]);
    if (root.kind == ValueKind::temporary && root.output_slot < 0) {
      root.output_slot = static_cast<int>(o);
      continue;
    }
    const ValueId copy = new_value(ValueKind::temporary, at(outputs[o]).type);
    append("reshape", {outputs[o]}, {copy}, Attrs(), "");
    at(copy).output_slot = static_cast<int>(o);
    outputs[o] = copy;
  }
}

// Updates stay behind the check that the loss is finite: it counts as a change of one more value, which they read.
void ProgramBuilder::Impl::order_calls() {
  const int checked = static_cast<int>(values.size());
  std::vector<std::size_t> bytes(values.size() + 1, 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Value& v = values[i];
    if (v.kind == ValueKind::temporary && v.root == static_cast<ValueId>(i) && v.output_slot < 0) bytes[i] = v.bytes();
  }
  std::vector<CallAccess> accesses;
  for (const Call& call : calls) {
    CallAccess access;
    for (ValueId id : call.in) access.reads.push_back(at(id).root);
    for (ValueId id : call.out) {
      const bool variable = at(id).kind == ValueKind::variable;
      (variable ? access.writes : access.makes).push_back(at(id).root);
      if (variable) access.reads.push_back(checked);
    }
    if (call.kernel == nullptr) {
      access.writes.push_back(checked);
    } else if (!call.out.empty() && at(call.out[0]).kind == ValueKind::temporary) {
      for (int k : call.kernel->in_place) {
        const Value& in = root_of(call.in[static_cast<std::size_t>(k)]);
        if (in.kind == ValueKind::temporary && in.output_slot < 0) access.in_place.push_back(in.root);
      }
    }
    accesses.push_back(std::move(access));
  }
  std::vector<Call> ordered;
  for (int i : schedule(accesses, bytes)) ordered.push_back(std::move(calls[static_cast<std::size_t>(i)]));
  calls = std::move(ordered);
}

void ProgramBuilder::Impl::find_lifetimes() {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const int call = static_cast<int>(i);
    for (const auto* ids : {&calls[i].in, &calls[i].out}) {
      for (ValueId id : *ids) {
        Value& v = root_of(id);
        if (v.first < 0) v.first = call;
        v.last = call;
      }
    }
  }
}

void ProgramBuilder::Impl::share_in_place() {
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const Call& call = calls[i];
    if (call.kernel == nullptr || call.out.empty()) continue;
    Value& out = at(call.out[0]);
    if (out.kind != ValueKind::temporary || out.root != call.out[0] || out.output_slot >= 0) continue;
    for (int k : call.kernel->in_place) {
      Value& in = root_of(call.in[static_cast<std::size_t>(k)]);
      const bool read_twice =
          std::count_if(call.in.begin(), call.in.end(), [&](ValueId id) { return at(id).root == in.root; }) > 1;
      if (in.kind != ValueKind::temporary || in.output_slot >= 0 || in.last != static_cast<int>(i) ||
          in.bytes() != out.bytes() || read_twice) {
        continue;
      }
      const ValueId old = call.out[0], shared = in.root;
      in.last = std::max(in.last, out.last);
      for (Value& v : values) {
        if (v.root == old) v.root = shared;
      }
      break;
    }
  }
}

std::vector<bool> ProgramBuilder::Impl::find_written() {
  std::vector<bool> written(variables.size(), false);
  for (const Call& call : calls) {
    for (ValueId id : call.out) {
      if (at(id).kind == ValueKind::variable) written[at(id).index] = true;
    }
  }
  return written;
}

// Everything but the places of values in the arena.
void ProgramBuilder::Impl::arrange() {
  if (arranged) return;
  arranged = true;
  resolve_aliases();
  assign_output_slots();
  order_calls();
  find_lifetimes();
  share_in_place();
  for (const Value& v : values) {
    const ValueId id = static_cast<ValueId>(&v - values.data());
    if (v.kind == ValueKind::temporary && v.root == id && v.output_slot < 0 && v.first >= 0) {
      placed.push_back(id);
      lifetimes.push_back({v.first, v.last, v.bytes()});
    }
  }
}

ValueId ProgramBuilder::root(ValueId value) {
  impl_->resolve_aliases();
  return impl_->at(value).root;
}

std::size_t ProgramBuilder::peak() {
  impl_->arrange();
  return most_alive(impl_->lifetimes);
}

std::unique_ptr<Program> ProgramBuilder::build() {
  Impl& b = *impl_;
  b.arrange();
  const ArenaLayout layout = plan_memory(b.lifetimes);
  std::vector<std::size_t> offset(b.values.size(), 0);
  for (std::size_t i = 0; i < b.placed.size(); ++i) offset[static_cast<std::size_t>(b.placed[i])] = layout.offsets[i];

  std::unique_ptr<Program> p(new Program());
  for (const Value& v : b.values) {
    if (v.kind == ValueKind::input) p->input_types_.push_back(v.type);
  }
  for (ValueId id : b.outputs) p->output_types_.push_back(b.at(id).type);
  p->constants_ = std::move(b.constants);

  const std::vector<bool> written = b.find_written();
  std::vector<std::size_t> number(
      written.size());  // of a variable, among those that are only read, or that are written
  for (std::size_t i = 0; i < written.size(); ++i) {
    Variables& group = written[i] ? p->written_ : p->read_;
    number[i] = group.size();
    group.push_back(b.variables[i]);
  }
  const std::size_t first_read = b.n_inputs + b.outputs.size(), first_written = first_read + p->read_.size();
  p->slot_uses_.resize(first_written + p->written_.size());

  const auto locate = [&](ValueId id) {
    const Value& v = b.root_of(id);
    Program::Location where;
    using Kind = Program::Location::Kind;
    if (v.output_slot >= 0) {
      where.kind = Kind::slot;
      where.slot = b.n_inputs + static_cast<std::size_t>(v.output_slot);
    } else if (v.kind == ValueKind::input) {
      where.kind = Kind::slot;
      where.slot = v.index;
    } else if (v.kind == ValueKind::variable) {
      where.kind = Kind::slot;
      where.slot = (written[v.index] ? first_written : first_read) + number[v.index];
    } else if (v.kind == ValueKind::constant) {
      where.kind = Kind::fixed;
      where.pointer = p->constants_[v.index].data();
    } else {
      where.offset = offset[static_cast<std::size_t>(v.root)];
    }
    return where;
  };

  MemoryUse memory;
  for (const ValueType& type : p->input_types_) memory.inputs += bytes_of(type);
  for (const ValueType& type : p->output_types_) memory.outputs += bytes_of(type);
  for (const Buffer& constant : p->constants_) memory.constants += constant.bytes();

  std::size_t scratch = 0;
  double total_flops = 0;
  for (Call& call : b.calls) {
    Program::Call made;
    made.first_argument = p->arguments_.size();
    made.inputs = call.in.size();
    for (const auto* ids : {&call.in, &call.out}) {
      for (ValueId id : *ids) {
        const Program::Location where = locate(id);
        if (where.kind == Program::Location::Kind::slot) p->slot_uses_[where.slot].push_back(p->arguments_.size());
        p->arguments_.push_back(where);
      }
    }
    made.info = std::move(call.info);
    if (call.kernel == nullptr) {
      made.check_dtype = b.at(call.in[0]).type.dtype;
      made.check_count = b.at(call.in[0]).type.shape.numel();
    } else {
      scratch = std::max(scratch, call.kernel->scratch_bytes);
      total_flops += call.kernel->flops;
      if (call.kernel->prepared_input >= 0 && call.kernel->prepared_bytes > 0) {
        const Value& source = b.root_of(call.in[static_cast<std::size_t>(call.kernel->prepared_input)]);
        if (source.kind == ValueKind::variable && !written[source.index]) {
          made.prepared_from = static_cast<int>(number[source.index]);
          made.prepared_slot = p->prepared_by_.size();
          p->prepared_by_.push_back(p->calls_.size());
          memory.prepared += call.kernel->prepared_bytes;
        }
      }
      if (!call.out.empty()) {
        const Program::Location where = locate(call.out[0]);
        if (where.kind == Program::Location::Kind::arena) made.info.offset = static_cast<std::int64_t>(where.offset);
      }
    }
    made.kernel = std::move(call.kernel);
    p->calls_.push_back(std::move(made));
  }
  p->prepared_.resize(p->prepared_by_.size());
  p->heavy_ = total_flops > heavy_flops;
  if (scratch > SIZE_MAX / 2 - layout.bytes) throw OutOfMemory("the program needs more memory than can be addressed");
  p->scratch_offset_ = layout.bytes;
  p->arena_bytes_ = layout.bytes + scratch;
  memory.values = layout.bytes;
  memory.alive = most_alive(b.lifetimes);
  memory.scratch = scratch;
  p->memory_ = memory;
  impl_ = std::make_unique<Impl>();
  return p;
}

}  // namespace pk
