// What PEFT, transformers and llama.cpp load, pith loads: folders by other programs, their settings, keys and number formats.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "adapters/peft.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "tests/adapters/random_adapter.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::Refusal;

const std::string kGolden = PITH_TEST_GOLDEN "/adapters/peft-rslora";  // q and v of two layers

class PeftLoadsTest : public ::testing::Test {
 protected:
  PeftLoadsTest() : folder_((fs::temp_directory_path() / ("pith-peft-loads-" + std::to_string(::getpid()))).string()) {
    fs::remove_all(folder_);
    fs::copy(kGolden, folder_);
    config_ = json::parse(ReadFile(folder_ + "/adapter_config.json"));
  }
  ~PeftLoadsTest() override { fs::remove_all(folder_); }

  // Reads the folder with its configuration changed; what was said about it. It must hold the golden one's values.
  std::string Warning(const std::function<void(json&)>& change = [](json&) {}) {
    json config = config_;
    change(config);
    WriteFile(folder_ + "/adapter_config.json", config.dump());
    return WarningOfReading();
  }
  std::string WarningOfReading() {
    ::testing::internal::CaptureStderr();
    const std::string refusal = Refusal([&] { read_ = ReadPeft(folder_); });
    const std::string warning = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(refusal, "");
    if (refusal.empty()) ExpectGolden();
    return warning;
  }
  void ExpectGolden() const {
    const LoraAdapter golden = ReadPeft(kGolden);
    EXPECT_EQ(read_.pairs.size(), golden.pairs.size());
    for (const auto& [name, pair] : read_.pairs) {
      EXPECT_EQ(pair.a, golden.pairs.at(name).a) << name;
      EXPECT_EQ(pair.b, golden.pairs.at(name).b) << name;
    }
  }
  // Writes the tensors anew, each under the name that `rename` gives it; none where that is empty.
  void Rename(const std::function<std::string(std::string)>& rename) {
    const SafetensorsFile file(kGolden + "/adapter_model.safetensors");
    std::vector<SafeTensorToWrite> tensors;
    for (const auto& [name, tensor] : file.tensors()) {
      if (const std::string to = rename(name); !to.empty()) tensors.push_back({to, tensor.shape, tensor.type, tensor.data});
    }
    WriteSafetensors(folder_ + "/adapter_model.safetensors", tensors);
  }
  static std::string Replaced(std::string text, const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    return at == std::string::npos ? text : text.replace(at, from.size(), to);
  }

  std::string folder_;
  json config_;
  LoraAdapter read_;
};

TEST_F(PeftLoadsTest, OneListOfTargetsForSeveralKindsOfModels) {
  EXPECT_EQ(Warning([](json& c) { c["target_modules"] = {"q_proj", "v_proj"}; }), "");
  const std::string warning = Warning([](json& c) { c["target_modules"] = {"q_proj", "query_key_value", "v_proj", "W_pack", "lm_head"}; });
  for (const char* name : {"query_key_value", "W_pack", "lm_head"}) EXPECT_NE(warning.find(name), std::string::npos) << warning;
  EXPECT_EQ(warning.find("q_proj"), std::string::npos) << warning;
  EXPECT_NE(Warning([](json& c) { c["target_modules"] = {"q_proj", "v_proj", "o_proj"}; }).find("o_proj"), std::string::npos);
  WriteFile(folder_ + "/adapter_config.json", json{{"peft_type", "LORA"}, {"r", 4}, {"target_modules", {"W_pack", "c_attn"}}}.dump());
  const std::string refusal = Refusal([&] { ReadPeft(folder_); });
  EXPECT_NE(refusal.find("W_pack, c_attn"), std::string::npos) << refusal;
}

TEST_F(PeftLoadsTest, ModulesWithoutTensorsStayBare) {
  Rename([](const std::string& name) { return name.find("layers.0.self_attn.v_proj") == std::string::npos ? name : ""; });
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(ReadPeft(folder_).pairs.size(), 3u);
  const std::string warning = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(warning.find("model.layers.0.self_attn.v_proj"), std::string::npos) << warning;
}

