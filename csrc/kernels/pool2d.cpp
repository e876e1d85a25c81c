#include "kernels/pool2d.h"

#include <string>

#include "base/error.h"
#include "base/parallel.h"
#include "kernels/table.h"

namespace pk {

namespace {

// Results of more bytes than this go past the caches: what reads them next finds them in memory either way.
constexpr int64_t stream_bytes = int64_t{24} << 20;
constexpr int64_t band_bytes = int64_t{128} << 10;  // of a task, read and written

void check_axis(const char* name, int64_t size, int64_t window, int64_t stride, int64_t before, int64_t after,
                int64_t outputs) {
  const std::string axis = name;
  constexpr int64_t limit = int64_t{1} << 30;
  PK_CHECK(window >= 1 && window <= limit && stride >= 1 && stride <= limit,
           "the window and stride along the " + axis + " must be in [1, 2^30], got " + std::to_string(window) +
               " and " + std::to_string(stride));
  PK_CHECK(before >= 0 && after >= 0 && before < window && after < window,
           "padding along the " + axis + " must be less than the window " + std::to_string(window) + ", got " +
               std::to_string(before) + " and " + std::to_string(after));
  const int64_t padded = size + before + after;
  const int64_t want = padded < window ? 0 : (padded - window) / stride + 1;
  PK_CHECK(want >= 1 && outputs == want, "the output has " + axis + " " + std::to_string(outputs) + ", expected " +
                                             std::to_string(want) + " for an image of " + axis + " " +
                                             std::to_string(size));
}

}  // namespace

Pool2d::Pool2d(DType dtype, const PoolShape& s) : shape_(s) {
  PK_CHECK(is_float(dtype), std::string("pooling does not take dtype ") + name_of(dtype) + "; cast the input first");
  check_axis("height", s.h, s.window_h, s.stride_h, s.pad_top, s.pad_bottom, s.p);
  check_axis("width", s.w, s.window_w, s.stride_w, s.pad_left, s.pad_right, s.q);
  PK_CHECK(s.window_h * s.window_w <= int64_t{1} << 24, "a window has at most 2^24 places");
  wide_ = s.window_h * s.window_w > 256;
  const Pool2dTable& table = kernels().pool2d;
  loops_ = dtype == DType::f32 ? table.f32 : table.f64;
  element_ = static_cast<int64_t>(size_of(dtype));
  const int64_t vector = dtype == DType::f32 ? table.vector_f32 : 1;
  whole_vectors_ = vector > 1 && s.c % vector == 0;
  const double reads = static_cast<double>(s.n * s.p * s.q) * static_cast<double>(s.window_h * s.window_w);
  const double image = static_cast<double>(s.n * s.h * s.w);
  work_ = 0.05 * static_cast<double>(element_ * s.c) * (reads + image);
}

void Pool2d::run(PoolRows loop, PoolPointers a, int64_t result) const {
  const int64_t bands = shape_.n * shape_.p;
  if (bands * shape_.c == 0) return;
  const bool aligned = reinterpret_cast<std::uintptr_t>(a.out) % 64 == 0;
  a.stream = whole_vectors_ && aligned && result * element_ > stream_bytes;
  const int64_t bytes = (shape_.stride_h * shape_.w + shape_.q) * shape_.c * element_;
  const int64_t grain = bytes >= band_bytes ? 1 : band_bytes / bytes;
  parallel_ranges(bands, grain, work_, [&](int64_t begin, int64_t end) { loop(shape_, a, begin, end); });
}

int64_t Pool2d::image_numel() const { return shape_.n * shape_.h * shape_.w * shape_.c; }
int64_t Pool2d::output_numel() const { return shape_.n * shape_.p * shape_.q * shape_.c; }

void Pool2d::max(const void* x, void* y, void* index) const {
  run(loops_.max[wide_ ? 1 : 0], {x, y, index, false}, output_numel());
}
void Pool2d::max_grad(const void* index, const void* dy, void* dx) const {
  run(loops_.max_grad[wide_ ? 1 : 0], {dy, dx, const_cast<void*>(index), false}, image_numel());
}
void Pool2d::average(const void* x, void* y) const { run(loops_.average, {x, y, nullptr, false}, output_numel()); }
void Pool2d::average_grad(const void* dy, void* dx) const {
  run(loops_.average_grad, {dy, dx, nullptr, false}, image_numel());
}

}  // namespace pk
