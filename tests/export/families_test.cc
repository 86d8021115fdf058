// Every family against transformers and PEFT: from the folder, and from the GGUF that is made of it.
#include <gtest/gtest.h>

#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "adapters/packed_adapter.h"
#include "export/commands.h"
#include "export/reference_logits.h"
#include "runtime/engine.h"
#include "tests/families/family_golden.h"

namespace pith::testing {
namespace {

using Adapter = FamilyGolden::Adapter;
using Config = FamilyGolden::Config;

class ExportFamilies : public ::testing::TestWithParam<std::string> {
 protected:
  ExportFamilies() : golden_(GetParam()) { ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1); }

  std::string Convert(const std::string& base, const std::string& name) {
    RunConvert({base, {TensorType::kF32, {}}, folder_ / name});
    return folder_ / name;
  }
  double ReferenceDistance(const std::string& path) const {
    return Distance(ReferenceLogits(*BaseModel::Load(path), nullptr, 0, golden_.ids()), golden_.Values("logits"));
  }
  double ReferenceDistance(const std::string& path, Adapter kind) const {
    const LoraAdapter adapter = golden_.ReadAdapter(folder_, kind);
    return Distance(golden_.Last(ReferenceLogits(*BaseModel::Load(path), &adapter, 0, golden_.ids()), kind), golden_.LastLogits(kind));
  }

  FamilyGolden golden_;
  TempFolder folder_;
};

TEST_P(ExportFamilies, FolderComputesWhatTransformersComputes) {
  EXPECT_LT(ReferenceDistance(golden_.WriteModel(folder_, Config::kNow)), kFamilyTolerance);
  EXPECT_LT(ReferenceDistance(golden_.WriteModel(folder_, Config::kHub)), kFamilyTolerance) << "with config.json as published";
}

TEST_P(ExportFamilies, AdapterComputesWhatPeftComputes) {
  const std::string model = golden_.WriteModel(folder_);
  EXPECT_LT(ReferenceDistance(model, Adapter::kWhole), kFamilyTolerance);
  if (golden_.Has(Adapter::kSplit)) {
    EXPECT_LT(ReferenceDistance(model, Adapter::kSplit), kFamilyTolerance);
  }
}

TEST_P(ExportFamilies, GgufComputesWhatTransformersComputes) {
  const std::string gguf = Convert(golden_.WriteModel(folder_), "f32.gguf");
  EXPECT_LT(ReferenceDistance(gguf), kFamilyTolerance);
  EXPECT_LT(ReferenceDistance(gguf, Adapter::kWhole), kFamilyTolerance);
  if (golden_.Has(Adapter::kSplit)) {
    EXPECT_LT(ReferenceDistance(gguf, Adapter::kSplit), kFamilyTolerance);
  }
  const std::string again = Convert(gguf, "again.gguf");
  EXPECT_EQ(BaseModel::Load(again)->Identity(), BaseModel::Load(gguf)->Identity());
  EXPECT_LT(ReferenceDistance(again), kFamilyTolerance);
}

TEST_P(ExportFamilies, FusedModelComputesWhatPeftComputes) {
  const std::string model = golden_.WriteModel(folder_);
  golden_.ReadAdapter(folder_, Adapter::kWhole);  // writes its folder
  const auto difference = [&](const std::string& path) {
    const std::vector<float> logits = ReferenceLogits(*BaseModel::Load(path), nullptr, 0, golden_.ids());
    return Distance(golden_.Last(logits, Adapter::kWhole), golden_.LastLogits(Adapter::kWhole));
  };
  RunFuse({folder_ / "adapter", model, TensorType::kF32, {}, folder_ / "fused.gguf", true});
  EXPECT_LT(difference(folder_ / "fused.gguf"), kFamilyTolerance);
  RunFuse({folder_ / "adapter", model, {}, {}, folder_ / "fused", true});
  EXPECT_LT(difference(folder_ / "fused"), 0.04) << "in bf16";
}

// The engine over the GGUF, with the adapter from a GGUF too.
TEST_P(ExportFamilies, EngineOnGgufComputesWhatPeftComputes) {
  const std::string gguf = Convert(golden_.WriteModel(folder_), "f32.gguf");
  golden_.ReadAdapter(folder_, Adapter::kWhole);
  RunAdapter({folder_ / "adapter", gguf, TensorType::kF32, folder_ / "adapter.gguf", true});
  EngineOptions options;
  options.activations = ActivationType::kF32;
  options.kv_type = KvType::kF32;
  options.kv_tokens = 128;
  Engine engine(BaseModel::Load(gguf), options);
  const auto run = [&](AdapterRef adapter) {
    const SequenceId sequence = engine.NewSequence();
    engine.SetAdapter(sequence, adapter);
    std::vector<ForwardRow> rows;
    for (const int32_t id : golden_.ids()) rows.push_back({sequence, id, true});
    std::vector<float> logits(rows.size() * static_cast<size_t>(engine.config().vocab_size));
    engine.Forward(rows, logits.data());
    return logits;
  };
  EXPECT_LT(Distance(run(nullptr), golden_.Values("logits")), kFamilyTolerance);
  const std::vector<float> adapted = run(PackedAdapter::FromGguf(folder_ / "adapter.gguf", engine.config()));
  EXPECT_LT(Distance(golden_.Last(adapted, Adapter::kWhole), golden_.LastLogits(Adapter::kWhole)), kFamilyTolerance);
}

INSTANTIATE_TEST_SUITE_P(, ExportFamilies, ::testing::ValuesIn(FamilyNames()), FamilyTestName);

}  // namespace
}  // namespace pith::testing
