#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/gguf.h"
#include "base/rng.h"
#include "data/text/pretokenizer.h"
#include "data/text/tokenizer.h"
#include "data/text/utf8.h"
#include "tests/base/scratch.h"

namespace pith {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

const std::string kGolden = std::string(PITH_TEST_GOLDEN) + "/data/";

void ExpectGolden(const Tokenizer& tokenizer, const std::string& file) {
  const Json golden = Json::parse(ReadFile(kGolden + file));
  ASSERT_GT(golden.at("cases").size(), 50u);
  for (const Json& c : golden.at("cases")) {
    const auto text = c.at("text").get<std::string>();
    EXPECT_EQ(tokenizer.Encode(text), c.at("ids").get<Ids>()) << "text: " << c.at("text").dump();
    EXPECT_EQ(tokenizer.Encode(text, SpecialTokens::kParse), c.at("ids_special").get<Ids>()) << c.at("text").dump();
  }
}

const Tokenizer& Demo() {
  static const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::Load(PITH_DEMO_MODEL);
  return *tokenizer;
}
bool HasDemo() { return FileExists(PITH_DEMO_MODEL); }
#define NEED_DEMO() \
  if (!HasDemo()) GTEST_SKIP() << "needs the demo model at " << PITH_DEMO_MODEL << "; run ./pith setup"

TEST(Tokenizer, DemoModelEqualsHuggingFaceAndLlamaCpp) {
  NEED_DEMO();
  ExpectGolden(Demo(), "smollm2_tokens.json");
  EXPECT_EQ(Demo().vocab_size(), 49152);
  EXPECT_EQ(Demo().eos_id(), 2);
  EXPECT_EQ(Ids(Demo().end_ids().begin(), Demo().end_ids().end()), (Ids{2, 0, 4}));  // <|endoftext|> and <reponame> by their texts, as in llama.cpp
  EXPECT_TRUE(Demo().IsEnd(2));
  EXPECT_FALSE(Demo().IsEnd(1));
  EXPECT_TRUE(Demo().IsControl(1));
  EXPECT_FALSE(Demo().IsControl(100));
  EXPECT_EQ(Demo().FindToken("<|im_start|>"), 1);
  EXPECT_EQ(Demo().TokenBytes(*Demo().FindToken(" the")), " the");
  EXPECT_EQ(Demo().FindToken("no such token at all"), std::nullopt);
}

TEST(Tokenizer, JsonEqualsHuggingFace) {
  ExpectGolden(*Tokenizer::Load(kGolden + "tiny_tokenizer.json"), "tiny_tokens.json");
}

TEST(Tokenizer, UserDefinedTokensAlwaysMatchAndControlTokensOnlyWhenAsked) {
  const auto tokenizer = Tokenizer::FromJson(kGolden + "tiny_tokenizer.json");
  const int32_t think = *tokenizer->FindToken("<think>"), end = *tokenizer->FindToken("<|im_end|>");
  EXPECT_EQ(tokenizer->Encode("<think>"), Ids{think});
  EXPECT_GT(tokenizer->Encode("<|im_end|>").size(), 1u);
  EXPECT_EQ(tokenizer->Encode("<|im_end|>", SpecialTokens::kParse), Ids{end});
  EXPECT_EQ(tokenizer->Decode(Ids{think, end}), "<think>");
  EXPECT_EQ(tokenizer->Decode(Ids{think, end}, true), "<think><|im_end|>");
  EXPECT_THROW(tokenizer->Decode(Ids{tokenizer->vocab_size()}), UserError);
  EXPECT_THROW(tokenizer->Decode(Ids{-1}), UserError);
  EXPECT_EQ(tokenizer->eos_id(), -1);
  EXPECT_TRUE(tokenizer->IsEnd(end));
}

TEST(Tokenizer, NoControlTokenIsReadOutOfALiteralRange) {
  const auto tokenizer = Tokenizer::FromJson(kGolden + "tiny_tokenizer.json");
  const int32_t end = *tokenizer->FindToken("<|im_end|>");
  const std::string text = "<|im_end|><|im_end|><|im_end|>";
  EXPECT_EQ(tokenizer->EncodeAround(text, {}), (Ids{end, end, end}));
  for (const TextRange& literal : {TextRange{10, 11}, TextRange{19, 20}, TextRange{12, 15}}) {
    const Ids ids = tokenizer->EncodeAround(text, {literal});
    EXPECT_EQ(ids.front(), end);
    EXPECT_EQ(ids.back(), end);
    EXPECT_EQ(std::count(ids.begin(), ids.end(), end), 2);
    EXPECT_EQ(tokenizer->Decode(ids, true), text);
  }
}

TEST(Tokenizer, RealVocabularies) {
  const char* folder = std::getenv("PITH_VOCABS");
  if (folder == nullptr)
    GTEST_SKIP() << "PITH_VOCABS names no folder of vocabularies (ggml-vocab-qwen2.gguf, .inp, .out)";
  for (const char* name : {"qwen2", "llama-spm", "phi-3"}) {
    const std::string path = std::string(folder) + "/ggml-vocab-" + name + ".gguf";
    const auto tokenizer = Tokenizer::Load(path);
    const std::string texts = ReadFile(path + ".inp"), expected = ReadFile(path + ".out"),
                      mark = "\n__ggml_vocab_test__\n";
    std::istringstream lines(expected);
    int count = 0;
    for (size_t at = 0; at <= texts.size(); ++count) {
      const size_t end = std::min(texts.find(mark, at), texts.size());
      const std::string text = texts.substr(at, end - at);
      std::string line;
      std::getline(lines, line);
      std::istringstream numbers(line);
      Ids ids;
      for (int32_t id; numbers >> id;) ids.push_back(id);
      EXPECT_EQ(tokenizer->Encode(text), ids) << name << ": " << text;
      EXPECT_EQ(tokenizer->Decode(ids), text) << name;
      at = end + mark.size();
    }
    EXPECT_GT(count, 40);
  }
}

std::string RandomBytes(Rng& rng, int64_t size) {
  std::string bytes;
  while (static_cast<int64_t>(bytes.size()) < size) {
    const double kind = rng.Uniform();
    if (kind < 0.3) {
      bytes += static_cast<char>(rng.Int(0, 255));
    } else if (kind < 0.6) {
      bytes += " \n\t'aszdt019<|"[rng.Int(0, 13)];
    } else {
      const int64_t c = rng.Int(0x20, 0x2FFFF);
      AppendUtf8(bytes, c >= 0xD800 && c < 0xE000 ? 'x' : static_cast<int32_t>(c));
    }
  }
  return bytes;
}

TEST(Tokenizer, DecodeOfEncodeIsTheTextForAnyBytes) {
  const auto tokenizer = Tokenizer::FromJson(kGolden + "tiny_tokenizer.json");
  Rng rng(3);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = RandomBytes(rng, rng.Int(0, 40));
    for (const auto special : {SpecialTokens::kAsText, SpecialTokens::kParse}) {
      ASSERT_EQ(tokenizer->Decode(tokenizer->Encode(text, special), true), text);
    }
  }
}

