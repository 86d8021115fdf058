#include "adapters/peft.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/safetensors.h"
#include "tests/adapters/random_adapter.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::RandomAdapter;
using testing::Refusal;
using testing::TinyConfig;

const std::string kGolden = PITH_TEST_GOLDEN;

class PeftTest : public ::testing::Test {
 protected:
  PeftTest() : folder_((fs::temp_directory_path() / ("pith-peft-" + std::to_string(::getpid()))).string()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  ~PeftTest() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  // A copy of the golden rsLoRA folder with `key` of its configuration changed; the sentence of reading it.
  std::string ReadWith(const std::string& key, const nlohmann::json& value) {
    fs::copy(kGolden + "/adapters/peft-rslora", Path("copy"), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    auto json = nlohmann::json::parse(ReadFile(Path("copy/adapter_config.json")));
    json[key] = value;
    WriteFile(Path("copy/adapter_config.json"), json.dump());
    return Refusal([&] { ReadPeft(Path("copy")); });
  }
  // The same folder with a tensor renamed, or removed where `to` is empty.
  std::string ReadRenamed(const std::string& from, const std::string& to) {
    fs::copy(kGolden + "/adapters/peft-rslora", Path("copy"), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    const SafetensorsFile file(kGolden + "/adapters/peft-rslora/adapter_model.safetensors");
    EXPECT_NE(file.Find(from), nullptr);
    std::vector<SafeTensorToWrite> tensors;
    for (const auto& [name, tensor] : file.tensors()) {
      if (name == from && to.empty()) continue;
      tensors.push_back({name == from ? to : name, tensor.shape, tensor.type, tensor.data});
    }
    WriteSafetensors(Path("copy/adapter_model.safetensors"), tensors);
    return Refusal([&] { ReadPeft(Path("copy")); });
  }

  std::string folder_;
};

TEST_F(PeftTest, RoundTripKeepsEverything) {
  LoraAdapter written = RandomAdapter(TinyConfig(), 5, 1);
  written.alpha = 7.25;
  written.rslora = true;
  written.dropout = 0.125;
  written.activation = Activation::kInvocation;
  written.invocation = {1, 67, 270};
  written.base_sha256 = std::string(64, 'a');
  written.base_path = "some/base.gguf";
  written.budget = AdapterBudget{64, 8, "\n#### ", "Use {budget} tokens, größte Eile."};
  written.template_now = "2024-07-26T10:00:00";
  written.template_kwargs = R"({"enable_thinking":false})";
  WritePeft(written, Path("adapter"));
  WritePeft(written, Path("adapter/"));  // an older one is replaced
  const LoraAdapter read = ReadPeft(Path("adapter"));
  EXPECT_EQ(read.rank, 5);
  EXPECT_EQ(read.alpha, 7.25);
  EXPECT_TRUE(read.rslora);
  EXPECT_DOUBLE_EQ(read.scale(), 7.25 / std::sqrt(5.0));
  EXPECT_EQ(read.dropout, 0.125);
  EXPECT_EQ(read.activation, Activation::kInvocation);
  EXPECT_EQ(read.invocation, written.invocation);
  EXPECT_EQ(read.base_sha256, written.base_sha256);
  EXPECT_EQ(read.base_path, written.base_path);
  EXPECT_EQ(read.budget, written.budget);
  EXPECT_EQ(read.template_now, written.template_now);
  EXPECT_EQ(read.template_kwargs, written.template_kwargs);
  ASSERT_EQ(read.pairs.size(), written.pairs.size());
  for (const auto& [name, pair] : written.pairs) {
    EXPECT_EQ(read.pairs.at(name).a, pair.a) << name;
    EXPECT_EQ(read.pairs.at(name).b, pair.b) << name;
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1) << "something was left behind";
}

TEST_F(PeftTest, LayersOfTheirOwnAreNamedInFull) {
  LoraAdapter written = RandomAdapter(TinyConfig(), 2, 1);
  written.pairs.erase("blk.0.attn_k.weight");
  WritePeft(written, Path("adapter"));
  EXPECT_EQ(ReadPeft(Path("adapter")).pairs.size(), written.pairs.size());
  const auto json = nlohmann::json::parse(ReadFile(Path("adapter/adapter_config.json")));
  EXPECT_EQ(json["target_modules"].size(), written.pairs.size());
}

TEST_F(PeftTest, ReadsWhatPeftWrites) {
  const LoraAdapter adapter = ReadPeft(kGolden + "/adapters/peft-rslora");
  const auto golden = nlohmann::json::parse(ReadFile(kGolden + "/adapters/peft-rslora.json"));
  EXPECT_EQ(adapter.rank, 4);
  EXPECT_EQ(adapter.scale(), golden["scale"].get<double>());
  EXPECT_EQ(adapter.dropout, 0.05);
  EXPECT_EQ(adapter.invocation, (std::vector<int32_t>{1, 67, 270}));
  EXPECT_EQ(adapter.base_sha256, "");
  ASSERT_EQ(adapter.pairs.size(), 4u);
  CheckAdapterFits(adapter, TinyConfig());
  const std::map<std::string, std::string> weights = {{"0.self_attn.q_proj", "blk.0.attn_q.weight"},
                                                      {"0.self_attn.v_proj", "blk.0.attn_v.weight"},
                                                      {"1.self_attn.q_proj", "blk.1.attn_q.weight"},
                                                      {"1.self_attn.v_proj", "blk.1.attn_v.weight"}};
  for (const auto& value : golden["values"]) {
    const std::string key = value["key"];
    const std::string stem = "base_model.model.model.layers.";
    const std::string module = key.substr(stem.size(), key.find(".lora_") - stem.size());
    const LoraPair& pair = adapter.pairs.at(weights.at(module));
    const bool is_a = key.find("lora_A") != std::string::npos;
    const int64_t at = value["row"].get<int64_t>() * (is_a ? pair.in : pair.rank) + value["col"].get<int64_t>();
    EXPECT_EQ((is_a ? pair.a : pair.b).at(static_cast<size_t>(at)), value["value"].get<float>()) << key;
  }
}

TEST_F(PeftTest, ReadsTheSharedAdapters) {
  const LoraAdapter lora = ReadPeft(kGolden + "/tiny-lora"), alora = ReadPeft(kGolden + "/tiny-alora");
  EXPECT_EQ(lora.activation, Activation::kAlways);
  EXPECT_EQ(alora.activation, Activation::kInvocation);
  EXPECT_EQ(alora.invocation.size(), 6u);
  EXPECT_EQ(lora.scale(), 2.0);
  EXPECT_EQ(lora.pairs.size(), 14u);
  CheckAdapterFits(lora, TinyConfig());
  CheckAdapterFits(alora, TinyConfig());
}

TEST_F(PeftTest, RefusesByName) {
  const std::vector<std::pair<const char*, nlohmann::json>> cases = {
      {"use_dora", true}, {"modules_to_save", {"lm_head"}}, {"rank_pattern", {{"(?i)q_proj", 8}}}, {"alpha_pattern", {{"q_proj", "8"}}},
      {"lora_bias", true}, {"layer_replication", {{0, 2}}}, {"use_qalora", true},
      {"init_lora_weights", "pissa"}, {"trainable_token_indices", {1}}, {"peft_type", "IA3"},
      {"r", 0}, {"r", "4"}, {"lora_alpha", -1}, {"lora_alpha", "x"}, {"lora_dropout", 1.5}, {"alora_invocation_tokens", {-1}},
      {"alora_invocation_tokens", "x"}, {"use_rslora", 1}, {"target_modules", 3}, {"target_modules", {"W_pack", "o_proj"}}};
  for (const auto& [key, value] : cases) {
    const std::string sentence = ReadWith(key, value);
    EXPECT_NE(sentence.find(key), std::string::npos) << key << " = " << value << " gave: " << sentence;
  }
  EXPECT_EQ(ReadWith("target_modules", ".*\\.(q|v)_proj"), "") << "a pattern is taken as PEFT resolved it";
  EXPECT_NE(ReadWith("r", 8).find("do not fit rank 8"), std::string::npos);
}

TEST_F(PeftTest, ChecksKeysBothWays) {
  const std::string a = "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight";
  const std::string b = "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight";
  EXPECT_NE(ReadRenamed(a, "").find("lacks '" + a + "'"), std::string::npos);
  EXPECT_NE(ReadRenamed(b, "").find("lacks '" + b + "'"), std::string::npos);
  for (const char* unknown : {"base_model.model.lm_head.lora_A.weight", "base_model.model.model.layers.1.self_attn.q_proj.lora_magnitude_vector",
                              "base_model.model.model.layers.01.self_attn.q_proj.lora_A.weight", "x", "lora_A.weight"}) {
    EXPECT_NE(ReadRenamed(a, unknown).find(unknown), std::string::npos) << unknown;
  }
}

TEST_F(PeftTest, RefusesBrokenFolders) {
  EXPECT_NE(Refusal([&] { ReadPeft(Path("nowhere")); }), "");
  fs::copy(kGolden + "/adapters/peft-rslora", Path("copy"));
  const std::string tensors = Path("copy/adapter_model.safetensors"), config = Path("copy/adapter_config.json");
  const std::string good = ReadFile(tensors), good_config = ReadFile(config);
  for (const size_t keep : {size_t{0}, size_t{7}, size_t{100}, good.size() / 2, good.size() - 1}) {
    WriteFile(tensors, good.substr(0, keep));
    EXPECT_NE(Refusal([&] { ReadPeft(Path("copy")); }), "") << keep << " bytes";
  }
  std::string infinite = good;
  infinite[good.size() - 2] = '\x80';  // the last bfloat16: +infinity
  infinite[good.size() - 1] = '\x7f';
  WriteFile(tensors, infinite);
  EXPECT_NE(Refusal([&] { ReadPeft(Path("copy")); }).find("not finite"), std::string::npos);
  WriteFile(tensors, good);
  for (size_t keep = 0; keep < good_config.size() - 1; keep += 97) {
    WriteFile(config, good_config.substr(0, keep));
    EXPECT_NE(Refusal([&] { ReadPeft(Path("copy")); }), "") << keep << " bytes";
  }
  WriteFile(config, good_config);
  WriteFile(Path("copy/pith.json"), "{\"base_sha256\": \"xyz\"}");
  EXPECT_NE(Refusal([&] { ReadPeft(Path("copy")); }).find("64"), std::string::npos);
}

TEST_F(PeftTest, ChecksTheBudget) {
  LoraAdapter adapter = RandomAdapter(TinyConfig(), 2, 1);
  WritePeft(adapter, Path("adapter"));
  EXPECT_FALSE(ReadPeft(Path("adapter")).budget.has_value());
  adapter.budget = AdapterBudget{64, 8, "so ", ""};
  WritePeft(adapter, Path("adapter"));
  const auto good = nlohmann::json::parse(ReadFile(Path("adapter/pith.json")));
  const std::vector<std::pair<const char*, nlohmann::json>> cases = {
      {"tokens", 0}, {"tokens", -1}, {"tokens", 1.5}, {"tokens", "64"}, {"tokens", kMaxBudgetTokens + 1}, {"tokens", nullptr},
      {"reserve_tokens", -1}, {"reserve_tokens", kMaxBudgetTokens + 1}, {"close_text", 3}, {"close_text", nullptr},
      {"sentence", 3}, {"announcement", true}};
  for (const auto& [key, value] : cases) {
    auto json = good;
    json["budget"][key] = value;
    WriteFile(Path("adapter/pith.json"), json.dump());
    const std::string sentence = Refusal([&] { ReadPeft(Path("adapter")); });
    EXPECT_NE(sentence.find("budget"), std::string::npos) << key << " = " << value << " gave: " << sentence;
  }
  auto json = good;
  json["budget"]["sentence"] = "in {budget}";
  json["budget"]["announcement"] = "budget {budget}:";
  WriteFile(Path("adapter/pith.json"), json.dump());
  EXPECT_NE(Refusal([&] { ReadPeft(Path("adapter")); }).find("a sentence and an announcement"), std::string::npos);
  json["budget"].erase("sentence");
  WriteFile(Path("adapter/pith.json"), json.dump());
  EXPECT_EQ(ReadPeft(Path("adapter")).budget, (AdapterBudget{64, 8, "so ", "", "budget {budget}:"}));
  WritePeft(ReadPeft(Path("adapter")), Path("again"));
  EXPECT_EQ(ReadPeft(Path("again")).budget, (AdapterBudget{64, 8, "so ", "", "budget {budget}:"}));
  json["budget"] = 64;
  WriteFile(Path("adapter/pith.json"), json.dump());
  EXPECT_NE(Refusal([&] { ReadPeft(Path("adapter")); }).find("budget"), std::string::npos);
}

// A hostile layer number must not be counted up to.
TEST_F(PeftTest, RefusesALayerThatNoModelHas) {
  const std::string from = "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight";
  for (const char* layer : {"4096", "4294967295"}) {
    const std::string key = "base_model.model.model.layers." + std::string(layer) + ".self_attn.q_proj.lora_A.weight";
    EXPECT_NE(ReadRenamed(from, key).find(key), std::string::npos) << layer;
  }
  EXPECT_TRUE(ParseWeightName("blk.4095.attn_q.weight").has_value());
  EXPECT_FALSE(ParseWeightName("blk.4096.attn_q.weight").has_value());
}

TEST_F(PeftTest, NeverReplacesFoldersWithOtherFiles) {
  fs::create_directories(Path("home"));
  WriteFile(Path("home/thesis.tex"), "x");
  const LoraAdapter adapter = RandomAdapter(TinyConfig(), 2, 1);
  EXPECT_NE(Refusal([&] { WritePeft(adapter, Path("home")); }).find("thesis.tex"), std::string::npos);
  EXPECT_NE(Refusal([&] { CheckPeftPlace(Path("home")); }).find("thesis.tex"), std::string::npos);
  WritePeft(adapter, Path("adapter"));
  EXPECT_EQ(Refusal([&] { CheckPeftPlace(Path("adapter")); }), "");
  EXPECT_EQ(Refusal([&] { CheckPeftPlace(Path("nowhere")); }), "");
  EXPECT_NE(Refusal([&] { WritePeft(adapter, Path("home/thesis.tex")); }), "");
  EXPECT_TRUE(FileExists(Path("home/thesis.tex")));
}

TEST(LoraTest, FitsOnlyItsOwnBase) {
  const ModelConfig config = TinyConfig();
  const LoraAdapter good = RandomAdapter(config, 4, 1);
  CheckAdapterFits(good, config);
  const auto refused = [&](const std::function<void(LoraAdapter&, ModelConfig&)>& change) {
    LoraAdapter adapter = good;
    ModelConfig other = config;
    change(adapter, other);
    return Refusal([&] { CheckAdapterFits(adapter, other); });
  };
  EXPECT_NE(refused([](auto&, auto& c) { c.num_layers = 1; }).find("blk.1."), std::string::npos);
  EXPECT_NE(refused([](auto&, auto& c) { c.d_ff = 64; }).find("blk.0.ffn_down"), std::string::npos);
  EXPECT_NE(refused([](auto& a, auto&) { a.alpha = 0; }).find("alpha"), std::string::npos);
  EXPECT_NE(refused([](auto& a, auto&) { a.alpha = 1e-60; }).find("alpha"), std::string::npos);
  EXPECT_NE(refused([](auto& a, auto&) { a.rank = 0; }).find("rank"), std::string::npos);
  EXPECT_NE(refused([](auto& a, auto&) { a.pairs.clear(); }), "");
  EXPECT_NE(refused([](auto& a, auto&) { a.invocation = {1}; }), "");
  EXPECT_NE(refused([](auto& a, auto&) { a.activation = Activation::kInvocation; }).find("invocation"), std::string::npos);
  EXPECT_NE(refused([](auto& a, auto&) { a.activation = Activation::kInvocation, a.invocation = {320}; }).find("320"), std::string::npos);
  EXPECT_NE(refused([](auto& a, auto&) { a.pairs["output.weight"] = {}; }).find("output.weight"), std::string::npos);
}

}  // namespace
}  // namespace pith
