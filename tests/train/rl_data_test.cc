// RL over a mix of sources, and counted in epochs.
#include <gtest/gtest.h>

#include <map>

#include "adapters/peft.h"
#include "tests/train/tiny_run.h"
#include "train/rl/problem_source.h"

namespace pith {
namespace {

using testing::Execute;
using testing::MetricsOf;
using testing::Scratch;
using testing::TinyConfig;

TrainConfig Mix(const Scratch& scratch, const std::string& name) {
  TrainConfig c = TinyConfig(scratch, "rl", name);
  DataSource often, seldom;
  static_cast<DatasetSettings&>(often) = static_cast<DatasetSettings&>(seldom) = c.data;
  often.name = "often";
  often.weight = 3;
  seldom.name = "seldom";
  seldom.limit = 5;
  c.data.sources = {often, seldom};
  c.rl.group_size = 4;
  c.rl.steps = 3;
  c.rl.prompts_per_step = 3;
  return c;
}

TEST(RlSources, AreDrawnByTheirWeightsEachInPassesOverItsOwn) {
  const Scratch scratch;
  const TrainConfig c = Mix(scratch, "x");
  const std::vector<size_t> source_of = {0, 0, 0, 0, 1, 1, 1};
  ProblemSource source(c, source_of), again(c, source_of);
  std::map<size_t, int> draws;
  constexpr int kDraws = 4000;
  for (size_t p : source.Next(kDraws)) ++draws[p];
  double often = 0;
  for (const auto& [p, n] : draws) often += source_of[p] == 0 ? n : 0;
  EXPECT_NEAR(often / kDraws, 0.75, 0.03) << "four standard deviations";
  for (const auto& [p, n] : draws) EXPECT_NEAR(n, (source_of[p] == 0 ? often / 4 : (kDraws - often) / 3), 1) << p << ": each once per pass";
  again.Load(source.Save());
  EXPECT_EQ(source.Next(20), again.Next(20));
  EXPECT_DOUBLE_EQ(source.epochs(), (kDraws + 20) / 7.0);
}

TEST(RlSources, HaveMetricsAndALineInTheCardEach) {
  const Scratch scratch;
  const TrainConfig c = Mix(scratch, "mix");
  Execute(c, FolderMode::kNew, 2);
  Execute(c, FolderMode::kResume);
  const auto lines = MetricsOf(c.run.folder);
  ASSERT_EQ(lines.size(), 3u);
  for (const auto& line : lines) {
    double share = 0, reward = 0, length = 0;
    for (const std::string name : {"often", "seldom"}) {
      const double part = line["share/" + name].get<double>();
      share += part;
      if (part == 0) continue;
      reward += part * line["source/" + name + "/reward"].get<double>();
      length += part * line["source/" + name + "/mean_length"].get<double>();
      EXPECT_GE(line["source/" + name + "/accuracy"].get<double>(), 0);
    }
    EXPECT_DOUBLE_EQ(share, 1);
    EXPECT_NEAR(reward, line["reward"].get<double>(), 1e-9);
    EXPECT_NEAR(length, line["completions/mean_length"].get<double>(), 1e-9);
  }
  const AdapterCard card = ReadPeft(c.run.folder + "/adapter").card.value();
  ASSERT_EQ(card.sources.size(), 2u);
  EXPECT_EQ(card.sources[0].name, "often");
  EXPECT_EQ(card.sources[0].share, 0.75);
  EXPECT_TRUE(card.sources[0].reward && card.sources[0].accuracy && card.sources[0].mean_tokens && !card.sources[0].loss);
  TrainConfig whole = Mix(scratch, "whole");
  Execute(whole);
  EXPECT_EQ(MetricsOf(whole.run.folder), lines) << "a resumed run draws the same";
}

TEST(RlEpochs, AreAsManyStepsAsGoThroughTheProblems) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "rl", "epochs");  // 12 problems
  c.rl.group_size = 2;
  c.rl.prompts_per_step = 5;
  c.rl.epochs = 1.5;  // 18 problems
  EXPECT_EQ(OpenSession(c).config.rl.steps, 4);
  Execute(c);
  const auto lines = MetricsOf(c.run.folder);
  ASSERT_EQ(lines.size(), 4u);
  EXPECT_DOUBLE_EQ(lines[0]["epoch"].get<double>(), 5 / 12.0);
  EXPECT_DOUBLE_EQ(lines[3]["epoch"].get<double>(), 20 / 12.0);
  EXPECT_NE(ReadFile(c.run.folder + "/config.yaml").find("  epochs: 1.5\n"), std::string::npos);
  c.optimizer.warmup_steps = 8;  // 2 updates a step
  EXPECT_NE(testing::Refusal([&] { Execute(c, FolderMode::kOverwrite); }).find("the run's 8 optimiser steps"), std::string::npos);
}

}  // namespace
}  // namespace pith
