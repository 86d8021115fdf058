// The cache of rollouts: as large as a step needs, of a type by choice, and empty while gradients are computed.
#include <gtest/gtest.h>

#include "runtime/kv_cache.h"
#include "tests/train/tiny_run.h"
#include "train/rollout/rollout.h"

namespace pith {
namespace {

using testing::Scratch;
using testing::TinyConfig;

TEST(RolloutCache, HoldsAStepsLongestPromptsEachOnce) {
  TrainConfig c;
  c.rl.prompts_per_step = 3;
  c.rl.group_size = 4;
  c.rollout.max_completion_tokens = 100;
  c.rollout.max_batch = 64;
  const int64_t own = 12 * (100 + 2 * 16);
  EXPECT_EQ(StepKvTokens(c, {50, 900, 70, 60, 10}), own + 900 + 70 + 60 + 3 * 16);  // one long prompt is not three
  EXPECT_EQ(StepKvTokens(c, {50, 40}), own + 50 + 40 + 2 * 16);
  c.rollout.max_batch = 2;  // no more prompts at a time than samples
  EXPECT_EQ(StepKvTokens(c, {50, 900, 70, 60, 10}), 2 * (100 + 2 * 16) + 900 + 70 + 2 * 16);
}

TEST(RolloutCache, TypesByChoiceStayNearTheTrainer) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "rl", "cache");
  c.rl.kl_beta = 0;
  c.rl.steps = 1;
  c.rl.updates_per_rollout = 1;
  c.rollout.activations = "f32";
  c.model.dtype = "float32";
  const auto gap = [&](const std::string& type) {
    c.rollout.kv_type = type;
    c.run.folder = scratch.path + "/" + type;
    testing::Execute(c);
    return testing::MetricsOf(c.run.folder).front()["sampling/sampling_logp_difference/mean"].get<double>();
  };
  const double f32 = gap("f32"), f16 = gap("f16");
  EXPECT_LT(f32, 1e-5);
  EXPECT_GT(f16, f32);
  EXPECT_EQ(gap("auto"), f32) << "activations are f32, so keys and values are";
  EXPECT_EQ(SamplerKvType({.activations = "bf16"}), KvType::kF16);
  EXPECT_LT(f16, 1e-3);
  // Heads of 16 values have no blocks of 32.
  c.rollout.kv_type = "int8";
  c.run.folder = scratch.path + "/int8";
  EXPECT_NE(testing::Refusal([&] { testing::Execute(c); }).find("an INT8 cache needs heads of a multiple of 32 values"), std::string::npos);
}

TEST(RolloutCache, GivesItsMemoryBackBetweenSteps) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "rl", "memory");
  c.rollout.min_completion_tokens = c.rollout.max_completion_tokens;
  const Session session = OpenSession(c);
  const std::vector<size_t> problems = {0, 1};
  Sampler alone(session), shared(session, 4096);
  const auto tokens = [&](Sampler& sampler) {
    std::vector<std::vector<int32_t>> all;
    for (const auto& group : sampler.Sample(session.initial, problems, 0, nullptr)) {
      for (const Completion& completion : group) all.push_back(completion.tokens);
    }
    return all;
  };
  const auto first = tokens(alone);
  EXPECT_EQ(alone.engine()->memory().kv_bytes, 0);
  EXPECT_EQ(tokens(alone), first);
  EXPECT_EQ(tokens(shared), first);
  EXPECT_GT(shared.engine()->memory().kv_bytes, 0) << "who evaluates on it asks for the same prompts again";
  for (const auto& completion : first) EXPECT_EQ(completion.size(), 64u);
}

}  // namespace
}  // namespace pith
