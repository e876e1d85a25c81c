// The elementwise, array and reduction ops as programs see them: results, and what their factories
// refuse. The kernels' own tests go through the sizes.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "program/op.h"

namespace pk {
namespace {

using Floats = std::vector<float>;
using Ints = std::vector<std::int32_t>;
using List = std::vector<int64_t>;

OpSpec spec_of(const std::string& name, std::vector<ValueType> in, std::vector<ValueType> out) {
  OpSpec s;
  s.name = name;
  s.in = std::move(in);
  s.out = std::move(out);
  return s;
}
ValueType f32(const Shape& shape) { return {DType::f32, shape}; }
ValueType i32(const Shape& shape) { return {DType::i32, shape}; }

void run(const OpSpec& spec, std::initializer_list<const void*> in, void* out) {
  const std::unique_ptr<Kernel> kernel = make_op(spec);
  const Buffer scratch(kernel->scratch_bytes);
  std::vector<const void*> inputs(in);
  RunArgs args{inputs.data(), &out, scratch.data(), 0, 0};
  kernel->run(args);
}

Floats counted(int n) {
  Floats x(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) x[i] = static_cast<float>(i + 1);
  return x;
}

TEST(ArrayOps, Slice) {
  OpSpec s = spec_of("slice", {f32({4, 5})}, {f32({2, 3})});
  s.attrs.set("start", List{3, 0});
  s.attrs.set("step", List{-2, 2});
  const Floats x = counted(20);
  Floats y(6);
  run(s, {x.data()}, y.data());
  EXPECT_EQ(y, (Floats{16, 18, 20, 6, 8, 10}));

  OpSpec g = spec_of("slice_grad", {f32({2, 3})}, {f32({4, 5})});
  g.attrs = s.attrs;
  Floats dx(20, 9.0F), want(20, 0.0F);
  for (int i = 0; i < 6; ++i) want[static_cast<int>(y[i]) - 1] = y[i];
  run(g, {y.data()}, dx.data());
  EXPECT_EQ(dx, want);

  s.attrs.set("start", List{4, 0});
  EXPECT_THROW(make_op(s), std::invalid_argument);
  s.attrs.set("start", List{1, 0});
  EXPECT_THROW(make_op(s), std::invalid_argument);  // 1 - 2 < 0
  s.attrs.set("start", List{3});
  EXPECT_THROW(make_op(s), std::invalid_argument);
}

TEST(ArrayOps, Pad) {
  OpSpec s = spec_of("pad", {f32({2, 2})}, {f32({3, 5})});
  s.attrs.set("before", List{1, 2});
  s.attrs.set("value", 7.0);
  const Floats x = counted(4);
  Floats y(15);
  run(s, {x.data()}, y.data());
  EXPECT_EQ(y, (Floats{7, 7, 7, 7, 7, 7, 7, 1, 2, 7, 7, 7, 3, 4, 7}));
  s.attrs.set("before", List{2, 2});
  EXPECT_THROW(make_op(s), std::invalid_argument);
}

TEST(ArrayOps, Concatenate) {
  OpSpec s = spec_of("concatenate", {f32({2, 1, 2}), f32({2, 3, 2}), f32({2, 0, 2})}, {f32({2, 4, 2})});
  s.attrs.set("axis", int64_t{1});
  const Floats a = {1, 2, 3, 4}, b = {11, 12, 13, 14, 15, 16, 21, 22, 23, 24, 25, 26};
  Floats y(16);
  run(s, {a.data(), b.data(), nullptr}, y.data());
  EXPECT_EQ(y, (Floats{1, 2, 11, 12, 13, 14, 15, 16, 3, 4, 21, 22, 23, 24, 25, 26}));
  s.out[0].shape = Shape{2, 5, 2};
  EXPECT_THROW(make_op(s), std::invalid_argument);
  s = spec_of("concatenate", {f32({2, 2}), f32({3, 2})}, {f32({2, 4})});
  s.attrs.set("axis", int64_t{1});
  EXPECT_THROW(make_op(s), std::invalid_argument);
}

TEST(ArrayOps, Transpose) {
  OpSpec s = spec_of("transpose", {f32({2, 3, 2})}, {f32({3, 2, 2})});
  s.attrs.set("axes", List{1, 2, 0});
  const Floats x = counted(12);
  Floats y(12);
  run(s, {x.data()}, y.data());
  EXPECT_EQ(y, (Floats{1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12}));
  s.attrs.set("axes", List{1, 1, 0});
  EXPECT_THROW(make_op(s), std::invalid_argument);
  s.attrs.set("axes", List{0, 1, 2});
  EXPECT_THROW(make_op(s), std::invalid_argument);  // the output's shape
}

TEST(ArrayOps, FillOneHotAndBroadcast) {
  OpSpec s = spec_of("fill", {}, {f32({5})});
  s.attrs.set("value", int64_t{3});
  Floats y(5);
  run(s, {}, y.data());
  EXPECT_EQ(y, Floats(5, 3.0F));

  s = spec_of("one_hot", {i32({4})}, {f32({4, 3})});
  const Ints index = {2, 0, 3, -1};
  Floats z(12);
  run(s, {index.data()}, z.data());
  EXPECT_EQ(z, (Floats{0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0}));
  s.out[0].shape = Shape{3, 4};
  EXPECT_THROW(make_op(s), std::invalid_argument);

  s = spec_of("broadcast_to", {f32({2, 1})}, {f32({3, 2, 2})});
  const Floats x = {1, 2};
  run(s, {x.data()}, z.data());
  EXPECT_EQ(z, (Floats{1, 1, 2, 2, 1, 1, 2, 2, 1, 1, 2, 2}));
}

TEST(ArrayOps, TakeAndItsGradient) {
  OpSpec s = spec_of("take", {f32({3, 2}), i32({2, 2})}, {f32({2, 2, 2})});
  const Floats x = counted(6);
  const Ints index = {2, -3, 5, 2};
  Floats y(8);
  run(s, {x.data(), index.data()}, y.data());
  EXPECT_EQ(Floats(y.begin(), y.begin() + 4), (Floats{5, 6, 1, 2}));
  EXPECT_TRUE(std::isnan(y[4]) && std::isnan(y[5]));  // as jnp.take
  EXPECT_EQ(y[6], 5.0F);

  s = spec_of("take_grad", {f32({2, 2, 2}), i32({2, 2})}, {f32({3, 2})});
  const Floats dy = {1, 2, 3, 4, 100, 100, 5, 6};
  Floats dx(6, 9.0F);
  run(s, {dy.data(), index.data()}, dx.data());
  EXPECT_EQ(dx, (Floats{3, 4, 0, 0, 6, 8}));
  s.in[1].dtype = DType::i64;
  EXPECT_THROW(make_op(s), std::invalid_argument);
}

TEST(ArrayOps, Assignments) {
  const Floats x = counted(4);
  Floats v = {10, 20, 30, 40};
  run(spec_of("assign_add", {f32({2, 2})}, {f32({2, 2})}), {x.data()}, v.data());
  EXPECT_EQ(v, (Floats{11, 22, 33, 44}));
  run(spec_of("assign", {f32({2, 2})}, {f32({2, 2})}), {x.data()}, v.data());
  EXPECT_EQ(v, x);
  run(spec_of("reshape", {f32({2, 2})}, {f32({4, 1})}), {v.data()}, v.data());
  EXPECT_EQ(v, x);
  EXPECT_THROW(make_op(spec_of("reshape", {f32({2, 2})}, {f32({5})})), std::invalid_argument);
  EXPECT_THROW(make_op(spec_of("assign", {f32({2})}, {f32({2, 2})})), std::invalid_argument);
}

TEST(ElementwiseOps, Activation) {
  OpSpec s = spec_of("activation", {f32({3})}, {f32({3})});
  s.attrs.set("activation", std::string("leaky_relu"));
  EXPECT_THROW(make_op(s), std::invalid_argument);  // no alpha
  s.attrs.set("alpha", -0.5);
  EXPECT_THROW(make_op(s), std::invalid_argument);
  s.attrs.set("alpha", 0.5);
  const Floats x = {-2, 0, 4};
  Floats y(3);
  run(s, {x.data()}, y.data());
  EXPECT_EQ(y, (Floats{-1, 0, 4}));
  OpSpec g = spec_of("activation_grad", {f32({3}), f32({3})}, {f32({3})});
  g.attrs = s.attrs;
  const Floats dy = {1, 2, 3};
  Floats dx(3);
  run(g, {y.data(), dy.data()}, dx.data());
  EXPECT_EQ(dx, (Floats{0.5F, 2, 3}));
  s.attrs.set("activation", std::string("rellu"));
  try {
    make_op(s);
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_NE(std::string(e.what()).find("'rellu'"), std::string::npos);
  }
}

TEST(ElementwiseOps, BinaryInPlaceOnlyWhereElementsCoincide) {
  const auto kernel = make_op(spec_of("add", {f32({2, 3}), f32({3})}, {f32({2, 3})}));
  EXPECT_EQ(kernel->in_place, std::vector<int>{0});
  EXPECT_EQ(kernel->flops, 6);
  const auto both = make_op(spec_of("add", {f32({2, 3}), f32({1, 2, 3})}, {f32({1, 2, 3})}));
  EXPECT_EQ(both->in_place, (std::vector<int>{0, 1}));
  const auto compared = make_op(spec_of("less", {f32({2}), f32({2})}, {{DType::boolean, Shape{2}}}));
  EXPECT_TRUE(compared->in_place.empty());
  EXPECT_THROW(make_op(spec_of("add", {f32({2}), f32({3})}, {f32({3})})), std::invalid_argument);
  EXPECT_THROW(make_op(spec_of("add", {f32({2}), i32({2})}, {f32({2})})), std::invalid_argument);
  EXPECT_THROW(make_op(spec_of("add", {f32({2})}, {f32({2})})), std::invalid_argument);
  EXPECT_THROW(make_op(spec_of("divide", {i32({2}), i32({2})}, {i32({2})})), std::invalid_argument);
  EXPECT_THROW(make_op(spec_of("exp", {i32({2})}, {i32({2})})), std::invalid_argument);
}

TEST(ElementwiseOps, WhereCastClip) {
  const bool c[] = {true, false, true};
  const Floats a = {1, 2, 3};
  const float b = 9;
  Floats y(3);
  run(spec_of("where", {{DType::boolean, Shape{3}}, f32({3}), f32({})}, {f32({3})}), {c, a.data(), &b}, y.data());
  EXPECT_EQ(y, (Floats{1, 9, 3}));
  EXPECT_THROW(make_op(spec_of("where", {f32({3}), f32({3}), f32({})}, {f32({3})})), std::invalid_argument);
  Ints k(3);
  run(spec_of("cast", {f32({3})}, {i32({3})}), {y.data()}, k.data());
  EXPECT_EQ(k, (Ints{1, 9, 3}));
  OpSpec s = spec_of("clip", {f32({3})}, {f32({3})});
  s.attrs.set("min", int64_t{2});
  s.attrs.set("max", 5.0);
  run(s, {y.data()}, y.data());
  EXPECT_EQ(y, (Floats{2, 5, 3}));
}

TEST(ReduceOps, AxesAndShapes) {
  OpSpec s = spec_of("mean", {f32({2, 3})}, {f32({2, 1})});
  s.attrs.set("axes", List{-1});
  const Floats x = counted(6);
  Floats y(2);
  run(s, {x.data()}, y.data());
  EXPECT_EQ(y, (Floats{2, 5}));
  s.out[0].shape = Shape{2};
  run(s, {x.data()}, y.data());
  EXPECT_EQ(y, (Floats{2, 5}));
  s.out[0].shape = Shape{3};
  EXPECT_THROW(make_op(s), std::invalid_argument);
  s.out[0].shape = Shape{2};
  s.attrs.set("axes", List{1, -1});
  EXPECT_THROW(make_op(s), std::invalid_argument);
  s.attrs.set("axes", List{2});
  EXPECT_THROW(make_op(s), std::invalid_argument);

  OpSpec m = spec_of("argmax", {f32({2, 3})}, {i32({2})});
  m.attrs.set("axis", int64_t{-1});
  Ints k(2);
  run(m, {x.data()}, k.data());
  EXPECT_EQ(k, (Ints{2, 2}));

  OpSpec b = spec_of("any", {f32({2})}, {f32({})});
  b.attrs.set("axes", List{0});
  EXPECT_THROW(make_op(b), std::invalid_argument);
}

TEST(ReduceOps, Softmax) {
  const Floats x = {0, 0, 1, 1};
  Floats y(4);
  run(spec_of("softmax", {f32({2, 2})}, {f32({2, 2})}), {x.data()}, y.data());
  EXPECT_EQ(y, Floats(4, 0.5F));
  EXPECT_THROW(make_op(spec_of("softmax", {f32({})}, {f32({})})), std::invalid_argument);
  EXPECT_THROW(make_op(spec_of("softmax", {i32({2})}, {i32({2})})), std::invalid_argument);
  EXPECT_THROW(make_op(spec_of("softmax_grad", {f32({2}), f32({3})}, {f32({2})})), std::invalid_argument);
}

}  // namespace
}  // namespace pk
