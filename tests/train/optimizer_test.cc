// Schedules and the optimiser against values worked out by hand.

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <torch/optim/adamw.h>

#include <gtest/gtest.h>

#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "train/model/optimizer.h"

namespace pith {
namespace {

TEST(LearningRate, WarmsUpThenFalls) {
  OptimizerSettings s;
  s.learning_rate = 1.0;
  s.warmup_steps = 3;
  EXPECT_DOUBLE_EQ(LearningRate(s, 0, 13), 0.25);
  EXPECT_DOUBLE_EQ(LearningRate(s, 2, 13), 0.75);
  EXPECT_DOUBLE_EQ(LearningRate(s, 12, 13), 1.0);
  s.schedule = "linear";
  EXPECT_DOUBLE_EQ(LearningRate(s, 8, 13), 0.5);
  EXPECT_DOUBLE_EQ(LearningRate(s, 5, 13), 0.8);
  s.schedule = "cosine";
  EXPECT_DOUBLE_EQ(LearningRate(s, 3, 13), 1.0);
  EXPECT_NEAR(LearningRate(s, 5, 13), 0.5 * (1 + std::cos(0.2 * 3.14159265358979)), 1e-12);
  EXPECT_DOUBLE_EQ(LearningRate(s, 8, 13), 0.5);
}

TEST(LearningRate, FallsToItsLeastAndWarmsUpOverAShareOfTheRun) {
  OptimizerSettings s;
  s.learning_rate = 2.0;
  s.min_ratio = 0.25;
  s.warmup_ratio = 0.2;  // of 13: 3 steps
  for (const char* schedule : {"linear", "cosine"}) {
    s.schedule = schedule;
    EXPECT_EQ(WarmupSteps(s, 13), 3);
    EXPECT_DOUBLE_EQ(LearningRate(s, 2, 13), 2 * 0.75);
    EXPECT_DOUBLE_EQ(LearningRate(s, 3, 13), 2.0);
    EXPECT_DOUBLE_EQ(LearningRate(s, 8, 13), 2 * (0.25 + 0.75 * 0.5));
    EXPECT_DOUBLE_EQ(LearningRate(s, 13, 13), 0.5);
  }
  s.warmup_ratio = 0.99;
  EXPECT_NO_THROW(CheckWarmup(s, 200));
  EXPECT_THROW(CheckWarmup(s, 50), UserError) << "49.5 steps, rounded up";
}

TEST(Optimizer, StepsLikeTorchAndClips) {
  OptimizerSettings s;
  s.learning_rate = 0.1;
  s.weight_decay = 0.02;
  s.max_grad_norm = 0;
  at::manual_seed(3);
  const at::Tensor start = at::randn({5, 7});
  const at::Tensor ours = start.clone().set_requires_grad(true), theirs = start.clone().set_requires_grad(true);
  Optimizer optimizer(s, {{"w", ours}});
  torch::optim::AdamW reference({theirs}, torch::optim::AdamWOptions(0.1).betas({0.9, 0.99}).eps(1e-8).weight_decay(0.02));
  for (int step = 0; step < 4; ++step) {
    const at::Tensor g = at::randn({5, 7});
    ours.mutable_grad() = g.clone();
    theirs.mutable_grad() = g.clone();
    EXPECT_NEAR(optimizer.Step(step, 4).grad_norm, g.norm().item<double>(), 1e-5);
    reference.step();
  }
  EXPECT_TRUE(at::allclose(ours, theirs, 1e-5, 1e-6));

  // Adam does not see the scale of a constant factor in its first step: compare moments by a second, unclipped one.
  s.max_grad_norm = 0.5;
  const at::Tensor a = at::zeros({1}).set_requires_grad(true), b = at::zeros({1}).set_requires_grad(true);
  Optimizer clipped(s, {{"a", a}}), plain(s, {{"b", b}});
  a.mutable_grad() = at::full({1}, 8.0);
  b.mutable_grad() = at::full({1}, 0.5);
  clipped.Step(0, 2), plain.Step(0, 2);
  a.mutable_grad() = at::full({1}, -0.25);
  b.mutable_grad() = at::full({1}, -0.25);
  clipped.Step(1, 2), plain.Step(1, 2);
  EXPECT_NEAR(a.item<double>(), b.item<double>(), 1e-6);
}

TEST(Optimizer, RefusesANonFiniteGradientByName) {
  const at::Tensor w = at::ones({3}).set_requires_grad(true);
  Optimizer optimizer(OptimizerSettings(), {{"blk.0.attn_q.weight.lora_a", w}});
  w.mutable_grad() = at::tensor({1.0f, NAN, 0.0f});
  try {
    optimizer.Step(0, 1);
    FAIL() << "no error";
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("blk.0.attn_q.weight.lora_a"), std::string::npos) << e.what();
  }
  EXPECT_TRUE(at::equal(w, at::ones({3})));
}

// A step of RL without a signal takes no update: the schedule goes on, the correction of the young moments does not.
TEST(Optimizer, CorrectsByUpdatesAndRemembersTheirNumber) {
  OptimizerSettings s;
  s.learning_rate = 0.1;
  s.weight_decay = 0;
  s.schedule = "linear";
  const at::Tensor a = at::zeros({1}).set_requires_grad(true);
  Optimizer optimizer(s, {{"a", a}});
  a.mutable_grad() = at::full({1}, 0.25);
  EXPECT_NEAR(optimizer.Step(5, 10).learning_rate, 0.05, 1e-12);  // five steps passed without an update
  // The first update of Adam has size rate · g / |g|, whatever the schedule's step.
  EXPECT_NEAR(a.item<double>(), -0.05, 1e-7);
  EXPECT_EQ(optimizer.num_updates(), 1);

  const std::string path = (std::filesystem::temp_directory_path() / ("pith-moments-" + std::to_string(getpid()))).string();
  optimizer.Save(path);
  const at::Tensor b = a.detach().clone().set_requires_grad(true);
  Optimizer resumed(s, {{"a", b}});
  resumed.Load(path, optimizer.num_updates());
  std::filesystem::remove(path);
  for (const at::Tensor& t : {a, b}) t.mutable_grad() = at::full({1}, -1.0);
  optimizer.Step(8, 10), resumed.Step(8, 10);
  EXPECT_EQ(a.item<float>(), b.item<float>());
  EXPECT_EQ(resumed.num_updates(), 2);
}

}  // namespace
}  // namespace pith
