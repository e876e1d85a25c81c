// Variables that one thread reads while others write them. .ci/run runs these under the thread sanitizer too.
#include "program/access.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "program/program.h"

namespace pk {
namespace {

constexpr std::int64_t size = 4096;

std::shared_ptr<VariableStorage> variable(float value) {
  auto v = std::make_shared<VariableStorage>(DType::f32, Shape{size});
  const VariableWrite write(v);
  std::fill_n(static_cast<float*>(write.data()), size, value);
  return v;
}

void fill(const Variables& variables, float value) {
  const VariableWrite write(variables);
  for (std::size_t i = 0; i < write.size(); ++i) std::fill_n(static_cast<float*>(write.data(i)), size, value);
}

// y = a - b
std::shared_ptr<Program> difference(const Variables& v) {
  ProgramBuilder b;
  const ValueType type{DType::f32, Shape{size}};
  b.output(b.add("subtract", {b.variable(v[0]), b.variable(v[1])}, {type}, {}, Attrs(), "")[0]);
  return b.build();
}

// A step adds its input to both.
std::shared_ptr<Program> training(const Variables& v) {
  ProgramBuilder b;
  const ValueId ones = b.input({DType::f32, Shape{size}});
  for (const auto& variable : v) b.add("assign_add", {ones}, {}, {b.variable(variable)}, Attrs(), "");
  return b.build();
}

bool all_are(const std::vector<float>& values, float value) {
  return std::all_of(values.begin(), values.end(), [value](float v) { return v == value; });
}

TEST(Access, ReadersSeeWhatIsWrittenTogether) {
  const Variables v{variable(0), variable(0)};
  const auto program = difference(v);
  std::atomic<bool> over{false};
  std::vector<std::thread> threads;
  for (int writer = 0; writer < 2; ++writer) {
    threads.emplace_back([&, writer] {
      for (int i = 0; i < 300; ++i) fill(v, static_cast<float>(2 * i + writer));
      over = true;
    });
  }
  std::atomic<int> wrong{0};
  for (int reader = 0; reader < 2; ++reader) {
    threads.emplace_back([&] {
      std::vector<float> y(size);
      do {
        program->run({}, {y.data()}, 0);
        wrong += !all_are(y, 0);
      } while (!over);
    });
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(v[0]->version(), 602U);
}

TEST(Access, StepsAreWholeForReadersAndLaterStepsFollow) {
  const Variables v{variable(0), variable(0)};
  const auto program = difference(v);
  const auto step = training(v);
  const std::vector<float> ones(size, 1.0F);
  std::vector<std::thread> threads;
  for (int trainer = 0; trainer < 2; ++trainer) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) step->run({ones.data()}, {}, 0);
    });
  }
  int wrong = 0;
  std::vector<float> y(size);
  for (int i = 0; i < 200; ++i) {
    program->run({}, {y.data()}, 0);
    wrong += !all_are(y, 0);
  }
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(v[0]->as<float>()[0], 400);
  EXPECT_EQ(v[1]->as<float>()[size - 1], 400);
}

TEST(Access, AReadingKeepsItsValuesWhileOthersWrite) {
  const Variables v{variable(1), variable(1)};
  VariableReading reading({v[0]});
  reading.begin();
  std::thread([&] { fill(v, 5); }).join();
  const auto program = difference(v);
  std::vector<float> y(size);
  program->run({}, {y.data()}, 0);
  EXPECT_TRUE(all_are(y, 1.0F - 5.0F));
  reading.end();
  program->run({}, {y.data()}, 0);
  EXPECT_TRUE(all_are(y, 0));
}

TEST(Access, WhatTheThreadWritesLeavesItsReading) {
  const Variables v{variable(1), variable(1)};
  VariableReading reading(v);
  reading.begin();
  fill({v[0]}, 3);
  std::vector<float> y(size);
  difference(v)->run({}, {y.data()}, 0);
  EXPECT_TRUE(all_are(y, 2));
}

