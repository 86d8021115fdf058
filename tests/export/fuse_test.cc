// Adapters packed for their base, and fused into it.
#include "base/safetensors.h"
#include "data/text/tokenizer.h"
#include "export/activation_difference.h"
#include "export/reference_logits.h"
#include "tests/export/export_fixture.h"

namespace pith {
namespace {

TEST_F(ExportTest, AdapterForItsBaseAlone) {
  const std::string base_path = Convert(TensorType::kQ4_0, "base.gguf"), other = Convert(TensorType::kQ8_0, "other.gguf");
  const auto base = BaseModel::Load(base_path);
  LoraAdapter adapter = testing::RandomAdapter(base->config(), 32, 1);
  adapter.base_sha256 = base->Identity();
  adapter.budget = AdapterBudget{64, 8, "so ", "Use {budget} tokens."};
  WritePeft(adapter, Path("peft"));
  for (const TensorType type : {TensorType::kF16, TensorType::kQ8_0, TensorType::kQ4_0}) {
    RunAdapter({Path("peft"), base_path, type, Path("adapter.gguf"), false});
    const auto packed = PackedAdapter::FromGguf(Path("adapter.gguf"), base->config());
    EXPECT_EQ(packed->pair(1, 0).b.type, type);
    EXPECT_EQ(packed->base_sha256(), base->Identity());
    EXPECT_EQ(packed->budget(), adapter.budget);
    CheckSameBase(*packed, base->Identity(), false);
    const auto direct = PackedAdapter::FromLora(adapter, base->config(), type);
    EXPECT_EQ(packed->pair(1, 0).b.ToF32(), direct->pair(1, 0).b.ToF32());
  }
  fs::remove(Path("adapter.gguf"));
  EXPECT_NE(Refusal([&] { RunAdapter({Path("peft"), other, TensorType::kF16, Path("adapter.gguf"), false}); }).find("--any-base"), std::string::npos);
  EXPECT_NE(Refusal([&] { RunAdapter({Path("peft"), kModel, TensorType::kF16, Path("adapter.gguf"), true}); }).find("convert"), std::string::npos);
  EXPECT_FALSE(FileExists(Path("adapter.gguf")));
  RunAdapter({Path("peft"), other, TensorType::kF16, Path("adapter.gguf"), true});
  EXPECT_EQ(PackedAdapter::FromGguf(Path("adapter.gguf"), base->config())->base_sha256(), base->Identity()) << "the base it was trained on";
  RunAdapter({kLora, other, TensorType::kF16, Path("adapter.gguf"), false});  // names no base: the one given is taken
  EXPECT_EQ(PackedAdapter::FromGguf(Path("adapter.gguf"), base->config())->base_sha256(), BaseModel::Load(other)->Identity());
}

// W + s·B·A by the definition, in double precision, halves order.
std::vector<double> Fused(const BaseModel& base, const LoraAdapter& adapter, const std::string& name) {
  const std::vector<float> w = base.LoadHalvesF32(name);
  std::vector<double> sum(w.begin(), w.end());
  const auto found = adapter.pairs.find(name);
  if (found == adapter.pairs.end()) return sum;
  const LoraPair& pair = found->second;
  for (int64_t o = 0; o < pair.out; ++o) {
    for (int64_t i = 0; i < pair.in; ++i) {
      double product = 0;
      for (int64_t r = 0; r < pair.rank; ++r) product += static_cast<double>(pair.b[static_cast<size_t>(o * pair.rank + r)]) * pair.a[static_cast<size_t>(r * pair.in + i)];
      sum[static_cast<size_t>(o * pair.in + i)] += adapter.scale() * product;
    }
  }
  return sum;
}

TEST_F(ExportTest, FusedIsTheSum) {
  const std::string q4 = Convert(TensorType::kQ4_1, "q4.gguf");
  const LoraAdapter lora = ReadPeft(kLora);
  for (const std::string& from : {kModel, q4}) {
    const auto base = BaseModel::Load(from);
    RunFuse({kLora, from, TensorType::kF32, {}, Path("fused.gguf")});
    const auto fused = BaseModel::Load(Path("fused.gguf"));
    EXPECT_NE(fused->Identity(), base->Identity());
    for (const std::string& name : base->names()) {
      const std::vector<double> truth = Fused(*base, lora, name);
      const std::vector<float> got = fused->LoadHalvesF32(name);
      for (size_t i = 0; i < truth.size(); ++i) ASSERT_NEAR(got[i], truth[i], 1e-6 * (1 + std::abs(truth[i]))) << name;
    }
    // Quantised: exactly the quantised sum.
    RunFuse({kLora, from, TensorType::kQ8_0, {}, Path("fused8.gguf")});
    const auto fused8 = BaseModel::Load(Path("fused8.gguf"));
    for (const std::string& name : base->names()) {
      std::vector<float> truth = fused->LoadHalvesF32(name);
      if (fused8->Tensor(name).rows > 1) {
        std::vector<uint8_t> bytes(RowBytes(TensorType::kQ8_0, static_cast<int64_t>(truth.size())));
        Quantise(TensorType::kQ8_0, truth.data(), bytes.data(), static_cast<int64_t>(truth.size()));
        Dequantise(TensorType::kQ8_0, bytes.data(), truth.data(), static_cast<int64_t>(truth.size()));
      }
      EXPECT_EQ(fused8->LoadHalvesF32(name), truth) << name;
    }
  }
  RunFuse({kLora, kModel, TensorType::kF32, {}, Path("fused.gguf")});
  const auto fused = BaseModel::Load(Path("fused.gguf"));
  for (const auto& sequence : GoldenSequences()) {
    ExpectLogits(ReferenceLogits(*fused, nullptr, 0, sequence["ids"].get<std::vector<int32_t>>()), sequence["lora"], kLogitTolerance);
  }
}

TEST_F(ExportTest, FusedFolderIsAModelAgain) {
  RunFuse({kLora, kModel, {}, {}, Path("fused")});
  RunFuse({kLora, kModel, TensorType::kBF16, {}, Path("fused"), false, false, /*overwrite=*/true});  // replaced
  const auto base = BaseModel::Load(kModel), fused = BaseModel::Load(Path("fused"));
  const LoraAdapter lora = ReadPeft(kLora);
  for (const std::string& name : base->names()) {
    const std::vector<double> truth = Fused(*base, lora, name);
    const std::vector<float> got = fused->LoadHalvesF32(name);
    for (size_t i = 0; i < truth.size(); ++i) ASSERT_NEAR(got[i], truth[i], std::abs(truth[i]) / 256 + 1e-7) << name;  // bf16: 8 bits
  }
  EXPECT_EQ(Tokenizer::Load(Path("fused"))->vocab_size(), 320);
  const std::string gguf = Convert(TensorType::kF16, "base.gguf");
  EXPECT_NE(Refusal([&] { RunFuse({kLora, gguf, {}, {}, Path("other")}); }).find("Hugging Face base"), std::string::npos);
  EXPECT_NE(Refusal([&] { RunFuse({kLora, kModel, TensorType::kQ4_0, {}, Path("other")}); }).find("bf16"), std::string::npos);
  EXPECT_NE(Refusal([&] { RunFuse({kLora, kModel, {}, {}, Path("x.gguf")}); }).find("--type"), std::string::npos);
  EXPECT_FALSE(fs::exists(Path("other")));
}

// The configuration says tied, the file has another head: the folder that is written says what it holds, to every reader.
TEST_F(ExportTest, AFusedFolderSaysWhetherItsHeadIsTied) {
  fs::copy(kModel, Path("model"));
  const SafetensorsFile file(kModel + "/model.safetensors");
  std::vector<SafeTensorToWrite> tensors;
  for (const auto& [name, tensor] : file.tensors()) tensors.push_back({name, tensor.shape, tensor.type, tensor.data});
  const SafeTensor& embedding = *file.Find("model.embed_tokens.weight");
  const std::vector<uint8_t> head(embedding.bytes, 0x3c);
  tensors.push_back({"lm_head.weight", embedding.shape, embedding.type, head.data()});
  WriteSafetensors(Path("model/model.safetensors"), tensors);
  RunFuse({kLora, Path("model"), {}, {}, Path("fused")});
  EXPECT_EQ(nlohmann::json::parse(ReadFile(Path("fused/config.json")))["tie_word_embeddings"], false);
  const auto base = BaseModel::Load(Path("model")), fused = BaseModel::Load(Path("fused"));
  EXPECT_EQ(fused->LoadHalvesF32("output.weight"), base->LoadHalvesF32("output.weight"));
  RunFuse({kLora, kModel, {}, {}, Path("tied")});
  EXPECT_EQ(nlohmann::json::parse(ReadFile(Path("tied/config.json")))["tie_word_embeddings"], true);
}

TEST_F(ExportTest, InvocationAdaptersAreFusedOnDemandOnly) {
  const FuseOptions options{kAlora, kModel, TensorType::kF32, {}, Path("fused.gguf")};
  EXPECT_NE(Refusal([&] { RunFuse(options); }).find("--allow-always"), std::string::npos);
  EXPECT_FALSE(FileExists(Path("fused.gguf")));
  FuseOptions allowed = options;
  allowed.allow_always = true;
  ::testing::internal::CaptureStderr();
  RunFuse(allowed);
  const std::string report = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(report.find("acts on the prompt too"), std::string::npos) << report;

  // The figures are those of the fused file against PEFT's activated adapter.
  const auto base = BaseModel::Load(kModel), fused = BaseModel::Load(Path("fused.gguf"));
  const LoraAdapter alora = ReadPeft(kAlora);
  const nlohmann::json sequence = GoldenSequences()[0];
  const auto ids = sequence["ids"].get<std::vector<int32_t>>();
  const int64_t begin = LastMatch(ids, alora.invocation);
  const ActivationDifference measured = MeasureActivationDifference(*base, alora, ids, begin);
  const std::vector<float> always = ReferenceLogits(*fused, nullptr, 0, ids);
  double total = 0, largest = 0;
  for (size_t t = static_cast<size_t>(begin); t < ids.size(); ++t) {
    for (size_t v = 0; v < 320; ++v) {
      const double difference = std::abs(always[t * 320 + v] - sequence["alora"][t][v].get<double>());
      total += difference / (static_cast<double>(ids.size() - static_cast<size_t>(begin)) * 320);
      largest = std::max(largest, difference);
    }
  }
  EXPECT_GT(largest, 0.1);
  EXPECT_NEAR(measured.mean_abs, total, 1e-4);
  EXPECT_NEAR(measured.max_abs, largest, 1e-4);
  EXPECT_GT(measured.kl, 0);
  EXPECT_EQ(MeasureActivationDifference(*base, alora, ids, 0).max_abs, 0) << "nothing before the invocation: no difference";
}

}  // namespace
}  // namespace pith
