// The tiny models of tests/golden/families, one of every family that pith knows: their folders, made anew from the description, and what
// transformers and PEFT compute with them (tests/tools/families.py).
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/safetensors.h"
#include "tests/base/temp_folder.h"

namespace pith::testing {

// A value for each index, offset + scale · u, u in [−1, 1) from FNV-1a of the name and SplitMix64, rounded to bfloat16: as fill() in families.py.
inline std::vector<float> FillFrom(const std::string& name, int64_t count, double scale, double offset) {
  uint64_t seed = 0xCBF29CE484222325;
  for (const char c : name) seed = (seed ^ static_cast<uint8_t>(c)) * 0x100000001B3;
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) {
    uint64_t z = seed += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    z ^= z >> 31;
    const double u = static_cast<double>(z >> 40) / 0x1p23 - 1;
    const auto bits = std::bit_cast<uint32_t>(static_cast<float>(offset + scale * u));
    value = std::bit_cast<float>((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
  }
  return values;
}

// Those that have a file NAME`end`.
inline std::vector<std::string> FamilyNames(const std::string& end = ".safetensors") {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(PITH_TEST_GOLDEN "/families")) {
    const std::string file = entry.path().filename().string();
    if (file.ends_with(end)) names.push_back(file.substr(0, file.size() - end.size()));
  }
  std::ranges::sort(names);
  return names;
}

// For INSTANTIATE_TEST_SUITE_P: names of tests are words.
inline std::string FamilyTestName(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

class FamilyGolden {
 public:
  using Json = nlohmann::json;
  enum class Config {
    kHub,  // as models of the family were published with
    kNow,  // as transformers writes it today
  };

  explicit FamilyGolden(const std::string& name)
      : name_(name), json_(Json::parse(ReadFile(Path(".json")))), values_(Path(".safetensors")) {}

  const Json& json() const { return json_; }
  std::vector<int32_t> ids() const { return json_["ids"].get<std::vector<int32_t>>(); }
  std::vector<float> Values(const std::string& name) const {  // "logits", of all positions; "adapter.logits", of the last
    const SafeTensor* tensor = values_.Find(name);
    if (tensor == nullptr) throw std::runtime_error(name_ + " has no " + name);
    std::vector<float> out(tensor->bytes / sizeof(float));
    std::memcpy(out.data(), tensor->data, tensor->bytes);
    return out;
  }
  double loss() const { return json_["adapter"]["loss"].get<double>(); }  // with the adapter
  // By PEFT's names: "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight".
  std::map<std::string, std::vector<float>> Gradients() const {
    std::map<std::string, std::vector<float>> out;
    constexpr std::string_view kPrefix = "adapter.grad.";
    for (const auto& [name, tensor] : values_.tensors()) {
      if (name.starts_with(kPrefix)) out[name.substr(kPrefix.size())] = Values(name);
    }
    return out;
  }

  // config.json with the values in `changed` instead of its own, model.safetensors in bfloat16, which holds every value, and the
  // tokenizer of tiny-llama.
  std::string WriteModel(const TempFolder& folder, Config config = Config::kNow, const Json& changed = Json::object()) const {
    const std::string model = folder / (config == Config::kHub ? "hub" : "model");
    MakeFolders(model);
    Json described = json_[config == Config::kHub ? "hub" : "config"];
    described.update(changed);
    WriteFile(model + "/config.json", described.dump());
    WriteTensors(json_["tensors"], TensorType::kBF16, model + "/model.safetensors");
    for (const char* file : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}) {
      std::filesystem::copy_file(std::string(PITH_TEST_GOLDEN "/tiny-llama/") + file, model + "/" + file);
    }
    return model;
  }

  // As PEFT would have written it: a folder.
  std::string WriteAdapter(const TempFolder& folder) const {
    const std::string peft = folder / "adapter";
    MakeFolders(peft);
    const Json& how = json_["adapter"];
    const Json config = {{"peft_type", "LORA"}, {"task_type", "CAUSAL_LM"}, {"r", how["rank"]}, {"lora_alpha", how["alpha"]}, {"lora_dropout", 0.0},
                         {"target_modules", how["targets"]}, {"bias", "none"}, {"inference_mode", true}, {"base_model_name_or_path", nullptr}};
    WriteFile(peft + "/adapter_config.json", config.dump());
    WriteTensors(how["tensors"], TensorType::kF32, peft + "/adapter_model.safetensors");
    return peft;
  }
  // How far `logits` (T × V) with the adapter are from PEFT's, where those are kept: the last rows.
  double AdapterDistance(const std::vector<float>& logits) const;

 private:
  std::string name_;
  Json json_;
  SafetensorsFile values_;

  std::string Path(const char* end) const { return PITH_TEST_GOLDEN "/families/" + name_ + end; }
  static std::vector<float> Fill(const std::string& name, const Json& fill) {
    int64_t count = 1;
    for (const Json& size : fill[0]) count *= size.get<int64_t>();
    return FillFrom(name, count, fill[1].get<double>(), fill[2].get<double>());
  }
  static void WriteTensors(const Json& tensors, TensorType type, const std::string& path) {
    std::vector<std::vector<uint8_t>> bytes;
    std::vector<SafeTensorToWrite> list;
    for (const auto& [name, fill] : tensors.items()) {
      const std::vector<float> values = Fill(name, fill);
      bytes.emplace_back(RowBytes(type, static_cast<int64_t>(values.size())));
      Quantise(type, values.data(), bytes.back().data(), static_cast<int64_t>(values.size()));
      list.push_back({name, fill[0].get<std::vector<int64_t>>(), type, nullptr});
    }
    for (size_t i = 0; i < list.size(); ++i) list[i].data = bytes[i].data();
    WriteSafetensors(path, list, {{"format", "pt"}});
  }
};

// The largest difference as a share of the largest expected value; infinite where the sizes differ or a number is none.
inline double Distance(std::span<const float> got, std::span<const float> expected) {
  if (got.size() != expected.size()) return INFINITY;
  double worst = 0, scale = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - expected[i]);
    worst = std::isfinite(difference) ? std::max(worst, difference) : INFINITY;
    scale = std::max(scale, std::abs(static_cast<double>(expected[i])));
  }
  return worst / scale;
}

inline double FamilyGolden::AdapterDistance(const std::vector<float>& logits) const {
  const std::vector<float> expected = Values("adapter.logits");
  return logits.size() < expected.size() ? INFINITY : Distance(std::span(logits).last(expected.size()), expected);
}

// The root mean square of the differences as a share of that of the expected values, which must be as many.
inline double MeanDistance(std::span<const float> got, std::span<const float> expected) {
  if (got.size() != expected.size()) return INFINITY;
  double differences = 0, squares = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    differences += std::pow(static_cast<double>(got[i]) - expected[i], 2);
    squares += std::pow(static_cast<double>(expected[i]), 2);
  }
  return std::sqrt(differences / squares);
}

// Of Distance(). Both sides do the same sums in float32 in another order, over up to six layers of a width of 64 to 128 values: transformers in
// float64 is 2e-6 away, gradients 7e-6. What sets a family apart moves its logits by 0.02 at least: families.py sees to that.
inline constexpr double kFamilyTolerance = 2e-5;

}  // namespace pith::testing
