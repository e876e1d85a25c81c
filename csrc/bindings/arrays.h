// Checks and conversions between NumPy arrays and the core's types.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>
#include <vector>

#include "base/dtype.h"
#include "kernels/gather.h"
#include "program/op.h"

namespace pk::bindings {

namespace py = pybind11;

// "float32" -> DType::f32; throws TypeError naming what is accepted.
DType dtype_from_name(const std::string& name);
py::dtype numpy_dtype(DType t);

// The element type of an array that a kernel can read as it is: TypeError otherwise.
DType dtype_of_array(const py::array& a, const char* what);

Shape shape_from(const py::handle& sequence);
py::tuple shape_tuple(const Shape& shape);
Shape shape_of(const py::array& a);
ValueType type_of(const py::array& a, const char* what);
std::vector<ValueType> types_from(const py::handle& list_of_shape_dtype);

// Throws ValueError/TypeError unless `a` has this type, is row-major, aligned and (if asked) writable.
void expect_array(const py::array& a, const ValueType& want, bool writable, const std::string& what);

// A view of an array with any strides, byte order and numeric dtype. TypeError for other dtypes.
ArrayView view_of(const py::array& a, const std::string& what);

// `op` is named in messages.
Attrs attrs_from(const py::dict& d, const std::string& op);

// The array that NumPy makes of an object; `row_major`: a copy where it is not. NumPy's own error where it cannot.
py::array array_from(const py::handle& item, bool row_major);

// A new row-major array.
py::array new_array(const ValueType& type);

}  // namespace pk::bindings
