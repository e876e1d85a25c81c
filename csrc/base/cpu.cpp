#include "base/cpu.h"

#include <cstdlib>

#include "base/error.h"

namespace pk {

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::scalar:
      return "scalar";
    case Isa::neon:
      return "neon";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::amx:
      return "amx";
  }
  return "?";
}

namespace {

std::vector<Isa> detect() {
  std::vector<Isa> found{Isa::scalar};
#if defined(__x86_64__) || defined(_M_X64)
  __builtin_cpu_init();
  // GCC's checks include the operating system's support for the wide registers (XGETBV).
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back(Isa::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    found.push_back(Isa::avx512);
  }
#elif defined(__aarch64__)
  found.push_back(Isa::neon);
#endif
  return found;
}

std::string listed(const std::vector<Isa>& isas) {
  std::string s;
  for (Isa isa : isas) s += (s.empty() ? "" : ", ") + std::string(name_of(isa));
  return s;
}

Isa choose() {
  const std::vector<Isa>& have = available_isas();
  const char* env = std::getenv("PYKERNELS_ISA");
  if (env == nullptr || *env == '\0') return have.back();
  const std::string want(env);
  for (Isa isa : have) {
    if (want == name_of(isa)) return isa;
  }
  for (Isa isa : {Isa::scalar, Isa::neon, Isa::avx2, Isa::avx512, Isa::amx}) {
    if (want == name_of(isa)) {
      fail("PYKERNELS_ISA=" + want + ": this build on this CPU has no such level; available: " + listed(have) +
           ". Unset PYKERNELS_ISA or name one of these.");
    }
  }
  fail("PYKERNELS_ISA=" + want + " is no instruction-set level; available here: " + listed(have) + ".");
}

}  // namespace

const std::vector<Isa>& available_isas() {
  static const std::vector<Isa> isas = detect();
  return isas;
}

Isa chosen_isa() {
  static const Isa isa = choose();
  return isa;
}

}  // namespace pk
