// What this build is and how it runs here.
#include <pybind11/stl.h>

#include "base/cpu.h"
#include "base/parallel.h"
#include "base/team.h"
#include "bindings/register.h"
#include "kernels/table.h"

namespace pk::bindings {

namespace py = pybind11;

#ifndef PYKERNELS_VERSION
#define PYKERNELS_VERSION "0+unknown"
#endif

void register_config(py::module_& m) {
  m.attr("__version__") = PYKERNELS_VERSION;
  m.def("isa", [] { return std::string(name_of(kernels().isa)); });
  m.def("available_isas", [] {
    std::vector<std::string> names;
    for (Isa isa : available_isas()) names.emplace_back(name_of(isa));
    return names;
  });
  m.def("num_threads", &num_threads);
  m.def("set_num_threads", &set_num_threads, py::arg("n"));
  m.def("build_info", [] {
    py::dict d;
    d["version"] = PYKERNELS_VERSION;
    d["compiler"] = __VERSION__;
    d["openmp"] = openmp_name();
    return d;
  });
  kernels();  // an unusable PYKERNELS_ISA fails at import
}

}  // namespace pk::bindings
