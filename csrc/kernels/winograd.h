// Winograd convolution of 3 x 3 windows: F(2x2,3x3) and F(4x4,3x3), float32 (method, points and error:
// isa/winograd_table.h). Contract of shapes, epilogues and sinks: conv2d.h.
//
// Against the direct path, F(4x4) does a quarter of the multiplications of each product and F(2x2) 4/9 of them, plus
// transforms that grow with C + K where the products grow with C * K. Scratch is independent of N.
#pragma once

#include <cstddef>
#include <memory>

#include "kernels/conv2d.h"

namespace pk {

class Winograd {
 public:
  // 3 x 3, stride 1, dilation 1, groups 1; any pads, any extents.
  static bool applies(const Conv2dShape& shape, ConvPass pass);

  // Nanoseconds on one thread, for the choice between algorithms and for scheduling; tile is 2 or 4.
  static double estimated_ns(const Conv2dShape& shape, ConvPass pass, int tile);

  // tile: outputs of a transformed patch along a side, 2 or 4. Throws std::invalid_argument where it does not apply.
  // Which epilogue pointers are null and what act is are those of `prototype`; the ISA is the active one.
  Winograd(const Conv2dShape& shape, ConvPass pass, int tile, const ConvEpilogue<float>& prototype);

  std::size_t scratch_bytes() const;  // 64-byte aligned, for run()
  std::size_t packed_bytes() const;   // of pack_weights; 0 for backward_weights
  void pack_weights(const float* w, void* packed) const;
  void run(const ConvRun<float>& args, void* scratch) const;

  struct Plan;  // winograd_plan.h

 private:
  std::shared_ptr<const Plan> plan_;
};

}  // namespace pk
