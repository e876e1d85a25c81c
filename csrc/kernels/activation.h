// Activations that a GEMM or convolution epilogue can apply, and elementwise kernels run: the rows of activations.def.
#pragma once

#include <cstdint>

#include "kernels/functions.h"

namespace pk {

enum class Act : std::uint8_t {
#define ACTIVATION(id, ...) id,
#include "kernels/activations.def"
};

enum class SlopeOf : std::uint8_t { output, input };
enum class Parameter : std::uint8_t { none, alpha };

struct ActivationRow {
  const char* name;
  SlopeOf slope_of;
  Work work;
  Parameter parameter;
  const char* formula;
};

constexpr ActivationRow activation_rows[] = {
#define ACTIVATION(id, slope_of, work, parameter, formula) \
  {#id, SlopeOf::slope_of, Work::work, Parameter::parameter, formula},
#include "kernels/activations.def"
};
constexpr int activation_count = static_cast<int>(sizeof(activation_rows) / sizeof(ActivationRow));
constexpr const ActivationRow& row_of(Act a) { return activation_rows[static_cast<int>(a)]; }

// What the backward kernel reads beside dy: the activation's output y, or its input x.
constexpr bool grad_reads_output(Act a) { return row_of(a).slope_of == SlopeOf::output; }

}  // namespace pk
