#include "bindings/arrays.h"

#include <pybind11/stl.h>

#include <array>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace pk::bindings {

namespace {

constexpr std::array<DType, 6> all_dtypes = {DType::f32, DType::f64, DType::i32, DType::i64, DType::u8, DType::boolean};

std::string describe(const py::array& a) {
  return "array of shape " + std::string(py::str(a.attr("shape"))) + " and dtype " + std::string(py::str(a.dtype()));
}

bool native(const py::array& a) {
  const char order = a.dtype().byteorder();
  return order == '=' || order == '|';
}

}  // namespace

py::array array_from(const py::handle& item, bool row_major) {
  py::array a = row_major ? py::array::ensure(item, py::array::c_style) : py::array::ensure(item);
  if (a) return a;
  // ensure() drops the error (no memory for the copy, for one). Asked again, NumPy raises it.
  const py::object needs = row_major ? py::object(py::str("C")) : py::object(py::none());
  return py::module_::import("numpy").attr("require")(item, py::none(), needs);
}

DType dtype_from_name(const std::string& name) {
  for (DType t : all_dtypes) {
    if (name == name_of(t)) return t;
  }
  throw TypeError("dtype '" + name + "' is not one of float32, float64, int32, int64, uint8, bool");
}

py::dtype numpy_dtype(DType t) {
  switch (t) {
    case DType::f32:
      return py::dtype::of<float>();
    case DType::f64:
      return py::dtype::of<double>();
    case DType::i32:
      return py::dtype::of<std::int32_t>();
    case DType::i64:
      return py::dtype::of<std::int64_t>();
    case DType::u8:
      return py::dtype::of<std::uint8_t>();
    case DType::boolean:
      break;
  }
  return py::dtype::of<bool>();
}

DType dtype_of_array(const py::array& a, const char* what) {
  const char kind = a.dtype().kind();
  const auto size = a.dtype().itemsize();
  if (native(a)) {
    if (kind == 'f' && size == 4) return DType::f32;
    if (kind == 'f' && size == 8) return DType::f64;
    if (kind == 'i' && size == 4) return DType::i32;
    if (kind == 'i' && size == 8) return DType::i64;
    if (kind == 'u' && size == 1) return DType::u8;
    if (kind == 'b') return DType::boolean;
  }
  throw TypeError(
      std::string(what) + ": dtype " + std::string(py::str(a.dtype())) +
      " is not supported; convert it to float32, float64, int32, int64, uint8 or bool in native byte order");
}

// A Python or NumPy integer. `what` names it in the messages.
int64_t integer_from(const py::handle& value, const std::string& what) {
  if (PyIndex_Check(value.ptr()) == 0) {
    throw TypeError(what + " must be an integer, got " + std::string(py::repr(value)));
  }
  const py::object exact = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  if (!exact) throw py::error_already_set();
  int overflow = 0;
  const long long number = PyLong_AsLongLongAndOverflow(exact.ptr(), &overflow);
  if (overflow != 0) fail(what + " must be below 2^63 in absolute value, got an integer beyond it");
  if (number == -1 && PyErr_Occurred() != nullptr) throw py::error_already_set();
  return number;
}

Shape shape_from(const py::handle& sequence) {
  Shape shape;
  for (const py::handle& d : sequence) shape.push_back(integer_from(d, "an extent of a shape"));
  return shape;
}

py::tuple shape_tuple(const Shape& shape) {
  py::tuple t(static_cast<std::size_t>(shape.rank()));
  for (int i = 0; i < shape.rank(); ++i) t[static_cast<std::size_t>(i)] = shape[i];
  return t;
}

Shape shape_of(const py::array& a) {
  Shape shape;
  for (py::ssize_t i = 0; i < a.ndim(); ++i) shape.push_back(a.shape(i));
  return shape;
}

ValueType type_of(const py::array& a, const char* what) { return {dtype_of_array(a, what), shape_of(a)}; }

std::vector<ValueType> types_from(const py::handle& list_of_shape_dtype) {
  std::vector<ValueType> types;
  for (const py::handle& item : list_of_shape_dtype) {
    const auto pair = py::reinterpret_borrow<py::sequence>(item);
    types.push_back({dtype_from_name(pair[1].cast<std::string>()), shape_from(pair[0])});
  }
  return types;
}

void expect_array(const py::array& a, const ValueType& want, bool writable, const std::string& what) {
  if (dtype_of_array(a, what.c_str()) != want.dtype) {
    throw TypeError(what + " must have dtype " + name_of(want.dtype) + ", got " + describe(a));
  }
  if (shape_of(a) != want.shape) fail(what + " must have shape " + want.shape.str() + ", got " + describe(a));
  if ((a.flags() & py::array::c_style) == 0) fail(what + " must be row-major and contiguous (numpy.ascontiguousarray)");
  if (reinterpret_cast<std::uintptr_t>(a.data()) % size_of(want.dtype) != 0) fail(what + " is not aligned");
  if (writable && !a.writeable()) fail(what + " is read-only");
}

