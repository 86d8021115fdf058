// Loss functions, schedules and the optimiser against values worked out by hand.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "train/loss.h"
#include "train/optimizer.h"

namespace pith {
namespace {

TEST(Advantages, ByGroupByBatchAndUnscaled) {
  const std::vector<double> rewards = {1, 0, 0, 1, 0.5, 0.5, 0.5, 0.5};
  // Group 1: mean 0.5, deviation sqrt(4·0.25/3) = 0.57735. All: mean 0.5, deviation sqrt(4·0.25/7) = 0.377964.
  const auto group = Advantages(rewards, 4, "group"), batch = Advantages(rewards, 4, "batch"), none = Advantages(rewards, 4, "none");
  EXPECT_NEAR(group[0], 0.5 / (0.5773502692 + 1e-4), 1e-9);
  EXPECT_NEAR(batch[1], -0.5 / (0.3779644730 + 1e-4), 1e-9);
  EXPECT_EQ(none[3], 0.5);
  for (const auto& a : {group, batch, none}) {
    for (size_t i = 4; i < 8; ++i) EXPECT_EQ(a[i], 0.0);
  }
  // 0.1 + 0.2 style rounding in the mean must not turn a flat group into a signal.
  for (double a : Advantages({0.1, 0.1, 0.1}, 3, "group")) EXPECT_EQ(a, 0.0);
}

// One token: old log p = ln 0.5, so ratio r has log p = ln(0.5 r).
struct Case {
  double ratio, advantage, loss, gradient;
};

TEST(GrpoTokenLoss, ClipsHigherAboveThanBelow) {
  const GrpoTerms terms = {0.2, 0.28, 0.0, 0.0};
  for (const Case& c : {Case{1.0, 2.0, -2.0, -2.0}, Case{1.27, 1.0, -1.27, -1.27}, Case{1.5, 1.0, -1.28, 0.0}, Case{1.5, -1.0, 1.5, 1.5},
                        Case{0.7, -1.0, 0.8, 0.0}, Case{0.7, 1.0, -0.7, -0.7}, Case{0.9, -2.0, 1.8, 1.8}}) {
    const at::Tensor logp = torch::tensor({std::log(0.5 * c.ratio)}, at::kDouble).set_requires_grad(true);
    const GrpoTokens t = {logp, torch::tensor({std::log(0.5)}, at::kDouble), {}, {}, torch::tensor({c.advantage}, at::kDouble)};
    const at::Tensor loss = GrpoTokenLoss(terms, t);
    loss.sum().backward();
    EXPECT_NEAR(loss.item<double>(), c.loss, 1e-12) << c.ratio << " " << c.advantage;
    EXPECT_NEAR(logp.grad().item<double>(), c.gradient, 1e-12) << c.ratio << " " << c.advantage;
    EXPECT_EQ(ClippedHigh(terms, t).item<double>(), c.ratio > 1.28 && c.advantage > 0);
    EXPECT_EQ(ClippedLow(terms, t).item<double>(), c.ratio < 0.8 && c.advantage < 0);
  }
}

TEST(GrpoTokenLoss, WeighsBySamplerAndPaysKl) {
  const GrpoTerms terms = {0.2, 0.28, 0.1, 2.0};
  // Weights e^(old − sampler): 1.5, and 3 capped at 2. k3 at d = ln 2: 2 − ln 2 − 1 = 0.3068528; at 0: 0.
  const at::Tensor logp = torch::tensor({-1.0, -2.0}, at::kDouble).set_requires_grad(true);
  const at::Tensor sampler = torch::tensor({-1.0 - std::log(1.5), -2.0 - std::log(3.0)}, at::kDouble);
  const at::Tensor ref = torch::tensor({-1.0 + std::log(2.0), -2.0}, at::kDouble);
  const at::Tensor loss = GrpoTokenLoss(terms, {logp, logp.detach(), sampler, ref, torch::tensor({1.0, -0.5}, at::kDouble)});
  EXPECT_NEAR(loss[0].item<double>(), -1.5 + 0.1 * 0.30685281944, 1e-10);
  EXPECT_NEAR(loss[1].item<double>(), 1.0, 1e-12);
  loss.sum().backward();
  EXPECT_NEAR(logp.grad()[0].item<double>(), -1.5 + 0.1 * (1.0 - 2.0), 1e-12);  // d k3 / d log p = 1 − e^d
  EXPECT_NEAR(logp.grad()[1].item<double>(), 1.0, 1e-12);
}

TEST(MeasureGap, MeanTailAndKl) {
  std::vector<float> sampler(100, -1.0f), trainer(100, -1.0f);
  trainer[7] = -1.5f;
  trainer[50] = -0.75f;
  const SamplingGap gap = MeasureGap(sampler, trainer);
  EXPECT_NEAR(gap.mean, 0.0075, 1e-9);
  EXPECT_NEAR(gap.max, 0.5, 1e-9);
  EXPECT_NEAR(gap.p99, 0.5, 1e-9);
  EXPECT_NEAR(gap.kl, ((std::exp(-0.5) + 0.5 - 1) + (std::exp(0.25) - 0.25 - 1)) / 100, 1e-9);
}

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
  w.mutable_grad() = torch::tensor({1.0f, NAN, 0.0f});
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
