#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "program/program.h"

namespace pk {
namespace {

ValueType f32(Shape shape) { return {DType::f32, shape}; }

Attrs none() { return {}; }

void set(const std::shared_ptr<VariableStorage>& variable, const std::vector<float>& value) {
  const VariableWrite write(variable);
  std::copy(value.begin(), value.end(), static_cast<float*>(write.data()));
}

ArrayView rows_of(const std::vector<float>& data, int64_t width) {
  ArrayView view;
  view.data = data.data();
  view.shape = {static_cast<int64_t>(data.size()) / width, width};
  view.strides[0] = width * 4;
  view.strides[1] = 4;
  return view;
}

TEST(Program, RunsAChain) {
  ProgramBuilder b;
  const ValueId x = b.input(f32({2, 3}));
  const ValueId s = b.add("square", {x}, {f32({2, 3})}, {}, none(), "")[0];
  const ValueId y = b.add("add", {s, x}, {f32({2, 3})}, {}, none(), "")[0];
  b.output(y);
  const auto p = b.build();
  const std::vector<float> in = {1, 2, 3, -1, 0, 5};
  std::vector<float> out(6, std::nanf(""));
  p->run({in.data()}, {out.data()}, 0);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(out[i], in[i] * in[i] + in[i]);
}

TEST(Program, InputsThatAreOutputsAreCopied) {
  ProgramBuilder b;
  const ValueId x = b.input(f32({4}));
  b.output(x);
  b.output(x);
  const auto p = b.build();
  const std::vector<float> in = {1, 2, 3, 4};
  std::vector<float> a(4), c(4);
  p->run({in.data()}, {a.data(), c.data()}, 0);
  EXPECT_EQ(a, in);
  EXPECT_EQ(c, in);
}

TEST(Program, InPlaceDoesNotTouchInputsVariablesOrValuesStillRead) {
  auto w = std::make_shared<VariableStorage>(DType::f32, Shape{4});
  set(w, {1, 2, 3, 4});
  ProgramBuilder b;
  const ValueId x = b.input(f32({4}));
  const ValueId v = b.variable(w);
  const ValueId nx = b.add("negative", {x}, {f32({4})}, {}, none(), "")[0];
  const ValueId nv = b.add("negative", {v}, {f32({4})}, {}, none(), "")[0];
  const ValueId nn = b.add("negative", {nx}, {f32({4})}, {}, none(), "")[0];
  const ValueId sum = b.add("add", {nx, nn}, {f32({4})}, {}, none(), "")[0];
  const ValueId all = b.add("add", {sum, nv}, {f32({4})}, {}, none(), "")[0];
  b.output(all);
  const auto p = b.build();
  const std::vector<float> in = {5, 6, 7, 8};
  std::vector<float> out(4);
  p->run({in.data()}, {out.data()}, 0);
  EXPECT_EQ(in, (std::vector<float>{5, 6, 7, 8}));
  EXPECT_EQ(w->as<float>()[3], 4.0F);
  EXPECT_EQ(out, (std::vector<float>{-1, -2, -3, -4}));
}

TEST(Program, ReshapeOfAVariableThatIsWrittenLaterKeepsTheOldValue) {
  auto w = std::make_shared<VariableStorage>(DType::f32, Shape{2, 2});
  ProgramBuilder b;
  const ValueId x = b.input(f32({2, 2}));
  const ValueId v = b.variable(w);
  const ValueId flat = b.add("reshape", {v}, {f32({4})}, {}, none(), "")[0];
  b.add("assign", {x}, {}, {v}, none(), "");
  b.output(b.add("negative", {flat}, {f32({4})}, {}, none(), "")[0]);
  const auto p = b.build();
  const std::vector<float> in = {1, 2, 3, 4};
  std::vector<float> out(4, 9);
  p->run({in.data()}, {out.data()}, 0);
  for (float o : out) EXPECT_EQ(o, 0.0F);
  EXPECT_EQ(w->as<float>()[2], 3.0F);
}

// No copy where all who read the reshaped value come before the write, one where a read (or an output) comes after it.
TEST(Program, ReshapeOfAVariableIsACopyOnlyWhereItIsReadAfterAWrite) {
  for (const bool late : {false, true}) {
    auto w = std::make_shared<VariableStorage>(DType::f32, Shape{2, 2});
    set(w, {1, 2, 3, 4});
    ProgramBuilder b;
    const ValueId v = b.variable(w);
    const ValueId flat = b.add("reshape", {v}, {f32({4})}, {}, none(), "")[0];
    const ValueId again = b.add("reshape", {flat}, {f32({4, 1})}, {}, none(), "")[0];
    const ValueId minus = b.add("negative", {again}, {f32({4, 1})}, {}, none(), "")[0];
    const ValueId update = b.add("reshape", {minus}, {f32({2, 2})}, {}, none(), "")[0];
    b.add("assign", {update}, {}, {v}, none(), "");
    b.output(late ? again : update);
    EXPECT_EQ(b.root(update), minus);
    EXPECT_EQ(b.root(again), late ? flat : v);
    EXPECT_THROW(b.output(v), std::invalid_argument);
    const auto p = b.build();
    std::vector<float> out(4);
    p->run({}, {out.data()}, 0);
    EXPECT_EQ(out[1], late ? 2.0F : -2.0F);
    EXPECT_EQ(w->as<float>()[3], -4.0F);
  }
}

TEST(Program, ThePeakIsThatOfTheProgramThatIsBuilt) {
  const auto record = [](ProgramBuilder& b) {
    const ValueId x = b.input(f32({64}));
    const ValueId y = b.add("exp", {x}, {f32({64})}, {}, none(), "")[0];
    const ValueId z = b.add("sin", {y}, {f32({64})}, {}, none(), "")[0];
    b.output(b.add("multiply", {y, z}, {f32({64})}, {}, none(), "")[0]);
  };
  ProgramBuilder asked, plain;
  record(asked);
  record(plain);
  EXPECT_EQ(asked.peak(), 512U);
  EXPECT_EQ(asked.build()->memory().alive, 512U);
  EXPECT_EQ(plain.build()->memory().alive, 512U);
}

TEST(Program, BatchesInOrderWithTheLastRowsWritten) {
  ProgramBuilder b;
  const ValueId x = b.input(f32({2, 3}));
  b.output(b.add("negative", {x}, {f32({2, 3})}, {}, none(), "")[0]);
  const auto p = b.build();
  std::vector<float> data(18);
  std::iota(data.begin(), data.end(), 0.0F);
  const ArrayView view = rows_of(data, 3);
  const std::vector<int64_t> order = {5, 4, 3, 2, 1, 0};
  std::vector<float> out(18, 0);
  BatchRun run;
  run.sources = {&view};
  run.outputs = {out.data()};
  run.batch = 2;
  run.steps = 3;
  EXPECT_EQ(p->run_batches(run).steps, 3);
  EXPECT_EQ(out[17], -17.0F);
  run.order = order.data();
  EXPECT_EQ(p->run_batches(run).status, RunStatus::done);
  EXPECT_EQ(out[0], -15.0F);
}

TEST(Program, CheckFiniteStopsBeforeTheUpdate) {
  auto w = std::make_shared<VariableStorage>(DType::f32, Shape{});
  ProgramBuilder b;
  const ValueId x = b.input(f32({1}));
  const ValueId s = b.add("reshape", {x}, {f32({})}, {}, none(), "")[0];
  b.check_finite(s);
  b.add("assign_add", {s}, {}, {b.variable(w)}, none(), "");
  const auto p = b.build();
  const std::vector<float> data = {1, 2, std::numeric_limits<float>::quiet_NaN(), 4};
  ArrayView view = rows_of(data, 1);
  view.shape = {4};
  BatchRun run;
  run.sources = {&view};
  run.batch = 1;
  run.steps = 4;
  const BatchResult r = p->run_batches(run);
  EXPECT_EQ(r.status, RunStatus::nan);
  EXPECT_EQ(r.steps, 2);
  EXPECT_EQ(*w->as<float>(), 3.0F);
  run.check_finite = false;
  EXPECT_EQ(p->run_batches(run).status, RunStatus::done);
  EXPECT_TRUE(std::isnan(*w->as<float>()));
}

TEST(Program, ARunThatIsStoppedHalfwayCountsAsAWrite) {
  // Two products of 400 x 400 keep the run long enough to be polled; the update comes before them.
  auto w = std::make_shared<VariableStorage>(DType::f32, Shape{400, 400});
  ProgramBuilder b;
  const ValueId x = b.input(f32({400, 400}));
  b.add("assign", {x}, {}, {b.variable(w)}, none(), "");
  std::vector<ValueId> y = {x};
  for (int i = 0; i < 2; ++i) {
    Attrs plain;
    plain.set("transpose_a", false);
    plain.set("transpose_b", false);
    y = b.add("matmul", {y[0], x}, {f32({400, 400})}, {}, plain, "");
  }
  b.output(y[0]);
  const auto p = b.build();
  p->poll = [] { throw std::runtime_error("stopped"); };
  p->poll_seconds = 0;
  const std::vector<float> in(400 * 400, 1.0F);
  std::vector<float> out(in.size());
  const std::uint64_t before = w->version();
  EXPECT_THROW(p->run({in.data()}, {out.data()}, 0), std::runtime_error);
  EXPECT_EQ(w->version(), before + 1);
}

TEST(Program, WritesReachTheirVariablesAndRaiseOnlyTheirVersions) {
  const auto make = [] { return std::make_shared<VariableStorage>(DType::f32, Shape{2}); };
  const auto read = make(), first = make(), second = make();
  set(read, {3, 4});
  ProgramBuilder b;
  const ValueId r = b.variable(read), s = b.variable(second), f = b.variable(first), x = b.input(f32({2}));
  EXPECT_EQ(b.variable(second), s);
  b.output(b.add("negative", {r}, {f32({2})}, {}, none(), "")[0]);
  b.add("assign_add", {r}, {}, {f}, none(), "");
  b.add("assign", {x}, {}, {s}, none(), "");
  const auto p = b.build();
  const std::vector<float> in = {8, 9};
  std::vector<float> out(2);
  for (int i = 1; i <= 2; ++i) {
    p->run({in.data()}, {out.data()}, 0);
    EXPECT_EQ(read->version(), 2U);
    EXPECT_EQ(first->version(), 1U + static_cast<unsigned>(i));
    EXPECT_EQ(second->version(), 1U + static_cast<unsigned>(i));
    EXPECT_EQ(first->as<float>()[1], 4.0F * static_cast<float>(i));
  }
  EXPECT_EQ(second->as<float>()[0], 8.0F);
  EXPECT_EQ(out[0], -3.0F);
}

TEST(Program, EmptyBatch) {
  ProgramBuilder b;
  const ValueId x = b.input(f32({0, 3}));
  b.output(b.add("negative", {x}, {f32({0, 3})}, {}, none(), "")[0]);
  const auto p = b.build();
  float nothing = 0;
  p->run({&nothing}, {&nothing}, 0);
}

TEST(Program, RefusesWhatDoesNotFit) {
  ProgramBuilder b;
  const ValueId x = b.input(f32({2, 3}));
  EXPECT_THROW(b.add("negative", {x}, {f32({2, 2})}, {}, none(), ""), std::invalid_argument);
  EXPECT_THROW(b.add("no such op", {x}, {f32({2, 3})}, {}, none(), ""), std::invalid_argument);
  EXPECT_THROW(b.add("negative", {99}, {f32({2, 3})}, {}, none(), ""), std::invalid_argument);
  EXPECT_THROW(b.add("assign", {x}, {}, {x}, none(), ""), std::invalid_argument);
}

}  // namespace
}  // namespace pk
