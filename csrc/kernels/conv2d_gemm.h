// The convolution with a 1 x 1 window, stride 1 and no padding as one matrix product (private to kernels/conv2d.cpp).
#pragma once

#include <cstddef>

#include "kernels/conv2d.h"
#include "kernels/gemm.h"
#include "kernels/reduce.h"

namespace pk {

template <class T>
class ConvGemm {
 public:
  static bool applies(const Conv2dShape& s);
  // True where the product's own epilogue does all that is asked for; otherwise a second pass over the result does.
  static bool fused(const ConvEpilogue<T>& e) {
    return e.scale == nullptr && e.mask == nullptr && e.sink.fn == nullptr && e.dbias == nullptr;
  }

  ConvGemm(const Conv2dShape& shape, ConvPass pass, const ConvEpilogue<T>& prototype);
  std::size_t scratch_bytes() const;
  std::size_t packed_bytes() const { return packed_bytes_; }
  void pack(const float* w, void* packed) const;
  void run(const ConvRun<T>& args, void* scratch) const;

 private:
  GemmArgs<T> bound(const ConvRun<T>& args) const;
  void second_pass(const ConvRun<T>& args) const;

  ConvPass pass_;
  bool fused_;
  GemmArgs<T> args_;
  PlannedGemm<T> gemm_;
  ReduceLoop sum_;  // dbias
  bool dbias_;
  std::size_t packed_bytes_ = 0;
};

}  // namespace pk
