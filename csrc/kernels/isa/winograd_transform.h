// The one-dimensional Winograd transforms over vectors of channels (contract and points: winograd_table.h).
#pragma once

#include "kernels/isa/gemm_pack.h"
#include "kernels/isa/vec.h"

namespace pk::PK_ISA {
namespace {

// The finite points are 0, +-a and, for m = 4, +-b. With N_i the product of the differences between point i and the
// other finite ones, row i of G is (1, p, p^2) / N_i; rows of B^T are the products of (x - p_j) over j other than i;
// rows of A are (1, p, ..., p^(m-1)). The point at infinity has a 1 in the last place of G and A.
template <int m>
struct Points;

template <>
struct Points<2> {
  static constexpr int side = 4;

  template <class V>
  static void input(const V (&d)[4], V (&o)[4]) {
    o[0] = d[2] - d[0];
    o[1] = d[2] + d[1];
    o[2] = d[2] - d[1];
    o[3] = d[3] - d[1];
  }
  template <class V>
  static void output(const V (&m)[4], V (&y)[2]) {
    y[0] = m[0] + (m[1] + m[2]);
    y[1] = (m[1] - m[2]) + m[3];
  }
  template <class V>
  static void gradient(const V (&d)[2], V (&o)[4]) {
    o[0] = d[0];
    o[1] = d[0] + d[1];
    o[2] = d[0] - d[1];
    o[3] = d[1];
  }
  template <class V>
  static void filter(const V (&g)[3], V (&o)[4]) {
    const V half = V::set1(0.5F);
    const V even = half * (g[0] + g[2]);
    o[0] = -g[0];
    o[1] = fma(half, g[1], even);
    o[2] = fnma(half, g[1], even);
    o[3] = g[2];
  }
  template <class V>
  static void filter_gradient(const V (&u)[4], V (&g)[3]) {
    const V half = V::set1(0.5F);
    const V even = half * (u[1] + u[2]);
    g[0] = even - u[0];
    g[1] = half * (u[1] - u[2]);
    g[2] = even + u[3];
  }
};

template <>
struct Points<4> {
  static constexpr int side = 6;
  static constexpr float a = 0.625F, b = 1.5F, a2 = a * a, b2 = b * b;
  static constexpr float n0 = static_cast<float>(1 / (0.625 * 0.625 * 1.5 * 1.5));
  static constexpr float na = static_cast<float>(1 / (2 * 0.625 * 0.625 * (0.625 * 0.625 - 1.5 * 1.5)));
  static constexpr float nb = static_cast<float>(1 / (2 * 1.5 * 1.5 * (1.5 * 1.5 - 0.625 * 0.625)));

  template <class V>
  static void input(const V (&d)[6], V (&o)[6]) {
    const V va2 = V::set1(a2), vb2 = V::set1(b2), sum = V::set1(a2 + b2), product = V::set1(a2 * b2);
    o[0] = fnma(sum, d[2], fma(product, d[0], d[4]));
    o[5] = fnma(sum, d[3], fma(product, d[1], d[5]));
    const V even_a = fnma(vb2, d[2], d[4]), odd_a = fnma(vb2, d[1], d[3]);
    o[1] = fma(V::set1(a), odd_a, even_a);
    o[2] = fnma(V::set1(a), odd_a, even_a);
    const V even_b = fnma(va2, d[2], d[4]), odd_b = fnma(va2, d[1], d[3]);
    o[3] = fma(V::set1(b), odd_b, even_b);
    o[4] = fnma(V::set1(b), odd_b, even_b);
  }
  template <class V>
  static void output(const V (&m)[6], V (&y)[4]) {
    const V sa = m[1] + m[2], da = m[1] - m[2], sb = m[3] + m[4], db = m[3] - m[4];
    y[0] = m[0] + (sa + sb);
    y[1] = fma(V::set1(b), db, V::set1(a) * da);
    y[2] = fma(V::set1(b2), sb, V::set1(a2) * sa);
    y[3] = fma(V::set1(b2 * b), db, fma(V::set1(a2 * a), da, m[5]));
  }
  template <class V>
  static void gradient(const V (&d)[4], V (&o)[6]) {
    o[0] = d[0];
    o[5] = d[3];
    const V even_a = fma(V::set1(a2), d[2], d[0]), odd_a = fma(V::set1(a2), d[3], d[1]);
    o[1] = fma(V::set1(a), odd_a, even_a);
    o[2] = fnma(V::set1(a), odd_a, even_a);
    const V even_b = fma(V::set1(b2), d[2], d[0]), odd_b = fma(V::set1(b2), d[3], d[1]);
    o[3] = fma(V::set1(b), odd_b, even_b);
    o[4] = fnma(V::set1(b), odd_b, even_b);
  }
  template <class V>
  static void filter(const V (&g)[3], V (&o)[6]) {
    o[0] = V::set1(n0) * g[0];
    o[5] = g[2];
    const V even_a = V::set1(na) * fma(V::set1(a2), g[2], g[0]), odd_a = V::set1(na * a) * g[1];
    o[1] = even_a + odd_a;
    o[2] = even_a - odd_a;
    const V even_b = V::set1(nb) * fma(V::set1(b2), g[2], g[0]), odd_b = V::set1(nb * b) * g[1];
    o[3] = even_b + odd_b;
    o[4] = even_b - odd_b;
  }
  template <class V>
  static void filter_gradient(const V (&u)[6], V (&g)[3]) {
    const V sa = V::set1(na) * (u[1] + u[2]), da = V::set1(na) * (u[1] - u[2]);
    const V sb = V::set1(nb) * (u[3] + u[4]), db = V::set1(nb) * (u[3] - u[4]);
    g[0] = fma(V::set1(n0), u[0], sa + sb);
    g[1] = fma(V::set1(b), db, V::set1(a) * da);
    g[2] = fma(V::set1(b2), sb, fma(V::set1(a2), sa, u[5]));
  }
};

// The two-dimensional transform of an In x In block into Out x Out: along rows, then along columns. load(i, j) and
// store(value, i, j) reach the elements. The loops stay loops: unrolled, they need more registers than there are.
template <class V, int In, int Out, class F, class Load, class Store>
inline __attribute__((always_inline)) void transform_2d(F one, Load load, Store store) {
  V between[In][Out];
#pragma GCC unroll 1
  for (int i = 0; i < In; ++i) {
    V d[In];
#pragma GCC unroll 6
    for (int j = 0; j < In; ++j) {
      d[j] = load(i, j);
      in_register(d[j]);
    }
    one(d, between[i]);
  }
#pragma GCC unroll 1
  for (int j = 0; j < Out; ++j) {
    V d[In], o[Out];
#pragma GCC unroll 6
    for (int i = 0; i < In; ++i) {
      d[i] = between[i][j];
      in_register(d[i]);
    }
    one(d, o);
#pragma GCC unroll 6
    for (int i = 0; i < Out; ++i) store(o[i], i, j);
  }
}

}  // namespace
}  // namespace pk::PK_ISA