ArrayView view_of(const py::array& a, const std::string& what) {
  static const std::array<std::pair<const char*, SourceType>, 12> known = {{{"f4", SourceType::f32},
                                                                            {"f8", SourceType::f64},
                                                                            {"f2", SourceType::f16},
                                                                            {"i1", SourceType::i8},
                                                                            {"u1", SourceType::u8},
                                                                            {"i2", SourceType::i16},
                                                                            {"u2", SourceType::u16},
                                                                            {"i4", SourceType::i32},
                                                                            {"u4", SourceType::u32},
                                                                            {"i8", SourceType::i64},
                                                                            {"u8", SourceType::u64},
                                                                            {"b1", SourceType::boolean}}};
  const std::string code = std::string(1, a.dtype().kind()) + std::to_string(a.dtype().itemsize());
  ArrayView view;
  bool found = false;
  for (const auto& [name, type] : known) {
    if (code == name) {
      view.type = type;
      found = true;
    }
  }
  if (!found) {
    throw TypeError(what + " has dtype " + std::string(py::str(a.dtype())) +
                    "; numbers are needed (float, integer or bool)");
  }
  if (a.ndim() == 0) fail(what + " is a scalar; at least one dimension (the samples) is needed");
  view.data = a.data();
  view.swapped = !native(a);
  view.shape = shape_of(a);
  for (py::ssize_t i = 0; i < a.ndim(); ++i) view.strides[i] = a.strides(i);
  return view;
}

namespace {

// A Python function of arrays that returns an array or a sequence of them.
class PythonFunction final : public HostFunction {
 public:
  explicit PythonFunction(py::object function) : function_(std::move(function)) {}
  ~PythonFunction() override {
    const py::gil_scoped_acquire locked;
    function_.release().dec_ref();
  }
  PythonFunction(const PythonFunction&) = delete;
  PythonFunction& operator=(const PythonFunction&) = delete;

  void operator()(const std::vector<ValueType>& in_types, const void* const* in,
                  const std::vector<ValueType>& out_types, void* const* out) const override {
    const py::gil_scoped_acquire locked;
    py::tuple arguments(in_types.size());
    for (std::size_t i = 0; i < in_types.size(); ++i) {
      py::array a = new_array(in_types[i]);  // a copy: the function may keep it, the program's memory is used again
      std::memcpy(a.mutable_data(), in[i], static_cast<std::size_t>(a.nbytes()));
      arguments[i] = std::move(a);
    }
    const py::object result = function_(*arguments);
    const bool several = py::isinstance<py::tuple>(result) || py::isinstance<py::list>(result);
    const py::tuple values = several ? py::tuple(result) : py::make_tuple(result);
    if (values.size() != out_types.size()) {
      fail("the host function gave " + std::to_string(values.size()) + " arrays, expected " +
           std::to_string(out_types.size()));
    }
    for (std::size_t i = 0; i < out_types.size(); ++i) {
      const py::array a = array_from(values[i], true);
      expect_array(a, out_types[i], false, "result " + std::to_string(i) + " of the host function");
      std::memcpy(out[i], a.data(), static_cast<std::size_t>(a.nbytes()));
    }
  }

 private:
  py::object function_;
};

}  // namespace

Attrs attrs_from(const py::dict& d, const std::string& op) {
  Attrs attrs;
  for (const auto& [key, value] : d) {
    const std::string name = py::str(key);
    if (py::isinstance<py::bool_>(value)) {
      attrs.set(name, value.cast<bool>());
    } else if (py::isinstance<py::int_>(value)) {
      attrs.set(name, integer_from(value, "op '" + op + "': attribute '" + name + "'"));
    } else if (py::isinstance<py::float_>(value)) {
      attrs.set(name, value.cast<double>());
    } else if (py::isinstance<py::str>(value)) {
      attrs.set(name, value.cast<std::string>());
    } else if (value.is_none()) {
      continue;
    } else if (PyCallable_Check(value.ptr()) != 0) {
      attrs.set(name, std::make_shared<const PythonFunction>(py::reinterpret_borrow<py::object>(value)));
    } else if (py::isinstance<py::sequence>(value)) {
      std::vector<int64_t> items;
      for (const py::handle& item : value)
        items.push_back(integer_from(item, "op '" + op + "': an entry of attribute '" + name + "'"));
      attrs.set(name, std::move(items));
    } else if (PyNumber_Check(value.ptr()) != 0) {  // NumPy scalars
      if (PyIndex_Check(value.ptr()) != 0) {
        attrs.set(name, integer_from(value, "op '" + op + "': attribute '" + name + "'"));
      } else {
        attrs.set(name, py::float_(py::reinterpret_borrow<py::object>(value)).cast<double>());
      }
    } else {
      throw TypeError("op '" + op + "': attribute '" + name + "' has type " +
                      std::string(py::str(py::type::of(value))) +
                      "; bool, int, float, str, a function or a sequence of ints is needed");
    }
  }
  return attrs;
}

py::array new_array(const ValueType& type) {
  std::vector<py::ssize_t> dims(type.shape.begin(), type.shape.end());
  return py::array(numpy_dtype(type.dtype), dims);
}

}  // namespace pk::bindings
