// Exporting adapters with patterns, DoRA and a PiSSA start.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "export/commands.h"
#include "export/reference_logits.h"
#include "tests/adapters/random_adapter.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::Refusal;

const std::string kModel = std::string(PITH_TEST_GOLDEN) + "/tiny-llama", kGolden = std::string(PITH_TEST_GOLDEN) + "/adapters/";
constexpr double kLogitTolerance = 4e-5;  // as in export_test

class ExportKinds : public ::testing::Test {
 protected:
  ExportKinds() : folder_((fs::temp_directory_path() / ("pith-export-kinds-" + std::to_string(::getpid()))).string()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    ::setenv("XDG_CACHE_HOME", (folder_ + "/cache").c_str(), 1);
  }
  ~ExportKinds() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  // The fused model's logits against those that PEFT computed with the adapter.
  double Difference(const std::string& name, const std::string& fused) const {
    const auto golden = nlohmann::json::parse(ReadFile(kGolden + name + ".json"));
    const SafetensorsFile file(kGolden + name + ".safetensors");
    const auto base = BaseModel::Load(fused);
    const std::vector<float> got = ReferenceLogits(*base, nullptr, 0, golden["ids"].get<std::vector<int32_t>>());
    const SafeTensor* wanted = file.Find("logits");
    EXPECT_EQ(wanted->bytes, got.size() * sizeof(float));
    double worst = 0;
    for (size_t i = 0; i < got.size(); ++i) {
      float value;
      std::memcpy(&value, wanted->data + i * sizeof(float), sizeof value);
      worst = std::max(worst, static_cast<double>(std::abs(got[i] - value)));
    }
    return worst;
  }

  std::string folder_;
};

TEST_F(ExportKinds, FusedPatternsAndDoraComputeWhatPeftComputes) {
  RunConvert({kModel, {TensorType::kF32, {}}, Path("base.gguf")});
  for (const char* name : {"peft-patterns", "peft-dora"}) {
    for (const std::string& from : {kModel, Path("base.gguf")}) {  // rows in halves order, and interleaved
      RunFuse({kGolden + name, from, TensorType::kF32, {}, Path("fused.gguf")});
      EXPECT_LT(Difference(name, Path("fused.gguf")), kLogitTolerance) << name << " " << from;
    }
    RunFuse({kGolden + name, kModel, {}, {}, Path("fused"), false, false, true});
    EXPECT_LT(Difference(name, Path("fused")), 0.3) << name << ", in bf16";
  }
}

TEST_F(ExportKinds, DoraIsFusedOnly) {
  RunConvert({kModel, {TensorType::kF32, {}}, Path("base.gguf")});
  EXPECT_NE(Refusal([&] { RunAdapter({kGolden + "peft-dora", Path("base.gguf"), TensorType::kF16, Path("a.gguf"), false}); }).find("pith-export fuse"),
            std::string::npos);
  EXPECT_FALSE(FileExists(Path("a.gguf")));
}

TEST_F(ExportKinds, ReferenceTakesEachPairsScale) {
  const auto golden = nlohmann::json::parse(ReadFile(kGolden + "peft-patterns.json"));
  const SafetensorsFile file(kGolden + "peft-patterns.safetensors");
  const LoraAdapter adapter = ReadPeft(kGolden + "peft-patterns");
  const auto got = ReferenceLogits(*BaseModel::Load(kModel), &adapter, 0, golden["ids"].get<std::vector<int32_t>>());
  const auto* wanted = reinterpret_cast<const float*>(file.Find("logits")->data);
  for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], wanted[i], kLogitTolerance);
}

// A row of zeros has no direction to give a length to.
TEST_F(ExportKinds, DoraLeavesRowsOfZeros) {
  LoraAdapter adapter = testing::RandomAdapter(testing::TinyConfig(), 2, 4);
  adapter.dora = true;
  const auto base = BaseModel::Load(kModel);
  for (auto& [name, pair] : adapter.pairs) {
    pair.magnitude.assign(static_cast<size_t>(pair.out), 2.0f);
    const std::vector<float> w = base->LoadHalvesF32(name);
    // −W as the update: rank 2 cannot, but of one row it can.
    if (name != "blk.0.attn_v.weight") continue;
    for (int64_t i = 0; i < pair.in; ++i) {
      pair.a[static_cast<size_t>(i)] = -w[static_cast<size_t>(3 * pair.in + i)];
      pair.a[static_cast<size_t>(pair.in + i)] = 0;
    }
    pair.alpha = 2;  // s = 1
    pair.b[3 * 2] = 1;
    pair.b[3 * 2 + 1] = 0;
  }
  WritePeft(adapter, Path("dora"));
  RunFuse({Path("dora"), kModel, TensorType::kF32, {}, Path("fused.gguf")});
  const auto fused = BaseModel::Load(Path("fused.gguf"));
  const std::vector<float> w = fused->LoadHalvesF32("blk.0.attn_v.weight");
  for (int64_t row = 0; row < 32; ++row) {
    double squares = 0;
    for (int64_t i = 0; i < 64; ++i) squares += std::pow(w[static_cast<size_t>(row * 64 + i)], 2);
    EXPECT_NEAR(std::sqrt(squares), row == 3 ? 0 : 2, 1e-5) << row;
  }
}

}  // namespace
}  // namespace pith
