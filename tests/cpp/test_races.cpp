// Plain memory that goes from thread to thread: what only a thread sanitizer sees (.ci/run runs these under it). That
// the values are right is checked as well.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "base/parallel.h"
#include "program/program.h"

namespace pk {
namespace {

class Races : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = num_threads();
    set_num_threads(4);
  }
  void TearDown() override { set_num_threads(before_); }

 private:
  int before_ = 1;
};

// Gives a helper the time to take a task of its own, on a machine whose cores are busy.
void let_another_begin(std::atomic<int>& begun) {
  ++begun;
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
  while (begun < 2 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
}

TEST_F(Races, WhatTheCallerWroteReachesTasksAndWhatTheyWroteTheCaller) {
  std::vector<int> in(16), out(16);
  for (int round = 0; round < 300; ++round) {
    std::fill(in.begin(), in.end(), round);
    std::atomic<int> begun{0};
    parallel_for(16, 1e9, [&](int64_t task) {
      let_another_begin(begun);
      const auto t = static_cast<std::size_t>(task);
      out[t] = in[t] + in[(t + 1) % 16];
    });
    for (const int value : out) ASSERT_EQ(value, 2 * round);
  }
}

TEST_F(Races, JobsFollowEachOther) {
  std::vector<int> data(16, 0);
  for (int round = 1; round <= 300; ++round) {
    std::atomic<int> begun{0};
    parallel_for(16, 1e9, [&](int64_t task) {
      let_another_begin(begun);
      ++data[static_cast<std::size_t>(15 - task)];
    });
  }
  EXPECT_EQ(data, std::vector<int>(16, 300));
}

constexpr std::int64_t rows = 48, width = 64;

// y = relu(x w) w, with work enough for several threads.
std::shared_ptr<Program> two_products(const std::shared_ptr<VariableStorage>& w) {
  ProgramBuilder b;
  Attrs product, relu;
  product.set("transpose_a", false);
  product.set("transpose_b", false);
  relu.set("activation", std::string("relu"));
  relu.set("alpha", 0.0);
  const ValueType type{DType::f32, Shape{rows, width}};
  const ValueId weights = b.variable(w);
  const ValueId h = b.add("matmul", {b.input(type), weights}, {type}, {}, product, "")[0];
  const ValueId a = b.add("activation", {h}, {type}, {}, relu, "")[0];
  b.output(b.add("matmul", {a, weights}, {type}, {}, product, "")[0]);
  return b.build();
}

void fill(const std::shared_ptr<VariableStorage>& w, float value) {
  const VariableWrite write(w);
  std::fill_n(static_cast<float*>(write.data()), width * width, value);
}

// Each run borrows memory of its own; the weights are packed by whoever comes first, again after a write.
TEST_F(Races, OneProgramInSeveralThreads) {
  const auto w = std::make_shared<VariableStorage>(DType::f32, Shape{width, width});
  const auto program = two_products(w);
  for (int round = 1; round <= 8; ++round) {
    fill(w, static_cast<float>(round));
    std::vector<std::thread> callers;
    std::vector<std::vector<float>> results(4, std::vector<float>(rows * width));
    for (std::vector<float>& result : results) {
      callers.emplace_back([&program, &result, &results] {
        const std::vector<float> x(rows * width, static_cast<float>(&result - results.data()));
        for (int run = 0; run < 4; ++run) program->run({x.data()}, {result.data()}, 0);
      });
    }
    for (std::thread& t : callers) t.join();
    for (std::size_t i = 0; i < results.size(); ++i) {
      const float want = static_cast<float>(i) * static_cast<float>(round * round * width * width);
      EXPECT_EQ(results[i], std::vector<float>(rows * width, want));
    }
  }
}

// Two programs of one model share their memory and their weights.
TEST_F(Races, ProgramsThatShareTheirMemory) {
  const auto w = std::make_shared<VariableStorage>(DType::f32, Shape{width, width});
  fill(w, 1);
  const auto pool = std::make_shared<WorkspacePool>();
  const std::vector<std::shared_ptr<Program>> programs{two_products(w), two_products(w)};
  for (const auto& program : programs) program->share(pool);
  const std::vector<float> x(rows * width, 1.0F);
  std::vector<std::vector<float>> results(4, std::vector<float>(rows * width));
  std::vector<std::thread> callers;
  for (std::size_t i = 0; i < results.size(); ++i) {
    callers.emplace_back([&, i] {
      for (int run = 0; run < 20; ++run) programs[i % 2]->run({x.data()}, {results[i].data()}, 0);
    });
  }
  for (std::thread& t : callers) t.join();
  for (const auto& result : results) EXPECT_EQ(result, std::vector<float>(rows * width, float{width * width}));
}

}  // namespace
}  // namespace pk
