// The ops matmul and matmul_update: shapes, messages, and that the fused update is the product and then the update.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/error.h"
#include "program/op.h"

namespace pk {
namespace {

template <class T>
std::vector<T> uniform(int64_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<T> u(-1, 1);
  std::vector<T> v(static_cast<std::size_t>(n));
  for (T& x : v) x = u(random);
  return v;
}

ValueType type(DType t, Shape s) { return {t, s}; }

void run(const OpSpec& spec, std::vector<const void*> in, std::vector<void*> out) {
  const auto kernel = make_op(spec);
  const Buffer scratch(kernel->scratch_bytes);
  kernel->run({in.data(), out.data(), scratch.data(), 0, 0});
}

std::string message(const OpSpec& spec) {
  try {
    make_op(spec);
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "";
}

TEST(OpMatmul, BatchesWithBiasActivationAndPreactivation) {
  const int64_t batch = 6, m = 5, n = 7, k = 9;
  OpSpec spec;
  spec.name = "matmul";
  spec.in = {type(DType::f64, {2, 3, m, k}), type(DType::f64, {2, 3, n, k}), type(DType::f64, {n})};
  spec.out = {type(DType::f64, {2, 3, m, n}), type(DType::f64, {2, 3, m, n})};
  spec.attrs.set("transpose_a", false);
  spec.attrs.set("transpose_b", true);
  spec.attrs.set("activation", std::string("sigmoid"));
  const auto a = uniform<double>(batch * m * k, 1), b = uniform<double>(batch * n * k, 2), bias = uniform<double>(n, 3);
  std::vector<double> y(static_cast<std::size_t>(batch * m * n)), z(y.size());
  run(spec, {a.data(), b.data(), bias.data()}, {y.data(), z.data()});
  for (int64_t q = 0; q < batch; ++q) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        double want = bias[static_cast<std::size_t>(j)];
        for (int64_t p = 0; p < k; ++p) {
          want += a[static_cast<std::size_t>((q * m + i) * k + p)] * b[static_cast<std::size_t>((q * n + j) * k + p)];
        }
        const auto at = static_cast<std::size_t>((q * m + i) * n + j);
        EXPECT_NEAR(z[at], want, 1e-13);
        EXPECT_NEAR(y[at], 1 / (1 + std::exp(-want)), 1e-13);
      }
    }
  }
}

TEST(OpMatmul, RefusesWhatDoesNotFit) {
  OpSpec spec;
  spec.name = "matmul";
  spec.in = {type(DType::f32, {2, 3}), type(DType::f32, {4, 5})};
  spec.out = {type(DType::f32, {2, 5})};
  EXPECT_NE(message(spec).find("inner dimensions must be equal, got (2, 3) and (4, 5)"), std::string::npos);
  spec.in[1] = type(DType::f64, {3, 5});
  EXPECT_NE(message(spec).find("float32 and float64"), std::string::npos);
  spec.in[1] = type(DType::f32, {3, 5});
  EXPECT_EQ(message(spec), "");
  spec.out[0] = type(DType::f32, {5, 2});
  EXPECT_NE(message(spec).find("expected (2, 5)"), std::string::npos);
}

