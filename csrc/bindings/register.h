#pragma once

#include <pybind11/pybind11.h>

namespace pk::bindings {

void register_config(pybind11::module_& m);
void register_files(pybind11::module_& m);
void register_image(pybind11::module_& m);
void register_ops(pybind11::module_& m);
void register_program(pybind11::module_& m);
void register_variables(pybind11::module_& m);

}  // namespace pk::bindings
