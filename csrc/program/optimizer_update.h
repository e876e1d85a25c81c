// One optimizer's update as a value: what sgd_update, rmsprop_update, adam_update and the fused
// matmul_update share. Made once by a factory from attributes; bound to a run's pointers and
// scalars at the start of each run (no allocation), then applied to the whole variable or to pieces
// of it in any order, from any number of threads (pieces must not overlap).
#pragma once

#include <string>
#include <variant>

#include "base/dtype.h"
#include "kernels/optimizer.h"
#include "program/op.h"

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
    std::variant<SgdParams<float>, SgdParams<double>, RmspropParams<float>, RmspropParams<double>, AdamParams<float>,
                 AdamParams<double>>
        params_;
    void* w_ = nullptr;
    void* slot_[3] = {nullptr, nullptr, nullptr};  // in the order of the kernel's arguments; null where not used
  };

  // kind: "sgd" (attributes momentum, nesterov), "rmsprop" (rho, momentum, epsilon, centered) or "adam"
  // (beta_1, beta_2, epsilon, amsgrad); all are required. dtype: of w, slots and gradient, f32 or f64.
  // The scalars are the inputs first_scalar_input (lr, float32) and, for adam, the next
  // (iterations, int64: updates done before this one). Throws std::invalid_argument.
  static OptimizerUpdate make(const std::string& kind, const Attrs& attrs, DType dtype, int first_scalar_input);

  // Outputs after w. sgd: [velocity if momentum]; rmsprop: velocity [, momentum if > 0] [, average if
  // centered]; adam: m, v [, vhat if amsgrad].
  int slots() const { return slots_; }
  // Scalar inputs: 1 (lr), for adam 2 (lr, iterations).
  int scalars() const { return kind_ == Kind::adam ? 2 : 1; }

  // For factories: that the inputs from first_scalar_input on are exactly this update's scalars, and
  // the outputs exactly w and its slots, of one dtype (that given to make) and one shape.
  void expect_types(const OpSpec& spec) const;

  // Floating-point operations per element, a square root or a division counted as one.
  double flops_per_element() const;

  // Reads the scalars from args.in and w, slots... from args.out[0...slots()].
  Bound bind(const RunArgs& args) const;

 private:
  enum class Kind { sgd, rmsprop, adam };

  template <class T>
  void bind_params(const RunArgs& args, Bound& b) const;

  Kind kind_ = Kind::sgd;
  DType dtype_ = DType::f32;
  int first_scalar_ = 0;
  int slots_ = 0;
  bool flag_ = false;    // nesterov, centered or amsgrad
  double momentum_ = 0;  // sgd, rmsprop
  double rho_ = 0;       // rmsprop
  double beta_1_ = 0, beta_2_ = 0;
  double epsilon_ = 0;
};

}  // namespace pk
