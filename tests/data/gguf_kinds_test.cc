// Tokenizers in GGUF files: every name of tokenizer.ggml.pre against the tokenizers library (golden words by
// tests/tools/gguf_words_golden.py), Gemma 4's kind, and files that leave things out.
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/gguf.h"
#include "data/text/tokenizer.h"
#include "data/text/word_splitter.h"
#include "tests/base/scratch.h"

namespace pith {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;
const std::string kGolden = std::string(PITH_TEST_GOLDEN) + "/data/";

TEST(GgufKinds, EveryPreTokenizerCutsAsTheLibrary) {
  const Json golden = Json::parse(ReadFile(kGolden + "gguf_words.json"));
  EXPECT_GE(golden.at("words").size(), 25u);
  for (const auto& [name, wanted] : golden.at("words").items()) {
    bool ignore_merges = false;
    const auto splitter = WordSplitterFromGgufName(name, &ignore_merges);
    ASSERT_TRUE(splitter) << name;
    for (size_t i = 0; i < wanted.size(); ++i) {
      const auto text = golden.at("texts").at(i).get<std::string>();
      std::deque<std::string> arena;
      std::vector<std::string_view> words;
      splitter->Split(text, true, arena, words);
      std::vector<size_t> sizes;
      std::string joined;
      for (const auto word : words) {
        sizes.push_back(word.size());
        joined += word;
      }
      EXPECT_EQ(sizes, wanted.at(i).get<std::vector<size_t>>()) << name << ": " << golden.at("texts").at(i).dump();
      EXPECT_EQ(joined, text) << name;
    }
  }
}

TEST(GgufKinds, Gemma4MergesCharactersInTheOrderOfItsFile) {
  const Json json = Json::parse(ReadFile(kGolden + "kinds/gemma.json"));
  std::vector<std::string> tokens(622, "[pad]"), merges;
  std::vector<int64_t> types(tokens.size(), 5);
  for (const auto& [text, id] : json.at("model").at("vocab").items()) {
    tokens.at(id.get<size_t>()) = text;
    types.at(id.get<size_t>()) = text.size() == 6 && text.starts_with("<0x") ? 6 : 1;
  }
  for (const Json& added : json.at("added_tokens")) {
    const auto id = added.at("id").get<size_t>();
    if (id >= tokens.size()) {
      tokens.resize(id + 1);
      types.resize(id + 1, 5);
    }
    tokens[id] = added.at("content").get<std::string>();
    types[id] = added.at("special").get<bool>() ? 3 : 4;
  }
  for (const Json& merge : json.at("model").at("merges")) {
    merges.push_back(merge.at(0).get<std::string>() + " " + merge.at(1).get<std::string>());
  }
  const std::string path = Scratch("gemma4_tokenizer.gguf");
  GgufWriter writer;
  writer.Set("tokenizer.ggml.model", std::string("gemma4"));
  writer.Set("tokenizer.ggml.tokens", tokens);
  writer.Set("tokenizer.ggml.token_type", types);
  writer.Set("tokenizer.ggml.merges", merges);
  writer.Set("tokenizer.ggml.unknown_token_id", int64_t{0});
  writer.Write(path);
  const auto tokenizer = Tokenizer::Load(path);
  const Json golden = Json::parse(ReadFile(kGolden + "kinds/gemma.ids.json"));
  for (const Json& c : golden.at("cases")) {
    const auto text = c.at("text").get<std::string>();
    EXPECT_EQ(tokenizer->Encode(text), c.at("ids").get<Ids>()) << c.at("text").dump();
  }
}

TEST(GgufKinds, BertsWordPieceReadsAsItsTokenizerJson) {
  const Json json = Json::parse(ReadFile(kGolden + "kinds/wordpiece.json"));
  const Json& vocab = json.at("model").at("vocab");
  std::vector<std::string> tokens(vocab.size());
  std::vector<int64_t> types(vocab.size(), 1);
  for (const auto& [text, id] : vocab.items()) {  // converted files mark what begins a word, not what goes on with one
    const bool special = text.starts_with("[") && text.size() > 1;
    tokens[id.get<size_t>()] = special ? text : text.starts_with("##") && text.size() > 2 ? text.substr(2) : "▁" + text;
    if (special) types[id.get<size_t>()] = 3;
  }
  const std::string path = Scratch("bert_tokenizer.gguf");
  GgufWriter writer;
  writer.Set("tokenizer.ggml.model", std::string("bert"));
  writer.Set("tokenizer.ggml.tokens", tokens);
  writer.Set("tokenizer.ggml.token_type", types);
  writer.Set("tokenizer.ggml.unknown_token_id", vocab.at("[UNK]").get<int64_t>());
  writer.Write(path);
  const auto tokenizer = Tokenizer::Load(path), original = Tokenizer::Load(kGolden + "kinds/wordpiece.json");
  const Json golden = Json::parse(ReadFile(kGolden + "kinds/wordpiece.ids.json"));
  size_t compared = 0;
  for (const Json& c : golden.at("cases")) {
    const auto text = c.at("text").get<std::string>();
    if (text.find("▁") != std::string::npos) continue;  // a converted file cannot tell it from its mark
    ++compared;
    const auto ids = c.at("ids").get<Ids>();
    EXPECT_EQ(tokenizer->Encode(text), ids) << c.at("text").dump();
    EXPECT_EQ(tokenizer->Decode(ids, true), original->Decode(ids, true));
  }
  EXPECT_GT(compared, 100u);
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode("The  café, and the clips"), true), "the cafe , and the clips");
}

