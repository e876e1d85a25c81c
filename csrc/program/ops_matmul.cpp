// matmul and matmul_update: products of matrices, and a gradient that is a product, used where it arises.
#include <algorithm>
#include <string>
#include <type_traits>

#include "base/buffer.h"
#include "base/error.h"
#include "base/int_math.h"
#include "base/parallel.h"
#include "base/placeholder.h"
#include "kernels/gemm.h"
#include "program/act_attr.h"
#include "program/op.h"
#include "program/optimizer_update.h"

namespace pk {

namespace {

// The sizes of op(a) op(b), with the leading dimensions as a batch.
struct Sizes {
  int64_t batch = 1, m = 0, n = 0, k = 0;
  Shape out;
};

Sizes product_sizes(const OpSpec& spec, bool trans_a, bool trans_b) {
  const Shape& a = spec.in[0].shape;
  const Shape& b = spec.in[1].shape;
  const std::string got = ", got " + a.str() + " and " + b.str();
  if (a.rank() < 2 || a.rank() != b.rank()) op_fail(spec, "operands must have one rank, at least 2" + got);
  Sizes s;
  for (int i = 0; i + 2 < a.rank(); ++i) {
    if (a[i] != b[i]) op_fail(spec, "leading dimensions must be equal" + got);
    s.out.push_back(a[i]);
  }
  s.batch = s.out.numel();
  s.m = a[trans_a ? -1 : -2];
  s.k = a[trans_a ? -2 : -1];
  s.n = b[trans_b ? -2 : -1];
  if (b[trans_b ? -1 : -2] != s.k) {
    op_fail(spec, std::string("inner dimensions must be equal") + got + " (transpose_a=" +
                      (trans_a ? "True" : "False") + ", transpose_b=" + (trans_b ? "True" : "False") + ")");
  }
  s.out.push_back(s.m);
  s.out.push_back(s.n);
  return s;
}

template <class T>
GemmArgs<T> gemm_args(const Sizes& s, bool trans_a, bool trans_b) {
  GemmArgs<T> g;
  g.trans_a = trans_a;
  g.trans_b = trans_b;
  g.m = s.m;
  g.n = s.n;
  g.k = s.k;
  g.lda = trans_a ? s.m : s.k;
  g.ldb = trans_b ? s.k : s.n;
  g.ldc = s.n;
  return g;
}

double product_flops(const Sizes& s) {
  return 2.0 * static_cast<double>(s.batch) * static_cast<double>(s.m) * static_cast<double>(s.n) *
         static_cast<double>(s.k);
}

// What one product of a batched matmul needs, planned when the program is built.
template <class T>
struct Matmul final : Kernel {
  Sizes s;
  GemmArgs<T> g;
  PlannedGemm<T> planned;
  int64_t groups = 1, group = 1;
  std::size_t scratch = 0;
  double work = 0;

  Matmul(const Sizes& sizes, const GemmArgs<T>& args) : s(sizes), g(args), planned(args) {
    // Many small products run side by side, each on one thread; large ones one after the other.
    constexpr double large_ns = 500000;
    constexpr int64_t most_groups = 16;
    work = gemm_work_ns(s.m, s.n, s.k);
    groups = work < large_ns ? std::clamp<int64_t>(s.batch, 1, most_groups) : 1;
    group = ceil_div(s.batch, groups);
    scratch = (planned.scratch_bytes() + 63) / 64 * 64;
    scratch_bytes = scratch * static_cast<std::size_t>(groups);
    flops = product_flops(s);
    if constexpr (std::is_same_v<T, float>) {
      // A single column is computed as a row, with the operands exchanged.
      if (s.batch == 1 && s.n > 1) prepared_bytes = pack_b_bytes(g);
      if (prepared_bytes > 0) prepared_input = 1;
    }
  }

  void run(const RunArgs& args) const override {
    if (s.batch == 1) {
      product(args, 0, args.scratch);
      return;
    }
    parallel_for(groups, work * static_cast<double>(s.batch), [&](int64_t at) {
      char* mine = static_cast<char*>(args.scratch) + static_cast<std::size_t>(at) * scratch;
      for (int64_t i = at * group; i < std::min(s.batch, (at + 1) * group); ++i) product(args, i, mine);
    });
  }

  void prepare([[maybe_unused]] const void* input, [[maybe_unused]] void* prepared) const override {
    if constexpr (std::is_same_v<T, float>) {
      GemmArgs<float> one = g;
      one.b = static_cast<const float*>(input);
      pack_b(one, prepared);
    }
  }

