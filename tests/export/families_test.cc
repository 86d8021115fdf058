// Every family against transformers and PEFT: from the folder, and from the GGUF that is made of it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "export/commands.h"
#include "export/reference_logits.h"
#include "runtime/engine.h"
#include "tests/families/family_golden.h"

namespace pith::testing {
namespace {

using Config = FamilyGolden::Config;

class ExportFamilies : public ::testing::TestWithParam<std::string> {
 protected:
  ExportFamilies() : golden_(GetParam()) { ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1); }

  std::string Convert(const std::string& base, const std::string& name, TensorType type = TensorType::kF32) {
    RunConvert({base, {type, {}}, folder_ / name});
    return folder_ / name;
  }
  double ReferenceDistance(const std::string& path) const {
    return Distance(ReferenceLogits(*BaseModel::Load(path), nullptr, 0, golden_.ids()), golden_.Values("logits"));
  }
  double AdaptedDistance(const std::string& path) const {
    const LoraAdapter adapter = ReadPeft(golden_.WriteAdapter(folder_));
    return golden_.AdapterDistance(ReferenceLogits(*BaseModel::Load(path), &adapter, 0, golden_.ids()));
  }

  FamilyGolden golden_;
  TempFolder folder_;
};

TEST_P(ExportFamilies, FolderComputesWhatTransformersComputes) {
  EXPECT_LT(ReferenceDistance(golden_.WriteModel(folder_, Config::kNow)), kFamilyTolerance);
  EXPECT_LT(ReferenceDistance(golden_.WriteModel(folder_, Config::kHub)), kFamilyTolerance) << "with config.json as published";
}

TEST_P(ExportFamilies, AdapterComputesWhatPeftComputes) {
  EXPECT_LT(AdaptedDistance(golden_.WriteModel(folder_)), kFamilyTolerance);
}

TEST_P(ExportFamilies, GgufComputesWhatTransformersComputes) {
  const std::string gguf = Convert(golden_.WriteModel(folder_), "f32.gguf");
  EXPECT_LT(ReferenceDistance(gguf), kFamilyTolerance);
  EXPECT_LT(AdaptedDistance(gguf), kFamilyTolerance);
  const std::string again = Convert(gguf, "again.gguf");
  EXPECT_EQ(BaseModel::Load(again)->Identity(), BaseModel::Load(gguf)->Identity());
  EXPECT_LT(ReferenceDistance(again), kFamilyTolerance);
}

TEST_P(ExportFamilies, FusedModelComputesWhatPeftComputes) {
  const std::string model = golden_.WriteModel(folder_), adapter = golden_.WriteAdapter(folder_);
  const auto difference = [&](const std::string& path) {
    return golden_.AdapterDistance(ReferenceLogits(*BaseModel::Load(path), nullptr, 0, golden_.ids()));
  };
  RunFuse({adapter, model, TensorType::kF32, {}, folder_ / "fused.gguf", true});
  EXPECT_LT(difference(folder_ / "fused.gguf"), kFamilyTolerance);
  RunFuse({adapter, model, {}, {}, folder_ / "fused", true});
  EXPECT_LT(difference(folder_ / "fused"), 0.04) << "in bf16";
}

// What the engine makes of the GGUF and of an adapter in another.
std::vector<float> EngineLogits(const std::string& gguf, const std::string& adapter, ActivationType activations, const std::vector<int32_t>& ids) {
  EngineOptions options;
  options.activations = activations;
  options.kv_type = activations == ActivationType::kF32 ? KvType::kF32 : KvType::kF16;
  options.kv_tokens = 64;
  Engine engine(BaseModel::Load(gguf), options);
  const SequenceId sequence = engine.NewSequence();
  if (!adapter.empty()) engine.SetAdapter(sequence, PackedAdapter::FromGguf(adapter, engine.config()));
  std::vector<ForwardRow> rows;
  for (const int32_t id : ids) rows.push_back({sequence, id, true});
  std::vector<float> logits(rows.size() * static_cast<size_t>(engine.config().vocab_size));
  engine.Forward(rows, logits.data());
  return logits;
}

TEST_P(ExportFamilies, EngineOnGgufComputesWhatPeftComputes) {
  const std::string gguf = Convert(golden_.WriteModel(folder_), "f32.gguf"), adapter = folder_ / "adapter.gguf";
  RunAdapter({golden_.WriteAdapter(folder_), gguf, TensorType::kF32, adapter, true});
  EXPECT_LT(Distance(EngineLogits(gguf, "", ActivationType::kF32, golden_.ids()), golden_.Values("logits")), kFamilyTolerance);
  EXPECT_LT(golden_.AdapterDistance(EngineLogits(gguf, adapter, ActivationType::kF32, golden_.ids())), kFamilyTolerance);
}

// As a phone runs it; blocks of eight bits round by a hundredth or so.
TEST_P(ExportFamilies, EngineOnQuantisedGgufIsNear) {
  const std::string gguf = Convert(golden_.WriteModel(folder_), "q8.gguf", TensorType::kQ8_0), adapter = folder_ / "adapter.gguf";
  RunAdapter({golden_.WriteAdapter(folder_), gguf, TensorType::kQ8_0, adapter, true});
  EXPECT_LT(MeanDistance(EngineLogits(gguf, "", ActivationType::kInt8, golden_.ids()), golden_.Values("logits")), 0.08);
  EXPECT_LT(golden_.AdapterDistance(EngineLogits(gguf, adapter, ActivationType::kInt8, golden_.ids())), 0.15);
}

INSTANTIATE_TEST_SUITE_P(, ExportFamilies, ::testing::ValuesIn(FamilyNames()), FamilyTestName);

}  // namespace
}  // namespace pith::testing