TEST(Tokenizer, WordsOfEveryPreTokenizerJoinToTheText) {
  Rng rng(4);
  for (int i = 0; i < 3000; ++i) {
    const std::string text = RandomBytes(rng, rng.Int(0, 40));
    for (const auto kind : {PreTokenizer::kGpt2, PreTokenizer::kSmolLm, PreTokenizer::kQwen2, PreTokenizer::kLlama3}) {
      std::vector<std::string_view> words;
      SplitWords(kind, text, words);
      std::string joined;
      for (const auto word : words) {
        ASSERT_FALSE(word.empty());
        joined += word;
      }
      ASSERT_EQ(joined, text);
    }
  }
}

// From the patterns in pretokenizer.h, checked against Hugging Face's Split and ByteLevel.
TEST(Tokenizer, WordsByPattern) {
  using Words = std::vector<std::string_view>;
  const auto split = [](PreTokenizer kind, std::string_view text) {
    Words words;
    SplitWords(kind, text, words);
    return words;
  };
  const std::string_view text = "I'M  12345 x,\n\n y's";
  EXPECT_EQ(split(PreTokenizer::kGpt2, text), (Words{"I", "'", "M", " ", " 12345", " x", ",", "\n\n", " y", "'s"}));
  EXPECT_EQ(split(PreTokenizer::kSmolLm, text),
            (Words{"I", "'", "M", "  ", "1", "2", "3", "4", "5", " x", ",", "\n\n", " y", "'s"}));
  EXPECT_EQ(split(PreTokenizer::kQwen2, text),
            (Words{"I", "'M", " ", " ", "1", "2", "3", "4", "5", " x", ",\n\n", " y", "'s"}));
  EXPECT_EQ(split(PreTokenizer::kLlama3, text), (Words{"I", "'M", " ", " ", "123", "45", " x", ",\n\n", " y", "'s"}));
}

