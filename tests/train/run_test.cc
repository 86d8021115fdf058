// Whole runs on the tiny model: a loss that falls, resumption to the bit, run folders, the dry run.
#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/peft.h"
#include "tests/train/tiny_run.h"
#include "train/dry_run.h"
#include "train/rl/problem_source.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::Execute;
using testing::MetricsOf;
using testing::Scratch;
using testing::TinyConfig;

class ResumedAs : public ::testing::TestWithParam<const char*> {};

TEST_P(ResumedAs, RunsEqualUninterruptedOnesToTheBit) {
  const Scratch scratch;
  RunOptions options;
  options.quiet = true;
  const bool dropout = GetParam() == std::string("dropout");
  TrainConfig whole = TinyConfig(scratch, dropout ? "sft" : GetParam(), "whole");
  if (dropout) whole.adapter.dropout = 0.3;
  TrainConfig parts = whole;
  parts.run.name = "parts";
  parts.run.folder = scratch.path + "/parts";
  Execute(whole, options);

  options.stop_after_step = 3;
  Execute(parts, options);
  EXPECT_FALSE(FileExists(parts.run.folder + "/adapter/adapter_model.safetensors"));
  // A step after the last checkpoint that was written down before the run died.
  fs::remove_all(parts.run.folder + "/checkpoints/step-3");
  EXPECT_EQ(MetricsOf(parts.run.folder).size(), 3u);
  options.mode = FolderMode::kResume;
  options.stop_after_step = 0;
  Execute(parts, options);

  for (const char* file : {"/adapter/adapter_model.safetensors", "/checkpoints/step-4/optimizer.safetensors"}) {
    EXPECT_EQ(ReadFile(whole.run.folder + file), ReadFile(parts.run.folder + file)) << file;
  }
  EXPECT_EQ(MetricsOf(whole.run.folder), MetricsOf(parts.run.folder));
  EXPECT_EQ(MetricsOf(whole.run.folder).size(), whole.run.stage == "sft" ? 6u : 4u);
  double signal = 0, tokens = 0;
  for (const auto& m : MetricsOf(whole.run.folder)) {
    signal += m["grad_norm"].get<double>();
    EXPECT_GT(m["num_tokens"].get<double>(), tokens + m["completion_tokens"].get<double>()) << "prompts count too";
    tokens = m["num_tokens"].get<double>();
  }
  EXPECT_GT(signal, 0.0);
  const LoraAdapter adapter = ReadPeft(whole.run.folder + "/adapter");
  EXPECT_EQ(adapter.base_sha256, BaseModel::Load(whole.model.path)->Identity());
  EXPECT_FALSE(adapter.invocation.empty());
}

INSTANTIATE_TEST_SUITE_P(, ResumedAs, ::testing::Values("sft", "dropout", "rl"));

TEST(Resumed, BeforeTheFirstCheckpointStartsAnew) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "early");
  RunOptions options;
  options.quiet = true;
  options.stop_after_step = 1;
  Execute(c, options);
  fs::remove_all(c.run.folder + "/checkpoints");
  options.mode = FolderMode::kResume;
  options.stop_after_step = 0;
  Execute(c, options);
  const auto metrics = MetricsOf(c.run.folder);
  ASSERT_EQ(metrics.size(), 6u);
  for (size_t i = 0; i < metrics.size(); ++i) EXPECT_EQ(metrics[i]["step"].get<size_t>(), i + 1);
}

TEST(Sft, LowersTheLoss) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "learns");
  c.sft.epochs = 8;
  c.optimizer.schedule = "constant";
  c.adapter.rank = 8;
  c.adapter.alpha = 16;
  RunOptions options;
  options.quiet = true;
  Execute(c, options);
  const auto metrics = MetricsOf(c.run.folder);
  EXPECT_LT(metrics.back()["loss"].get<double>(), 0.7 * metrics.front()["loss"].get<double>());
}

TEST(Grpo, ReportsAGapThatFloat32Explains) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "rl", "gap");
  c.model.dtype = "float32";
  c.rollout.activations = "f32";
  c.rollout.temperature = 0.7;
  c.rl.updates_per_rollout = 1;
  RunOptions options;
  options.quiet = true;
  Execute(c, options);
  double signal = 0;
  for (const auto& m : MetricsOf(c.run.folder)) {
    EXPECT_LT(m.value("sampling/sampling_logp_difference/max", 0.0), 1e-4) << m.dump();
    signal += m["grad_norm"].get<double>();
  }
  EXPECT_GT(signal, 0.0);
  const std::string completions = ReadFile(c.run.folder + "/completions/step-4.jsonl");
  const auto line = nlohmann::json::parse(completions.substr(0, completions.find('\n')));
  EXPECT_LE(line["tokens"].get<int>(), 64);
}

TEST(Order, SeesEveryProblemOncePerEpoch) {
  TrainConfig c;
  c.sft.batch_size = 4;
  c.sft.epochs = 2;
  c.rl.prompts_per_step = 5;
  std::vector<int> sft(10, 0), rl(10, 0);
  for (int64_t step = 0; step < SftSteps(c, 10); ++step) {
    for (size_t i : SftBatch(c, 10, step)) ++sft[i];
  }
  for (int64_t step = 0; step < 4; ++step) {
    for (size_t i : ProblemsOfStep(c, 10, step)) ++rl[i];
  }
  EXPECT_EQ(sft, std::vector<int>(10, 2));
  EXPECT_EQ(rl, std::vector<int>(10, 2));
  EXPECT_NE(SftBatch(c, 10, 0), SftBatch(c, 10, 3)) << "epochs should differ in order";
}

TEST(DryRun, SaysWhatARunWouldDoAndWritesNothing) {
  const Scratch scratch;
  for (const char* stage : {"sft", "rl"}) {
    const TrainConfig c = TinyConfig(scratch, stage, "dry");
    const std::string text = DryRun(OpenSession(c));
    EXPECT_NE(text.find("<|im_start|>assistant"), std::string::npos) << text;
    EXPECT_NE(text.find(std::string(stage) == "sft" ? "6 optimiser steps" : "4 steps x 2 updates = 8 optimiser steps"), std::string::npos) << text;
    EXPECT_NE(text.find("micro_batch_size: 3"), std::string::npos) << text;
    EXPECT_FALSE(fs::exists(c.run.folder));
  }
}

}  // namespace
}  // namespace pith
