// The section `rl`: rules between its fields, settings without effect, and TRL's names.
#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "configs/load.h"

namespace pith {
namespace {

class RlRules : public testing::Test {
 protected:
  RlRules() : path_((std::filesystem::temp_directory_path() / ("pith-rl-rules-" + std::to_string(getpid()) + ".yaml")).string()) {}
  ~RlRules() override { std::filesystem::remove(path_); }
  // `rl` is what stands between the braces of `rl: {…}`.
  TrainConfig Load(const std::string& rl, const std::vector<std::string>& overrides = {}) {
    WriteFile(path_, "stage: rl\nmodel: {path: m.gguf}\ndata: {limit: 8}\nrl: {" + rl + "}\n");
    return LoadTrainConfig(path_, overrides);
  }
  std::string Complaint(const std::string& rl, const std::vector<std::string>& overrides = {}) {
    try {
      Load(rl, overrides);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }
  std::string path_;
};

TEST_F(RlRules, StepsAhead) {
  EXPECT_EQ(Load("steps_ahead: 1").rl.steps_ahead, 1);
  EXPECT_NE(Complaint("steps_ahead: 2").find("rl.steps_ahead: got 2, expected an integer from 0 to 1"), std::string::npos);
  EXPECT_NE(Complaint("steps_ahead: 1, sampler_correction: none").find("rl.steps_ahead: is 1: completions come from the policy of one update back"), std::string::npos);
  EXPECT_NE(Complaint("steps_ahead: 1, dynamic_sampling: true").find("rl.steps_ahead: is 1, but dynamic_sampling judges"), std::string::npos);
}

TEST_F(RlRules, LengthsOfRollouts) {
  EXPECT_NE(Complaint("steps: 3", {"rollout.min_completion_tokens=33", "rollout.max_completion_tokens=32"})
                .find("rollout.min_completion_tokens: got 33, expected at most rollout.max_completion_tokens, which is 32"),
            std::string::npos);
  const TrainConfig c = Load("steps: 3", {"rollout.min_completion_tokens=32", "rollout.max_completion_tokens=32", "rollout.kv_type=int8"});
  EXPECT_EQ(c.rollout.min_completion_tokens, 32);
  EXPECT_EQ(c.rollout.kv_type, "int8");
  EXPECT_EQ(Load("steps: 3").rollout.kv_type, "auto");
  EXPECT_NE(Complaint("steps: 3", {"rollout.kv_type=q8"}).find("rollout.kv_type: got q8, expected"), std::string::npos);
}

TEST_F(RlRules, RefuseWhatContradictsOrHasNoEffect) {
  const std::pair<const char*, const char*> cases[] = {
      {"group_size: 1", "rl.group_size: is 1, so every completion would be compared with itself alone"},
      {"group_size: 1, advantage: reinforce_pp, dynamic_sampling: true", "rl.dynamic_sampling: would keep nothing"},
      {"group_size: 1, advantage: reinforce_pp, prompts_per_step: 1", "rl.prompts_per_step: is 1 and so is group_size"},
      {"advantage: rloo, scale_rewards: group", "rl.scale_rewards: is group, but leave-one-out"},
      {"advantage: reinforce_pp, scale_rewards: none", "rl.scale_rewards: has no effect unless rl.advantage is group or rloo"},
      {"minibatches: 5", "rl.minibatches: got 5, expected a divisor of a step's completions, prompts_per_step x group_size = 64"},
      {"max_resample_rounds: 3", "rl.max_resample_rounds: has no effect unless rl.dynamic_sampling is true"},
      {"loss: cispo", "rl.clip_epsilon_high: got 0.28, expected at least 1: with loss: cispo it is the cap"},
      {"loss: cispo, clip_epsilon_high: 5, clip_epsilon_low: 0.1", "rl.clip_epsilon_low: has no effect unless rl.loss is another than cispo"},
      {"loss: cispo, clip_epsilon_high: 5, delta: 7", "rl.delta: has no effect unless"},
      {"delta: 1.2, minibatches: 2", "rl.delta: got 1.2, expected more than 1 + clip_epsilon_high = 1.28"},
      {"delta: 4", "rl.delta: has no effect: with one update per step"},
      {"loss: gspo, importance_sampling_level: token", "rl.importance_sampling_level: has no effect unless rl.loss is another than gspo"},
      {"kl_estimator: k1", "rl.kl_estimator: has no effect unless rl.kl_beta is above 0"},
      {"kl_in: reward", "rl.kl_in: has no effect unless rl.kl_beta is above 0"},
      {"kl_beta: 0.1, kl_in: reward, use_bias_correction_kl: true", "rl.use_bias_correction_kl: has no effect unless"},
      {"sampler_correction: none, importance_cap: 3", "rl.importance_cap: has no effect unless rl.sampler_correction is not none"},
      {"sampler_correction: none, importance_floor: 0.5", "rl.importance_floor: has no effect unless"},
      {"importance_cap: 0", "rl.importance_cap: got 0, expected a number of at least 1 (to switch the correction off: sampler_correction: none)"},
      {"top_entropy_quantile: 0", "rl.top_entropy_quantile: got 0, expected a number more than 0 and at most 1"},
      {"loss: ppo", "rl.loss: got ppo, expected"},
  };
  for (const auto& [rl, complaint] : cases) {
    const std::string text = Complaint(rl);
    EXPECT_NE(text.find(complaint), std::string::npos) << rl << "\n" << text;
    EXPECT_EQ(text.find("problems in"), std::string::npos) << "one mistake, several complaints\n" << text;
  }
}

TEST_F(RlRules, TakeWhatWorks) {
  for (const char* rl : {"group_size: 1, advantage: reinforce_pp", "advantage: rloo, scale_rewards: none", "minibatches: 4, delta: 4",
                         "loss: cispo, clip_epsilon_high: 5", "loss: gspo, clip_epsilon_low: 3e-4, clip_epsilon_high: 4e-4",
                         "kl_beta: 0.1, kl_estimator: k1, kl_in: reward", "kl_beta: 0.1, use_bias_correction_kl: true",
                         "sampler_correction: sequence_mask, importance_cap: 3, importance_floor: 0.5", "dynamic_sampling: true, max_resample_rounds: 3",
                         "entropy_coef: 0.01, top_entropy_quantile: 0.2"}) {
    EXPECT_EQ(Complaint(rl), "") << rl;
  }
  EXPECT_EQ(Load("minibatches: 4, updates_per_rollout: 3").rl.updates_per_step(), 12);
}

TEST_F(RlRules, CountTheUpdatesOfAWarmUp) {
  EXPECT_EQ(Complaint("steps: 2, minibatches: 2, updates_per_rollout: 2", {"optimizer.warmup_steps=7"}), "");
  EXPECT_NE(Complaint("steps: 2, minibatches: 2, updates_per_rollout: 2", {"optimizer.warmup_steps=8"}).find("the run's 8 optimiser steps"), std::string::npos);
}

TEST_F(RlRules, TakeTrlsNames) {
  const TrainConfig config = Load("loss_type: bnpo, epsilon: 0.1, epsilon_high: 0.3, beta: 0.05, num_generations: 4, num_iterations: 2, "
                                  "steps_per_generation: 2, mask_truncated_completions: true, vllm_importance_sampling_mode: token_mask, "
                                  "vllm_importance_sampling_clip_max: 3, vllm_importance_sampling_clip_min: 0.25, delta: 4",
                                  {"rollout.max_completion_length=99"});
  RlSettings expected;
  expected.loss = "bnpo";
  expected.clip_epsilon_low = 0.1, expected.clip_epsilon_high = 0.3;
  expected.kl_beta = 0.05;
  expected.group_size = 4, expected.updates_per_rollout = 2, expected.minibatches = 2;
  expected.mask_truncated = true;
  expected.sampler_correction = "token_mask", expected.importance_cap = 3, expected.importance_floor = 0.25;
  expected.delta = 4;
  EXPECT_EQ(config.rl, expected);
  EXPECT_EQ(config.rollout.max_completion_tokens, 99);
  EXPECT_NE(DumpTrainConfig(config).find("clip_epsilon_high: 0.3\n"), std::string::npos);
  EXPECT_NE(ConfigReference().find("Also: `epsilon_high` (TRL's name)."), std::string::npos);
  // Over what the file says, under either name; the message is about what was written.
  EXPECT_EQ(Load("clip_epsilon_high: 0.3", {"rl.epsilon_high=0.4"}).rl.clip_epsilon_high, 0.4);
  EXPECT_EQ(Load("epsilon_high: 0.3", {"rl.clip_epsilon_high=0.4"}).rl.clip_epsilon_high, 0.4);
  EXPECT_NE(Complaint("epsilon_high: 0").find(".yaml:4: rl.clip_epsilon_high: got 0"), std::string::npos) << Complaint("epsilon_high: 0");
  const std::string twice = Complaint("clip_epsilon_high: 0.3, epsilon_high: 0.3");
  EXPECT_NE(twice.find("rl.clip_epsilon_high: is given twice, here as epsilon_high"), std::string::npos) << twice;
  EXPECT_EQ(Load("max_completion_length: 99").rollout.max_completion_tokens, 99);
}

}  // namespace
}  // namespace pith