TEST_F(PeftLoadsTest, SettingsThatChangeNothing) {
  const std::vector<std::pair<const char*, json>> harmless = {
      {"bias", "all"}, {"bias", "lora_only"}, {"bias", nullptr}, {"fan_in_fan_out", true}, {"modules_to_save", nullptr}, {"modules_to_save", json::array()},
      {"target_modules", "all-linear"}, {"target_modules", "All-Linear"}, {"target_modules", ".*\\.(q|v)_proj"}, {"target_modules", nullptr}, {"runtime_config", {{"ephemeral_gpu_offload", true}}},
      {"megatron_config", {{"hidden_size", 64}}}, {"layers_to_transform", json::array()}, {"layers_pattern", "layers"}, {"exclude_modules", {"o_proj"}},
      {"a_setting_of_tomorrow", nullptr}, {"a_setting_of_tomorrow", false}, {"a_setting_of_tomorrow", 0}, {"a_setting_of_tomorrow", ""},
      {"lora_dropout", 0}, {"init_lora_weights", false}, {"init_lora_weights", "gaussian"}, {"corda_config", {{"corda_method", "ipm"}}}};
  for (const auto& [key, value] : harmless) {
    EXPECT_EQ(Warning([&](json& c) { c[key] = value; }), "") << key << " = " << value;
  }
}

// PEFT makes modules where these settings say, and of the file's tensors it takes those of its modules.
TEST_F(PeftLoadsTest, TensorsWhereTheSettingsSayNone) {
  const std::string q0 = "blk.0.attn_q.weight", v0 = "blk.0.attn_v.weight", q1 = "blk.1.attn_q.weight", v1 = "blk.1.attn_v.weight";
  struct Case {
    const char* settings;
    std::vector<std::string> left;
    const char* blamed;
  };
  const std::string full = "model.layers.0.self_attn.q_proj";
  for (const Case& c : std::vector<Case>{
           {R"({"target_modules": ["q_proj"]})", {q0, q1}, "2 modules that target_modules in adapter_config.json leaves out, such as model.layers.0.self_attn.v_proj"},
           {R"({"target_modules": ["0.self_attn.q_proj", "v_proj"]})", {q0, v0, v1}, "1 module that target_modules in adapter_config.json leaves out, such as model.layers.1.self_attn.q_proj"},
           {R"({"target_modules": ".*\\.1\\.self_attn\\.(q|v)_proj"})", {q1, v1}, "target_modules"},
           {R"({"target_modules": ".*\\bq_proj"})", {q0, q1}, "target_modules"},  // as unsloth writes them
           {R"({"layers_to_transform": 0})", {q0, v0}, "layers_to_transform"},
           {R"({"layers_to_transform": [1, 7], "layers_pattern": "layers"})", {q1, v1}, "layers_to_transform"},
           {R"({"layers_to_transform": [1], "layers_pattern": ["h", "layers"], "target_modules": ["model.layers.0.self_attn.q_proj", "v_proj"]})", {q0, v1}, "2 modules"},
           {R"({"exclude_modules": ["v_proj"]})", {q0, q1}, "exclude_modules"},
           {R"({"exclude_modules": ["model.layers.1.self_attn.v_proj", "layers.0.self_attn"]})", {q0, v0, q1}, "exclude_modules"},
           {R"({"exclude_modules": ".*layers\\.1.*", "target_modules": "all-linear"})", {q0, v0}, "exclude_modules"}}) {
    json config = config_;
    config.update(json::parse(c.settings));
    WriteFile(folder_ + "/adapter_config.json", config.dump());
    ::testing::internal::CaptureStderr();
    const LoraAdapter read = ReadPeft(folder_);
    const std::string warning = ::testing::internal::GetCapturedStderr();
    std::vector<std::string> names;
    for (const auto& [name, pair] : read.pairs) names.push_back(name);
    std::vector<std::string> left = c.left;
    std::sort(left.begin(), left.end());
    EXPECT_EQ(names, left) << c.settings;
    EXPECT_NE(warning.find(c.blamed), std::string::npos) << c.settings << "\n" << warning;
    EXPECT_EQ(std::count(warning.begin(), warning.end(), '\n'), 1) << warning;
  }
}

