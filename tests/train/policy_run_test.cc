// Runs with the options of policy optimisation on the tiny model, and dynamic sampling.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/train/tiny_run.h"
#include "train/rl/problem_source.h"

namespace pith {
namespace {

using testing::Execute;
using testing::MetricsOf;
using testing::Scratch;
using testing::TinyConfig;

struct Variant {
  const char* name;
  void (*set)(TrainConfig&);
};

class PolicyRun : public ::testing::TestWithParam<Variant> {};

TEST_P(PolicyRun, ResumesToTheBitAndMeasuresTheGapAtEveryStep) {
  const Scratch scratch;
  TrainConfig whole = TinyConfig(scratch, "rl", "whole");
  GetParam().set(whole);
  TrainConfig parts = whole;
  parts.run.name = "parts";
  parts.run.folder = scratch.path + "/parts";
  Execute(whole);
  Execute(parts, FolderMode::kNew, 3);
  Execute(parts, FolderMode::kResume);
  EXPECT_EQ(ReadFile(whole.run.folder + "/adapter/adapter_model.safetensors"), ReadFile(parts.run.folder + "/adapter/adapter_model.safetensors"));
  const auto metrics = MetricsOf(whole.run.folder);
  EXPECT_EQ(metrics, MetricsOf(parts.run.folder));
  ASSERT_EQ(metrics.size(), 4u);
  double signal = 0;
  for (const auto& m : metrics) {
    signal += m["grad_norm"].get<double>();
    EXPECT_GT(m.value("sampling/sampling_logp_difference/mean", 0.0), 0.0) << m.dump();
    EXPECT_GT(m.value("sampling/importance_sampling_ratio/mean", 0.0), 0.0) << m.dump();
    EXPECT_GT(m.value("entropy", 0.0), 0.0) << m.dump();
    EXPECT_EQ(m.contains("kl"), whole.rl.kl_beta != 0);
    EXPECT_EQ(m.contains(whole.rl.loss == "cispo" ? "cispo_clip_ratio" : "clip_ratio/high_max"), true) << m.dump();
    if (whole.rl.dynamic_sampling) {
      EXPECT_GE(m.value("dynamic_sampling/rounds", 0.0), 1.0);
    }
  }
  EXPECT_GT(signal, 0.0);
}

INSTANTIATE_TEST_SUITE_P(
    , PolicyRun,
    ::testing::Values(Variant{"gspo_minibatches", [](TrainConfig& c) { c.rl.loss = "gspo", c.rl.minibatches = 2, c.rl.kl_beta = 0; }},
                      Variant{"kl_in_reward", [](TrainConfig& c) { c.rl.kl_in = "reward", c.rl.kl_estimator = "k1", c.rl.advantage = "rloo"; }},
                      Variant{"entropy", [](TrainConfig& c) { c.rl.entropy_coef = 0.05, c.rl.top_entropy_quantile = 0.5, c.rl.loss = "grpo"; }},
                      Variant{"cispo_sequence_mask", [](TrainConfig& c) { c.rl.loss = "cispo", c.rl.clip_epsilon_high = 4, c.rl.sampler_correction = "sequence_mask"; }},
                      Variant{"reinforce_pp", [](TrainConfig& c) { c.rl.advantage = "reinforce_pp", c.rl.group_size = 1, c.rl.prompts_per_step = 12, c.rl.kl_in = "reward", c.rl.kl_estimator = "k1"; }},
                      Variant{"dynamic_sampling", [](TrainConfig& c) { c.rl.dynamic_sampling = true, c.rl.max_resample_rounds = 3; }}),
    [](const auto& info) { return info.param.name; });

// Every reward is the same: nothing is trained, the gap is measured all the same, and the adapter stays.
TEST(PolicyRunWithoutSignal, MeasuresTheGap) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "rl", "flat");
  c.rl.kl_beta = 0;
  c.reward = RewardSettings();
  c.rl.steps = 2;
  Execute(c);
  for (const auto& m : MetricsOf(c.run.folder)) {
    ASSERT_EQ(m["frac_reward_zero_std"], 1.0) << "the tiny model gave a right answer: take another seed";
    EXPECT_EQ(m["grad_norm"], 0.0);
    EXPECT_GT(m.value("sampling/sampling_logp_difference/mean", 0.0), 0.0);
    EXPECT_GT(m.value("entropy", 0.0), 0.0);
  }
}