TEST(Access, WritesAreInPlaceUnlessSomebodyReads) {
  const Variables v{variable(1)}, none;
  const void* const place = v[0]->data();
  fill(v, 2);
  EXPECT_EQ(v[0]->data(), place);
  VariableAccess read(v, none);
  read.begin();
  const auto* held = static_cast<const float*>(read.read(0));
  fill(v, 3);
  EXPECT_NE(v[0]->data(), place);
  EXPECT_EQ(held[0], 2);
  EXPECT_EQ(v[0]->as<float>()[0], 3);
  const std::uint64_t version = read.version(0);
  read.end();
  read.begin();
  EXPECT_GT(read.version(0), version);
}

TEST(Access, AWriterGivesWayBetweenSteps) {
  const Variables v{variable(0)}, none;
  VariableAccess write(none, v);
  write.begin();
  VariableAccess read(v, none);
  std::atomic<bool> has_read{false};
  std::thread reader([&] {
    read.begin();
    has_read = true;
    read.end();
  });
  while (!write.wanted()) std::this_thread::yield();
  EXPECT_FALSE(has_read);
  write.give_way({});
  write.end();
  reader.join();
  EXPECT_TRUE(has_read);
}

TEST(Access, WritersComeInTheirOrder) {
  const Variables v{variable(0)}, none;
  VariableAccess first(none, v);
  first.begin();
  std::vector<int> order;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const VariableWrite write(v);
      order.push_back(i);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(30));  // until it waits
  }
  first.end();
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
}

TEST(Access, AThreadThatWritesDoesNotWaitForItself) {
  const Variables v{variable(0)}, none;
  VariableAccess outer(none, v);
  outer.begin();
  fill(v, 4);
  VariableAccess read(v, none);
  EXPECT_TRUE(read.try_begin());
  EXPECT_EQ(static_cast<const float*>(read.read(0))[0], 4);
  read.end();
  bool waits = false;
  std::thread([&] { waits = !VariableAccess(v, none).try_begin(); }).join();
  EXPECT_TRUE(waits);
  outer.end();
}

TEST(Access, AnErrorWhileItWaitsLeavesTheQueue) {
  const Variables v{variable(0)}, none;
  VariableAccess write(none, v);
  write.begin();
  std::thread([&] {
    VariableAccess other(none, v);
    EXPECT_THROW(other.begin([] { throw std::runtime_error("interrupted"); }), std::runtime_error);
  }).join();
  write.end();
  bool waits = true;
  std::thread([&] { waits = !VariableAccess(none, v).try_begin(); }).join();
  EXPECT_FALSE(waits);
}

TEST(Access, PreparedFormsBelongToTheirVersions) {
  // Products with weights that are packed, by threads that hold different values of them.
  constexpr std::int64_t n = 64;
  const auto w = std::make_shared<VariableStorage>(DType::f32, Shape{n, n});
  const auto set = [&](float value) {
    const VariableWrite write(w);
    std::fill_n(static_cast<float*>(write.data()), n * n, value);
  };
  set(1);
  ProgramBuilder b;
  Attrs product;
  product.set("transpose_a", false);
  product.set("transpose_b", false);
  const ValueType type{DType::f32, Shape{n, n}};
  b.output(b.add("matmul", {b.input(type), b.variable(w)}, {type}, {}, product, "")[0]);
  const std::shared_ptr<Program> program = b.build();
  ASSERT_GT(program->memory().prepared, 0U);
  const std::vector<float> x(n * n, 1.0F);
  std::vector<float> y(n * n);
  VariableReading old({w});
  old.begin();
  for (int k = 2; k < 5; ++k) {
    std::thread([&] {
      set(static_cast<float>(k));
      std::vector<float> newest(n * n);
      program->run({x.data()}, {newest.data()}, 0);
      EXPECT_TRUE(all_are(newest, static_cast<float>(n * k)));
    }).join();
    program->run({x.data()}, {y.data()}, 0);
    EXPECT_TRUE(all_are(y, static_cast<float>(n)));
  }
  old.end();
  program->run({x.data()}, {y.data()}, 0);
  EXPECT_TRUE(all_are(y, static_cast<float>(n * 4)));
}

}  // namespace
}  // namespace pk
