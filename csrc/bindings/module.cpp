#include <new>

#include "base/error.h"
#include "bindings/register.h"

namespace py = pybind11;

PYBIND11_MODULE(_core, m) {
  m.doc() = "The C++ core of pykernels: kernels, programs, variables.";
  py::register_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(p);
    } catch (const pk::TypeError& e) {
      PyErr_SetString(PyExc_TypeError, e.what());
    } catch (const pk::OutOfMemory& e) {
      PyErr_SetString(PyExc_MemoryError, e.what());
    }
  });
  pk::bindings::register_config(m);
  pk::bindings::register_files(m);
  pk::bindings::register_image(m);
  pk::bindings::register_ops(m);
  pk::bindings::register_variables(m);
  pk::bindings::register_program(m);
}
