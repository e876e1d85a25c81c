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
  if (fill == Fill::grid_wrap) return ((i % n) + n) % n;
  if (fill == Fill::reflect) {
    const std::int64_t u = ((i % (2 * n)) + 2 * n) % (2 * n);
    return u < n ? u : 2 * n - 1 - u;
  }
  if (fill == Fill::nearest) return i < 0 ? 0 : n - 1;
  const std::int64_t u = ((i % (2 * n - 2)) + 2 * n - 2) % (2 * n - 2);
  return u < n ? u : 2 * n - 2 - u;
}

}  // namespace
}  // namespace pk
