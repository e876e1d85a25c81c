// How positions outside of an image are filled, for the kernels that map images. Plain functions of internal linkage:
// files that are compiled once per ISA level may include them.
#pragma once

#include <cstdint>

namespace pk {

// The names are those of scipy.ndimage.affine_transform: `constant` gives a value everywhere outside of [0, n - 1],
// `grid_constant` puts it at the pixels that are not there, so that positions between them and the image are
// interpolated; `wrap` has the period n - 1, `grid_wrap` n; `mirror` reflects about the centres of the outer pixels and
// `reflect` about their edges.
enum class Fill { constant, nearest, reflect, wrap, mirror, grid_wrap, grid_constant };

namespace {

// The pixel of n that stands for pixel i; -1 where there is none (grid_constant). `constant` and `wrap`
// are not of pixels but of positions: of pixels they give what `mirror` gives. |i| <= 2^62.
[[maybe_unused]] inline std::int64_t fill_index(std::int64_t i, std::int64_t n, Fill fill) {
  if (i >= 0 && i < n) return i;
  if (fill == Fill::grid_constant) return -1;
  if (n == 1) return 0;
  if (fill == Fill::nearest) return i < 0 ? 0 : n - 1;
  if (fill == Fill::grid_wrap) {
    const std::int64_t near = i < 0 ? i + n : i - n;  // a division costs more than the rest
    return near >= 0 && near < n ? near : ((i % n) + n) % n;
  }
  // Reflected about -1/2 and n - 1/2, or about 0 and n - 1.
  const std::int64_t edge = fill == Fill::reflect ? 1 : 0, period = 2 * n - 2 + 2 * edge;
  const std::int64_t near = i < 0 ? -edge - i : period - edge - i;
  if (near >= 0 && near < n) return near;
  const std::int64_t u = ((i % period) + period) % period;
  return u < n ? u : period - edge - u;
}

}  // namespace
}  // namespace pk
