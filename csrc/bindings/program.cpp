#include "program/program.h"

#include <pybind11/stl.h>

#include "base/error.h"
#include "bindings/arrays.h"
#include "bindings/register.h"
#include "bindings/variables.h"

namespace pk::bindings {

namespace {

// A user's array, kept alive, with the view that the executor gathers rows from.
struct Source {
  py::array array;
  ArrayView view;

  Source(const py::array& a, const std::string& dtype) : array(a), view(view_of(a, "a source")) {
    dtype_from_name(dtype);  // checked here; the program converts to its own input dtype
  }
};

struct Feeds {
  std::vector<py::array> keep;
  std::vector<Buffer> converted;
  std::vector<const void*> pointers;

  Feeds(const Program& program, const py::sequence& arrays) {
    const std::vector<ValueType>& types = program.inputs();
    if (arrays.size() != types.size()) {
      fail("the program takes " + std::to_string(types.size()) + " inputs, got " + std::to_string(arrays.size()));
    }
    keep.reserve(types.size());
    for (std::size_t i = 0; i < types.size(); ++i) {
      py::array a = array_from(arrays[i], false);
      add(a, types[i], i);
    }
  }

 private:
  void add(py::array& a, const ValueType& want, std::size_t i) {
    const std::string what = "input " + std::to_string(i) + " of the program";
    if (shape_of(a) != want.shape) fail(what + " must have shape " + want.shape.str() + ", got " + shape_of(a).str());
    const ArrayView view = want.shape.rank() > 0 ? view_of(a, what) : ArrayView();
    const bool as_is = (a.flags() & py::array::c_style) != 0 && a.dtype().equal(numpy_dtype(want.dtype)) &&
                       reinterpret_cast<std::uintptr_t>(a.data()) % size_of(want.dtype) == 0;
    if (as_is) {
      pointers.push_back(a.data());
    } else if (want.shape.rank() == 0) {
      a = py::array::ensure(a.attr("astype")(numpy_dtype(want.dtype)));
      pointers.push_back(a.data());
    } else {
      converted.emplace_back(static_cast<std::size_t>(want.shape.numel()) * size_of(want.dtype));
      gather_rows(view, nullptr, 0, want.shape[0], want.dtype, converted.back().data());
      pointers.push_back(converted.back().data());
    }
    keep.push_back(std::move(a));
  }
};

py::list run(const Program& program, const py::sequence& arrays, std::uint64_t step) {
  const Feeds feeds(program, arrays);
  py::list results;
  std::vector<void*> out;
  for (const ValueType& type : program.outputs()) {
    py::array a = new_array(type);
    out.push_back(a.mutable_data());
    results.append(std::move(a));
  }
  {
    const py::gil_scoped_release unlocked;
    program.run(feeds.pointers, out, step);
  }
  return results;
}

void check_rows(const Program& program, const std::vector<Source*>& sources, const BatchRun& run, int64_t positions) {
  const std::vector<ValueType>& types = program.inputs();
  if (sources.size() != types.size()) {
    fail("the program takes " + std::to_string(types.size()) + " inputs, got " + std::to_string(sources.size()));
  }
  PK_CHECK(run.batch >= 0 && run.first >= 0 && run.steps >= 0, "batch_size, first and steps must not be negative");
  int64_t end = 0;
  PK_CHECK(!__builtin_mul_overflow(run.steps, run.batch, &end) && !__builtin_add_overflow(end, run.first, &end),
           "batch_size, first and steps are too large together");
  for (std::size_t i = 0; i < types.size(); ++i) {
    const Shape& have = sources[i]->view.shape;
    Shape want = types[i].shape;
    PK_CHECK(want.rank() > 0 && want[0] == run.batch, "the program was built for another batch size");
    want[0] = have[0];
    PK_CHECK(have == want, "source " + std::to_string(i) + " must have rows of shape " + types[i].shape.str() +
                               " less the first dimension, got " + have.str());
    const int64_t limit = positions >= 0 ? positions : have[0];
    PK_CHECK(end <= limit,
             "the steps read beyond the end: " + std::to_string(end) + " rows of " + std::to_string(limit));
  }
}

py::tuple run_batches(const Program& program, const std::vector<Source*>& sources, int64_t batch_size, int64_t first,
                      int64_t steps, const py::object& order, const py::object& outputs, std::uint64_t step,
                      double seconds, bool check_finite) {
  BatchRun batches;
  batches.batch = batch_size;
  batches.first = first;
  batches.steps = steps;
  batches.step = step;
  batches.seconds = seconds;
  batches.check_finite = check_finite;
  py::array keep_order;
  int64_t positions = -1;
  if (!order.is_none()) {
    keep_order = order.cast<py::array>();
    positions = keep_order.ndim() == 1 ? keep_order.shape(0) : 0;
    expect_array(keep_order, {DType::i64, {positions}}, false, "order");
    batches.order = static_cast<const int64_t*>(keep_order.data());
  }
  check_rows(program, sources, batches, positions);
  if (batches.order != nullptr && !sources.empty()) {
    const int64_t rows = sources[0]->view.shape[0];
    for (int64_t i = first; i < first + steps * batch_size; ++i) {
      if (batches.order[i] < 0 || batches.order[i] >= rows)
        throw std::out_of_range("order names a row that is not there");
    }
  }
  for (Source* s : sources) batches.sources.push_back(&s->view);
  std::vector<py::array> keep_outputs;
  if (!outputs.is_none()) {
    for (const py::handle& item : outputs) keep_outputs.push_back(item.cast<py::array>());
    PK_CHECK(keep_outputs.size() == program.outputs().size(), "one array per output is needed");
    for (std::size_t o = 0; o < keep_outputs.size(); ++o) {
      ValueType want = program.outputs()[o];
      PK_CHECK(want.shape.rank() > 0 && want.shape[0] == batch_size && keep_outputs[o].ndim() == want.shape.rank() &&
                   keep_outputs[o].shape(0) >= first + steps * batch_size,
               "output " + std::to_string(o) + " has too few rows or another rank");
      want.shape[0] = keep_outputs[o].shape(0);
      expect_array(keep_outputs[o], want, true, "output " + std::to_string(o));
      batches.outputs.push_back(keep_outputs[o].mutable_data());
    }
  }
  BatchResult result;
  {
    const py::gil_scoped_release unlocked;
    result = program.run_batches(batches);
  }
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  const char* status = result.status == RunStatus::done ? "done" : result.status == RunStatus::time ? "time" : "nan";
  return py::make_tuple(result.steps, status);
}

std::vector<double> profile(const Program& program, const py::sequence& arrays, int repeats) {
  PK_CHECK(repeats >= 1, "repeats must be at least 1");
  const Feeds feeds(program, arrays);
  const py::gil_scoped_release unlocked;
  return program.profile(feeds.pointers, repeats);
}

// [(outside_ns, [(workers, task_ns), ...]), ...] of each call.
py::list trace(const Program& program, const py::sequence& arrays, int repeats) {
  PK_CHECK(repeats >= 1, "repeats must be at least 1");
  const Feeds feeds(program, arrays);
  std::vector<CallLoops> calls;
  {
    const py::gil_scoped_release unlocked;
    calls = program.trace(feeds.pointers, repeats);
  }
  py::list rows;
  for (const CallLoops& call : calls) {
    py::list loops;
    for (const TracedLoop& loop : call.loops) loops.append(py::make_tuple(loop.workers, loop.task_ns));
    rows.append(py::make_tuple(call.outside_ns, loops));
  }
  return rows;
}

py::list describe(const Program& program) {
  py::list rows;
  for (const CallInfo& s : program.describe()) {
    py::dict row;
    row["op"] = s.op;
    row["label"] = s.label;
    row["inputs"] = s.in;
    row["outputs"] = s.out;
    row["shape"] = shape_tuple(s.type.shape);
    row["dtype"] = name_of(s.type.dtype);
    row["offset"] = s.offset < 0 ? py::object(py::none()) : py::object(py::int_(s.offset));
    row["bytes"] = s.bytes;
    row["flops"] = s.flops;
    rows.append(std::move(row));
  }
  return rows;
}

py::dict memory(const Program& program) {
  const MemoryUse& m = program.memory();
  py::dict d;
  d["values"] = m.values;
  d["alive"] = m.alive;
  d["scratch"] = m.scratch;
  d["inputs"] = m.inputs;
  d["outputs"] = m.outputs;
  d["prepared"] = m.prepared;
  d["constants"] = m.constants;
  return d;
}

void register_builder(py::module_& m) {
  py::class_<ProgramBuilder>(m, "ProgramBuilder")
      .def(py::init<>())
      .def(
          "input",
          [](ProgramBuilder& b, const py::object& shape, const std::string& dtype) {
            return b.input({dtype_from_name(dtype), shape_from(shape)});
          },
          py::arg("shape"), py::arg("dtype"))
      .def(
          "constant",
          [](ProgramBuilder& b, const py::array& value) {
            const ValueType type = type_of(value, "a constant");
            expect_array(value, type, false, "a constant");
            return b.constant(type, value.data());
          },
          py::arg("value"))
      .def("variable", &ProgramBuilder::variable, py::arg("variable"))
      .def(
          "add",
          [](ProgramBuilder& b, const std::string& name, const std::vector<ValueId>& in, const py::object& out_types,
             const std::vector<ValueId>& written, const py::dict& attrs, const std::string& label) {
            return b.add(name, in, types_from(out_types), written, attrs_from(attrs, name), label);
          },
          py::arg("name"), py::arg("inputs"), py::arg("out_types"), py::arg("written"), py::arg("attrs"),
          py::arg("label"))
      .def("check_finite", &ProgramBuilder::check_finite, py::arg("value"))
      .def("output", &ProgramBuilder::output, py::arg("value"))
      .def("root", &ProgramBuilder::root, py::arg("value"))
      .def("peak", &ProgramBuilder::peak)
      .def("build", [](ProgramBuilder& b) {
        std::unique_ptr<Program> program = b.build();
        program->poll = check_signals;
        return program;
      });
}

}  // namespace

void register_program(py::module_& m) {
  register_builder(m);
  py::class_<WorkspacePool, std::shared_ptr<WorkspacePool>>(m, "Workspaces")
      .def(py::init<>())
      .def("clear", &WorkspacePool::clear)
      .def_property_readonly("idle_bytes", &WorkspacePool::idle_bytes);
  py::class_<Source>(m, "Source")
      .def(py::init<const py::array&, const std::string&>(), py::arg("array"), py::arg("dtype"));
  py::class_<Program>(m, "Program")
      .def("run", &run, py::arg("feeds"), py::arg("step") = 0)
      .def("run_batches", &run_batches, py::arg("sources"), py::arg("batch_size"), py::arg("first"), py::arg("steps"),
           py::arg("order") = py::none(), py::arg("outputs") = py::none(), py::arg("step") = 0,
           py::arg("seconds") = 0.05, py::arg("check_finite") = true)
      .def("profile", &profile, py::arg("feeds"), py::arg("repeats") = 5)
      .def("trace", &trace, py::arg("feeds"), py::arg("repeats") = 5)
      .def("describe", &describe)
      .def_readwrite("seed", &Program::seed)
      .def("reading", [](const Program& program) { return std::make_unique<VariableReading>(program.reads()); })
      .def("share", &Program::share, py::arg("workspaces"))
      .def_property_readonly("memory", &memory)
      .def_property_readonly("arena_bytes", &Program::arena_bytes);
}

}  // namespace pk::bindings
