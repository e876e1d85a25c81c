// Ops run at once on arrays, through the kernels that programs use.
#include <pybind11/stl.h>

#include "base/buffer.h"
#include "bindings/arrays.h"
#include "bindings/register.h"
#include "program/variable.h"

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

void run_kernel(const OpSpec& spec, const std::vector<const void*>& in, const std::vector<void*>& out) {
  const std::unique_ptr<Kernel> kernel = make_op(spec);
  const py::gil_scoped_release unlocked;
  const Buffer scratch(kernel->scratch_bytes);
  kernel->run({in.data(), out.data(), scratch.data(), 0, 0});
}

py::list run_op(const std::string& name, const py::sequence& arrays, const py::sequence& out_types,
                const py::dict& attrs) {
  const Inputs inputs(arrays);
  OpSpec spec{name, inputs.types, types_from(out_types), attrs_from(attrs)};
  py::list results;
  std::vector<void*> out;
  for (const ValueType& type : spec.out) {
    py::array a = new_array(type);
    out.push_back(a.mutable_data());
    results.append(std::move(a));
  }
  run_kernel(spec, inputs.pointers, out);
  return results;
}

void run_op_into(const std::string& name, const py::sequence& arrays, const Variables& variables,
                 const py::dict& attrs) {
  const Inputs inputs(arrays);
  OpSpec spec{name, inputs.types, {}, attrs_from(attrs)};
  const VariableWrite write(variables);
  std::vector<void*> out;
  for (std::size_t i = 0; i < write.size(); ++i) {
    spec.out.push_back(variables[i]->type());
    out.push_back(write.data(i));
  }
  run_kernel(spec, inputs.pointers, out);
}

}  // namespace

void register_ops(py::module_& m) {
  m.def("op_names", [] { return op_names(); });
  m.def("run_op", &run_op, py::arg("name"), py::arg("inputs"), py::arg("out_types"), py::arg("attrs"));
  m.def("run_op_into", &run_op_into, py::arg("name"), py::arg("inputs"), py::arg("variables"), py::arg("attrs"));
}

}  // namespace pk::bindings
