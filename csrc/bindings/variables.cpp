#include "bindings/variables.h"

#include <pybind11/stl.h>

#include <cstring>
#include <optional>

#include "bindings/arrays.h"
#include "bindings/register.h"

namespace pk::bindings {

void check_signals() {
  const py::gil_scoped_acquire gil;
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

namespace {

using Storage = std::shared_ptr<VariableStorage>;

// Holds the value of a variable that an array shows.
struct Held {
  const Variables variables;
  VariableAccess access{variables, no_variables()};

  explicit Held(Storage v) : variables{std::move(v)} { begin(access); }
};

// The value of the variable as an array. The value stays as it is as long as the array lives, except by a write of this
// thread that has begun already.
py::array array_of(const Storage& v, bool writeable) {
  auto held = std::make_unique<Held>(v);
  const void* const data = held->access.read(0);
  const py::capsule owner(held.get(), [](void* p) { delete static_cast<Held*>(p); });
  held.release();  // NOLINT(bugprone-unused-return-value): the capsule has it
  std::vector<py::ssize_t> dims(v->type().shape.begin(), v->type().shape.end());
  py::array array(numpy_dtype(v->type().dtype), dims, data, owner);
  if (!writeable) array.attr("flags").attr("writeable") = false;
  return array;
}

void assign(const Storage& v, const py::array& value) {
  expect_array(value, v->type(), false, "the value of a variable");
  const Variables variables{v};
  VariableAccess access(no_variables(), variables, VariableAccess::Contents::overwritten);
  begin(access);
  if (v->bytes() > 0) std::memmove(access.written(0), value.data(), v->bytes());
}

// `with writing(variables):` the thread may write them in several steps; others see all of it, afterwards.
class Writing {
 public:
  explicit Writing(Variables variables) : variables_(std::move(variables)) {}

  void enter() { begin(access_); }
  void exit(const py::args& /*error*/) { access_.end(); }

 private:
  const Variables variables_;
  VariableAccess access_{no_variables(), variables_};
};

// `with variable.write() as array:` an array to write the value through; read-only afterwards.
class ArrayWrite {
 public:
  explicit ArrayWrite(Storage variable) : variables_{std::move(variable)} {}

  py::array enter() {
    begin(access_);
    array_ = array_of(variables_[0], true);
    return array_;
  }
  void exit(const py::args& /*error*/) {
    array_.attr("flags").attr("writeable") = false;
    array_ = py::array();
    access_.end();
  }

 private:
  const Variables variables_;
  VariableAccess access_{no_variables(), variables_};
  py::array array_;
};

}  // namespace

void register_variables(py::module_& m) {
  py::class_<ArrayWrite>(m, "VariableWrite").def("__enter__", &ArrayWrite::enter).def("__exit__", &ArrayWrite::exit);
  py::class_<Writing>(m, "Writing")
      .def(py::init<Variables>(), py::arg("variables"))
      .def("__enter__", &Writing::enter)
      .def("__exit__", &Writing::exit);
  py::class_<VariableReading>(m, "Reading")
      .def(py::init<Variables>(), py::arg("variables"))
      .def("__enter__", [](VariableReading& reading) { begin(reading); })
      .def("__exit__", [](VariableReading& reading, const py::args& /*error*/) { reading.end(); });
  py::class_<VariableStorage, Storage>(m, "Variable")
      .def(py::init([](const py::object& shape, const std::string& dtype) {
             return std::make_shared<VariableStorage>(dtype_from_name(dtype), shape_from(shape));
           }),
           py::arg("shape"), py::arg("dtype"))
      .def_property_readonly("version", &VariableStorage::version)
      .def_property_readonly("array", [](const Storage& v) { return array_of(v, false); })
      .def("write", [](const Storage& v) { return std::make_unique<ArrayWrite>(v); })
      .def("assign", &assign, py::arg("value"));
}

}  // namespace pk::bindings