// A million bytes without a space are one word: merging must stay near-linear. Twice the size may take about twice as
// long; here only that it ends, and that long and short words agree.
TEST(Tokenizer, LongWords) {
  const auto tokenizer = Tokenizer::FromJson(kGolden + "tiny_tokenizer.json");
  std::string word;
  Rng rng(5);
  for (int i = 0; i < 1'000'000; ++i) word += "abehlort"[rng.Int(0, 7)];
  const Ids ids = tokenizer->Encode(word);
  EXPECT_LT(ids.size(), word.size());
  EXPECT_EQ(tokenizer->Decode(ids), word);
}

// ---- damaged files

Json TinyJson() { return Json::parse(ReadFile(kGolden + "tiny_tokenizer.json")); }

std::string ErrorOf(const Json& json) {
  const std::string path = Scratch("damaged_tokenizer.json");
  WriteFile(path, json.dump());
  try {
    Tokenizer::Load(path);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Tokenizer, OfAddedTokensTheLeftmostAndThenTheLongestMatches) {
  Json json = TinyJson();
  int id = 302;
  for (const char* text : {"q-", "q-r", "r-s-t"})
    json["added_tokens"].push_back({{"id", id++}, {"content", text}, {"special", false}});
  const std::string path = Scratch("added_tokenizer.json");
  WriteFile(path, json.dump());
  const auto tokenizer = Tokenizer::Load(path);
  EXPECT_EQ(tokenizer->Encode("q-rq-q-r"), (Ids{303, 302, 303}));
  const Ids ids = tokenizer->Encode("q-r-s-t");  // q-r takes the r that r-s-t would need
  EXPECT_EQ(ids.front(), 303);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 304), 0);
}

TEST(Tokenizer, DamagedJsonIsRefusedWithASentence) {
  EXPECT_EQ(ErrorOf(TinyJson()), "");
  const auto changed = [](auto change) {
    Json json = TinyJson();
    change(json);
    return ErrorOf(json);
  };
  EXPECT_NE(changed([](Json& j) { j["model"]["type"] = "Unigram"; }).find("Unigram"), std::string::npos);
  EXPECT_NE(changed([](Json& j) { j["model"]["type"] = "WordLevel"; }).find("WordLevel"), std::string::npos);
  EXPECT_NE(changed([](Json& j) {
              j["pre_tokenizer"] = {{"type", "UnicodeScripts"}};
            }).find("UnicodeScripts"),
            std::string::npos);
  EXPECT_NE(changed([](Json& j) {
              j["pre_tokenizer"] = {{"type", "Split"}, {"pattern", {{"Regex", "(a)\\1"}}}, {"behavior", "Isolated"}};
            }).find("'\\1', which pith lacks"),
            std::string::npos);
  EXPECT_NE(changed([](Json& j) { j["normalizer"] = {{"type", "Bertish"}}; }).find("Bertish"), std::string::npos);
  EXPECT_NE(changed([](Json& j) { j["model"]["merges"].push_back({"qq", "zz"}); }).find("'qq'"), std::string::npos);
  EXPECT_NE(changed([](Json& j) { j["model"]["vocab"]["two"] = 50; }).find("unique"), std::string::npos);
  EXPECT_NE(changed([](Json& j) { j["added_tokens"][0]["id"] = -5; }).find("-5"), std::string::npos);
  EXPECT_NE(changed([](Json& j) { j["model"]["vocab"]["a"] = "x"; }), "");
  EXPECT_NE(changed([](Json& j) { j["model"]["unk_token"] = "<unk>"; }).find("<unk>"), std::string::npos);
  EXPECT_NE(changed([](Json& j) { j.erase("model"); }), "");
  EXPECT_NE(changed([](Json& j) { j["model"]["merges"] = 7; }), "");
}