 private:
  void product(const RunArgs& args, int64_t i, void* mine) const {
    GemmArgs<T> one = g;
    one.a = args.input<T>(0) + i * s.m * s.k;
    one.b = args.input<T>(1) + i * s.k * s.n;
    one.c = args.output<T>(0) + i * s.m * s.n;
    one.packed_b = args.prepared;
    if (g.epilogue.bias != nullptr) one.epilogue.bias = args.input<T>(2);
    if (g.epilogue.preact != nullptr) one.epilogue.preact = args.output<T>(1) + i * s.m * s.n;
    planned.run(one, mine);
  }
};

// a, b [, bias] -> y [, preact]
template <class T>
std::unique_ptr<Kernel> make_matmul(const OpSpec& spec) {
  const bool trans_a = spec.attrs.boolean("transpose_a", false), trans_b = spec.attrs.boolean("transpose_b", false);
  const Sizes s = product_sizes(spec, trans_a, trans_b);
  const bool has_bias = spec.in.size() == 3, has_preact = spec.out.size() == 2;
  expect_shape(spec, spec.out[0], s.out, "the product");
  if (has_bias) expect_shape(spec, spec.in[2], Shape{s.n}, "the bias");
  if (has_preact) expect_shape(spec, spec.out[1], s.out, "the value before the activation");
  const ActAttr act = optional_act_attr(spec);

  GemmArgs<T> g = gemm_args<T>(s, trans_a, trans_b);
  g.epilogue.act = act.act;
  g.epilogue.act_alpha = static_cast<T>(act.alpha);
  g.epilogue.bias = has_bias ? placeholder<T>() : nullptr;
  g.epilogue.preact = has_preact ? placeholder<T>() : nullptr;

  return std::make_unique<Matmul<T>>(s, g);
}

std::unique_ptr<Kernel> make_matmul_any(const OpSpec& spec) {
  if (spec.in.size() < 2 || spec.in.size() > 3 || spec.out.empty() || spec.out.size() > 2) {
    op_fail(spec, "takes a, b [, bias] and gives y [, preact], got " + std::to_string(spec.in.size()) + " inputs and " +
                      std::to_string(spec.out.size()) + " outputs");
  }
  const DType t = expect_float(spec, {&spec.in[0], &spec.in[1], &spec.in.back(), &spec.out[0], &spec.out.back()});
  return t == DType::f32 ? make_matmul<float>(spec) : make_matmul<double>(spec);
}

// What a block of the gradient needs to become part of the update.
struct UpdateSink {
  const OptimizerUpdate::Bound* update;
  int64_t n;

  static void take(void* ctx, int64_t row, int64_t col, int64_t rows, int64_t cols, const float* g, int64_t ld) {
    const UpdateSink& s = *static_cast<const UpdateSink*>(ctx);
    if (cols == s.n && ld == cols) {
      s.update->span(row * s.n, rows * cols, g);
      return;
    }
    for (int64_t r = 0; r < rows; ++r) s.update->span((row + r) * s.n + col, cols, g + r * ld);
  }
};

// a, b, lr [, iterations [, a third scalar]] -> w, slots...
std::unique_ptr<Kernel> make_matmul_update(const OpSpec& spec) {
  if (spec.in.size() < 3 || spec.out.empty())
    op_fail(spec, "takes a, b and the update's scalars, and updates a variable");
  const DType dtype = expect_float(spec, {&spec.in[0], &spec.in[1]});
  const bool trans_a = spec.attrs.boolean("transpose_a", false), trans_b = spec.attrs.boolean("transpose_b", false);
  const Sizes s = product_sizes(spec, trans_a, trans_b);
  if (s.out.rank() != 2) op_fail(spec, "operands must be matrices, got a gradient of shape " + s.out.str());
  const auto update = OptimizerUpdate::make(spec.attrs.text("update"), spec.attrs, dtype, 2);
  update.expect_types(spec);
  expect_shape(spec, spec.out[0], s.out, "the variable");

  const auto check_operands = [](const RunArgs& args) {
    PK_CHECK(
        args.in[0] != args.out[0] && args.in[1] != args.out[0],
        "op 'matmul_update': the gradient is computed from the variable that it updates; use matmul and the update");
  };
  std::unique_ptr<Kernel> kernel;
  if (dtype == DType::f32) {
    GemmArgs<float> g = gemm_args<float>(s, trans_a, trans_b);
    g.epilogue.sink.fn = UpdateSink::take;
    const PlannedGemm<float> planned(g);
    kernel = make_kernel([=](const RunArgs& args) {
      check_operands(args);
      const OptimizerUpdate::Bound bound = update.bind(args);
      UpdateSink sink{&bound, s.n};
      GemmArgs<float> one = g;
      one.a = args.input<float>(0);
      one.b = args.input<float>(1);
      one.epilogue.sink.ctx = &sink;
      planned.run(one, args.scratch);
    });
    kernel->scratch_bytes = planned.scratch_bytes();
  } else {
    const GemmArgs<double> g = gemm_args<double>(s, trans_a, trans_b);
    const std::size_t product = Buffer::aligned(static_cast<std::size_t>(s.m * s.n) * sizeof(double));
    const PlannedGemm<double> planned(g);
    kernel = make_kernel([=](const RunArgs& args) {
      check_operands(args);
      GemmArgs<double> one = g;
      one.a = args.input<double>(0);
      one.b = args.input<double>(1);
      one.c = static_cast<double*>(args.scratch);
      planned.run(one, static_cast<char*>(args.scratch) + product);
      update.bind(args).sweep(s.m * s.n, args.scratch);
    });
    kernel->scratch_bytes = product + planned.scratch_bytes();
  }
  kernel->flops = product_flops(s) + update.flops_per_element() * static_cast<double>(s.m * s.n);
  return kernel;
}

}  // namespace

void register_matmul_ops() {
  register_op("matmul", make_matmul_any,
              "a, b [, bias] -> y [, preact] {transpose_a, transpose_b, activation, alpha}; leading dimensions "
              "equal on both sides");
  register_op(
      "matmul_update", make_matmul_update,
      "a, b, and of an op X_update the scalars -> w, slots... {transpose_a, transpose_b, update: X, and that op's "
      "attributes}");
}

}  // namespace pk
