// Resizing of images (N, H, W, C) to (N, P, Q, C), and its gradient.
//
// Pixels have their centres at half-integers: new position i of an axis lies at (i + 1/2) * old / new - 1/2 of the old
// ones, as jax.image.resize, keras.ops.image.resize and (half-pixel) TensorFlow have it. Tensors are row-major; outputs
// are overwritten and must not overlap inputs. Every element has one writer and sums have a fixed order: same bits for
// any number of threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "kernels/isa/resample_table.h"

namespace pk {

enum class ResizeMethod { nearest, bilinear, bicubic, area, lanczos3, lanczos5, gaussian, mitchellcubic };

// The method of that name; throws std::invalid_argument for another name.
ResizeMethod resize_method(const std::string& name);

struct ResizeShape {
  int64_t n = 0, h = 0, w = 0, c = 0, p = 0, q = 0;
};

// One resizing planned once, with the ISA that is active at creation.
class Resize2d {
 public:
  // dtype: of x. `nearest` takes every one; the others f32, f64 and u8. antialias: kernels are as wide as the new
  // pixels where those are larger than the old ones. Throws std::invalid_argument for another dtype and for extents
  // that are not in [1, 2^30].
  Resize2d(DType dtype, const ResizeShape& shape, ResizeMethod method, bool antialias);

  // The dtype of y: that of x, except that u8 gives f32 with methods that compute.
  DType out_dtype() const { return out_; }

  // threaded false: on the caller's thread alone.
  void run(const void* x, void* y, bool threaded = true) const;
  // dx for dy; f32 and f64.
  void gradient(const void* dy, void* dx) const;

 private:
  struct Axis {
    int64_t in = 0, out = 0, taps = 0;
    std::vector<std::int32_t> first, count;
    std::vector<double> f64;
    std::vector<float> f32;
    bool identity = false;

    template <class T>
    ResampleAxis<T> view() const;
    void set(int64_t size, const std::vector<std::vector<double>>& weights);
  };
  static Axis make_axis(int64_t size, int64_t target, ResizeMethod method, bool antialias);
  static Axis transposed(const Axis& axis);

  template <class T, class X>
  void compute(const ResampleLoops<T>& loops, const Axis& rows, const Axis& cols, const X* x, T* y,
               bool threaded) const;
  void pick(const void* x, void* y, bool threaded) const;

  ResizeShape shape_;
  DType dtype_, out_;
  bool nearest_;
  Axis rows_, cols_, rows_back_, cols_back_;
  const ResampleTable* loops_;
};

}  // namespace pk
