// Steps that are sampled ahead: by which policy, and that a run that was broken off goes on with them.
#include <gtest/gtest.h>

#include "adapters/peft.h"
#include "base/file.h"
#include "runtime/evaluation/attempt.h"
#include "tests/train/tiny_run.h"
#include "train/rl/ahead.h"
#include "train/rl/problem_source.h"
#include "train/rollout/rollout.h"

namespace pith {
namespace {

using testing::Scratch;

TrainConfig AheadConfig(const Scratch& scratch, const std::string& name, int64_t steps_ahead) {
  TrainConfig c = testing::TinyConfig(scratch, "rl", name);
  c.rl.steps_ahead = steps_ahead;
  c.log.save_every = 1;
  c.log.keep_checkpoints = 10;
  return c;
}

// The texts of a step (from 1) as the run wrote them down.
std::vector<std::string> TextsOf(const TrainConfig& c, int64_t step) {
  std::istringstream in(ReadFile(Str(c.run.folder, "/completions/step-", step, ".jsonl")));
  std::vector<std::string> texts;
  for (std::string line; std::getline(in, line);) texts.push_back(nlohmann::json::parse(line)["completion"]);
  return texts;
}

// Those of the policy that `updates` steps have made, 0: of the one that the run began with.
std::vector<std::string> TextsBy(const TrainConfig& c, const Session& session, int64_t updates, int64_t step) {
  LoraAdapter policy = session.initial;
  if (updates > 0) policy = ReadPeft(Str(c.run.folder, "/checkpoints/step-", updates, "/adapter"));
  Sampler sampler(session);
  GenerateStats stats;
  const std::vector<size_t> problems = ProblemsOfStep(c, session.problems.size(), step - 1);
  std::vector<std::string> texts;
  for (const auto& group : sampler.Sample(policy, problems, step - 1, &stats)) {
    for (const Completion& completion : group) {
      const nlohmann::json text = JudgedText(session.prompter->tokenizer(), completion);
      texts.push_back(nlohmann::json::parse(text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)));  // as it is written down
    }
  }
  return texts;
}

TEST(Ahead, StepsAreThoseOfThePolicyOneUpdateBack) {
  const Scratch scratch;
  for (const int64_t ahead : {0, 1}) {
    const TrainConfig c = AheadConfig(scratch, Str("ahead", ahead), ahead);
    testing::Execute(c);
    const Session session = OpenSession(c);
    for (int64_t step = 1; step <= c.rl.steps; ++step) {
      const int64_t updates = std::max<int64_t>(0, step - 1 - ahead);
      EXPECT_TRUE(TextsOf(c, step) == TextsBy(c, session, updates, step)) << "step " << step << ", " << ahead << " ahead";
      if (ahead == 1 && step > 1) {
        EXPECT_FALSE(TextsOf(c, step) == TextsBy(c, session, step - 1, step)) << "the policies differ too little to tell";
      }
    }
    const auto metrics = testing::MetricsOf(c.run.folder);
    EXPECT_EQ(metrics[0].contains("sampling/steps_behind"), ahead == 1);
    if (ahead == 0) continue;
    EXPECT_EQ(metrics[0]["sampling/steps_behind"], 0);
    EXPECT_EQ(metrics[1]["sampling/steps_behind"], 1);
    // The weights correct for what the policy moved, not for rounding alone.
    EXPECT_GT(metrics[2]["sampling/kl"].get<double>(), 10 * metrics[0]["sampling/kl"].get<double>());
  }
}

TEST(Ahead, ResumesToTheBit) {
  const Scratch scratch;
  const TrainConfig whole = AheadConfig(scratch, "whole", 1);
  TrainConfig parts = AheadConfig(scratch, "parts", 1);
  testing::Execute(whole);
  testing::Execute(parts, FolderMode::kNew, 2);
  testing::Execute(parts, FolderMode::kResume);
  EXPECT_EQ(testing::MetricsOf(whole.run.folder), testing::MetricsOf(parts.run.folder));
  EXPECT_EQ(ReadFile(whole.run.folder + "/adapter/adapter_model.safetensors"), ReadFile(parts.run.folder + "/adapter/adapter_model.safetensors"));
  EXPECT_TRUE(TextsOf(whole, 3) == TextsOf(parts, 3));
}

TEST(Ahead, WhatWaitsForAnotherStepIsDropped) {
  const Scratch scratch;
  const TrainConfig c = AheadConfig(scratch, "dropped", 1);
  const Session session = OpenSession(c);
  Sampler sampler(session);
  size_t heard = 0;
  Ahead ahead(&sampler, [&](const std::vector<size_t>&, size_t, const Completion&) { ++heard; });
  ahead.Begin(session.initial, {0, 1}, 5);
  ahead.End();
  EXPECT_EQ(heard, 2u * 8);
  EXPECT_FALSE(ahead.Take(4));
  EXPECT_FALSE(ahead.Take(5)) << "it was dropped";
  ahead.Begin(session.initial, {0, 1}, 5);
  ahead.End();
  const std::optional<SampledStep> taken = ahead.Take(5);
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->problems, (std::vector<size_t>{0, 1}));
  EXPECT_EQ(taken->groups.size(), 2u);
}

}  // namespace
}  // namespace pith