// A GGUF of the bytes a, b, space and a few words, with what `change` sets.
std::unique_ptr<Tokenizer> Small(const std::function<void(GgufWriter&)>& change) {
  const std::string path = Scratch("small_tokenizer.gguf");
  GgufWriter writer;
  writer.Set("tokenizer.ggml.model", std::string("gpt2"));
  writer.Set("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b", "Ġ", "ab", "Ġa", "", "<e>", "1", "11"});
  writer.Set("tokenizer.ggml.merges", std::vector<std::string>{"a b", "Ġ a", "1 1"});
  writer.Set("tokenizer.ggml.eos_token_id", int64_t{6});
  change(writer);
  writer.Write(path);
  return Tokenizer::Load(path);
}

TEST(GgufKinds, WithoutANameTheArchitectureSaysHowToCut) {
  const auto named = [](const char* architecture) {
    return Small([&](GgufWriter& writer) { writer.Set("general.architecture", std::string(architecture)); });
  };
  EXPECT_EQ(named("gptneox")->Encode("ab ab11"), (Ids{3, 2, 3, 8}));
  EXPECT_EQ(named("starcoder")->Encode("ab ab11"), (Ids{3, 2, 3, 7, 7}));
  // These differ: as llama.cpp cuts then, with a warning.
  testing::internal::CaptureStderr();
  EXPECT_EQ(named("llama")->Encode("ab ab1111"), (Ids{3, 2, 3, 8, 7, 7}));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("tokenizer.ggml.pre"), std::string::npos);
  const auto unnamed = Small([](GgufWriter& writer) { writer.Set("tokenizer.ggml.pre", std::string("default")); });
  EXPECT_EQ(unnamed->Encode("ab ab1111"), (Ids{3, 2, 3, 8, 7, 7}));
  EXPECT_THROW(Small([](GgufWriter& writer) { writer.Set("tokenizer.ggml.pre", std::string("tomorrow")); }), UserError);
}

TEST(GgufKinds, WithoutTypesTheEndIsStillNoText) {
  const auto tokenizer = Small([](GgufWriter& writer) { writer.Set("tokenizer.ggml.pre", std::string("gpt-2")); });
  EXPECT_TRUE(tokenizer->IsControl(6));
  EXPECT_EQ(tokenizer->Encode("a<e>b"), (Ids{0, 1}));  // no tokens for its characters
  EXPECT_EQ(tokenizer->Encode("a<e>b", SpecialTokens::kParse), (Ids{0, 6, 1}));
  EXPECT_EQ(tokenizer->Decode(Ids{0, 5, 1}), "ab");  // an empty token is an unused one
}

// What llama.cpp loads. Its ids are known from its encoder: pairs join by their texts, and what is no token in the end becomes its bytes.
std::unique_ptr<Tokenizer> Merging(const std::vector<std::string>& tokens, const std::vector<std::string>& merges, std::vector<int64_t> types = {}) {
  const std::string path = Scratch("merging_tokenizer.gguf");
  GgufWriter writer;
  writer.Set("tokenizer.ggml.model", std::string("gpt2"));
  writer.Set("tokenizer.ggml.pre", std::string("gpt-2"));
  writer.Set("tokenizer.ggml.tokens", tokens);
  writer.Set("tokenizer.ggml.merges", merges);
  if (!types.empty()) writer.Set("tokenizer.ggml.token_type", types);
  writer.Write(path);
  return Tokenizer::Load(path);
}

