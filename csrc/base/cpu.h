// Instruction-set levels, what this CPU has, and the level chosen for the process.
#pragma once

#include <string>
#include <vector>

namespace pk {

// In rising order within one architecture. `amx` is avx512 plus AMX tiles.
enum class Isa { scalar, neon, avx2, avx512, amx };

const char* name_of(Isa isa);

// Levels that this binary holds and this CPU (and operating system) can run, lowest first.
const std::vector<Isa>& available_isas();

// The active ISA: the highest available, or what the environment variable PYKERNELS_ISA
// names. Decided once. Throws std::invalid_argument for an unknown name and for a level that
// the machine lacks.
Isa chosen_isa();

}  // namespace pk
