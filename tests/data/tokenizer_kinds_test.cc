// Tokenizers of every kind against Hugging Face's tokenizers and sentencepiece: golden ids by tests/tools/tokenizer_kinds.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/gguf.h"
#include "base/rng.h"
#include "data/text/charsmap.h"
#include "data/text/normalizer.h"
#include "data/text/regex.h"
#include "data/text/sentencepiece_model.h"
#include "data/text/tokenizer.h"
#include "data/text/utf8.h"
#include "data/text/vocabulary.h"
#include "tests/base/scratch.h"

namespace pith {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

const std::string kFolder = std::string(PITH_TEST_GOLDEN) + "/data/kinds/";

std::string Repeated(const std::string& text, int times) {
  std::string out;
  while (times-- > 0) out += text;
  return out;
}

// Of lists too long to keep: digest() of tests/tools/tokenizer_kinds.py.
testing::AssertionResult DigestIs(const Json& wanted, const Ids& ids) {
  uint32_t digest = 0;
  for (const int32_t id : ids) digest = digest * 1000003u + static_cast<uint32_t>(id);
  if (ids.size() == wanted.at("count").get<size_t>() && digest == wanted.at("digest").get<uint32_t>()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << ids.size() << " ids, digest " << digest << "; wanted " << wanted.at("count") << ", " << wanted.at("digest");
}

TEST(TokenizerKinds, EqualTheReferenceLibraries) {
  int kinds = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder)) {
    if (!entry.path().string().ends_with(".ids.json")) continue;
    ++kinds;
    const Json golden = Json::parse(ReadFile(entry.path().string()));
    const auto fixture = golden.at("fixture").get<std::string>();
    const auto tokenizer = Tokenizer::Load(kFolder + fixture);
    ASSERT_GT(golden.at("cases").size(), 100u);
    for (const Json& c : golden.at("cases")) {
      const auto text = c.at("text").get<std::string>();
      if (c.contains("repeat")) {
        EXPECT_TRUE(DigestIs(c, tokenizer->Encode(Repeated(text, c.at("repeat").get<int>())))) << fixture;
        continue;
      }
      EXPECT_EQ(tokenizer->Encode(text), c.at("ids").get<Ids>()) << fixture << ": " << c.at("text").dump();
      if (!c.contains("ids_special")) continue;
      EXPECT_EQ(tokenizer->Encode(text, SpecialTokens::kParse), c.at("ids_special").get<Ids>()) << fixture << ": " << c.at("text").dump();
    }
  }
  EXPECT_GE(kinds, 28);
}

// Added tokens whose ids, texts and flags collide: tests/tools/added_tokens_golden.py.
TEST(TokenizerKinds, AddedTokensHaveTheIdsOfTheLibrary) {
  const Json golden = Json::parse(ReadFile(std::string(PITH_TEST_GOLDEN) + "/data/added_tokens.json"));
  ASSERT_GT(golden.at("cases").size(), 40u);
  for (const Json& c : golden.at("cases")) {
    const Json file = {{"added_tokens", c.at("added")},
                       {"normalizer", c.at("normalizer").get<bool>() ? Json{{"type", "Lowercase"}} : Json()},
                       {"pre_tokenizer", {{"type", "WhitespaceSplit"}}},
                       {"model", golden.at("models").at(c.at("model").get<std::string>())}};
    const std::string folder = Scratch("added_tokens");
    std::filesystem::create_directories(folder);
    WriteFile(folder + "/tokenizer.json", file.dump());
    const auto tokenizer = Tokenizer::Load(folder);
    for (const auto& [text, id] : c.at("ids").items()) EXPECT_EQ(tokenizer->FindToken(text), id.get<int32_t>()) << c.dump();
    for (const Json& text : c.at("texts")) EXPECT_EQ(tokenizer->Encode(text.at(0).get<std::string>()), text.at(1).get<Ids>()) << text.at(0) << " of " << c.dump();
  }
}

// Of two merges of one pair the library takes the last: "ab" joins after "bc" here, and "abc" is a, bc.
TEST(TokenizerKinds, OfTwoMergesOfOnePairTheLastCounts) {
  const Json file = {{"model", {{"type", "BPE"}, {"vocab", {{"a", 0}, {"b", 1}, {"c", 2}, {"ab", 3}, {"bc", 4}}}, {"merges", {"a b", "b c", "a b"}}}}};
  const std::string path = Scratch("two_merges.json");
  WriteFile(path, file.dump());
  EXPECT_EQ(Tokenizer::Load(path)->Encode("abc"), (Ids{0, 4}));
}

