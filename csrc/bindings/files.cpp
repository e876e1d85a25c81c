// What reading and writing of files needs from the core.
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>

#include "base/crc32.h"
#include "base/error.h"
#include "bindings/register.h"

namespace py = pybind11;

namespace pk::bindings {

void register_files(py::module_& m) {
  m.def(
      "crc32",
      [](const py::buffer& data, std::uint32_t crc) {
        const py::buffer_info info = data.request();
        py::ssize_t size = info.itemsize;
        for (py::ssize_t i = info.ndim; i-- > 0; size *= info.shape[i]) {
          if (info.shape[i] > 1 && info.strides[i] != size) throw TypeError("crc32 takes contiguous bytes");
        }
        const py::gil_scoped_release release;
        return crc32(info.ptr, static_cast<std::size_t>(size), crc);
      },
      py::arg("data"), py::arg("crc") = 0);
}

}  // namespace pk::bindings
