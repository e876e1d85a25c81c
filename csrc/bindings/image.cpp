// Kernels for images, on NumPy arrays that the caller has made row-major.
#include "kernels/image.h"

#include <map>

#include "base/error.h"
#include "bindings/arrays.h"
#include "bindings/register.h"

namespace pk::bindings {

namespace {

using U8 = py::array_t<std::uint8_t, py::array::c_style>;
using F32 = py::array_t<float, py::array::c_style>;
using F64 = py::array_t<double, py::array::c_style>;
using I64 = py::array_t<std::int64_t, py::array::c_style>;

PixelType pixel_type(const py::array& x) {
  if (U8::check_(x)) return PixelType::u8;
  if (F32::check_(x)) return PixelType::f32;
  throw TypeError("images must be row-major arrays of uint8 or float32");
}

int64_t product(const py::array& x, int from, int to) {
  int64_t n = 1;
  for (int i = from; i < to; ++i) n *= x.shape(i);
  return n;
}

// The images to take: `index` into the rows of x, checked, or all of them.
struct Rows {
  I64 keep;
  const int64_t* index = nullptr;
  int64_t count = 0;

  Rows(const py::array& x, const py::object& given) : count(x.shape(0)) {
    if (given.is_none()) return;
    keep = I64::ensure(given);
    PK_CHECK(keep && keep.ndim() == 1, "index must be a list of row numbers");
    index = keep.data();
    count = keep.shape(0);
    for (int64_t i = 0; i < count; ++i) {
      if (index[i] < 0 || index[i] >= x.shape(0)) {
        throw std::out_of_range("image " + std::to_string(index[i]) + " of " + std::to_string(x.shape(0)));
      }
    }
  }
};

F32 batch_like(const py::array& x, int64_t count) {
  std::vector<py::ssize_t> shape(x.shape(), x.shape() + x.ndim());
  shape[0] = count;
  return F32(shape);
}

const float* channel_values(const py::object& given, int64_t channels, const char* what, F32* keep) {
  if (given.is_none()) return nullptr;
  *keep = F32::ensure(given);
  PK_CHECK(*keep && keep->size() == channels, std::string(what) + " must have one value per channel");
  return keep->data();
}

F32 standardize(const py::array& x, const py::object& index, bool channels_first, double scale, bool sample_center,
                bool sample_std, const py::object& mean, const py::object& std, bool threaded) {
  PK_CHECK(x.ndim() == 4, "images must have the shape (N, H, W, C) or (N, C, H, W)");
  const PixelType type = pixel_type(x);
  const Rows rows(x, index);
  const ImageLayout image =
      channels_first ? ImageLayout{1, x.shape(1), product(x, 2, 4)} : ImageLayout{product(x, 1, 3), x.shape(3), 1};
  F32 keep_mean, keep_std;
  Standardization how;
  how.scale = static_cast<float>(scale);
  how.sample_center = sample_center;
  how.sample_std = sample_std;
  how.mean = channel_values(mean, image.channels, "mean", &keep_mean);
  how.std = channel_values(std, image.channels, "std", &keep_std);
  F32 y = batch_like(x, rows.count);
  float* out = y.mutable_data();
  const void* in = x.data();
  const py::gil_scoped_release unlocked;
  standardize_images(type, in, rows.index, rows.count, image, how, out, threaded);
  return y;
}

Fill fill_named(const std::string& name) {
  static const std::map<std::string, Fill> fills = {
      {"constant", Fill::constant}, {"nearest", Fill::nearest},     {"reflect", Fill::reflect},    {"wrap", Fill::wrap},
      {"mirror", Fill::mirror},     {"grid-wrap", Fill::grid_wrap}, {"grid-mirror", Fill::reflect}};
  const auto found = fills.find(name);
  PK_CHECK(found != fills.end(),
           "fill_mode must be constant, nearest, reflect, wrap, mirror, grid-wrap or "
           "grid-mirror. Received: fill_mode='" +
               name + "'");
  return found->second;
}

F32 affine(const py::array& x, const py::object& index, const F64& maps, const py::object& flips, bool channels_first,
           int order, const std::string& fill_mode, double cval, int64_t pad, bool threaded) {
  PK_CHECK(x.ndim() == 4, "images must have the shape (N, H, W, C) or (N, C, H, W)");
  PK_CHECK(order >= 0 && order <= 5, "the interpolation order must be 0 to 5");
  AffineImages how;
  const int row_axis = channels_first ? 2 : 1;
  how.height = x.shape(row_axis) - 2 * pad;
  how.width = x.shape(row_axis + 1) - 2 * pad;
  how.channels = x.shape(channels_first ? 1 : 3);
  PK_CHECK(pad >= 0 && how.height >= 1 && how.width >= 1, "images must have at least one pixel");
  how.channels_first = channels_first;
  how.order = order;
  how.pad = pad;
  how.fill = fill_named(fill_mode);
  how.cval = cval;
  const Rows rows(x, index);
  PK_CHECK(maps.ndim() == 2 && maps.shape(0) == rows.count && maps.shape(1) == 6, "maps must have the shape (N, 6)");
  U8 keep_flips;
  if (!flips.is_none()) {
    keep_flips = U8::ensure(flips);
    PK_CHECK(keep_flips && keep_flips.size() == 2 * rows.count, "flips must have the shape (N, 2)");
  }
  const std::uint8_t* flip = flips.is_none() ? nullptr : keep_flips.data();
  std::vector<py::ssize_t> shape = {rows.count, how.height, how.width, how.channels};
  if (channels_first) shape = {rows.count, how.channels, how.height, how.width};
  F32 y(shape);
  float* out = y.mutable_data();
  const void* in = x.data();
  const double* m = maps.data();
  if (F64::check_(x)) {
    const py::gil_scoped_release unlocked;
    affine_images(how, static_cast<const double*>(in), rows.index, rows.count, m, flip, out, threaded);
  } else if (pixel_type(x) == PixelType::u8) {
    const py::gil_scoped_release unlocked;
    affine_images(how, static_cast<const std::uint8_t*>(in), rows.index, rows.count, m, flip, out, threaded);
  } else {
    const py::gil_scoped_release unlocked;
    affine_images(how, static_cast<const float*>(in), rows.index, rows.count, m, flip, out, threaded);
  }
  return y;
}

void check_taps(const I64& first, const F32& weights, int64_t extent, const char* what) {
  PK_CHECK(weights.ndim() == 2 && first.ndim() == 1 && first.shape(0) == weights.shape(0),
           std::string(what) + ": weights must have the shape (extent, taps)");
  const int64_t taps = weights.shape(1);
  for (int64_t p = 0; p < first.shape(0); ++p) {
    for (int64_t i = 0; i < taps; ++i) {
      const int64_t at = first.data()[p] + i;
      PK_CHECK(weights.data()[p * taps + i] == 0 || (at >= 0 && at < extent), std::string(what) + ": outside of x");
    }
  }
}

F32 resample(const py::array& x, const I64& row_first, const F32& row_weights, const I64& col_first,
             const F32& col_weights) {
  PK_CHECK(x.ndim() == 3, "an image must have the shape (H, W, C)");
  const PixelType type = pixel_type(x);
  Resampling how;
  how.height = x.shape(0);
  how.width = x.shape(1);
  how.channels = x.shape(2);
  check_taps(row_first, row_weights, how.height, "rows");
  check_taps(col_first, col_weights, how.width, "columns");
  how.out_height = row_first.shape(0);
  how.out_width = col_first.shape(0);
  how.row_taps = row_weights.shape(1);
  how.col_taps = col_weights.shape(1);
  how.row_first = row_first.data();
  how.col_first = col_first.data();
  how.row_weights = row_weights.data();
  how.col_weights = col_weights.data();
  F32 y({how.out_height, how.out_width, how.channels});
  float* out = y.mutable_data();
  const void* in = x.data();
  const py::gil_scoped_release unlocked;
  resample_image(how, type, in, out);
  return y;
}

}  // namespace

void register_image(py::module_& m) {
  m.def("standardize_images", &standardize, py::arg("x"), py::arg("index"), py::arg("channels_first"), py::arg("scale"),
        py::arg("sample_center"), py::arg("sample_std"), py::arg("mean"), py::arg("std"), py::arg("threaded"));
  m.def("affine_images", &affine, py::arg("x"), py::arg("index"), py::arg("maps"), py::arg("flips"),
        py::arg("channels_first"), py::arg("order"), py::arg("fill_mode"), py::arg("cval"), py::arg("pad"),
        py::arg("threaded"));
  m.def("resample_image", &resample, py::arg("x"), py::arg("row_first"), py::arg("row_weights"), py::arg("col_first"),
        py::arg("col_weights"));
}

}  // namespace pk::bindings