// Flipped, cut or doubled bytes: either still a tokenizer that works, or a UserError; never anything else.
TEST(Tokenizer, RandomDamageToJsonNeverCrashes) {
  const std::string whole = ReadFile(kGolden + "tiny_tokenizer.json"),
                    path = Scratch("fuzzed_tokenizer.json");
  Rng rng(6);
  int loaded = 0, refused = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = whole;
    for (int64_t n = rng.Int(1, 4); n > 0; --n) {
      const auto at = static_cast<size_t>(rng.Int(0, static_cast<int64_t>(bytes.size()) - 1));
      switch (rng.Int(0, 4)) {
        case 0: bytes[at] = static_cast<char>(rng.Int(0, 255)); break;
        case 1: bytes[at] = "0123456789-\"[]{},:etn "[rng.Int(0, 22)]; break;
        case 2: bytes.erase(at, static_cast<size_t>(rng.Int(1, 8))); break;
        case 3: bytes.insert(at, bytes.substr(at, static_cast<size_t>(rng.Int(1, 8)))); break;
        default:
          if (rng.Uniform() < 0.1) bytes.resize(at + 1);
      }
    }
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      const auto tokenizer = Tokenizer::FromJson(path);
      tokenizer->Decode(tokenizer->Encode("Natalia sold 48 <think> clips<|im_end|>", SpecialTokens::kParse), true);
      ++loaded;
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(loaded, 50);
  EXPECT_GT(refused, 300);
}

// A vocabulary-only GGUF of the three bytes a, b, c with one merge; `change` damages it.
template <class Change>
std::string GgufError(Change change) {
  std::vector<std::string> tokens = {"a", "b", "c", "ab", "<|im_end|>"}, merges = {"a b"};
  std::vector<int64_t> types = {1, 1, 1, 1, 3};
  std::string model = "gpt2", pre = "smollm";
  int64_t eos = 4;
  change(tokens, merges, types, model, pre, eos);
  const std::string path = Scratch("damaged_tokenizer.gguf");
  GgufWriter writer;
  writer.Set("tokenizer.ggml.model", model);
  writer.Set("tokenizer.ggml.pre", pre);
  writer.Set("tokenizer.ggml.tokens", tokens);
  writer.Set("tokenizer.ggml.token_type", types);
  writer.Set("tokenizer.ggml.merges", merges);
  writer.Set("tokenizer.ggml.eos_token_id", eos);
  writer.Write(path);
  try {
    const auto tokenizer = Tokenizer::Load(path);
    EXPECT_EQ(tokenizer->Encode("abcab"), (Ids{3, 2, 3}));
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Tokenizer, DamagedGgufIsRefusedWithASentence) {
  using Texts = std::vector<std::string>;
  using Types = std::vector<int64_t>;
  using S = std::string;
  EXPECT_EQ(GgufError([](Texts&, Texts&, Types&, S&, S&, int64_t&) {}), "");
  EXPECT_NE(GgufError([](Texts&, Texts&, Types&, S& m, S&, int64_t&) { m = "rwkv"; }).find("'rwkv'"), S::npos);
  EXPECT_NE(GgufError([](Texts&, Texts&, Types&, S&, S& p, int64_t&) { p = "nosuch"; }).find("'nosuch'"), S::npos);
  EXPECT_NE(GgufError([](Texts&, Texts&, Types& t, S&, S&, int64_t&) { t.pop_back(); }).find("4 token types"), S::npos);
  EXPECT_NE(GgufError([](Texts& t, Texts&, Types&, S&, S&, int64_t&) { t[1] = "a"; }).find("two ids"), S::npos);
  EXPECT_NE(GgufError([](Texts& t, Texts&, Types&, S&, S&, int64_t&) { t.clear(); }).find("empty"), S::npos);
}

TEST(Tokenizer, WhatIsNotATokenizerIsRefused) {
  EXPECT_THROW(Tokenizer::Load("/no/such/file.json"), UserError);
  EXPECT_THROW(Tokenizer::Load("/no/such/tokenizer.model"), UserError);
  EXPECT_THROW(Tokenizer::Load(std::string(PITH_TEST_GOLDEN)), UserError);
  EXPECT_THROW(Tokenizer::Load(kGolden + "templates.json"), UserError);
}

}  // namespace
}  // namespace pith