TEST_F(PeftLoadsTest, NothingWhereTheSettingsSay) {
  for (const auto& [key, value] : std::vector<std::pair<const char*, json>>{
           {"layers_to_transform", {7}}, {"layers_pattern", "h"}, {"exclude_modules", {"q_proj", "v_proj"}}, {"target_modules", "(q|v)_proj"}}) {
    json config = config_;
    if (key == std::string("layers_pattern")) config["layers_to_transform"] = {0, 1};
    config[key] = value;
    WriteFile(folder_ + "/adapter_config.json", config.dump());
    const std::string refusal = Refusal([&] { ReadPeft(folder_); });
    EXPECT_NE(refusal.find("the two are of different adapters"), std::string::npos) << key << "\n" << refusal;
  }
  for (const auto& [key, value] : std::vector<std::pair<const char*, json>>{
           {"layers_to_transform", "first"}, {"layers_to_transform", {1.5}}, {"exclude_modules", 3}, {"layers_pattern", {1}}}) {
    json config = config_;
    config["layers_to_transform"] = {0, 1};
    config[key] = value;
    WriteFile(folder_ + "/adapter_config.json", config.dump());
    EXPECT_NE(Refusal([&] { ReadPeft(folder_); }).find(std::string(key) + " is "), std::string::npos) << key << value;
  }
}

TEST_F(PeftLoadsTest, PatternsThatCannotBeReadLeaveAllIn) {
  for (const char* key : {"target_modules", "exclude_modules"}) {
    const std::string warning = Warning([&](json& c) { c[key] = "(?i).*Q_PROJ"; });
    EXPECT_NE(warning.find(key), std::string::npos) << warning;
    EXPECT_NE(warning.find("all its tensors are used"), std::string::npos) << warning;
  }
}

TEST_F(PeftLoadsTest, SettingsThatAreNotKnownAreNamed) {
  const std::string warning = Warning([](json& c) { c["lorap_emb_lr"] = 1e-6, c["unsloth_fixed"] = true, c["dtype"] = nullptr; });
  EXPECT_NE(warning.find("lorap_emb_lr, unsloth_fixed"), std::string::npos) << warning;
  EXPECT_EQ(warning.find("dtype"), std::string::npos) << warning;
  const std::string hostile = Warning([](json& c) { c["\x1b[2J"] = 1; });
  EXPECT_EQ(hostile.find('\x1b'), std::string::npos) << "names from files go to terminals";
}

TEST_F(PeftLoadsTest, RankAndAlphaHaveDefaults) {
  const LoraAdapter adapter = testing::RandomAdapter(testing::TinyConfig(), 8, 1);
  const std::string folder = folder_ + "/of-rank-8";
  WritePeft(adapter, folder);
  WriteFile(folder + "/adapter_config.json", json{{"peft_type", "LORA"}, {"target_modules", "all-linear"}}.dump());
  const LoraAdapter read = ReadPeft(folder);
  EXPECT_EQ(read.rank, 8);
  EXPECT_EQ(read.alpha, 8);
  EXPECT_EQ(read.pairs.size(), adapter.pairs.size());
}

TEST_F(PeftLoadsTest, WhatIsNoFolderOfPefts) {
  const auto refusal = [](const std::string& path) { return Refusal([&] { ReadPeft(path); }); };
  EXPECT_NE(refusal(folder_ + "/none").find("there is no folder '" + folder_ + "/none'"), std::string::npos);
  fs::create_directories(folder_ + "/run");
  EXPECT_TRUE(refusal(folder_ + "/run").ends_with("is not a PEFT folder: it has no adapter_config.json")) << refusal(folder_ + "/run");
  fs::copy(kGolden, folder_ + "/run/adapter");
  for (const char* end : {"/run", "/run/"}) {
    const std::string path = folder_ + end;
    EXPECT_NE(refusal(path).find("it has no adapter_config.json; '" + folder_ + "/run/adapter' has: name that"), std::string::npos) << refusal(path);
  }
  WriteFile(folder_ + "/short.gguf", "GGUF");
  EXPECT_NE(refusal(folder_ + "/short.gguf").find("is a file; expected a PEFT folder, with adapter_config.json in it (a GGUF is"), std::string::npos);
}

