// Whole runs on the tiny model: a loss that falls, resumption to the bit, run folders, the dry run.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/file.h"
#include "train/dry_run.h"
#include "train/grpo.h"

namespace pith {
namespace {

namespace fs = std::filesystem;

struct Scratch {
  std::string path = (fs::temp_directory_path() / ("pith-run-test-" + std::to_string(getpid()))).string();
  Scratch() {
    fs::remove_all(path);
    MakeFolders(path);
    std::string lines;
    for (int i = 0; i < 12; ++i) {
      lines += nlohmann::json{{"question", "Tom has " + std::to_string(i) + " apples and buys 4 more. How many?"},
                              {"answer", std::to_string(i + 4)},
                              {"solution", std::to_string(i) + " + 4 = " + std::to_string(i + 4) + "\n#### " + std::to_string(i + 4)}}
                   .dump() + "\n";
    }
    WriteFile(path + "/sums.jsonl", lines);
  }
  ~Scratch() { fs::remove_all(path); }
};

TrainConfig TinyConfig(const Scratch& scratch, const std::string& stage, const std::string& name) {
  TrainConfig c;
  c.run.stage = stage;
  c.run.name = name;
  c.run.folder = scratch.path + "/" + name;
  c.run.seed = 11;
  c.run.threads = 1;  // tiny products: threads would only wait for one another
  c.model.path = std::string(PITH_TEST_GOLDEN) + "/tiny-llama";
  c.adapter.rank = 4;
  c.adapter.alpha = 8;
  c.data.dataset = scratch.path + "/sums.jsonl";
  c.sft.epochs = 2;
  c.sft.batch_size = 4;
  c.sft.micro_batch_size = 3;
  c.rl.steps = 4;
  c.rl.prompts_per_step = 2;
  c.rl.group_size = 8;
  c.rl.micro_batch_size = 3;
  c.rl.kl_beta = 0.02;
  c.rl.updates_per_rollout = 2;
  c.rollout.max_completion_tokens = 64;
  c.rollout.max_batch = 16;
  RewardTerm brevity;
  brevity.kind = "free_then_falling";  // something that differs between samples of an untrained model
  brevity.always = true;
  brevity.free_tokens = 2;
  brevity.fall_tokens = 70;  // an untrained model ends now and then only
  c.reward.plus = {brevity};
  c.optimizer.learning_rate = 5e-3;
  c.optimizer.schedule = "cosine";
  c.log.save_every = 2;
  return c;
}

void Execute(const TrainConfig& config, const RunOptions& options) {
  PrepareProcess(config.run.threads);
  const Session session = OpenSession(config);
  config.run.stage == "sft" ? RunSft(session, options) : RunGrpo(session, options);
}

std::vector<nlohmann::json> Metrics(const std::string& folder) {
  std::istringstream in(ReadFile(folder + "/metrics.jsonl"));
  std::vector<nlohmann::json> out;
  for (std::string line; std::getline(in, line);) {
    out.push_back(nlohmann::json::parse(line));
    for (const char* clock : {"tokens_per_second", "step_time", "time/rollout", "time/train"}) out.back().erase(clock);
  }
  return out;
}

class ResumedAs : public testing::TestWithParam<const char*> {};

TEST_P(ResumedAs, RunsEqualUninterruptedOnesToTheBit) {
  const Scratch scratch;
  RunOptions options;
  options.quiet = true;
  const TrainConfig whole = TinyConfig(scratch, GetParam(), "whole");
  TrainConfig parts = TinyConfig(scratch, GetParam(), "parts");
  Execute(whole, options);

  options.stop_after_step = 3;
  Execute(parts, options);
  EXPECT_FALSE(FileExists(parts.run.folder + "/adapter/adapter_model.safetensors"));
  // A step after the last checkpoint that was written down before the run died.
  fs::remove_all(parts.run.folder + "/checkpoints/step-3");
  EXPECT_EQ(Metrics(parts.run.folder).size(), 3u);
  options.mode = FolderMode::kResume;
  options.stop_after_step = 0;
  Execute(parts, options);

  for (const char* file : {"/adapter/adapter_model.safetensors", "/checkpoints/step-4/optimizer.safetensors"}) {
    EXPECT_EQ(ReadFile(whole.run.folder + file), ReadFile(parts.run.folder + file)) << file;
  }
  EXPECT_EQ(Metrics(whole.run.folder), Metrics(parts.run.folder));
  EXPECT_EQ(Metrics(whole.run.folder).size(), whole.run.stage == "sft" ? 6u : 4u);
  double signal = 0;
  for (const auto& m : Metrics(whole.run.folder)) signal += m["grad_norm"].get<double>();
  EXPECT_GT(signal, 0.0);
  const LoraAdapter adapter = ReadPeft(whole.run.folder + "/adapter");
  EXPECT_EQ(adapter.base_sha256, BaseModel::Load(whole.model.path)->Identity());
  EXPECT_FALSE(adapter.invocation.empty());
}

INSTANTIATE_TEST_SUITE_P(, ResumedAs, testing::Values("sft", "rl"));

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
  const auto metrics = Metrics(c.run.folder);
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
  const auto metrics = Metrics(c.run.folder);
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
  for (const auto& m : Metrics(c.run.folder)) {
    EXPECT_LT(m.value("sampling/sampling_logp_difference/max", 0.0), 1e-4) << m.dump();
    signal += m["grad_norm"].get<double>();
  }
  EXPECT_GT(signal, 0.0);
  const std::string completions = ReadFile(c.run.folder + "/completions/step-4.jsonl");
  const auto line = nlohmann::json::parse(completions.substr(0, completions.find('\n')));
  EXPECT_LE(line["tokens"].get<int>(), 64);
}

TEST(RunFolder, RefusesAnEarlierRunAndAnotherConfiguration) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "twice");
  c.sft.epochs = 1;
  RunOptions options;
  options.quiet = true;
  Execute(c, options);
  EXPECT_THROW(Execute(c, options), UserError);
  options.mode = FolderMode::kResume;
  c.optimizer.learning_rate = 1e-4;
  EXPECT_THROW(Execute(c, options), UserError);
  options.mode = FolderMode::kOverwrite;
  Execute(c, options);
  EXPECT_EQ(Metrics(c.run.folder).size(), 3u);
  EXPECT_FALSE(FileExists(c.run.folder + "/checkpoints/.writing/state.json"));
}