// Where nothing is normalised away and every byte has a token, any bytes come back, valid UTF-8 or not. ▁ is the one
// character that sentencepiece cannot tell from a space.
TEST(TokenizerKinds, AnyBytesComeBack) {
  Rng rng(11);
  for (const char* name : {"llama3.json", "gpt4o.json", "deepseek_v3.json", "deepseek_llm.json", "falcon.json", "bloom.json",
                           "byte_normalizer.json", "llama2.json", "gemma.json", "spm_bpe.model", "spm_unigram_bytes.model"}) {
    const auto tokenizer = Tokenizer::Load(kFolder + name);
    for (int i = 0; i < 400; ++i) {
      std::string text;
      for (int64_t n = rng.Int(0, 30); n > 0; --n) {
        const int64_t kind = rng.Int(0, 3);
        if (kind == 0) text += static_cast<char>(rng.Int(0, 255));
        if (kind == 1) text += " \n\taez019<|"[rng.Int(0, 10)];
        if (kind >= 2) AppendUtf8(text, static_cast<int32_t>(rng.Int(0x20, kind == 2 ? 0x24FF : 0xD7FF)));
      }
      for (size_t at; (at = text.find(kSpaceMark)) != std::string::npos;) text.replace(at, 3, "_");
      ASSERT_EQ(tokenizer->Decode(tokenizer->Encode(text), true), text) << name;
      ASSERT_EQ(tokenizer->Decode(tokenizer->Encode(text, SpecialTokens::kParse), true), text) << name;
    }
  }
}

// The text of a control token, and of a byte token, is text: in every kind of model.
TEST(TokenizerKinds, TextNeverBecomesAControlToken) {
  for (const char* name : {"llama3.json", "llama2.json", "gemma.json", "unigram.json", "unigram_bytes.json", "wordpiece.json", "spm_bpe.model",
                           "spm_unigram.model", "spm_unigram_bytes.model", "flags.json"}) {
    const auto tokenizer = Tokenizer::Load(kFolder + name);
    ASSERT_FALSE(tokenizer->ControlTexts().empty());
    for (const std::string_view control : tokenizer->ControlTexts()) {
      const Ids ids = tokenizer->Encode("a" + std::string(control) + " b");
      const auto id = *tokenizer->FindToken(control);
      if (control == "<unk>") continue;  // stands for unknown characters, too
      EXPECT_EQ(std::count(ids.begin(), ids.end(), id), 0) << name << " " << control;
      const Ids parsed = tokenizer->Encode("a" + std::string(control) + " b", SpecialTokens::kParse);
      EXPECT_EQ(std::count(parsed.begin(), parsed.end(), id), 1) << name << " " << control;
    }
  }
  const auto bytes = Tokenizer::Load(kFolder + "spm_bpe.model");
  EXPECT_EQ(bytes->Decode(bytes->Encode("<0x41>")), "<0x41>");
}

// The same vocabulary from tokenizer.model and, written as GGUF, by its scores.
TEST(TokenizerKinds, GgufEqualsTheModelItCameFrom) {
  const struct {
    const char* fixture;
    const char* model;
  } kinds[] = {{"spm_bpe.model", "llama"}, {"spm_unigram_bytes.model", "t5"}};
  for (const auto& kind : kinds) {
    const Vocabulary vocabulary = VocabularyFromSentencePiece(ReadSentencePieceModel(kFolder + kind.fixture));
    std::vector<std::string> texts;
    std::vector<int64_t> types;
    std::vector<double> scores;
    for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
      const TokenKind is = vocabulary.kinds[id];
      char byte[8];
      std::snprintf(byte, sizeof(byte), "<0x%02X>", static_cast<unsigned>(static_cast<uint8_t>(vocabulary.tokens[id][0])));
      texts.push_back(is == TokenKind::kByte ? std::string(byte) : vocabulary.pieces[id].empty() ? vocabulary.tokens[id] : vocabulary.pieces[id]);
      types.push_back(static_cast<int32_t>(id) == vocabulary.unknown_id ? 2
                      : is == TokenKind::kControl                       ? 3
                      : is == TokenKind::kUserDefined                   ? 4
                      : is == TokenKind::kByte                          ? 6
                                                                        : 1);
      scores.push_back(vocabulary.scores[id]);
    }
    const std::string path = Scratch("kinds.gguf");
    GgufWriter writer;
    writer.Set("tokenizer.ggml.model", std::string(kind.model));
    writer.Set("tokenizer.ggml.tokens", texts);
    writer.Set("tokenizer.ggml.token_type", types);
    writer.Set("tokenizer.ggml.scores", scores);
    writer.Set("tokenizer.ggml.add_space_prefix", std::string(kind.model) == "llama");
    writer.Set("tokenizer.ggml.remove_extra_whitespaces", false);
    writer.Write(path);
    const auto mine = Tokenizer::Load(path), model = Tokenizer::Load(kFolder + kind.fixture);
    const Json golden = Json::parse(ReadFile(kFolder + std::string(kind.fixture).substr(0, std::string(kind.fixture).size() - 6) + ".ids.json"));
    for (const Json& c : golden.at("cases")) {
      const auto text = c.at("text").get<std::string>();
      if (c.contains("repeat") || text.find("<b>") != std::string::npos || text.find("ing") != std::string::npos) continue;  // always matched in GGUF
      EXPECT_EQ(mine->Encode(text), c.at("ids").get<Ids>()) << kind.fixture << " " << c.at("text").dump();
    }
  }
}

