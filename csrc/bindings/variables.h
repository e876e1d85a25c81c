// Access to variables from Python: nobody waits for a variable with the interpreter's lock, which the thread that has
// the variable may need.
#pragma once

#include <pybind11/pybind11.h>

#include "program/access.h"

namespace pk::bindings {

namespace py = pybind11;

// Ctrl-C: the interpreter's handlers run, and their exception is thrown.
void check_signals();

template <class Access>
void begin(Access& access) {
  if (access.try_begin()) return;
  const py::gil_scoped_release unlocked;
  access.begin(check_signals);
}

}  // namespace pk::bindings