TEST(Checkpoints, DamageIsAUserError) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "damaged");
  RunOptions options;
  options.quiet = true;
  options.stop_after_step = 2;
  Execute(c, options);
  options.mode = FolderMode::kResume;
  const std::string moments = c.run.folder + "/checkpoints/step-2/optimizer.safetensors";
  const std::string whole = ReadFile(moments);
  WriteFile(moments, whole.substr(0, whole.size() / 2));
  EXPECT_THROW(Execute(c, options), UserError);
  WriteFile(moments, whole);
  WriteFile(c.run.folder + "/checkpoints/step-2/state.json", "{\"step\": 9}");
  EXPECT_THROW(Execute(c, options), UserError);
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
    for (size_t i : GrpoProblems(c, 10, step)) ++rl[i];
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

TEST(Session, NamesWhatAnInitAdapterContradicts) {
  const Scratch scratch;
  TrainConfig c = TinyConfig(scratch, "sft", "init");
  c.run.init_adapter = std::string(PITH_TEST_GOLDEN) + "/tiny-alora";
  EXPECT_THROW(OpenSession(c), UserError);  // rank 4 against 8
  c.adapter.rank = 8;
  c.adapter.alpha = 16;
  EXPECT_FALSE(OpenSession(c).fresh);
  c.adapter.targets = {"q_proj"};
  EXPECT_THROW(OpenSession(c), UserError);
}

}  // namespace
}  // namespace pith
