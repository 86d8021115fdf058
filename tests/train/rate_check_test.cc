#include "train/advice/rate_check.h"

#include <gtest/gtest.h>

#include <fstream>

#include "configs/load.h"
#include "tests/train/tiny_run.h"

namespace pith {
namespace {

RateFacts Facts(const std::string& stage, int64_t d_model, double scaled_rank, bool pissa = false, double rate = 0, int64_t batch = 0) {
  return {stage, d_model, scaled_rank, pissa, rate, batch};
}

TEST(SuitableLearningRate, Table) {
  // 5e-4 · √(2000 / d) · 32 / (s · r), to two digits; rl and pissa a tenth each, distill half.
  EXPECT_DOUBLE_EQ(SuitableLearningRate(Facts("sft", 2000, 32)), 5e-4);
  EXPECT_DOUBLE_EQ(SuitableLearningRate(Facts("sft", 8000, 32)), 2.5e-4);
  EXPECT_DOUBLE_EQ(SuitableLearningRate(Facts("sft", 576, 64)), 4.7e-4);    // √3.472 = 1.863; · 2.5e-4 = 4.658e-4
  EXPECT_DOUBLE_EQ(SuitableLearningRate(Facts("rl", 576, 64)), 4.7e-5);
  EXPECT_DOUBLE_EQ(SuitableLearningRate(Facts("distill", 576, 64)), 2.3e-4);
  EXPECT_DOUBLE_EQ(SuitableLearningRate(Facts("sft", 576, 64, true)), 4.7e-5);
  EXPECT_DOUBLE_EQ(SuitableLearningRate(Facts("sft", 2000, 32 * 16)), 3.1e-5);  // rsLoRA, alpha 32 at rank 256: s · r = 32 · 16; 3.125e-5
}

TEST(RateWarnings, Table) {
  struct Row {
    RateFacts facts;
    const char* part;  // of the one sentence; empty: none
  };
  const Row rows[] = {
      // The quickstart's three stages, and the other configurations that come with pith.
      {Facts("sft", 576, 64, false, 1e-3, 16), ""},
      {Facts("rl", 576, 64, false, 6e-5, 128), ""},
      {Facts("sft", 576, 64, false, 5e-4, 16), ""},
      {Facts("rl", 576, 64, false, 1e-4, 128), ""},
      {Facts("sft", 576, 8, false, 1e-3, 4), ""},
      // What lost accuracy on the way to the quickstart: 2e-4 with 64 completions per step.
      {Facts("rl", 576, 64, false, 2e-4, 64), "forget how to find them"},
      {Facts("rl", 576, 64, false, 1e-4, 64), "raise rl.prompts_per_step"},
      {Facts("rl", 576, 64, false, 9e-5, 64), ""},
      {Facts("rl", 576, 64, false, 1e-4, 96), ""},
      {Facts("sft", 576, 64, false, 4e-3, 16), "lower adapter.alpha"},
      {Facts("sft", 576, 64, false, 3.7e-3, 16), ""},
      // alpha 64 was chosen for alpha / r: with rsLoRA at rank 32 the same rate is 5.7 times as fast.
      {Facts("sft", 576, 64 * 5.657, false, 1e-3, 16), "is 12 times what suits"},
      {Facts("sft", 576, 64, true, 1e-3, 16), "is 21 times what suits"},
      {Facts("sft", 576, 64, false, 5e-4, 256), "128 or less"},
      {Facts("sft", 576, 64, false, 5e-4, 255), ""},
      {Facts("rl", 576, 64, false, 5e-5, 4096), ""},
  };
  for (const Row& row : rows) {
    const std::vector<std::string> warnings = RateWarnings(row.facts);
    const std::string at = row.facts.stage + " " + std::to_string(row.facts.learning_rate) + " " + std::to_string(row.facts.batch_size);
    ASSERT_EQ(warnings.size(), *row.part == '\0' ? 0u : 1u) << at;
    if (!warnings.empty()) {
      EXPECT_NE(warnings[0].find(row.part), std::string::npos) << at << ": " << warnings[0];
    }
  }
  EXPECT_EQ(RateWarnings(Facts("sft", 576, 64, false, 1e-2, 512)).size(), 2u) << "rate and batch";
}

TEST(CapacityWarning, WantsAsManyValuesAsTokens) {
  EXPECT_EQ(CapacityWarning(1000, 1000), "");
  EXPECT_NE(CapacityWarning(1000, 1001).find("raise adapter.rank"), std::string::npos);
}

TEST(LearningRate, IsResolvedByTheSessionAndShown) {
  const testing::Scratch scratch;
  for (const char* stage : {"sft", "rl"}) {
    TrainConfig c = testing::TinyConfig(scratch, stage, "auto");  // d 64, rank 4, alpha 8
    c.optimizer.learning_rate.reset();
    const double expected = std::string(stage) == "rl" ? 1.1e-3 : 1.1e-2;  // 5e-4 · 5.590 · 4 = 1.118e-2
    const Session session = OpenSession(c);
    EXPECT_DOUBLE_EQ(session.config.optimizer.learning_rate.value(), expected);
    EXPECT_NE(DumpTrainConfig(session.config).find(std::string(stage) == "rl" ? "learning_rate: 0.0011\n" : "learning_rate: 0.011\n"), std::string::npos)
        << DumpTrainConfig(session.config);
    c.adapter.rank_pattern = {{"down_proj", 8}};
    c.adapter.rslora = true;  // the largest s · r: 8 / √8 · 8 = 22.6
    EXPECT_NEAR(OpenSession(c).config.optimizer.learning_rate.value(), expected * 8 / 22.63, 0.02 * expected);
    c.optimizer.learning_rate = 0.125;
    EXPECT_EQ(OpenSession(c).config.optimizer.learning_rate.value(), 0.125);
  }
}

TEST(LearningRate, ThatIsTooHighIsWarnedOf) {
  const testing::Scratch scratch;
  TrainConfig c = testing::TinyConfig(scratch, "sft", "hot");
  c.optimizer.learning_rate = 0.2;
  ::testing::internal::CaptureStderr();
  OpenSession(c);
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("optimizer.learning_rate 0.2 is 18 times what suits"), std::string::npos);
}

}  // namespace
}  // namespace pith
