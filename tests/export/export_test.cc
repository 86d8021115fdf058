#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/base_identity.h"
#include "base/file.h"
#include "base/safetensors.h"
#include "data/text/tokenizer.h"
#include "export/activation_difference.h"
#include "export/commands.h"
#include "export/reference_logits.h"
#include "tests/adapters/random_adapter.h"

namespace pith {
namespace {

namespace fs = std::filesystem;
using testing::Refusal;

const std::string kGolden = PITH_TEST_GOLDEN;
const std::string kModel = kGolden + "/tiny-llama", kLora = kGolden + "/tiny-lora", kAlora = kGolden + "/tiny-alora";
// Logits of size 1 to 6 through 2 layers of width 64, all sums in float32 in another order: ~100 roundings of 6e-8 · 6.
constexpr double kLogitTolerance = 4e-5;

class ExportTest : public ::testing::Test {
 protected:
  ExportTest() : folder_((fs::temp_directory_path() / ("pith-export-" + std::to_string(::getpid()))).string()) {
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    ::setenv("XDG_CACHE_HOME", (folder_ + "/cache").c_str(), 1);
  }
  ~ExportTest() override { fs::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  std::string Convert(TensorType type, const std::string& name, std::optional<TensorType> head = {}) {
    RunConvert({kModel, {type, head}, Path(name)});
    return Path(name);
  }

  std::string folder_;
};

nlohmann::json GoldenSequences() { return nlohmann::json::parse(ReadFile(kGolden + "/tiny-logits.json"))["sequences"]; }

int64_t LastMatch(const std::vector<int32_t>& ids, const std::vector<int32_t>& wanted) {
  for (auto at = static_cast<int64_t>(ids.size() - wanted.size()); at >= 0; --at) {
    if (std::equal(wanted.begin(), wanted.end(), ids.begin() + at)) return at;
  }
  return static_cast<int64_t>(ids.size());
}

void ExpectLogits(const std::vector<float>& got, const nlohmann::json& rows, double tolerance) {
  ASSERT_EQ(got.size(), rows.size() * rows[0].size());
  double largest = 0;
  for (size_t t = 0; t < rows.size(); ++t) {
    for (size_t v = 0; v < rows[t].size(); ++v) {
      largest = std::max(largest, std::abs(got[t * rows[t].size() + v] - rows[t][v].get<double>()));
    }
  }
  EXPECT_LT(largest, tolerance);
}

TEST_F(ExportTest, ConvertedModelComputesWhatTransformersComputes) {
  const std::string gguf = Convert(TensorType::kF32, "f32.gguf");
  const LoraAdapter lora = ReadPeft(kLora), alora = ReadPeft(kAlora);
  for (const std::string& path : {kModel, gguf}) {
    const auto base = BaseModel::Load(path);
    for (const auto& sequence : GoldenSequences()) {
      const auto ids = sequence["ids"].get<std::vector<int32_t>>();
      ExpectLogits(ReferenceLogits(*base, nullptr, 0, ids), sequence["base"], kLogitTolerance);
      ExpectLogits(ReferenceLogits(*base, &lora, 0, ids), sequence["lora"], kLogitTolerance);
      ExpectLogits(ReferenceLogits(*base, &alora, LastMatch(ids, alora.invocation), ids), sequence["alora"], kLogitTolerance);
    }
  }
}

TEST_F(ExportTest, EachTypeIsTheQuantisedOriginal) {
  const auto original = BaseModel::Load(kModel);
  for (const TensorType type : {TensorType::kF32, TensorType::kF16, TensorType::kBF16, TensorType::kQ8_0, TensorType::kQ4_0, TensorType::kQ4_1,
                                TensorType::kQ5_0, TensorType::kQ5_1, TensorType::kIQ4_NL}) {
    const auto base = BaseModel::Load(Convert(type, "out.gguf"));
    const bool four_bits = IsFourBit(type);
    EXPECT_EQ(base->config().rope, RopeLayout::kInterleaved);
    EXPECT_TRUE(base->config().tied_embeddings);
    std::map<std::string, TensorView, std::less<>> views;
    for (const std::string& name : original->names()) {
      const TensorView view = base->Tensor(name);
      views.emplace(name, view);
      const TensorType expected = view.rows == 1 ? TensorType::kF32 : name != "token_embd.weight" ? type : four_bits ? TensorType::kQ8_0 : type;
      ASSERT_EQ(view.type, expected) << name;
      std::vector<float> truth = original->LoadHalvesF32(name);
      std::vector<uint8_t> bytes(RowBytes(view.type, view.rows * view.cols));
      Quantise(view.type, truth.data(), bytes.data(), static_cast<int64_t>(truth.size()));
      Dequantise(view.type, bytes.data(), truth.data(), static_cast<int64_t>(truth.size()));
      EXPECT_EQ(base->LoadHalvesF32(name), truth) << TypeName(type) << " " << name;
    }
    EXPECT_EQ(base->gguf()->Get<std::string>("pith.base.sha256"), HashTensors(views));
    EXPECT_EQ(base->gguf()->Get<std::string>("pith.base.tree_sha256"), HashTensorTree(views, HashTensors(views)));
    EXPECT_EQ(base->Identity(), HashTensors(views));
  }
  EXPECT_EQ(BaseModel::Load(Convert(TensorType::kQ4_0, "out.gguf", TensorType::kF16))->Tensor("token_embd.weight").type, TensorType::kF16);
}

TEST_F(ExportTest, QueryRowsAreInterleaved) {
  const auto original = BaseModel::Load(kModel), base = BaseModel::Load(Convert(TensorType::kBF16, "out.gguf"));
  for (const char* name : {"blk.1.attn_q.weight", "blk.1.attn_k.weight", "blk.1.attn_v.weight"}) {
    const TensorView from = original->Tensor(name), to = base->Tensor(name);
    const bool rotated = std::string(name).find("attn_v") == std::string::npos;
    for (int64_t row = 0; row < to.rows; ++row) {
      const int64_t head = row / 16 * 16, in_head = row % 16, source = rotated ? head + in_head / 2 + in_head % 2 * 8 : row;
      EXPECT_EQ(std::memcmp(to.row(row), from.row(source), to.row_bytes()), 0) << name << " row " << row;
    }
  }
}

TEST_F(ExportTest, TokenizerAndTemplateTravel) {
  const std::string gguf = Convert(TensorType::kQ8_0, "out.gguf");
  const auto from = Tokenizer::Load(kModel), to = Tokenizer::Load(gguf);
  EXPECT_EQ(to->vocab_size(), 320);
  EXPECT_EQ(to->eos_id(), 2);
  for (const std::string& text : {std::string("<|im_start|>user\nTom has 1234 apples.<|im_end|>\n"), std::string("Größe 😀 \n\n  x"), std::string("don't")}) {
    const auto ids = from->Encode(text, SpecialTokens::kParse);
    EXPECT_EQ(to->Encode(text, SpecialTokens::kParse), ids);
    EXPECT_EQ(to->Encode(text), from->Encode(text));
    EXPECT_EQ(to->Decode(ids, true), text);
  }
  const GgufFile file(gguf);
  EXPECT_EQ(file.Get<std::string>("tokenizer.ggml.pre"), "smollm");
  EXPECT_EQ(file.Get<int64_t>("tokenizer.ggml.bos_token_id"), 1);
  EXPECT_EQ(file.Get<int64_t>("tokenizer.ggml.padding_token_id"), 2);
  EXPECT_EQ(file.Get<int64_t>("general.file_type"), 7);
  EXPECT_EQ(file.Get<std::string>("tokenizer.chat_template"), ReadFile(kModel + "/chat_template.jinja"));
  // From that GGUF to another: all of it again.
  RunConvert({gguf, {TensorType::kF16, {}}, Path("again.gguf")});
  const GgufFile again(Path("again.gguf"));
  EXPECT_EQ(again.Get<int64_t>("general.file_type"), 1);
  ASSERT_EQ(again.entries().size(), file.entries().size());
  for (size_t i = 0; i < file.entries().size(); ++i) {
    const GgufEntry &entry = file.entries()[i], &copy = again.entries()[i];
    EXPECT_EQ(copy.key, entry.key);
    if (entry.key == "general.file_type" || entry.key.starts_with("pith.base.")) continue;
    EXPECT_TRUE(copy.type == entry.type && std::ranges::equal(copy.bytes, entry.bytes)) << entry.key;
  }
}

TEST_F(ExportTest, SameTypeKeepsBytesAndIdentity) {
  const std::string first = Convert(TensorType::kQ4_1, "first.gguf");
  RunConvert({first, {TensorType::kQ4_1, {}}, Path("second.gguf")});
  const auto a = BaseModel::Load(first), b = BaseModel::Load(Path("second.gguf"));
  EXPECT_EQ(a->Identity(), b->Identity());
  RunConvert({first, {TensorType::kQ4_0, {}}, Path("third.gguf")});
  EXPECT_NE(a->Identity(), BaseModel::Load(Path("third.gguf"))->Identity());
}

TEST_F(ExportTest, SurplusRowsOfTheEmbeddingAreUnusedTokens) {
  fs::copy(kModel, Path("model"));
  auto tokenizer = nlohmann::json::parse(ReadFile(kModel + "/tokenizer.json"));
  auto& merges = tokenizer["model"]["merges"];
  std::string joined;  // the last merge yields the last token
  const nlohmann::json last = merges.back();
  if (last.is_array()) {
    joined = last[0].get<std::string>() + last[1].get<std::string>();
  } else {
    joined = last.get<std::string>();
    joined.erase(joined.find(' '), 1);
  }
  ASSERT_EQ(tokenizer["model"]["vocab"].erase(joined), 1u);
  merges.erase(merges.size() - 1);
  WriteFile(Path("model/tokenizer.json"), tokenizer.dump());
  RunConvert({Path("model"), {TensorType::kF16, {}}, Path("out.gguf")});
  const GgufFile file(Path("out.gguf"));
  EXPECT_EQ(file.Get<std::vector<std::string>>("tokenizer.ggml.tokens").at(319), "[PAD319]");
  EXPECT_EQ(file.Get<std::vector<int64_t>>("tokenizer.ggml.token_type").at(319), 5);
  tokenizer["added_tokens"].push_back({{"id", 319}, {"content", "<|last|>"}, {"special", true}});
  tokenizer["added_tokens"].push_back({{"id", 320}, {"content", "<|extra|>"}, {"special", true}});
  WriteFile(Path("model/tokenizer.json"), tokenizer.dump());
  EXPECT_NE(Refusal([&] { RunConvert({Path("model"), {TensorType::kF16, {}}, Path("other.gguf")}); }).find("321 tokens"), std::string::npos);
  EXPECT_FALSE(FileExists(Path("other.gguf")));
}

TEST_F(ExportTest, NestedTokenizerSettingsAreRefused) {
  std::filesystem::copy(kModel, Path("deep"));
  WriteFile(Path("deep/tokenizer_config.json"), "{\"added\": " + std::string(200'000, '[') + std::string(200'000, ']') + "}");
  const std::string refusal = Refusal([&] { RunConvert({Path("deep"), {TensorType::kF16, {}}, Path("deep.gguf")}); });
  EXPECT_NE(refusal.find("tokenizer_config.json' nests lists and objects more than 64 deep"), std::string::npos) << refusal;
  EXPECT_FALSE(FileExists(Path("deep.gguf")));
}

TEST_F(ExportTest, ASplitBaseGivesWhatTheWholeOneGives) {
  const GgufFile whole(Convert(TensorType::kF32, "whole.gguf"));
  const std::string parts[] = {Path("m-00001-of-00002.gguf"), Path("m-00002-of-00002.gguf")};
  for (size_t part = 0; part < 2; ++part) {
    GgufWriter writer;
    if (part == 0) writer.CopyMetadata(whole);
    writer.Set("split.no", static_cast<int64_t>(part));
    writer.Set("split.count", int64_t{2});
    for (size_t i = part; i < whole.tensors().size(); i += 2) writer.Add(whole.tensors()[i].name, whole.Tensor(whole.tensors()[i].name));
    writer.Write(parts[part]);
  }
  RunConvert({whole.path(), {TensorType::kQ8_0, {}}, Path("of-whole.gguf")});
  for (const std::string& part : parts) {
    RunConvert({part, {TensorType::kQ8_0, {}}, Path("of-part.gguf")});
    EXPECT_EQ(ReadFile(Path("of-part.gguf")), ReadFile(Path("of-whole.gguf")));
    EXPECT_EQ(Tokenizer::Load(part)->vocab_size(), 320);
  }
  RunAdapter({kLora, parts[1], TensorType::kF16, Path("adapter.gguf"), false});
  const auto base = BaseModel::Load(whole.path());
  EXPECT_EQ(PackedAdapter::FromGguf(Path("adapter.gguf"), base->config())->base_sha256(), base->Identity());
  const std::string refusal = Refusal([&] { RunConvert({parts[0], {TensorType::kQ8_0, {}}, parts[1]}); });
  EXPECT_NE(refusal.find("m-00002-of-00002.gguf' is the input itself"), std::string::npos) << refusal;
}

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

std::vector<int32_t> Ends(const std::string& path) {
  const auto tokenizer = Tokenizer::Load(path);
  std::vector<int32_t> ends(tokenizer->end_ids().begin(), tokenizer->end_ids().end());
  std::sort(ends.begin(), ends.end());
  return ends;
}

class EndsTravel : public ExportTest {
 protected:
  // The tiny model with these files in place of its own.
  std::string Model(const std::string& generation_config, const std::string& tokenizer_config = "") {
    const std::string folder = Path("ends");
    fs::remove_all(folder);
    fs::copy(kModel, folder);
    fs::remove(folder + "/generation_config.json");
    if (!generation_config.empty()) WriteFile(folder + "/generation_config.json", generation_config);
    if (!tokenizer_config.empty()) WriteFile(folder + "/tokenizer_config.json", tokenizer_config);
    return folder;
  }
};

TEST_F(EndsTravel, IntoAGguf) {
  const std::string model = Model(R"({"eos_token_id": [5, 2, 0, 9]})"), gguf = Path("ends.gguf");
  RunConvert({model, {TensorType::kQ8_0, {}}, gguf});
  EXPECT_EQ(Ends(gguf), (std::vector<int32_t>{0, 2, 5, 9}));
  {
    const GgufFile file(gguf);
    EXPECT_EQ(file.Get<int64_t>("tokenizer.ggml.eos_token_id"), 2);
    EXPECT_EQ(file.Get<int64_t>("tokenizer.ggml.eot_token_id"), 5) << "llama.cpp knows <|endoftext|> by its text, these by keys alone";
    EXPECT_EQ(file.Get<int64_t>("tokenizer.ggml.eom_token_id"), 9);
    EXPECT_EQ(file.Get<std::vector<int64_t>>("tokenizer.ggml.eos_token_ids"), (std::vector<int64_t>{2, 5, 0, 9}));
  }
  RunFuse({kLora, model, TensorType::kF16, {}, Path("fused.gguf")});
  EXPECT_EQ(Ends(Path("fused.gguf")), Ends(gguf));
  RunConvert({gguf, {TensorType::kF16, {}}, Path("again.gguf")});
  EXPECT_EQ(Ends(Path("again.gguf")), Ends(gguf));

  // More than llama.cpp has keys for: pith stops at all, and says what llama.cpp will not do.
  ::testing::internal::CaptureStderr();
  RunConvert({Model(R"({"eos_token_id": [2, 5, 9, 11]})"), {TensorType::kQ8_0, {}}, gguf});
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("(token 11)"), std::string::npos);
  EXPECT_EQ(Ends(gguf), (std::vector<int32_t>{0, 2, 5, 9, 11}));
}

TEST_F(EndsTravel, AGgufAlwaysNamesAnEos) {
  const std::string model = Model("", "{}");
  WriteFile(model + "/config.json", std::regex_replace(ReadFile(model + "/config.json"), std::regex("\"eos_token_id\": 2,"), ""));
  RunConvert({model, {TensorType::kQ8_0, {}}, Path("ends.gguf")});
  EXPECT_EQ(GgufFile(Path("ends.gguf")).Get<int64_t>("tokenizer.ggml.eos_token_id"), 0) << "llama.cpp would take id 11";
  EXPECT_EQ(Ends(Path("ends.gguf")), Ends(model));
}

TEST_F(EndsTravel, IntoAFolder) {
  const auto fused = [&](const std::string& model) {
    fs::remove_all(Path("fused"));
    RunFuse({kLora, model, {}, {}, Path("fused")});
    EXPECT_EQ(Ends(Path("fused")), Ends(model));
    return ReadFile(Path("fused/generation_config.json"));
  };
  const std::string all = "{\"temperature\": 0.5,   \"eos_token_id\": [0, 2]}";
  EXPECT_EQ(fused(Model(all)), all) << "as it was";
  // transformers stops by this file alone: what only tokenizer_config.json or a token's text says is added, the rest stays.
  const auto extended = nlohmann::json::parse(fused(Model(R"({"temperature": 0.5, "eos_token_id": 7})")));
  EXPECT_EQ(extended, (nlohmann::json{{"temperature", 0.5}, {"eos_token_id", {7, 2, 0}}}));
  const auto made = nlohmann::json::parse(fused(Model("")));
  EXPECT_EQ(made, (nlohmann::json{{"bos_token_id", 1}, {"eos_token_id", {2, 0}}, {"pad_token_id", 2}})) << "where there is none, from config.json";
}

// What Python's json writes and reads beyond the standard.
TEST_F(EndsTravel, FromFilesOfPython) {
  const auto with = [](std::string json) { return json.insert(json.find('{') + 1, "\"loss\": NaN, \"loss\": [-Infinity, Infinity], "); };
  const std::string model = Model(R"({"eos_token_id": 5, "eos_token_id": [9], "temperature": NaN})", with(ReadFile(kModel + "/tokenizer_config.json")));
  for (const char* name : {"/config.json", "/tokenizer.json"}) WriteFile(model + name, with(ReadFile(model + name)));
  RunConvert({model, {TensorType::kQ8_0, {}}, Path("ends.gguf")});
  EXPECT_EQ(Ends(Path("ends.gguf")), (std::vector<int32_t>{0, 2, 9}));
  RunFuse({kLora, model, {}, {}, Path("fused")});
  EXPECT_EQ(Ends(Path("fused")), (std::vector<int32_t>{0, 2, 9}));
  EXPECT_EQ(nlohmann::json::parse(ReadFile(Path("fused/config.json")))["hidden_size"], 64);
}

TEST_F(ExportTest, AnAddedTokenMayHaveAnotherIdThanItsFileSays) {
  fs::copy(kModel, Path("model"));
  auto json = nlohmann::json::parse(ReadFile(kModel + "/tokenizer.json"));
  json["added_tokens"].push_back({{"id", 330}, {"content", "a"}, {"special", false}, {"normalized", false}});
  WriteFile(Path("model/tokenizer.json"), json.dump());
  RunConvert({Path("model"), {TensorType::kQ8_0, {}}, Path("out.gguf")});
  const auto from = Tokenizer::Load(Path("model")), to = Tokenizer::Load(Path("out.gguf"));
  for (const char* text : {"banana and bread", "a"}) EXPECT_EQ(to->Encode(text), from->Encode(text));
  EXPECT_EQ(to->Encode("a"), std::vector<int32_t>{67});
}

TEST_F(ExportTest, NeverWritesOntoItsInput) {
  const std::string base = Convert(TensorType::kF16, "base.gguf"), before = ReadFile(base);
  fs::create_symlink(base, Path("link.gguf"));
  for (const std::string& out : {base, Path("link.gguf"), Path("./base.gguf")}) {
    EXPECT_NE(Refusal([&] { RunConvert({base, {TensorType::kQ8_0, {}}, out}); }).find("the input itself"), std::string::npos);
    EXPECT_NE(Refusal([&] { RunFuse({kLora, base, TensorType::kQ8_0, {}, out}); }).find("the input itself"), std::string::npos);
    EXPECT_NE(Refusal([&] { RunAdapter({kLora, base, TensorType::kQ8_0, out, false}); }).find("the input itself"), std::string::npos);
  }
  fs::copy(kModel, Path("model"));
  EXPECT_NE(Refusal([&] { RunFuse({kLora, Path("model"), {}, {}, Path("model")}); }).find("the input itself"), std::string::npos);
  EXPECT_EQ(ReadFile(base), before);
  EXPECT_NE(Refusal([&] { RunConvert({base, {TensorType::kQ8_0, {}}, folder_}); }), "");
  // Nor onto a file of a folder that it reads, or the results that go into the card.
  const std::string config = ReadFile(Path("model/config.json"));
  fs::copy(kLora, Path("lora"));
  for (const char* file : {"model/config.json", "model/tokenizer.json", "model/model.safetensors"}) {
    EXPECT_NE(Refusal([&] { RunConvert({Path("model"), {TensorType::kQ8_0, {}}, Path(file)}); }).find("input"), std::string::npos) << file;
  }
  for (const char* file : {"lora/adapter_config.json", "lora/adapter_model.safetensors"}) {
    EXPECT_NE(Refusal([&] { RunAdapter({Path("lora"), base, TensorType::kQ8_0, Path(file), false}); }).find("is a file of the input"), std::string::npos) << file;
  }
  WriteFile(Path("results.json"), "[]");
  EXPECT_NE(Refusal([&] { RunAdapter({kLora, base, TensorType::kQ8_0, Path("results.json"), false, Path("results.json")}); }).find("the input itself"),
            std::string::npos);
  EXPECT_EQ(ReadFile(Path("model/config.json")), config);
  EXPECT_NE(Refusal([&] { RunConvert({base, {TensorType::kQ8_0, {}}, ""}); }).find("--out is empty"), std::string::npos);
}

// A mistyped --out: what is there is somebody's, unless it is what the command writes anyway.
TEST_F(ExportTest, WhatIsThereIsReplacedOnlyWhereAsked) {
  const auto base = Convert(TensorType::kF16, "base.gguf");
  fs::copy(kModel, Path("model"));
  fs::create_directory(Path("words"));
  for (const char* name : {"README.md", "x.safetensors", "x.gguf", "words/tokenizer.json"}) WriteFile(Path(name), "mine");
  const std::vector<std::pair<std::string, std::function<void(bool)>>> commands = {
      {"README.md", [&](bool anyway) { RunConvert({base, {TensorType::kQ8_0, {}}, Path("README.md"), anyway}); }},
      {"x.safetensors", [&](bool anyway) { RunAdapter({kLora, base, TensorType::kQ8_0, Path("x.safetensors"), true, "", anyway}); }},
      {"x.gguf", [&](bool anyway) { RunFuse({kLora, base, TensorType::kQ8_0, {}, Path("x.gguf"), true, false, anyway}); }},
      {"words/tokenizer.json", [&](bool anyway) { RunFuse({kLora, kModel, {}, {}, Path("words"), true, false, anyway}); }}};
  for (const auto& [name, command] : commands) {
    EXPECT_NE(Refusal([&] { command(false); }).find("replace it with --overwrite"), std::string::npos) << name;
    EXPECT_EQ(ReadFile(Path(name)), "mine");
    command(true);
    EXPECT_NE(ReadFile(Path(name)), "mine");
    if (name != "words/tokenizer.json") command(false);  // now it is a GGUF
  }
  // Another model's folder, said before anything of the adapter is read.
  const auto fuse = [&](const char* adapter) { RunFuse({Path(adapter), kModel, {}, {}, Path("model"), true}); };
  EXPECT_NE(Refusal([&] { fuse("none"); }).find("holds a model already"), std::string::npos);
  EXPECT_EQ(ReadFile(Path("model/model.safetensors")), ReadFile(kModel + "/model.safetensors"));
  // A name that `mktemp` took; an empty folder.
  WriteFile(Path("taken"), "");
  RunConvert({base, {TensorType::kQ8_0, {}}, Path("taken")});
  fs::create_directory(Path("empty"));
  RunFuse({kLora, kModel, {}, {}, Path("empty"), true});
}

TEST_F(ExportTest, AnAdapterIsNoBase) {
  const std::string base = Convert(TensorType::kF32, "base.gguf");
  RunAdapter({kLora, base, TensorType::kF32, Path("a.gguf"), true});
  EXPECT_NE(Refusal([&] { BaseModel::Load(Path("a.gguf")); }).find("a.gguf' is an adapter, not a base"), std::string::npos);
}

// The program as people start it.
class ProgramTest : public ExportTest {
 protected:
  void SetUp() override {
    program_ = std::string(PITH_TEST_BINARY) + "/pith-export";
    if (!FileExists(program_)) GTEST_SKIP() << "pith-export is not built";
  }
  int Run(const std::string& arguments) {
    const int status = std::system((program_ + " " + arguments + " > " + Path("stdout") + " 2> " + Path("stderr")).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string program_;
};

TEST_F(ProgramTest, ConvertsPacksAndFuses) {
  EXPECT_EQ(Run("convert --base " + kModel + " --type q4_0 --head-type q8_0 --out " + Path("base.gguf")), 0) << ReadFile(Path("stderr"));
  EXPECT_EQ(Run("adapter --adapter " + kLora + " --base " + Path("base.gguf") + " --out " + Path("adapter.gguf")), 0) << ReadFile(Path("stderr"));
  EXPECT_EQ(Run("fuse --adapter " + kLora + " --base " + Path("base.gguf") + " --type Q8_0 --out " + Path("fused.gguf")), 0) << ReadFile(Path("stderr"));
  const auto base = BaseModel::Load(Path("base.gguf"));
  EXPECT_EQ(PackedAdapter::FromGguf(Path("adapter.gguf"), base->config())->pair(0, 0).a.type, TensorType::kQ8_0);
  EXPECT_EQ(BaseModel::Load(Path("fused.gguf"))->Tensor("blk.0.attn_q.weight").type, TensorType::kQ8_0);
  EXPECT_EQ(Run("--help"), 0);
  EXPECT_EQ(Run("fuse --help"), 0);
}

TEST_F(ProgramTest, TheDemoModelIsABaseByName) {
  EXPECT_EQ(Run("convert --base " + kModel + " --type q8_0 --out " + Path("demo-model.gguf")), 0);
  ::setenv("PITH_DEMO_MODEL", Path("demo-model.gguf").c_str(), 1);
  EXPECT_EQ(Run("adapter --adapter " + kLora + " --base demo --out " + Path("adapter.gguf")), 0) << ReadFile(Path("stderr"));
  EXPECT_EQ(Run("convert --base demo --type q4_0 --out " + Path("base.gguf")), 0) << ReadFile(Path("stderr"));
  EXPECT_EQ(Run("fuse --adapter " + kLora + " --base demo --type q8_0 --out " + Path("fused.gguf")), 0) << ReadFile(Path("stderr"));
  const auto demo = BaseModel::Load(Path("demo-model.gguf"));
  EXPECT_EQ(PackedAdapter::FromGguf(Path("adapter.gguf"), demo->config())->base_sha256(), demo->Identity());
  EXPECT_EQ(BaseModel::Load(Path("base.gguf"))->Tensor("blk.0.attn_q.weight").type, TensorType::kQ4_0);
  const std::string before = ReadFile(Path("demo-model.gguf"));
  EXPECT_EQ(Run("convert --base demo --type q4_0 --out " + Path("demo-model.gguf")), 2) << "the input itself";
  EXPECT_EQ(ReadFile(Path("demo-model.gguf")), before);
  ::unsetenv("PITH_DEMO_MODEL");
}

TEST_F(ProgramTest, MistakesAreOneSentenceAndCodeTwo) {
  const std::string out = " --out " + Path("x.gguf");
  WriteFile(Path("short.gguf"), "GGUF\3");
  for (const std::string& arguments : {std::string(""), std::string("foo --out x")}) {
    Run(arguments);
    EXPECT_NE(ReadFile(Path("stderr")).find("the commands are convert, adapter, fuse (pith-export --help)"), std::string::npos) << ReadFile(Path("stderr"));
  }
  for (const std::string& arguments :
       {std::string(""), std::string("bake"), std::string("convert"), "convert --base " + kModel + " --type q9" + out,
        "convert --base " + kModel + " --type q4_0 --head-type q7" + out, "convert --base /nowhere --type f16" + out,
        "convert --base " + Path("short.gguf") + " --type f16" + out, "convert --base " + kModel + " --type f16 --loud" + out,
        "convert --base " + kModel + " --type f16 --out " + Path("no/such/folder/x.gguf"),
        "adapter --adapter " + kModel + " --base " + kModel + out, "adapter --adapter " + kLora + " --base " + kModel + " --type q4_1" + out,
        "fuse --adapter " + kAlora + " --base " + kModel + " --type f16" + out}) {
    EXPECT_EQ(Run(arguments), 2) << arguments;
    const std::string error = ReadFile(Path("stderr"));
    EXPECT_EQ(error.rfind("pith-export: ", 0), 0u) << arguments << "\n" << error;
    EXPECT_EQ(std::count(error.begin(), error.end(), '\n'), 1) << arguments << "\n" << error;
    EXPECT_FALSE(FileExists(Path("x.gguf")));
  }
}

}  // namespace
}  // namespace pith
