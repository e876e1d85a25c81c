#include "kernels/isa/transform_table.h"

#include <cmath>
#include <cstdint>

#include "kernels/isa/four.h"

namespace pk::PK_ISA {

namespace {

int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// Where the pixels of one row of y lie in x: column u, row v.
struct Row {
  double u0, du, v0, dv, k0, dk;
  bool affine;

  Row(const double* m, int64_t r)
      : u0(m[1] * static_cast<double>(r) + m[2]),
        du(m[0]),
        v0(m[4] * static_cast<double>(r) + m[5]),
        dv(m[3]),
        k0(m[7] * static_cast<double>(r) + 1),
        dk(m[6]),
        affine(m[6] == 0 && m[7] == 0) {}

  void at(int64_t column, double* u, double* v) const {
    const double c = static_cast<double>(column);
    *u = u0 + c * du;
    *v = v0 + c * dv;
    if (!affine) {
      const double k = k0 + c * dk;
      *u /= k;
      *v /= k;
    }
  }
};

// Positions that an int64 and the fills can take; NaN goes to the left.
double bounded(double u) { return u > 1e9 ? 1e9 : u > -1e9 ? u : -1e9; }

double nearest_whole(double u) { return u < 0 ? std::ceil(u - 0.5) : std::floor(u + 0.5); }

// The pixels about a position: i[2] rows, j[2] columns (-1: none) and how far it lies behind the first.
struct Taps {
  int64_t i[2], j[2];
  double a, b;

  Taps(const TransformShape& s, double u, double v) {
    u = bounded(u);
    v = bounded(v);
    const double left = s.linear ? std::floor(u) : nearest_whole(u);
    const double top = s.linear ? std::floor(v) : nearest_whole(v);
    a = s.linear ? v - top : 0;
    b = s.linear ? u - left : 0;
    for (int k = 0; k < 2; ++k) {
      i[k] = fill_index(static_cast<int64_t>(top) + k, s.h, s.fill);
      j[k] = fill_index(static_cast<int64_t>(left) + k, s.w, s.fill);
    }
  }
};

template <class V>
V between(V p, V q, V t) {
  return p + t * (q - p);
}

// --- pixels of at most four channels, float results ---------------------------------------------------------------
Four splat(double t) { return four_of(static_cast<float>(t)); }

template <int C, class X>
Four tap_four(const TransformShape& s, const X* x, int64_t i, int64_t j) {
  return i < 0 || j < 0 ? splat(s.fill_value) : load_exactly<C>(x + (i * s.w + j) * C);
}

template <int C, class X>
Four any_pixel(const TransformShape& s, const X* x, double u, double v) {
  const Taps t(s, u, v);
  const Four p = tap_four<C>(s, x, t.i[0], t.j[0]);
  if (!s.linear) return p;
  const Four b = splat(t.b);
  const Four top = between(p, tap_four<C>(s, x, t.i[0], t.j[1]), b);
  const Four bottom = between(tap_four<C>(s, x, t.i[1], t.j[0]), tap_four<C>(s, x, t.i[1], t.j[1]), b);
  return between(top, bottom, splat(t.a));
}

// Positions of some pixels of a row, side by side so that they are computed in vectors: which pixel of x lies before
// each (0 for those that are not within x with all their taps) and how far behind it they lie.
struct Block {
  static constexpr int kSize = 32;
  std::int32_t before[kSize];
  float a[kSize], b[kSize];
  bool within[kSize];
  bool all;

