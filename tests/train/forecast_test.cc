// What a dry run says of memory, beside what runs take; and that the setting it names is one that helps.
#include <gtest/gtest.h>
#include <malloc.h>

#include <fstream>

#include "base/rng.h"
#include "base/safetensors.h"
#include "tests/train/tiny_run.h"
#include "train/dry_run.h"
#include "train/forecast/memory.h"
#include "train/forecast/time.h"

namespace pith {
namespace {

using testing::Scratch;

// A base whose activations are more than its process: 4 layers, 256 wide, random weights, the tiny tokenizer.
void WriteWideBase(const std::string& folder) {
  MakeFolders(folder);
  for (const char* file : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json"}) {
    const std::string from = std::string(PITH_TEST_GOLDEN) + "/tiny-llama/" + file;
    if (FileExists(from)) WriteFile(folder + "/" + file, ReadFile(from));
  }
  auto config = nlohmann::json::parse(ReadFile(std::string(PITH_TEST_GOLDEN) + "/tiny-llama/config.json"));
  config["hidden_size"] = 256, config["intermediate_size"] = 1024, config["num_hidden_layers"] = 4, config["head_dim"] = 64;
  WriteFile(folder + "/config.json", config.dump());
  std::vector<std::vector<float>> values;
  std::vector<SafeTensorToWrite> tensors;
  values.reserve(64);
  Rng rng(1);
  const auto add = [&](const std::string& name, std::vector<int64_t> shape) {
    int64_t n = 1;
    for (const int64_t of : shape) n *= of;
    std::vector<float>& v = values.emplace_back(static_cast<size_t>(n), 1.0f);
    for (size_t i = 0; shape.size() > 1 && i < v.size(); ++i) v[i] = static_cast<float>(0.02 * (2 * rng.Uniform() - 1));
    tensors.push_back({name, shape, TensorType::kF32, v.data()});
  };
  add("model.embed_tokens.weight", {320, 256});
  add("model.norm.weight", {256});
  for (int l = 0; l < 4; ++l) {
    const std::string stem = Str("model.layers.", l, ".");
    add(stem + "input_layernorm.weight", {256});
    add(stem + "post_attention_layernorm.weight", {256});
    for (const char* name : {"q_proj", "o_proj"}) add(stem + "self_attn." + name + ".weight", {256, 256});
    for (const char* name : {"k_proj", "v_proj"}) add(stem + "self_attn." + name + ".weight", {128, 256});
    for (const char* name : {"gate_proj", "up_proj"}) add(stem + "mlp." + name + ".weight", {1024, 256});
    add(stem + "mlp.down_proj.weight", {256, 1024});
  }
  WriteSafetensors(folder + "/model.safetensors", tensors);
}

// 24 examples of about 400 tokens in one optimiser step.
TrainConfig WideConfig(const Scratch& scratch, int64_t micro_batch_size) {
  TrainConfig c = testing::TinyConfig(scratch, "sft", Str("wide", micro_batch_size));
  c.model.path = scratch.path + "/wide";
  if (!FileExists(c.model.path + "/model.safetensors")) WriteWideBase(c.model.path);
  c.data.dataset = scratch.path + "/long.jsonl";
  if (!FileExists(c.data.dataset)) {
    std::string lines, solution;
    for (int i = 0; i < 40; ++i) solution += Str("so ", i, " and ");
    for (int i = 0; i < 24; ++i) lines += nlohmann::json{{"question", Str(i, " + 1?")}, {"answer", Str(i + 1)}, {"solution", solution}}.dump() + "\n";
    WriteFile(c.data.dataset, lines);
  }
  c.sft.epochs = 1;
  c.sft.batch_size = 24;
  c.sft.micro_batch_size = micro_batch_size;
  c.sft.micro_batch_tokens = 1000000;
  return c;
}

int64_t PeakBytes() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    long long kib = 0;
    if (std::sscanf(line.c_str(), "VmHWM: %lld", &kib) == 1) return kib * 1024;
  }
  return 0;
}

TEST(Forecast, MemoryIsWhatARunTakes) {
  const Scratch scratch;
  // The process, its libraries and what they compile are the same for both: what is compared is what the larger micro-batch takes more.
  malloc_trim(0);
  std::ofstream("/proc/self/clear_refs") << "5";  // the peak begins anew
  int64_t forecast[2], peak[2];
  int i = 0;
  for (const int64_t micro : {2, 24}) {
    const TrainConfig c = WideConfig(scratch, micro);
    const Session session = OpenSession(c);
    forecast[i] = ForecastMemory(c, ShapesOf(session, MakeSftExamples(session)), 0).total();
    testing::Execute(c);
    peak[i++] = PeakBytes();
  }
  const double said = static_cast<double>(forecast[1] - forecast[0]), taken = static_cast<double>(peak[1] - peak[0]);
  EXPECT_GT(said, 1e8) << "else this would show nothing";
  EXPECT_NEAR(said / taken, 1, 0.15) << said << " said, " << taken << " taken";
}