// BERT's categories are those of Unicode 8: what tokenizers 0.23.3's BertNormalizer makes of characters on both sides of that.
TEST(Normalizer, BertsTablesAreOld) {
  const auto bert = [](bool clean, bool han, bool accents, bool lower, int32_t code_point) {
    std::string text;
    AppendUtf8(text, code_point);
    return Normalizer{BertSteps(clean, han, accents, lower)}.Apply(text) == text;  // stays as it is
  };
  for (const int32_t c : {0xAD, 0x600, 0x1, 0x85, 0xFFFD, 0xE000, 0xA0, 0x3000, 0xE0001}) {
    EXPECT_FALSE(bert(true, false, false, false, c)) << c;
  }
  for (const int32_t c : {0x890, 0x8E2, 0x110CD, 0x13430, 0x378}) EXPECT_TRUE(bert(true, false, false, false, c)) << c;
  for (const int32_t c : {0x300, 0x8E3, 0x1734, 0xE9}) EXPECT_FALSE(bert(false, false, true, false, c)) << c;
  for (const int32_t c : {0x7FD, 0x8D4, 0x8E1, 0x1E944, 0x903}) EXPECT_TRUE(bert(false, false, true, false, c)) << c;
  for (const int32_t c : {0x4E00, 0x9FFF, 0x2B81F, 0x2B920, 0x2FA1F}) EXPECT_FALSE(bert(false, true, false, false, c)) << c;
  for (const int32_t c : {0x3041, 0xAC00, 0x2B820, 0x2B91F, 0xA000}) EXPECT_TRUE(bert(false, true, false, false, c)) << c;
}

