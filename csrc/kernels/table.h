// One table per instruction-set level: the inner loops of every kernel family and their tile
// constants. Chosen once; everything outside kernels/isa is built for the baseline CPU.
#pragma once

#include <type_traits>

#include "base/cpu.h"
#include "kernels/isa/conv2d_table.h"
#include "kernels/isa/depthwise_table.h"
#include "kernels/isa/elementwise_table.h"
#include "kernels/isa/gemm_table.h"
#include "kernels/isa/loss_table.h"
#include "kernels/isa/normalization_table.h"
#include "kernels/isa/optimizer_table.h"
#include "kernels/isa/pool2d_table.h"
#include "kernels/isa/random_table.h"
#include "kernels/isa/recurrent_table.h"
#include "kernels/isa/reduce_table.h"
#include "kernels/isa/resample_table.h"
#include "kernels/isa/transform_table.h"
#include "kernels/isa/winograd_table.h"

namespace pk {

struct KernelTable {
  Isa isa;
  GemmTable gemm;
  ConvTable conv;
  ElementwiseTable elementwise;
  ReduceTable reduce;
  LossTable loss;
  OptimizerTable optimizer;
  RandomTable random;
  Pool2dTable pool2d;
  WinogradTable winograd;
  NormTable norm;
  DepthwiseTable depthwise;
  ResampleTable resample;
  TransformTable transform;
  RecurrentTable recurrent;
};

// The loops of a family's table for T, float or double.
template <class T, class Table>
constexpr const auto& loops_of(const Table& table) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, double>);
  if constexpr (std::is_same_v<T, float>) {
    return table.f32;
  } else {
    return table.f64;
  }
}

// The table of a level that available_isas() lists; throws std::invalid_argument otherwise.
const KernelTable& kernel_table(Isa isa);

// The table of the active ISA: kernel_table(chosen_isa()), unless a test has set another.
const KernelTable& kernels();

// For tests and benchmarks: run with another available level from now on.
void use_isa(Isa isa);

}  // namespace pk