TEST(Forecast, NamesASettingThatSuffices) {
  const Scratch scratch;
  TrainConfig c = WideConfig(scratch, 24);
  const Session session = OpenSession(c);
  const RunShapes shapes = ShapesOf(session, MakeSftExamples(session));
  const MemoryForecast now = ForecastMemory(c, shapes, 0);
  std::vector<std::string> keys;
  for (const double share : {0.95, 0.6, 0.45}) {
    const auto limit = static_cast<int64_t>(share * static_cast<double>(now.total()));
    const auto remedy = WhatWouldFit(c, shapes, now, limit);
    if (!remedy) continue;
    keys.push_back(remedy->key);
    EXPECT_LE(remedy->bytes, limit);
    TrainConfig changed = c;
    if (remedy->key == "sft.micro_batch_tokens") changed.sft.micro_batch_tokens = std::stoll(remedy->value);
    if (remedy->key == "model.gradient_checkpointing") changed.model.gradient_checkpointing = true;
    EXPECT_EQ(ForecastMemory(changed, shapes, 0).total(), remedy->bytes) << remedy->key;
    // Twice the tokens would not have fitted: it is the largest that does.
    changed.sft.micro_batch_tokens *= 2;
    if (remedy->key == "sft.micro_batch_tokens") {
      EXPECT_GT(ForecastMemory(changed, shapes, 0).total(), limit);
    }
  }
  EXPECT_EQ(keys.size(), 3u);
  EXPECT_EQ(keys.front(), "sft.micro_batch_tokens");
  EXPECT_FALSE(WhatWouldFit(c, shapes, now, 1 << 20));

  // Of a run that samples, with nothing to learn from at a time to spare, the cache.
  TrainConfig rl = testing::TinyConfig(scratch, "rl", "cache");
  rl.rollout.max_batch = 64, rl.rollout.kv_type = "f32", rl.rl.prompts_per_step = 8, rl.rl.micro_batch_size = 1;
  const Session sampling = OpenSession(rl);
  const RunShapes steps = ShapesOf(sampling, {});
  const MemoryForecast all = ForecastMemory(rl, steps, 0);
  const auto remedy = WhatWouldFit(rl, steps, all, all.total() - all.sampler / 4);
  ASSERT_TRUE(remedy);
  EXPECT_EQ(remedy->key, "rollout.kv_type");
  EXPECT_EQ(remedy->value, "f16");
}

TEST(Forecast, CheckpointingKeepsWhatEntersALayer) {
  const Scratch scratch;
  TrainConfig c = WideConfig(scratch, 24);
  const Session session = OpenSession(c);
  const RunShapes shapes = ShapesOf(session, MakeSftExamples(session));
  const MemoryForecast all = ForecastMemory(c, shapes, 0);
  c.model.gradient_checkpointing = true;
  const MemoryForecast kept = ForecastMemory(c, shapes, 0);
  EXPECT_LT(kept.activations, 0.8 * static_cast<double>(all.activations));  // four layers, and what products copy is the same
  EXPECT_EQ(kept.total() - kept.activations, all.total() - all.activations);
}

TEST(Forecast, TimeHasTheStagesParts) {
  const Scratch scratch;
  const Session sft = OpenSession(testing::TinyConfig(scratch, "sft", "a")), rl = OpenSession(testing::TinyConfig(scratch, "rl", "b"));
  const std::vector<SftExample> examples = MakeSftExamples(sft);
  const TimeForecast learns = ForecastTime(sft, ShapesOf(sft, examples), examples), samples = ForecastTime(rl, ShapesOf(rl, {}), {});
  EXPECT_EQ(learns.sampling, 0);
  EXPECT_GT(samples.sampling, 0);
  for (const TimeForecast& t : {learns, samples}) {
    EXPECT_GT(t.learning, 0);
    EXPECT_GT(t.updating, 0);
    EXPECT_LT(t.total(), 60);
  }
  EXPECT_NE(DryRun(rl).find("sampling "), std::string::npos);
}

}  // namespace
}  // namespace pith
