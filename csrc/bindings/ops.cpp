// Ops run at once on arrays, through the kernels that programs use.
#include <pybind11/stl.h>

#include "base/buffer.h"
#include "bindings/arrays.h"
#include "bindings/register.h"
#include "bindings/variables.h"
#include "kernels/activation.h"
#include "program/update_kinds.h"

namespace pk::bindings {

namespace {

// Row-major inputs; others are copied.
struct Inputs {
  std::vector<py::array> keep;
  std::vector<const void*> pointers;
  std::vector<ValueType> types;

  explicit Inputs(const py::sequence& arrays) {
    for (const py::handle& item : arrays) {
      py::array a = array_from(item, true);
      types.push_back(type_of(a, "an op's input"));
      if (reinterpret_cast<std::uintptr_t>(a.data()) % size_of(types.back().dtype) != 0) a = a.attr("copy")();
      pointers.push_back(a.data());
      keep.push_back(std::move(a));
    }
  }
};

void run_kernel(const Kernel& kernel, const std::vector<const void*>& in, const std::vector<void*>& out) {
  const py::gil_scoped_release unlocked;
  const Buffer scratch(kernel.scratch_bytes);
  kernel.run({in.data(), out.data(), scratch.data(), 0, 0});
}

py::list run_op(const std::string& name, const py::sequence& arrays, const py::sequence& out_types,
                const py::dict& attrs) {
  const Inputs inputs(arrays);
  const OpSpec spec{name, inputs.types, types_from(out_types), attrs_from(attrs, name)};
  const std::unique_ptr<Kernel> kernel = make_op(spec);  // refuses before anything is allocated
  py::list results;
  std::vector<void*> out;
  for (const ValueType& type : spec.out) {
    py::array a = new_array(type);
    out.push_back(a.mutable_data());
    results.append(std::move(a));
  }
  run_kernel(*kernel, inputs.pointers, out);
  return results;
}

void run_op_into(const std::string& name, const py::sequence& arrays, const Variables& variables,
                 const py::dict& attrs) {
  const Inputs inputs(arrays);
  OpSpec spec{name, inputs.types, {}, attrs_from(attrs, name)};
  for (const auto& variable : variables) spec.out.push_back(variable->type());
  const std::unique_ptr<Kernel> kernel = make_op(spec);
  VariableAccess access(no_variables(), variables);
  begin(access);
  std::vector<void*> out;
  for (std::size_t i = 0; i < variables.size(); ++i) out.push_back(access.written(i));
  run_kernel(*kernel, inputs.pointers, out);
}

template <class Takes>
py::tuple dtype_names(Takes takes) {
  py::list names;
  for (int i = 0; i < dtype_count; ++i) {
    if (takes(static_cast<DType>(i))) names.append(name_of(static_cast<DType>(i)));
  }
  return py::tuple(names);
}

template <std::size_t n>
py::dict facts_of(const FunctionRow (&rows)[n]) {
  py::dict facts;
  for (const FunctionRow& row : rows) {
    facts[row.name] = py::dict(py::arg("dtypes") = dtype_names([&](DType t) { return takes(row.dtypes, t); }),
                               py::arg("transcendental") = row.work == Work::transcendental);
  }
  return facts;
}

template <std::size_t n>
py::dict facts_of(const char* const (&names)[n]) {
  py::dict facts;
  for (const char* name : names) facts[name] = py::dict(py::arg("dtypes") = dtype_names([](DType) { return true; }));
  return facts;
}

py::dict facts_of(const ActivationRow (&rows)[activation_count]) {
  py::dict facts;
  for (const ActivationRow& row : rows) {
    facts[row.name] = py::dict(py::arg("formula") = row.formula,
                               py::arg("gradient_reads") = row.slope_of == SlopeOf::output ? "output" : "input",
                               py::arg("takes_alpha") = row.parameter == Parameter::alpha,
                               py::arg("dtypes") = dtype_names([](DType t) { return takes(Dtypes::floats, t); }),
                               py::arg("transcendental") = row.work == Work::transcendental);
  }
  return facts;
}

py::dict facts_of_updates() {
  py::dict facts;
  for (const UpdateKind* kind = update_kinds(); kind->name != nullptr; ++kind) {
    facts[kind->name] = py::dict(py::arg("scalars") = kind->scalars);
  }
  return facts;
}

py::dict op_tables() {
  return py::dict(py::arg("unary") = facts_of(unary_rows), py::arg("predicate") = facts_of(predicate_names),
                  py::arg("binary") = facts_of(binary_rows), py::arg("compare") = facts_of(compare_names),
                  py::arg("activation") = facts_of(activation_rows), py::arg("update") = facts_of_updates());
}

}  // namespace

void register_ops(py::module_& m) {
  m.def("op_entries", [] {
    py::list entries;
    for (const OpEntry& e : op_entries()) entries.append(py::make_tuple(e.name, e.family, e.form));
    return entries;
  });
  m.def("op_tables", &op_tables);
  m.def("run_op", &run_op, py::arg("name"), py::arg("inputs"), py::arg("out_types"), py::arg("attrs"));
  m.def("run_op_into", &run_op_into, py::arg("name"), py::arg("inputs"), py::arg("variables"), py::arg("attrs"));
}

}  // namespace pk::bindings