TEST(ProblemSource, GoesOnWhereItWas) {
  TrainConfig c;
  c.rl.prompts_per_step = 3;
  const std::vector<size_t> source_of(7);
  ProblemSource whole(c, source_of), first(c, source_of), second(c, source_of);
  std::vector<size_t> all = whole.Next(9), parts = first.Next(4);
  second.Load(first.Save());
  for (size_t i : second.Next(5)) parts.push_back(i);
  EXPECT_EQ(all, parts);
  std::vector<size_t> by_step;
  for (int64_t step = 0; step < 3; ++step) {
    for (size_t i : ProblemsOfStep(c, 7, step)) by_step.push_back(i);
  }
  EXPECT_EQ(all, by_step);
  EXPECT_EQ(second.drawn(), 9);
  EXPECT_NE(testing::Refusal([&] { second.Load("{\"drawn\": -1}"); }), "");
}

// Groups of two; problem i's answers are right as `verdicts[i]` says: 0, 1 or 2 of them.
struct Draws {
  std::vector<int> verdicts;
  size_t next = 0;
  std::vector<int64_t> places = {};

  DrawnGroups Run(const RlSettings& rl) {
    return DrawGroups(
        rl,
        [&](int64_t) {
          std::vector<size_t> problems;
          for (int64_t i = 0; i < rl.prompts_per_step; ++i) problems.push_back(next++);
          return problems;
        },
        [&](std::span<const size_t> problems, int64_t first_place) {
          places.push_back(first_place);
          Groups groups;
          for (size_t p : problems) {
            Completion c;
            c.tokens = {static_cast<int32_t>(p)};
            groups.push_back({c, c});
          }
          return groups;
        },
        [&](std::span<const size_t> problems, const Groups& groups) {
          std::vector<GroupOutcome> out;
          for (size_t p : problems) out.push_back({{1, 1}, {verdicts[p] > 0, verdicts[p] > 1}});
          EXPECT_EQ(groups.size(), problems.size());
          return out;
        });
  }
  static std::vector<size_t> Learned(const DrawnGroups& d) {
    std::vector<size_t> problems;
    for (size_t g : d.learned) problems.push_back(d.problems[g]);
    return problems;
  }
};

TEST(DrawGroups, KeepsMixedGroupsUntilThereAreEnough) {
  RlSettings rl;
  rl.prompts_per_step = 3;
  rl.dynamic_sampling = true;
  rl.max_resample_rounds = 5;
  Draws draws = {{0, 1, 2, 1, 0, 0, 1, 1, 1, 1}};
  const DrawnGroups d = draws.Run(rl);
  EXPECT_EQ(Draws::Learned(d), (std::vector<size_t>{1, 3, 6}));
  EXPECT_EQ(d.problems, (std::vector<size_t>{0, 1, 2, 3, 4, 5, 6, 7, 8})) << "what is left out is known all the same";
  ASSERT_EQ(d.groups.size(), 9u);
  for (size_t g = 0; g < 9; ++g) EXPECT_EQ(d.groups[g][1].tokens[0], static_cast<int32_t>(d.problems[g]));
  EXPECT_EQ(d.rounds, 3);
  EXPECT_EQ(d.drawn(), 9);
  EXPECT_EQ(d.kept, 5) << "7 and 8 are surplus";
  EXPECT_NEAR(d.accuracy, 7.0 / 18, 1e-12);
  EXPECT_EQ(draws.places, (std::vector<int64_t>{0, 3, 6})) << "no two completions of a step share their seed";
}

TEST(DrawGroups, GivesUpAfterItsRounds) {
  RlSettings rl;
  rl.prompts_per_step = 2;
  rl.dynamic_sampling = true;
  rl.max_resample_rounds = 2;
  Draws some = {{0, 1, 2, 0, 1}};
  EXPECT_EQ(Draws::Learned(some.Run(rl)), (std::vector<size_t>{1}));
  Draws none = {{0, 2, 2, 0, 1}};
  const DrawnGroups d = none.Run(rl);
  EXPECT_EQ(Draws::Learned(d), (std::vector<size_t>{2, 3})) << "the last round as it is";
  EXPECT_EQ(d.groups.size(), 4u);
  EXPECT_EQ(d.kept, 0);
  rl.dynamic_sampling = false;
  Draws plain = {{0, 0, 0}};
  EXPECT_EQ(Draws::Learned(plain.Run(rl)), (std::vector<size_t>{0, 1}));
}

}  // namespace
}  // namespace pith
