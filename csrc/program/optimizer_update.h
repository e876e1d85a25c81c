// One optimizer's update as a value: what the ops of update_kinds.h and the fused matmul_update share. Made once by a
// factory from attributes; bound to a run's pointers and scalars at the start of each run (no allocation), then applied
// to the whole variable or to pieces of it in any order, from any number of threads (pieces must not overlap).
#pragma once

#include <string>
#include <variant>

#include "base/dtype.h"
#include "program/update_kinds.h"

namespace pk {

class OptimizerUpdate {
 public:
  // An update with this run's learning rate (and iteration), w and slots.
  class Bound {
   public:
    // Updates elements [offset, offset + n) of w and its slots, serially. `g` is the gradient of
    // element `offset` and the n - 1 after it; it may not overlap w or the slots. Bits do not depend
    // on how a variable is cut into spans.
    void span(int64_t offset, int64_t n, const void* g) const;
    // Updates elements [0, n), from several threads where that pays. Same bits as span(0, n, g).
    void sweep(int64_t n, const void* g) const;

   private:
    friend class OptimizerUpdate;
    Update update_ = Update::sgd;
    std::variant<UpdateScalars<float>, UpdateScalars<double>> scalars_;
    void* w_ = nullptr;
    void* slot_[max_update_slots] = {nullptr, nullptr, nullptr};
  };

  // kind: a name of update_kinds(), whose attributes are required; `weight_decay` (0 where it is absent) times the
  // learning rate times w is subtracted from w first. dtype: of w, slots and gradient, f32 or f64. The kind's scalars
  // are the inputs from first_scalar_input on. Throws std::invalid_argument.
  static OptimizerUpdate make(const std::string& kind, const Attrs& attrs, DType dtype, int first_scalar_input);

  // Outputs after w.
  int slots() const { return row_of(chosen_.update).slots; }
  // Scalar inputs.
  int scalars() const { return kind_->scalars; }

  // For factories: that the inputs from first_scalar_input on are exactly this update's scalars, and
  // the outputs exactly w and its slots, of one dtype (that given to make) and one shape.
  void expect_types(const OpSpec& spec) const;

  // Floating-point operations per element, a square root or a division counted as one.
  double flops_per_element() const { return row_of(chosen_.update).flops + (weight_decay_ != 0 ? 2 : 0); }

  // Reads the scalars from args.in and w, slots... from args.out[0...slots()].
  Bound bind(const RunArgs& args) const;

 private:
  template <class T>
  UpdateScalars<T> scalars_of_run(const RunArgs& args) const;

  const UpdateKind* kind_ = nullptr;
  ChosenUpdate chosen_{};
  DType dtype_ = DType::f32;
  int first_scalar_ = 0;
  double weight_decay_ = 0;
};

}  // namespace pk