TEST(TokenizerKinds, DamagedModelsAreRefused) {
  const std::string path = Scratch("damaged.model");
  const std::string models[] = {ReadFile(kFolder + "spm_unigram.model"), ReadFile(kFolder + "spm_bpe_symbols.model")};  // the latter for the library
  Rng rng(12);
  int refused = 0;
  for (int i = 0; i < 400; ++i) {
    std::string bytes = models[i % 2];
    if (rng.Uniform() < 0.5) bytes.resize(static_cast<size_t>(rng.Int(0, static_cast<int64_t>(bytes.size()))));
    for (int64_t n = rng.Int(0, 3); n > 0 && !bytes.empty(); --n) {
      bytes[static_cast<size_t>(rng.Int(0, static_cast<int64_t>(bytes.size()) - 1))] = static_cast<char>(rng.Int(0, 255));
    }
    WriteFile(path, bytes);
    try {
      const auto tokenizer = Tokenizer::Load(path);
      tokenizer->Decode(tokenizer->Encode("Natalia sold 48 … clips<|im_end|>", SpecialTokens::kParse), true);
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 40);
}

// The library reads a table of normalisation unchecked: whatever a text could reach in it is checked when it is loaded.
TEST(TokenizerKinds, DamagedNormalisationTablesAreRefused) {
  constexpr uint32_t kBlock = 256, kValue = 1u << 31;
  const auto unit = [](uint32_t label, uint32_t offset, bool value) { return label | (value ? 1u << 8 : 0u) | offset << 10; };
  // From the root at 0, whose children begin at 256, "a" becomes "b".
  std::vector<uint32_t> good(3 * kBlock);
  good[0] = unit(0, kBlock, false);
  good[kBlock ^ 'a'] = unit('a', kBlock ^ 'a' ^ 2 * kBlock, true);
  good[2 * kBlock] = kValue | 0;
  const auto blob = [](const std::vector<uint32_t>& units) {
    const auto size = static_cast<uint32_t>(units.size() * 4);
    std::string bytes(reinterpret_cast<const char*>(&size), 4);
    return bytes + std::string(reinterpret_cast<const char*>(units.data()), size) + std::string("b\0", 2);
  };
  EXPECT_EQ(Charsmap(blob(good), "x").Longest("ac").replacement, "b");
  const auto changed = [&](size_t at, uint32_t to) {
    std::vector<uint32_t> units = good;
    units[at] = to;
    EXPECT_THROW(Charsmap(blob(units), "x"), UserError) << at << " " << to;
  };
  changed(0, unit(0, 3 * kBlock, false));                                         // children beyond the end
  changed(kBlock ^ 'a', unit('a', kBlock ^ 'a' ^ 3 * kBlock, true));
  changed(2 * kBlock, kValue | 3);                                                // a replacement beyond the end
  changed(kBlock ^ 'a', unit('a', 'a', true));                                    // a circle
  std::vector<uint32_t> deep(40 * kBlock);                                        // entries of 1 to 38 times "a"
  deep[0] = unit(0, kBlock, false);
  for (uint32_t i = 1; i < 39; ++i) {
    deep[(i * kBlock) ^ 'a'] = unit('a', (i * kBlock) ^ 'a' ^ ((i + 1) * kBlock), true);
    deep[(i + 1) * kBlock] = kValue;
  }
  EXPECT_THROW(Charsmap(blob(deep), "x"), UserError);
}

std::vector<std::string> Matches(std::string_view pattern, std::string_view text) {
  std::vector<TextRange> ranges;
  Regex(pattern).FindAll(text, ranges);
  std::vector<std::string> out;
  for (const TextRange& range : ranges) out.emplace_back(text.substr(range.begin, range.end - range.begin));
  return out;
}

// What these give is what Hugging Face's Split gives (Oniguruma); the dialect's own ways first.
TEST(Regex, ReadsTheDialectOfTokenizers) {
  using T = std::vector<std::string>;
  EXPECT_EQ(Matches("[^(a|[b,])]+", "xa(b,|)y"), (T{"x", "y"}));           // brackets nest
  EXPECT_EQ(Matches("[a-z&&[^aeiou]]+", "hello"), (T{"h", "ll"}));         // && intersects
  EXPECT_EQ(Matches("\\s+$", "a  \nb  "), (T{"  ", "  "}));                // $ stands at every line
  EXPECT_EQ(Matches("\\h+", "fag 12"), (T{"fa", "12"}));                   // hexadecimal
  EXPECT_EQ(Matches("(?i:'s|k)", "'S'ſ K"), (T{"'S", "'ſ", "K"}));    // simple case folding
  EXPECT_EQ(Matches("a{2,3}?", "aaaaa"), (T{"aa", "aa"}));
  EXPECT_EQ(Matches("a++a|b", "aaab"), (T{"b"}));
  EXPECT_EQ(Matches("(?<=\\d)x|x(?!y)", "1xy xz xy"), (T{"x", "x"}));
  EXPECT_EQ(Matches("(?:ab|a)(?:bc|c)", "abc abbc"), (T{"abc", "abbc"}));
  EXPECT_EQ(Matches("(a*)*b", "aaab"), (T{"aaab"}));
  EXPECT_EQ(Matches("\\p{Lu}\\p{^L}|[\\p{N}--]", "A1B 2"), (T{"A1", "B ", "2"}));
  EXPECT_EQ(Matches("x*", "axb"), (T{"", "x", ""}));
  EXPECT_EQ(Matches("[^\\s\\p{L}]", "a\xFF b"), (T{"\xFF"}));              // a byte that is not UTF-8
  EXPECT_THROW(Regex("(a)\\1"), UserError);
  for (const char* broken : {"(", "[a", "a**)", "*a", "\\p{Nope}", "(?<=a", "a{2000}", "[z-a]", "(?P<n>a)", "\\"}) {
    EXPECT_THROW(Regex pattern(broken), UserError) << broken;
  }
}

TEST(Regex, BacktrackingIsBounded) {
  std::vector<TextRange> ranges;
  EXPECT_THROW(Regex("(?:a+)+b").FindAll(std::string(5000, 'a'), ranges), UserError);
  EXPECT_THROW(Regex(std::string(5000, '(')), UserError);
}

}  // namespace
}  // namespace pith
