// Kernels for images, on NumPy arrays that the caller has made row-major.
#include "kernels/image.h"

#include <map>

#include "base/error.h"
#include "bindings/arrays.h"
#include "bindings/register.h"
#include "kernels/resample.h"

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
  PK_CHECK(pad >= 0 && pad <= x.shape(row_axis) && pad <= x.shape(row_axis + 1), "images must have at least one pixel");
  how.height = x.shape(row_axis) - 2 * pad;
  how.width = x.shape(row_axis + 1) - 2 * pad;
  how.channels = x.shape(channels_first ? 1 : 3);
  PK_CHECK(how.height >= 1 && how.width >= 1, "images must have at least one pixel");
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

// On the caller's thread: loaders have threads of their own.
py::array resize(const py::array& x, int64_t height, int64_t width, const std::string& method, bool antialias) {
  PK_CHECK(x.ndim() == 3, "an image must have the shape (H, W, C)");
  const PixelType type = pixel_type(x);
  const ResizeShape shape{1, x.shape(0), x.shape(1), x.shape(2), height, width};
  const Resize2d plan(type == PixelType::u8 ? DType::u8 : DType::f32, shape, resize_method(method), antialias);
  py::array y = plan.out_dtype() == DType::u8 ? py::array(U8({height, width, x.shape(2)}))
                                              : py::array(F32({height, width, x.shape(2)}));
  void* out = y.mutable_data();
  const void* in = x.data();
  const py::gil_scoped_release unlocked;
  plan.run(in, out, false);
  return y;
}

}  // namespace

void register_image(py::module_& m) {
  m.def("standardize_images", &standardize, py::arg("x"), py::arg("index"), py::arg("channels_first"), py::arg("scale"),
        py::arg("sample_center"), py::arg("sample_std"), py::arg("mean"), py::arg("std"), py::arg("threaded"));
  m.def("affine_images", &affine, py::arg("x"), py::arg("index"), py::arg("maps"), py::arg("flips"),
        py::arg("channels_first"), py::arg("order"), py::arg("fill_mode"), py::arg("cval"), py::arg("pad"),
        py::arg("threaded"));
  m.def("resize_image", &resize, py::arg("x"), py::arg("height"), py::arg("width"), py::arg("method"),
        py::arg("antialias"));
}

}  // namespace pk::bindings