TEST(GgufKinds, AMergeMayYieldWhatIsNoToken) {
  const std::vector<std::string> tokens{"a", "b", "c", "ab", "bc", "abcd", "d", "Ġ"};
  EXPECT_EQ(Merging(tokens, {"a b", "d a"})->Encode("dab da"), (Ids{6, 3, 7, 6, 0})) << "da is spelt d, a";
  EXPECT_EQ(Merging(tokens, {"d a", "a b"})->Encode("dab"), (Ids{6, 0, 1})) << "and yet keeps a from b";
  EXPECT_EQ(Merging(tokens, {"a b", "c d", "ab cd"})->Encode("abcd cd"), (Ids{5, 7, 2, 6})) << "what is no token merges on";
  EXPECT_EQ(Merging(tokens, {"ab cd", "c d", "a b"})->Encode("abcd"), (Ids{5})) << "in whatever order";
  EXPECT_EQ(Merging(tokens, {"a b", "xy c"})->Encode("abc"), (Ids{3, 2})) << "no text becomes xy";
  EXPECT_EQ(Merging({"a", "b", "xa"}, {"x a"})->Encode("xab x"), (Ids{2, 1})) << "x has no token of its own, xa has";
  const std::string text = "dabcd cda " + std::string(60, 'd') + "abcd";  // beyond the short way
  const auto tokenizer = Merging(tokens, {"a b", "d d", "dd dd", "c d"});
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(text)), text);
}

TEST(GgufKinds, OfTwoMergesOfOnePairTheFirstCounts) {
  const std::vector<std::string> tokens{"a", "b", "c", "ab", "bc"};
  EXPECT_EQ(Merging(tokens, {"a b", "b c", "a b"})->Encode("abc"), (Ids{3, 2}));
  EXPECT_EQ(Merging(tokens, {"b c", "a b", "b c"})->Encode("abc"), (Ids{0, 4}));
  EXPECT_EQ(Merging(tokens, {"ab", "b c", "c "})->Encode("abc"), (Ids{0, 4})) << "a line that is not two texts joins nothing";
  EXPECT_EQ(Merging(tokens, {})->Encode("abc"), (Ids{0, 1, 2}));
  EXPECT_THROW(Merging({"a", "b", "a"}, {}), UserError) << "which of the two?";
}

TEST(GgufKinds, TypesThatTheFileLeavesOpen) {
  const auto tokenizer = Merging({"a", "b", "c", "ab", "abc", "d", "e"}, {"a b", "ab c"}, {1, 1, 1, 1, 5, 0, 9, 1, 1});
  EXPECT_EQ(tokenizer->Encode("dabe"), (Ids{5, 3, 6})) << "undefined ones are text; more types than tokens do no harm";
  EXPECT_EQ(tokenizer->Decode(Ids{5, 6}), "de");
  EXPECT_EQ(tokenizer->Encode("abc"), (Ids{4})) << "unused, but merges yield it";
  EXPECT_EQ(tokenizer->Decode(Ids{4}), "abc");
  EXPECT_THROW(Merging({"a", "b"}, {}, {1}), UserError);
}

TEST(GgufKinds, SentencePieceWithoutScoresOrTypes) {
  const auto load = [](const std::function<void(GgufWriter&)>& change) {
    const std::string path = Scratch("bare_tokenizer.gguf");
    GgufWriter writer;
    writer.Set("tokenizer.ggml.model", std::string("llama"));
    writer.Set("tokenizer.ggml.tokens", std::vector<std::string>{"<unk>", "<s>", "</s>", "▁", "a", "b", "ab", "ba", "<0x78>"});
    change(writer);
    writer.Write(path);
    return Tokenizer::Load(path);
  };
  const auto bare = load([](GgufWriter&) {});
  EXPECT_EQ(bare->Encode("bab"), (Ids{3, 7, 5})) << "all tokens are equally good: the leftmost first";
  EXPECT_EQ(bare->Encode("x"), (Ids{3, 8})) << "a byte by its text";
  EXPECT_TRUE(bare->IsControl(0) && bare->IsControl(1) && bare->IsEnd(2));
  const auto more = load([](GgufWriter& writer) { writer.Set("tokenizer.ggml.scores", std::vector<double>{0, 0, 0, -9, -9, -9, -1, -2, 0, 0, 0}); });
  EXPECT_EQ(more->Encode("bab"), (Ids{3, 5, 6})) << "more scores than tokens do no harm";
  EXPECT_THROW(load([](GgufWriter& writer) { writer.Set("tokenizer.ggml.scores", std::vector<double>{0}); }), UserError);
}

}  // namespace
}  // namespace pith