TEST_F(PeftLoadsTest, AStartThatChangedTheBaseHasAWayOut) {
  for (const char* start : {"pissa", "pissa_niter_4", "olora", "corda"}) {
    json config = config_;
    config["init_lora_weights"] = start;
    WriteFile(folder_ + "/adapter_config.json", config.dump());
    const std::string refusal = Refusal([&] { ReadPeft(folder_); });
    EXPECT_NE(refusal.find(std::string("init_lora_weights to \"") + start), std::string::npos) << refusal;
    EXPECT_NE(refusal.find("path_initial_model_for_weight_conversion"), std::string::npos) << refusal;
  }
}

TEST_F(PeftLoadsTest, AByteOrderMark) {
  WriteFile(folder_ + "/adapter_config.json", "\xef\xbb\xbf" + config_.dump());
  EXPECT_EQ(WarningOfReading(), "");
}

TEST_F(PeftLoadsTest, KeysByOtherHands) {
  Rename([](const std::string& name) { return Replaced(name, "base_model.model.", ""); });
  EXPECT_EQ(Warning(), "") << "transformers' own";
  Rename([](const std::string& name) { return Replaced(name, "base_model.model.model.", "base_model.model."); });
  EXPECT_EQ(Warning(), "") << "of a bare decoder";
  Rename([](const std::string& name) { return Replaced(name, ".weight", ".default.weight"); });
  EXPECT_EQ(Warning(), "") << "as in memory";
}

TEST_F(PeftLoadsTest, KeysThatNameTwoAdaptersOrOneFactorTwice) {
  Rename([](const std::string& name) { return Replaced(name, ".weight", name.find("layers.0") != std::string::npos ? ".a.weight" : ".b.weight"); });
  EXPECT_NE(Refusal([&] { ReadPeft(folder_); }).find("more than one adapter ('a' and 'b')"), std::string::npos);
  Rename([](const std::string& name) { return Replaced(name, "base_model.model.model.layers.1", "model.layers.0"); });
  EXPECT_NE(Refusal([&] { ReadPeft(folder_); }).find("has both"), std::string::npos);
  for (const char* key : {"lora_A.x.y.weight", "lora_A", "lora_A.default", "lora_Aweight", "lora_C.weight", "lora_embedding_A", "lora_A..weight",
                          "lora_B.bias", "lora_A.weight.weight.weight"}) {
    Rename([&](const std::string& name) { return Replaced(name, "lora_A.weight", key); });
    EXPECT_NE(Refusal([&] { ReadPeft(folder_); }).find(key), std::string::npos) << key;
  }
}

// In all four number formats, of which PyTorch's double has no place in a TensorType.
TEST_F(PeftLoadsTest, Float64) {
  const SafetensorsFile golden(kGolden + "/adapter_model.safetensors");
  const auto write = [&](double extra) {
    json header;
    std::string data;
    for (const auto& [name, tensor] : golden.tensors()) {
      const size_t begin = data.size();
      std::vector<float> values(tensor.bytes / BytesPerBlock(tensor.type));
      Dequantise(tensor.type, tensor.data, values.data(), static_cast<int64_t>(values.size()));
      for (const float value : values) {
        const double wide = static_cast<double>(value) + extra;
        data.append(reinterpret_cast<const char*>(&wide), sizeof(wide));
      }
      header[name] = {{"dtype", "F64"}, {"shape", tensor.shape}, {"data_offsets", {begin, data.size()}}};
    }
    std::string text = header.dump() + "   ";  // doubles at odd addresses
    const uint64_t length = text.size();
    WriteFile(folder_ + "/adapter_model.safetensors", std::string(reinterpret_cast<const char*>(&length), 8) + text + data);
  };
  write(0);
  EXPECT_EQ(Warning(), "");
  write(1e300);
  EXPECT_NE(Refusal([&] { ReadPeft(folder_); }).find("not finite"), std::string::npos);
}

TEST_F(PeftLoadsTest, PicklesAreNotReadAndTheWayOutIsNamed) {
  fs::rename(folder_ + "/adapter_model.safetensors", folder_ + "/adapter_model.bin");
  const std::string refusal = Refusal([&] { ReadPeft(folder_); });
  for (const char* part : {"adapter_model.bin", "pickle", "save_pretrained"}) EXPECT_NE(refusal.find(part), std::string::npos) << refusal;
  fs::remove(folder_ + "/adapter_model.bin");
  EXPECT_NE(Refusal([&] { ReadPeft(folder_); }).find("adapter_model.safetensors"), std::string::npos);
}

}  // namespace
}  // namespace pith
