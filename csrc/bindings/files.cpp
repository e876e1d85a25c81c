// What reading and writing of files needs from the core.
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/crc32.h"
#include "base/error.h"
#include "base/lookup3.h"
#include "bindings/register.h"

namespace py = pybind11;

namespace pk::bindings {

namespace {

using Checksum = std::uint32_t (*)(const void*, std::size_t, std::uint32_t);

void define_checksum(py::module_& m, const char* name, Checksum checksum) {
  m.def(
      name,
      [name, checksum](const py::buffer& data, std::uint32_t crc) {
        const py::buffer_info info = data.request();
        py::ssize_t size = info.itemsize;
        for (py::ssize_t i = info.ndim; i-- > 0; size *= info.shape[i]) {
          if (info.shape[i] > 1 && info.strides[i] != size)
            throw TypeError(std::string(name) + " takes contiguous bytes");
        }
        const py::gil_scoped_release release;
        return checksum(info.ptr, static_cast<std::size_t>(size), crc);
      },
      py::arg("data"), py::arg("crc") = 0);
}

}  // namespace

void register_files(py::module_& m) {
  define_checksum(m, "crc32", crc32);
  define_checksum(m, "crc32c", crc32c);
  define_checksum(m, "lookup3", lookup3);
}

}  // namespace pk::bindings
