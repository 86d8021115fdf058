// Bases converted: what they compute, their types, what travels with them.
#include <cstring>
#include <map>

#include "base/base_identity.h"
#include "base/gguf.h"
#include "data/text/tokenizer.h"
#include "export/reference_logits.h"
#include "tests/export/export_fixture.h"

namespace pith {
namespace {

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

}  // namespace
}  // namespace pith
