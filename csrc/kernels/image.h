// Images on their way from the decoder to a batch: bytes to floats with normalization, affine maps.
// (Resizing: kernels/resample.h.)
//
// An image is `outer` x `channels` x `inner` values: channels-last images have outer = H * W and inner = 1,
// channels-first images outer = 1 and inner = H * W. Inputs are uint8 or float32, outputs float32.
// Results do not depend on the number of threads. `threaded` false: the caller's thread does all the work (loaders
// call from worker threads, and leave the pool to the training that goes on at the same time).
#pragma once

#include <cstdint>

#include "kernels/fill_mode.h"

namespace pk {

using std::int64_t;

enum class PixelType { u8, f32 };

struct ImageLayout {
  int64_t outer = 0, channels = 0, inner = 0;
  int64_t size() const { return outer * channels * inner; }
};

// What keras.preprocessing.image.ImageDataGenerator.standardize does after `preprocessing_function`, in its order.
struct Standardization {
  float scale = 1;              // x * scale
  bool sample_center = false;   // then x - mean(x), over the whole image
  bool sample_std = false;      // then x / (std(x) + 1e-6), the population's standard deviation
  const float* mean = nullptr;  // then x - mean[channel], where given
  const float* std = nullptr;   // then x / (std[channel] + 1e-6), where given
};

// y[i] = standardized x[index[i]] for i in [0, count); x[i] where index is null. x (rows, image), y (count, image).
// f32 inputs may be y itself where index is null. Means and deviations are summed in double.
void standardize_images(PixelType type, const void* x, const int64_t* index, int64_t count, ImageLayout image,
                        const Standardization& how, float* y, bool threaded);

struct AffineImages {
  int64_t height = 0, width = 0, channels = 0;
  bool channels_first = false;
  int order = 1;    // of the B-spline: 0 (nearest pixel) to 5. From 2 on, x must hold spline coefficients.
  int64_t pad = 0;  // x has this many more rows and columns on each side (spline coefficients of padded images)
  Fill fill = Fill::nearest;  // not grid_constant
  double cval = 0;
};

// For each of `count` images: y at (r, c) is x at row m[0] r + m[1] c + m[4], column m[2] r + m[3] c + m[5], where m is
// the image's six of `maps`; positions are computed in double. Then `flips` (two a image, or null) reverse the columns
// (first) and the rows (second) of y. x (rows, image) with index as above; y (count, image); x and y apart.
template <class T>  // uint8_t, float, double
void affine_images(const AffineImages& how, const T* x, const int64_t* index, int64_t count, const double* maps,
                   const std::uint8_t* flips, float* y, bool threaded);

}  // namespace pk