  // Pixels [q, q + n) of an affine row; within: u in [0, width), v in [0, height).
  void locate(const Row& row, int64_t q, int n, double width, double height, std::int32_t w) {
    std::int32_t misses = 0;
    const double first = static_cast<double>(q);
    for (int k = 0; k < n; ++k) {
      const double c = first + static_cast<double>(k);
      const double u = row.u0 + c * row.du, v = row.v0 + c * row.dv;
      const bool in = (u >= 0) & (v >= 0) & (u < width) & (v < height);
      const double us = in ? u : 0, vs = in ? v : 0;
      const std::int32_t j = static_cast<std::int32_t>(us), i = static_cast<std::int32_t>(vs);
      before[k] = i * w + j;
      a[k] = static_cast<float>(vs - static_cast<double>(i));
      b[k] = static_cast<float>(us - static_cast<double>(j));
      within[k] = in;
      misses += in ? 0 : 1;
    }
    all = misses == 0;
  }
};

// Linear maps of images of three or four channels and fewer than 2^31 pixels.
template <int C, class X>
void few_linear(const TransformShape& s, const X* x, const Row& row, bool last, float* y) {
  // Of three channels the pixel at the end of the last image has no fourth to read.
  const double width = static_cast<double>(s.w - 1), height = static_cast<double>(last && C < 4 ? s.h - 2 : s.h - 1);
  const int64_t down = s.w * C;
  const auto inner = [&](const Block& block, int k) {
    const X* p = x + static_cast<int64_t>(block.before[k]) * C;
    const Four a = four_of(block.a[k]), b = four_of(block.b[k]);
    return between(between(load_four(p), load_four(p + C), b), between(load_four(p + down), load_four(p + down + C), b),
                   a);
  };
  Block block;
  for (int64_t q = 0; q < s.q; q += Block::kSize) {
    const int n = static_cast<int>(least(Block::kSize, s.q - q));
    block.locate(row, q, n, width, height, static_cast<std::int32_t>(s.w));
    float* to = y + q * C;
    // What a pixel writes behind itself is overwritten by the next one; nothing follows the last of the row.
    const int whole = C == 4 || q + n < s.q ? n : n - 1;
    if (block.all && row.affine) {
      for (int k = 0; k < whole; ++k) store_four(inner(block, k), to + k * C);
      if (whole < n) store_exactly<C>(inner(block, whole), to + whole * C);
      continue;
    }
    for (int k = 0; k < n; ++k) {
      Four pixel;
      if (block.within[k] && row.affine) {
        pixel = inner(block, k);
      } else {
        double u, v;
        row.at(q + k, &u, &v);
        pixel = any_pixel<C>(s, x, u, v);
      }
      store_exactly<C>(pixel, to + k * C);
    }
  }
}

// --- any number of channels -----------------------------------------------------------------------------------------
template <class X, class Y>
void mix(const X* p00, const X* p01, const X* p10, const X* p11, Y a, Y b, int64_t n, Y* y) {
  for (int64_t i = 0; i < n; ++i) {
    const Y top = between(static_cast<Y>(p00[i]), static_cast<Y>(p01[i]), b);
    y[i] = between(top, between(static_cast<Y>(p10[i]), static_cast<Y>(p11[i]), b), a);
  }
}

template <class X, class Y>
void copy_run(const X* x, int64_t n, Y* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<Y>(x[i]);
}

template <class X, class Y>
void channels_pixel(const TransformShape& s, const X* x, double u, double v, Y* y) {
  const int64_t c = s.c;
  const Taps t(s, u, v);
  const auto at = [&](int k, int l) { return x + (t.i[k] * s.w + t.j[l]) * c; };
  const bool whole = t.i[0] >= 0 && t.j[0] >= 0 && (!s.linear || (t.i[1] >= 0 && t.j[1] >= 0));
  const Y a = static_cast<Y>(t.a), b = static_cast<Y>(t.b), fill = static_cast<Y>(s.fill_value);
  if (whole && s.linear) return mix(at(0, 0), at(0, 1), at(1, 0), at(1, 1), a, b, c, y);
  if (whole) return copy_run(at(0, 0), c, y);
  for (int64_t i = 0; i < c; ++i) {
    Y p[2][2];
    for (int k = 0; k < 2; ++k) {
      for (int l = 0; l < 2; ++l) p[k][l] = t.i[k] < 0 || t.j[l] < 0 ? fill : static_cast<Y>(at(k, l)[i]);
    }
    y[i] = s.linear ? between(between(p[0][0], p[0][1], b), between(p[1][0], p[1][1], b), a) : p[0][0];
  }
}

template <int C, class X, class Y>
void copy_backwards(const X* x, int64_t pixels, Y* y) {
  for (int64_t q = 0; q < pixels; ++q) {
    for (int i = 0; i < C; ++i) y[q * C + i] = static_cast<Y>(x[-q * C + i]);
  }
}

bool is_whole(double u) { return u == std::floor(u) && std::fabs(u) < 1e9; }

// The columns [lo, hi) of y that a row of step 1 or -1 takes from within x: those whose u is in [0, w - 1], or below
// w - 1 where the next column is needed too.
struct Run {
  int64_t lo, hi;
};
Run inner_run(const TransformShape& s, double u0, bool forward, bool next) {
  const double end = static_cast<double>(s.w - 1);
  const double from = bounded(forward ? -u0 : u0 - end), to = bounded(forward ? end - u0 : u0);
  const int64_t lo = least(s.q, most(0, static_cast<int64_t>(std::ceil(from))));
  const int64_t hi = next ? static_cast<int64_t>(std::ceil(to)) : static_cast<int64_t>(std::floor(to)) + 1;
  return {lo, most(lo, least(s.q, hi))};
}

// Rows that only move or are mirrored: most of it is copied, or mixed with the same weights from end to end. False for
// other rows.
template <class X, class Y>
bool moved_row(const TransformShape& s, const X* x, const Row& row, Y* y) {
  const bool forward = row.du == 1;
  if (!row.affine || row.dv != 0 || (!forward && row.du != -1)) return false;
  const bool copied = is_whole(row.u0) && is_whole(row.v0);
  if (!copied && (!forward || !s.linear)) return false;
  const Taps t(s, row.u0, row.v0);
  if (t.i[0] < 0 || (!copied && t.i[1] < 0)) return false;
  const Run run = inner_run(s, row.u0, forward, !copied);
  const int64_t first = static_cast<int64_t>(std::floor(row.u0)) + (forward ? run.lo : -run.lo);
  const X* p = x + (t.i[0] * s.w + first) * s.c;
  Y* to = y + run.lo * s.c;
  const int64_t n = run.hi - run.lo;
  if (n > 0 && !copied) {
    const X* below = x + (t.i[1] * s.w + first) * s.c;
    mix(p, p + s.c, below, below + s.c, static_cast<Y>(t.a), static_cast<Y>(t.b), n * s.c, to);
  } else if (n > 0 && forward) {
    copy_run(p, n * s.c, to);
  } else if (s.c == 3) {
    copy_backwards<3>(p, n, to);
  } else if (s.c == 1) {
    copy_backwards<1>(p, n, to);
  } else {
    for (int64_t q = 0; q < n; ++q) copy_run(p - q * s.c, s.c, to + q * s.c);
  }
  for (int64_t q = 0; q < s.q; ++q) {
    if (q == run.lo) q = run.hi;
    if (q >= s.q) break;
    double u, v;
    row.at(q, &u, &v);
    channels_pixel(s, x, u, v, y + q * s.c);
  }
  return true;
}

template <class X, class Y>
void rows(const TransformShape& s, const X* x, const double* map, bool last, int64_t begin, int64_t end, Y* y) {
  const bool few = s.linear && s.h * s.w < int64_t{1} << 31;
  for (int64_t p = begin; p < end; ++p) {
    const Row row(map, p);
    Y* to = y + p * s.q * s.c;
    if (moved_row(s, x, row, to)) continue;
    if constexpr (sizeof(Y) == sizeof(float)) {
      if (few && s.c == 3) {
        few_linear<3>(s, x, row, last, to);
        continue;
      }
      if (few && s.c == 4) {
        few_linear<4>(s, x, row, last, to);
        continue;
      }
    }
    for (int64_t q = 0; q < s.q; ++q) {
      double u, v;
      row.at(q, &u, &v);
      channels_pixel(s, x, u, v, to + q * s.c);
    }
  }
}

// dx of one image: each element of dy goes to the pixels that its position was made of.
template <class T>
void gradient(const TransformShape& s, const T* dy, const double* map, T* dx) {
  for (int64_t i = 0; i < s.h * s.w * s.c; ++i) dx[i] = 0;
  for (int64_t p = 0; p < s.p; ++p) {
    const Row row(map, p);
    for (int64_t q = 0; q < s.q; ++q, dy += s.c) {
      double u, v;
      row.at(q, &u, &v);
      const Taps t(s, u, v);
      for (int k = 0; k < (s.linear ? 2 : 1); ++k) {
        for (int l = 0; l < (s.linear ? 2 : 1); ++l) {
          if (t.i[k] < 0 || t.j[l] < 0) continue;
          const T weight = static_cast<T>((k == 0 ? 1 - t.a : t.a) * (l == 0 ? 1 - t.b : t.b));
          T* to = dx + (t.i[k] * s.w + t.j[l]) * s.c;
          for (int64_t i = 0; i < s.c; ++i) to[i] += weight * dy[i];
        }
      }
    }
  }
}

}  // namespace

void fill(TransformTable& t) {
  t.f32 = rows<float, float>;
  t.f64 = rows<double, double>;
  t.u8 = rows<std::uint8_t, float>;
  t.gradient_f32 = gradient<float>;
  t.gradient_f64 = gradient<double>;
}

}  // namespace pk::PK_ISA
