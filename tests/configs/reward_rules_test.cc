// Pay in the YAML: the defaults of each term, what is refused because it could never fire, what survives the dump.
#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "configs/load.h"
#include "tests/configs/yaml_path.h"
#include "configs/reward_kinds.h"
#include "configs/rules.h"

namespace pith {
namespace {


// rollout.max_completion_tokens is 160, rl.group_size 8.
TrainConfig Load(const std::string& yaml) {
  const std::string path = testing::YamlPath();
  std::ofstream(path) << "stage: rl\nmodel: {path: m.gguf}\ndata: {limit: 8}\n" << yaml << "\n";
  return LoadTrainConfig(path);
}

std::string Complaint(const std::string& yaml) {
  try {
    Load(yaml);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

struct Case {
  std::string yaml, complaint;
};

TEST(RewardRules, RefuseAPenaltyThatCanNeverFire) {
  const std::string b = "budget: {tokens: 64}\n", f = "rollout: {close: forced}\n";
  const std::vector<Case> cases = {
      {"reward: {plus: [l1_exact]}", "reward.plus[0]: pays by a budget but budget.tokens is 0"},
      {"reward: {times: [l1_max]}", "reward.times[0]: pays by a budget but budget.tokens is 0"},
      // 0.001·(1000 − 160) + 0.5 = 1.34 at the longest completion.
      {"budget: {tokens: 1000}\nreward: {times: [{kind: l1_max, alpha: 0.001}]}", "reward.times[0]: is still 1 at rollout.max_completion_tokens"},
      {b + "reward: {times: [{kind: l1_max, delta: 1, alpha: 0.000001}]}\nrollout: {max_completion_tokens: 64}", "is still 1 at"},
      {"budget: {tokens: 1}\nreward: {times: [{kind: l1_max, delta: 0}]}", "pays nothing even for one token"},
      {"budget: {tokens: 64, sentence: 'in {budget}', choices: [64, 9000]}\nreward: {times: [l1_max]}", "under a budget of 9000"},
      {"reward: {times: [{kind: truncation, limit_tokens: 161}]}", "reward.times[0]: limit_tokens is 161"},
      {"reward: {times: [truncation]}\nrl: {mask_truncated: true}", "rl.mask_truncated leaves just those out"},
      {"reward: {times: [{kind: truncation, limit_tokens: 160}]}\nrl: {mask_truncated: true}", "rl.mask_truncated leaves just those out"},
      {"reward: {plus: [{kind: laser_d, grid_tokens: 160}]}", "every target is at least rollout.max_completion_tokens"},
      {"reward: {plus: [{kind: laser_d, start_tokens: 161}]}", "start_tokens is 161"},
      // Closed by force at B = 64: no completion is longer.
      {f, "rollout.close: is forced, but there is no budget to close by"},
      {b + "rollout: {close: forced, max_completion_tokens: 63}", "rollout.max_completion_tokens: got 63, expected at least B (budget.tokens 64)"},
      {b + "rollout: {close: forced, answer_tokens: 64}", "rollout.answer_tokens: got 64, which leaves nothing of B"},
      {"budget: {tokens: 64, reserve_tokens: 33}\n" + f, "budget.reserve_tokens: got 33, expected 1 to half of B"},
      {"budget: {tokens: 64, window: 0}\nreward: {times: [budget]}\n" + f, "budget.window: is 0"},
      {b + f + "reward: {times: [{kind: free_then_falling, free_tokens: 20, fall_tokens: 45}]}", "completions end at the largest budget (rollout.close: forced), which is 64"},
      {b + f + "reward: {times: [{kind: l1_max, delta: 1}]}", "is still 1 at the end that rollout.close: forced makes"},
      {b + f + "reward: {times: [truncation]}", "limit_tokens is 160 but completions end at the largest budget"},
      {"rollout: {answer_tokens: 5}", "rollout.answer_tokens: has no effect unless rollout.close is forced"},
      {"reward: {plus: [laser_d, laser_d]}", "reward.plus[1]: a second laser_d"},
      {"reward: {plus: [{kind: alp, weight: -1}]}", "reward.plus[0]: weight is -1, which turns alp around"},
      {"reward: {plus: [{kind: l1_exact, weight: -1}]}\n" + b, "turns l1_exact around"},
      {"reward: {plus: [{kind: alp, weight: 0}]}", "reward.plus[0].weight: got 0"},
      {"reward: {times: [{kind: sigmoid, alpha: 0}]}", "reward.times[0].alpha: got 0, expected a number more than 0"},
      {"reward: {times: [{kind: sigmoid, alpha: 1.5}]}", "reward.times[0].alpha: got 1.5"},
      {b + "reward: {plus: [{kind: l1_exact, alpha: 0}]}", "reward.plus[0].alpha: got 0"},
      {"reward: {times: [kimi_k15]}", "reward.times[0]: kimi_k15 is added to the reward, not multiplied with it; put it under plus:"},
      {"reward: {times: [alp]}", "alp is added"},
      {"reward: {times: [shorter_better]}", "shorter_better is added"},
      {"reward: {times: [laser_d]}", "laser_d is added"},
      {b + "reward: {times: [l1_exact]}", "l1_exact is added"},
      {b + "reward: {plus: [l1_max]}", "reward.plus[0]: l1_max is a factor of the reward; put it under times:"},
      {"reward: {plus: [sigmoid]}", "sigmoid is a factor"},
      {"reward: {plus: [truncation]}", "truncation is a factor"},
      {"reward: {times: [{kind: sigmoid, weight: 2}]}", "weight and always belong to plus: terms"},
      {"reward: {plus: [{kind: alp, alpha: 0.5}]}", "reward.plus[0].alpha: has no effect unless kind is l1_exact, l1_max or sigmoid; this one is alp"},
      {"reward: {plus: [{kind: kimi_k15, norm_tokens: 5}]}", "norm_tokens: has no effect unless kind is alp"},
      // Every choice must be within reach: 1.25·140 = 175.
      {"budget: {tokens: 64, sentence: 'in {budget}', choices: [64, 140]}\nreward: {times: [budget]}",
       "expected at least (1 + m)·B = 175 tokens (of budget.choices 140"},
      {"budget: {tokens: 64, choices: [32, 64]}\nreward: {times: [budget]}", "budget.choices: draws a budget per prompt, which the model can only know"},
      {"budget: {tokens: 64, sentence: short, choices: [32, 64]}\nreward: {times: [budget]}", "budget.sentence that holds {budget}"},
      {"budget: {tokens: 64, announcement: short, choices: [32, 64]}\nreward: {times: [budget]}", "a budget.announcement that does; set one"},
      {"budget: {tokens: 64, sentence: 'in {budget}', announcement: 'budget {budget}:'}", "budget.announcement: and budget.sentence both tell the model its budget"},
      {"budget: {announcement: 'budget {budget}:'}", "budget.announcement: has no effect unless budget.tokens is more than 0"},
      {"budget: {tokens: 64, sentence: 'in {budget}', choices: [32, 32]}\nreward: {times: [budget]}", "budget.choices: leaves nothing to choose"},
      {"budget: {tokens: 64, sentence: 'in {budget}', choices: [0, 0]}\nreward: {times: [budget]}", "budget.choices: names no budget but 0"},
      {"budget: {tokens: 64, sentence: 'in {budget}', choices: [-1, 32]}", "budget.choices[0]: got -1"},
      {"budget: {choices: [32, 64]}", "budget.choices: has no effect unless budget.tokens is more than 0"},
      {"controller: {target_tokens: 40}", "controller.target_tokens: has no effect: neither"},
      {"controller: {accuracy_floor: 0.4}\nreward: {times: [format]}", "controller.accuracy_floor: has no effect: neither"},
      {"controller: {target_tokens: 160}\nreward: {plus: [alp]}", "controller.target_tokens: got 160, but completions end at"},
      {"controller: {target_tokens: 60, accuracy_floor: 0.4}\nreward: {plus: [alp]}", "pull the one weight two ways"},
      {"controller: {target_tokens: 60, min_weight: 1}\nreward: {plus: [alp]}", "controller.min_weight: got 1, expected less than controller.max_weight"},
      {"controller: {target_tokens: 60, max_weight: 0.5}\nreward: {plus: [alp]}", "controller.start_weight: got 1, expected from"},
      {"controller: {target_tokens: 60, max_weight: 0}\nreward: {plus: [alp]}", "controller.max_weight: got 0"},
      {"controller: {gain: 0.5}", "controller.gain: has no effect unless controller.target_tokens or"},
      {"curriculum: {visits: 3}", "curriculum.visits: has no effect unless curriculum.enabled is true"},
      {"curriculum: {enabled: true}\nrl: {dynamic_sampling: true}", "curriculum.enabled: and rl.dynamic_sampling both choose"},
      {"curriculum: {enabled: true, solved_above: 0.5, hopeless_below: 0.5}", "curriculum.hopeless_below: got 0.5, expected less than"},
      {"alarms: {stop: [truncation]}", "alarms.stop[0]: got truncation, expected truncated, repetition"},
      {"alarms: {roll_back: [truncated]}", "alarms.roll_back: has no checkpoint to go back to"},
      {"alarms: {roll_back: [truncated], stop: [truncated]}\nlog: {best_metric: reward}", "truncated stands under alarms.stop too"},
      {"alarms: {entropy_rise: 0.5}", "alarms.entropy_rise: got 0.5, expected 0, or more than 1"},
  };
  for (const Case& c : cases) {
    const std::string text = Complaint(c.yaml);
    EXPECT_NE(text.find(c.complaint), std::string::npos) << c.yaml << "\n" << text;
    EXPECT_EQ(text.find("problems in"), std::string::npos) << "one mistake, several complaints\n" << text;
  }
}

TEST(RewardRules, LetPassWhatCanJustFire) {
  for (const char* yaml : {
           "budget: {tokens: 64}\nreward: {times: [l1_max]}",
           "budget: {tokens: 64}\nreward: {plus: [l1_exact]}",
           "reward: {plus: [kimi_k15, shorter_better, alp, laser_d], times: [sigmoid, truncation]}",
           "reward: {times: [{kind: truncation, limit_tokens: 159}]}\nrl: {mask_truncated: true}",
           "reward: {plus: [{kind: laser_d, grid_tokens: 159, start_tokens: 160}]}",
           "budget: {tokens: 64, sentence: 'in {budget}', choices: [32, 128, 0]}\nreward: {times: [budget]}",
           "budget: {tokens: 64, sentence: 'in {budget}', choices: [32, 64]}",
           "budget: {tokens: 64, announcement: 'budget {budget}:', choices: [32, 64]}",
           "budget: {tokens: 64, announcement: 'be brief:'}",
           "budget: {tokens: 64}\nrollout: {close: forced, max_completion_tokens: 64}\nreward: {times: [budget]}",
           "budget: {tokens: 64}\nrollout: {close: forced, answer_tokens: 63}",
           "budget: {tokens: 64, sentence: 'in {budget}', choices: [64, 0]}\nrollout: {close: forced}\nreward: {times: [{kind: free_then_falling, free_tokens: 20, fall_tokens: 140}]}",
           "controller: {target_tokens: 159}\nreward: {plus: [alp]}",
           "controller: {accuracy_floor: 0.4, start_weight: 0.5, max_weight: 2}\nreward: {plus: [alp]}",
           "curriculum: {enabled: true, revisit: 0}",
           "alarms: {stop: [truncated, accuracy_drop], patience: 1, entropy_low: 0}",
           "alarms: {roll_back: [entropy_rise], stop: [truncated]}\nlog: {best_metric: reward}",
       }) {
    EXPECT_EQ(Complaint(yaml), "") << yaml;
  }
}

TEST(RewardRules, NeedAGroupToCompareWithin) {
  TrainConfig config = Load("reward: {plus: [kimi_k15]}");
  config.rl.group_size = 1;  // the table of rl may refuse it too
  Problems problems;
  CheckRewardRules(config, &problems);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].key, "reward.plus[0]");
  EXPECT_NE(problems[0].text.find("rl.group_size 1"), std::string::npos);
}

TEST(RewardTerms, DefaultToTheirPapers) {
  const TrainConfig config = Load(
      "budget: {tokens: 64}\nreward:\n  times: [l1_max, sigmoid, truncation]\n"
      "  plus: [l1_exact, kimi_k15, shorter_better, alp, laser_d, {weight: 2, kind: alp, always: false}, {norm_tokens: 99, kind: alp}]");
  const auto& times = config.reward.times;
  EXPECT_EQ(times[0].alpha, 3e-4);
  EXPECT_EQ(times[0].delta, 0.5);
  EXPECT_EQ(times[1].alpha, 0.2);
  const auto& plus = config.reward.plus;
  EXPECT_EQ(plus[0].alpha, 3e-4);
  for (size_t i = 0; i < 4; ++i) EXPECT_TRUE(plus[i].always) << plus[i].kind;
  EXPECT_FALSE(plus[4].always);
  EXPECT_EQ(plus[0].weight, 1);
  EXPECT_EQ(plus[1].weight, 1);
  EXPECT_EQ(plus[2].weight, 1e-3);
  EXPECT_EQ(plus[3].weight, 0.5);
  EXPECT_EQ(plus[4].weight, 0.5);
  EXPECT_EQ(plus[5].weight, 2);  // given before the kind: the kind's defaults do not undo it
  EXPECT_FALSE(plus[5].always);
  EXPECT_EQ(plus[6].weight, 0.5);  // the kind's defaults, wherever in the term it stands
  EXPECT_TRUE(plus[6].always);
}

TEST(RewardTerms, SurviveTheDump) {
  const std::string path = testing::YamlPath();
  const TrainConfig config = Load(
      "budget: {tokens: 64, sentence: 'in {budget}', choices: [32, 0, 64]}\n"
      "reward:\n  times: [{kind: l1_max, alpha: 0.01, delta: 0.25}, {kind: sigmoid, alpha: 0.4}, {kind: truncation, limit_tokens: 90}]\n"
      "  plus: [{kind: l1_exact, alpha: 0.02}, {kind: kimi_k15, weight: 0.3}, {kind: shorter_better, always: false},\n"
      "         {kind: alp, norm_tokens: 99}, {kind: laser_d, start_tokens: 90, grid_tokens: 8, update_every: 4, window_steps: 6}]\n"
      "controller: {target_tokens: 50, gain: 0.2}\ncurriculum: {enabled: true, visits: 3}\nalarms: {stop: [repetition], patience: 5}\n");
  const std::string dump = DumpTrainConfig(config);
  std::ofstream(path) << dump;
  EXPECT_EQ(LoadTrainConfig(path), config) << dump;
  // What belongs to `plus`, or to another kind, is not printed.
  EXPECT_NE(dump.find("times: [{kind: l1_max, alpha: 0.01, delta: 0.25}, {kind: sigmoid, alpha: 0.4}, {kind: truncation, limit_tokens: 90}]\n"),
            std::string::npos)
      << dump;
}

TEST(RewardKinds, AreListedInTheReference) {
  const std::string reference = ConfigReference();
  for (const RewardKind& kind : RewardKinds()) {
    EXPECT_NE(reference.find("| `" + std::string(kind.name) + "` | "), std::string::npos) << kind.name;
    EXPECT_EQ(FindRewardKind(kind.name), &kind);
    EXPECT_TRUE(kind.times || kind.plus) << kind.name;
  }
  EXPECT_EQ(FindRewardKind("budgett"), nullptr);
}

}  // namespace
}  // namespace pith