// matmul then the update, against matmul_update, for x^T dy.
template <class T>
void expect_fused(const std::string& kind, const Attrs& attrs, int slots, int64_t m, int64_t n, int64_t k) {
  SCOPED_TRACE(kind + " " + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k));
  const DType t = dtype_of<T>::value;
  const auto x = uniform<T>(k * m, 1), dy = uniform<T>(k * n, 2);
  std::vector<std::vector<T>> apart{uniform<T>(m * n, 3)};
  for (int s = 0; s < slots; ++s) apart.emplace_back(static_cast<std::size_t>(m * n), T(0.1));
  auto fused = apart;
  const float lr = 0.01F;
  const int64_t iterations = 3;
  std::vector<const void*> scalars{&lr};
  std::vector<ValueType> scalar_types{type(DType::f32, {})};
  if (kind == "adam") {
    scalars.push_back(&iterations);
    scalar_types.push_back(type(DType::i64, {}));
  }
  const auto variables = [&](std::vector<std::vector<T>>& v) {
    std::vector<void*> p;
    for (auto& one : v) p.push_back(one.data());
    return p;
  };
  OpSpec product;
  product.name = "matmul";
  product.in = {type(t, {k, m}), type(t, {k, n})};
  product.out = {type(t, {m, n})};
  product.attrs.set("transpose_a", true);
  std::vector<T> g(static_cast<std::size_t>(m * n));
  run(product, {x.data(), dy.data()}, {g.data()});

  OpSpec update;
  update.name = kind + "_update";
  update.attrs = attrs;
  update.in = {type(t, {m, n})};
  update.in.insert(update.in.end(), scalar_types.begin(), scalar_types.end());
  update.out.assign(static_cast<std::size_t>(1 + slots), type(t, {m, n}));
  std::vector<const void*> in{g.data()};
  in.insert(in.end(), scalars.begin(), scalars.end());
  run(update, in, variables(apart));

  OpSpec both = update;
  both.name = "matmul_update";
  both.attrs.set("update", kind);
  both.attrs.set("transpose_a", true);
  both.attrs.set("transpose_b", false);
  both.in = product.in;
  both.in.insert(both.in.end(), scalar_types.begin(), scalar_types.end());
  in = {x.data(), dy.data()};
  in.insert(in.end(), scalars.begin(), scalars.end());
  run(both, in, variables(fused));
  for (std::size_t v = 0; v < apart.size(); ++v) {
    for (std::size_t i = 0; i < apart[v].size(); ++i) {
      // The two products may sum in another order; Adam divides by the root of what may be small.
      ASSERT_NEAR(fused[v][i], apart[v][i], 1e-4) << "variable " << v << " element " << i;
    }
  }
}

Attrs adam(bool amsgrad) {
  Attrs a;
  a.set("beta_1", 0.9);
  a.set("beta_2", 0.999);
  a.set("epsilon", 1e-7);
  a.set("amsgrad", amsgrad);
  return a;
}

TEST(OpMatmulUpdate, IsTheProductAndThenTheUpdate) {
  Attrs sgd;
  sgd.set("momentum", 0.9);
  sgd.set("nesterov", true);
  Attrs rmsprop;
  rmsprop.set("rho", 0.9);
  rmsprop.set("momentum", 0.0);
  rmsprop.set("epsilon", 1e-7);
  rmsprop.set("centered", true);
  const int64_t shapes[][3] = {{784, 500, 32}, {30, 10, 10}, {3, 700, 1}, {50, 1, 64}, {300, 300, 600}};
  for (const auto& s : shapes) {
    expect_fused<float>("sgd", sgd, 1, s[0], s[1], s[2]);
    expect_fused<float>("rmsprop", rmsprop, 2, s[0], s[1], s[2]);
    expect_fused<float>("adam", adam(false), 2, s[0], s[1], s[2]);
  }
  expect_fused<float>("adam", adam(true), 3, 40, 50, 20);
  expect_fused<double>("adam", adam(false), 2, 40, 50, 20);
}

TEST(OpMatmulUpdate, RefusesAGradientOfTheVariableItself) {
  OpSpec spec;
  spec.name = "matmul_update";
  spec.attrs.set("update", std::string("sgd"));
  spec.attrs.set("momentum", 0.0);
  spec.attrs.set("nesterov", false);
  spec.in = {type(DType::f32, {4, 4}), type(DType::f32, {4, 4}), type(DType::f32, {})};
  spec.out = {type(DType::f32, {4, 4})};
  auto w = uniform<float>(16, 1);
  const auto x = uniform<float>(16, 2);
  const float lr = 1;
  EXPECT_THROW(run(spec, {w.data(), x.data(), &lr}, {w.data()}), std::invalid_argument);
}

}  // namespace
}  // namespace pk
