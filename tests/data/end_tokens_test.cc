// Which tokens end an answer: by keys and files that declare them, and by their text.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/gguf.h"
#include "data/text/end_tokens.h"
#include "data/text/tokenizer.h"
#include "tests/base/scratch.h"

namespace pith {
namespace {

using Ids = std::vector<int32_t>;
using Special = std::pair<std::string, int64_t>;  // text and type
constexpr int64_t kNormal = 1, kControl = 3, kUserDefined = 4;

Ids Ends(const Tokenizer& tokenizer) { return {tokenizer.end_ids().begin(), tokenizer.end_ids().end()}; }

// Twelve letters (ids 0 to 11), and then `special`.
std::unique_ptr<Tokenizer> Gguf(const std::vector<Special>& special, const std::function<void(GgufWriter&)>& change = {}) {
  const std::string path = Scratch("end_tokens.gguf");
  std::vector<std::string> tokens;
  std::vector<int64_t> types(12, kNormal);
  for (char c = 'a'; c <= 'l'; ++c) tokens.emplace_back(1, c);
  for (const auto& [text, type] : special) {
    tokens.push_back(text);
    types.push_back(type);
  }
  GgufWriter writer;
  writer.Set("tokenizer.ggml.model", std::string("gpt2"));
  writer.Set("tokenizer.ggml.pre", std::string("gpt-2"));
  writer.Set("tokenizer.ggml.tokens", tokens);
  writer.Set("tokenizer.ggml.token_type", types);
  writer.Set("tokenizer.ggml.merges", std::vector<std::string>{});
  if (change) change(writer);
  writer.Write(path);
  return Tokenizer::Load(path);
}

TEST(EndTokens, AreKnownByTheirTextWhereTheyAreSpecial) {
  const auto tokenizer = Gguf({{"<|endoftext|>", kControl}, {"</s>", kControl}, {"<|eom_id|>", kUserDefined}, {"<|im_start|>", kControl}, {"<end_of_turn>", kNormal}});
  EXPECT_EQ(Ends(*tokenizer), (Ids{12, 13, 14}));
  EXPECT_TRUE(tokenizer->IsEnd(14));
  EXPECT_FALSE(tokenizer->IsEnd(16)) << "a normal entry of the vocabulary is text";
  EXPECT_EQ(tokenizer->eos_id(), -1);
}

TEST(EndTokens, EveryTextOfTheListCounts) {
  const std::vector<std::string> texts = {
      "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|flush|>", "<end_of_turn>", "<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]",
      "<|end_of_text|>", "<end_of_utterance>", "<eos>", "<turn|>", "<｜end▁of▁sentence｜>", "[e~[", "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|fim_repo|>",
      "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>", "<|file_sep|>"};
  std::vector<Special> special;
  for (const std::string& text : texts) special.emplace_back(text, kControl);
  const auto tokenizer = Gguf(special);
  for (size_t i = 0; i < texts.size(); ++i) EXPECT_TRUE(tokenizer->IsEnd(static_cast<int32_t>(12 + i))) << texts[i];
  EXPECT_EQ(Ends(*Gguf({{"<|call|>", kControl}, {"<|calls|>", kControl}, {"<|tool_response>", kControl}})), (Ids{12, 13, 14}));
}

TEST(EndTokens, WhatEndsAMessageDoesNotEndTheAnswer) {
  EXPECT_EQ(Ends(*Gguf({{"<|end|>", kControl}, {"<|return|>", kControl}})), (Ids{12, 13}));
  EXPECT_EQ(Ends(*Gguf({{"<|end|>", kControl}, {"<|return|>", kControl}, {"<|call|>", kControl}})), (Ids{13, 14})) << "gpt-oss";
  EXPECT_EQ(Ends(*Gguf({{"<|end|>", kControl}, {"<|flush|>", kControl}, {"<|calls|>", kControl}})), (Ids{13, 14})) << "Solar";
  EXPECT_EQ(Ends(*Gguf({{"</s>", kControl}, {"<eos>", kControl}, {"<turn|>", kControl}, {"<|tool_response>", kControl}})), (Ids{13, 14, 15})) << "Gemma 4";
  EXPECT_EQ(Ends(*Gguf({{"</s>", kUserDefined}, {"<eos>", kControl}})), (Ids{13})) << "HTML in Gemma's vocabulary";
  const auto declared = Gguf({{"<|end|>", kControl}, {"<|return|>", kControl}, {"<|call|>", kControl}},
                             [](GgufWriter& writer) { writer.Set("tokenizer.ggml.eos_token_id", int64_t{12}); });
  EXPECT_EQ(Ends(*declared), (Ids{12, 13, 14})) << "what the file declares is an end";
}

TEST(EndTokens, AreDeclaredByKeys) {
  const auto tokenizer = Gguf({{"<x>", kControl}, {"<y>", kControl}, {"<z>", kNormal}, {"<sep>", kControl}}, [](GgufWriter& writer) {
    writer.Set("tokenizer.ggml.eos_token_id", int64_t{13});
    writer.Set("tokenizer.ggml.eot_token_id", int64_t{12});
    writer.Set("tokenizer.ggml.eom_token_id", int64_t{14});
    writer.Set("tokenizer.ggml.fim_sep_token_id", int64_t{15});
    writer.Set("tokenizer.ggml.eos_token_ids", std::vector<int64_t>{13, 3, 99, -1});
  });
  EXPECT_EQ(Ends(*tokenizer), (Ids{13, 12, 14, 15, 3})) << "99 and -1 are no tokens";
  EXPECT_EQ(tokenizer->eos_id(), 13);
  const Ids answer{0, 1, 3};
  EXPECT_EQ(tokenizer->WithoutEnd(answer).size(), 2u) << "an end is no part of the text, normal token or not";
  EXPECT_EQ(tokenizer->WithoutEnd(std::span(answer).first(2)).size(), 2u);
}

TEST(EndTokens, AFileWithoutAnEosHasLlamaCppsWhereThatIsAControlToken) {
  const auto sentencepiece = [](const std::function<void(GgufWriter&)>& change) {
    const std::string path = Scratch("end_tokens.gguf");
    GgufWriter writer;
    writer.Set("tokenizer.ggml.model", std::string("llama"));
    writer.Set("tokenizer.ggml.tokens", std::vector<std::string>{"<unk>", "<s>", "<end>", "▁a", "b", "<0x0A>"});
    writer.Set("tokenizer.ggml.scores", std::vector<double>{0, 0, 0, -1, -2, 0});
    writer.Set("tokenizer.ggml.token_type", std::vector<int64_t>{2, 3, 3, 1, 1, 6});
    change(writer);
    writer.Write(path);
    return Tokenizer::Load(path);
  };
  EXPECT_EQ(Ends(*sentencepiece([](GgufWriter&) {})), Ids{2});
  EXPECT_EQ(Ends(*sentencepiece([](GgufWriter& writer) { writer.Set("tokenizer.ggml.eos_token_id", int64_t{1000}); })), Ids{2}) << "no token";
  EXPECT_EQ(Ends(*Gguf({{"<x>", kControl}})), Ids{}) << "id 11 is text here";
}

class FolderEnds : public ::testing::Test {
 protected:
  FolderEnds() : folder_(Scratch("folder_ends")) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::filesystem::copy(std::string(PITH_TEST_GOLDEN) + "/tiny-llama/tokenizer.json", folder_ + "/tokenizer.json");
  }
  void Write(const std::string& name, const std::string& text) { WriteFile(folder_ + "/" + name, text); }
  std::string folder_;
};

TEST_F(FolderEnds, ComeFromEveryFileThatDeclaresThem) {
  Write("tokenizer_config.json", R"({"eos_token": {"content": "<|im_end|>"}})");
  Write("generation_config.json", R"({"eos_token_id": [7, 2]})");
  Write("config.json", R"({"eos_token_id": 9})");
  EXPECT_EQ(Ends(*Tokenizer::Load(folder_)), (Ids{2, 7, 9, 0})) << "and <|endoftext|> by its text";
}

TEST_F(FolderEnds, WhatIsNoTokenEndsNothing) {
  Write("tokenizer_config.json", R"({"eos_token": "<nothing>"})");
  Write("generation_config.json", R"({"eos_token_id": [-1, 320, 18446744073709551615, 7]})");
  Write("config.json", R"({"eos_token_id": -1})");
  const auto tokenizer = Tokenizer::Load(folder_);
  EXPECT_EQ(tokenizer->eos_id(), 7);
  EXPECT_EQ(Ends(*tokenizer), (Ids{7, 0, 2}));
  Write("config.json", R"({"eos_token_id": "2"})");
  EXPECT_THROW(Tokenizer::Load(folder_), UserError);
}

TEST_F(FolderEnds, AnOldFolderNamesThemInSpecialTokensMap) {
  Write("tokenizer_config.json", "{}");
  Write("special_tokens_map.json", R"({"eos_token": "<|im_start|>"})");
  EXPECT_EQ(Tokenizer::Load(folder_)->eos_id(), 1);
}

TEST_F(FolderEnds, AreReadBesideATokenizerModel) {
  std::filesystem::remove(folder_ + "/tokenizer.json");
  std::filesystem::copy(std::string(PITH_TEST_GOLDEN) + "/data/kinds/spm_bpe.model", folder_ + "/tokenizer.model");
  Write("generation_config.json", R"({"eos_token_id": [2, 300]})");
  const auto tokenizer = Tokenizer::Load(folder_);
  EXPECT_TRUE(tokenizer->IsEnd(300));
  EXPECT_EQ(tokenizer->eos_id(), 2);
}

}  // namespace
}  // namespace pith
