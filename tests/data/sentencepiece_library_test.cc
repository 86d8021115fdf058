// The sentencepiece library against pith's own encoders, text by text: on real vocabularies, on trained ones and on random ones.
#include "data/text/sentencepiece_library.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/rng.h"
#include "data/text/tokenizer.h"
#include "data/text/utf8.h"
#include "tests/data/model_proto.h"

namespace pith {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<int32_t>;

const std::string kFolder = std::string(PITH_TEST_GOLDEN) + "/data/kinds/";
const char* const kFixtures[] = {"spm_bpe", "spm_bpe_symbols", "spm_bpe_no_prefix", "spm_unigram", "spm_unigram_bytes"};

#define NEED_LIBRARY() \
  if (!SentencePieceLibrary::Encodes(TokenModel::kBpe)) GTEST_SKIP() << "this build has no sentencepiece library; install libsentencepiece-dev and configure again"

std::string Written(const ModelProto& model, const std::string& name) {
  const std::string folder = std::string(PITH_TEST_BINARY) + "/sentencepiece/" + name;
  std::filesystem::create_directories(folder);
  WriteFile(folder + "/tokenizer.model", model.Bytes());
  return folder + "/tokenizer.model";
}

// One tokenizer.model, encoded by both.
class Both {
 public:
  explicit Both(const std::string& path)
      : by_build_(Tokenizer::FromSentencePiece(path)),
        small_(Tokenizer::FromSentencePiece(path, PieceEncoder::kSmall)),
        model_(ReadSentencePieceModel(path)),
        vocabulary_(VocabularyFromSentencePiece(model_)),
        library_(SentencePieceLibrary::Load(model_)) {
    SentencePieceModel by_library;
    by_library.pieces.resize(model_.pieces.size());
    for (size_t i = 0; i < model_.pieces.size(); ++i) {  // all that it is not to tell by itself
      if (model_.pieces[i].type == SentencePiece::kUserDefined) by_library.pieces[i].type = SentencePiece::kUserDefined;
    }
    library_->ReadPieces(&by_library);
    EXPECT_EQ(by_library.pieces, model_.pieces) << path;
    if (!SentencePieceLibrary::Encodes(vocabulary_)) library_ = nullptr;
  }

  void Compare(std::string_view text) {
    ++texts_;
    const Ids ids = by_build_->Encode(text);
    ASSERT_EQ(ids, small_->Encode(text)) << vocabulary_.origin << ": " << Json(std::string(text)).dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 2000);
    Ids by_library;
    if (library_ == nullptr || !library_->Encode(vocabulary_, text, by_library)) return;
    ++by_library_;
    num_ids_ += by_library.size();
  }
  // Whether most texts came to the library: else two small encoders were compared.
  bool LibraryWasAsked() const { return !SentencePieceLibrary::Encodes(vocabulary_.model) || ShareOfLibrary() > 0.85; }
  double ShareOfLibrary() const { return static_cast<double>(by_library_) / static_cast<double>(texts_); }
  size_t num_ids() const { return num_ids_; }
  const Tokenizer& by_build() const { return *by_build_; }
  const Tokenizer& small() const { return *small_; }

 private:
  std::unique_ptr<Tokenizer> by_build_, small_;
  SentencePieceModel model_;
  Vocabulary vocabulary_;
  std::unique_ptr<SentencePieceLibrary> library_;  // null where it does not encode
  size_t texts_ = 0, by_library_ = 0, num_ids_ = 0;
};

// What breaks encoders: every block of Unicode, spaces of every kind and number, texts of tokens, bytes that are no text.
std::vector<std::string> HostileTexts(uint64_t seed, int random) {
  std::vector<std::string> texts = {"", " ", "  ", "\n", "▁", "▁▁ ▁", " ▁ a", std::string("a\0b\0\0", 5), std::string(1, '\0'), "<unk>", "<s>a</s>", " </s> ",
                                    "<0x41><0x0A>", "<0xZZ>", "�", "a�b", "\xEF\xBB\xBFx", "e\u0301\u0323\u0301", "🇩🇪👩‍🚀🏽👨‍👩‍👧‍👦", "\u202Eabc\u202C", "ﷺﷺ", "ﬁ Ⅳ ㎏ ｆｕｌｌ",
                                    "\xFF\xFE", "a\x80z", "\xED\xA0\x80", "\xC0\xAF", "\xF4\x90\x80\x80", "cut \xE2\x96"};
  for (const size_t n : {3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100, 1000, 5000}) {
    texts.push_back(std::string(n, ' '));
    texts.push_back("a" + std::string(n, ' ') + "b");
    texts.push_back(std::string(n, 'a'));
    texts.push_back(std::string(n, '\n') + std::string(n, '\t'));
  }
  for (int32_t block = 0; block < 0x110000; block += 0x100) {
    if ((block >= 0xD800 && block < 0xE000) || (block >= 0x32400 && block % 0x8000 != 0)) continue;  // surrogates; mostly unassigned
    std::string text;
    for (int32_t c = block; c < block + 0x100; ++c) AppendUtf8(text, c);
    texts.push_back(std::move(text));
  }
  Rng rng(seed);
  const std::vector<std::string> words = {" the", "ing", " 48", " clips", "▁", " ", "  ", "\n", "<s>", "</s>", "<unk>", "<b>", "<|im_end|>", "<0x0A>", "ß", "漢字", "かな", "한글", "🙂", "\xC2\xA0", "\u3000", "\u200B"};
  for (int i = 0; i < random; ++i) {
    std::string text;
    for (int64_t n = rng.Int(1, 24); n > 0; --n) {
      const int64_t kind = rng.Int(0, 9);
      if (kind < 5) text += words[static_cast<size_t>(rng.Int(0, static_cast<int64_t>(words.size()) - 1))];
      if (kind >= 5 && kind < 8) text += static_cast<char>(rng.Int(0x20, 0x7E));
      if (kind >= 8) {
        const auto c = static_cast<int32_t>(rng.Int(0x80, kind == 8 ? 0x3100 : 0x323AF));
        AppendUtf8(text, c >= 0xD800 && c < 0xE000 ? 0xFFFD : c);
      }
    }
    if (rng.Uniform() < 0.05) text += static_cast<char>(rng.Int(0x80, 0xFF));
    texts.push_back(std::move(text));
  }
  return texts;
}

TEST(SentencePieceLibrary, EqualsTheSmallEncodersOnTrainedVocabularies) {
  NEED_LIBRARY();
  for (const std::string fixture : kFixtures) {
    Both both(kFolder + fixture + ".model");
    const Json golden = Json::parse(ReadFile(kFolder + fixture + ".ids.json"));
    for (const Json& c : golden.at("cases")) ASSERT_NO_FATAL_FAILURE(both.Compare(c.at("text").get<std::string>()));
    for (const std::string& text : HostileTexts(21, 2000)) ASSERT_NO_FATAL_FAILURE(both.Compare(text));
    EXPECT_TRUE(both.LibraryWasAsked()) << fixture << " " << both.ShareOfLibrary();
  }
}

// The real vocabularies at hand are in GGUF files: their pieces, scores and types make a tokenizer.model.
TEST(SentencePieceLibrary, EqualsTheSmallEncoderOnRealVocabularies) {
  NEED_LIBRARY();
  const char* vocabularies = std::getenv("PITH_VOCABS");
  if (vocabularies == nullptr) GTEST_SKIP() << "PITH_VOCABS names no folder of vocabularies (ggml-vocab-llama-spm.gguf, ggml-vocab-phi-3.gguf)";
  std::vector<std::string> texts = HostileTexts(22, 3000);
  if (const char* data = std::getenv("PITH_DATA")) {
    for (const char* file : {"/gsm8k/test.jsonl", "/math/math500.jsonl"}) {
      if (!FileExists(std::string(data) + file)) continue;
      const std::string lines = ReadFile(std::string(data) + file);
      for (size_t at = 0, end; at < lines.size() && at < 1'000'000; at = end + 1) {
        end = std::min(lines.find('\n', at), lines.size());
        const Json line = Json::parse(lines.substr(at, end - at));
        for (const Json& value : line) {
          if (value.is_string()) texts.push_back(value.get<std::string>());
        }
      }
    }
  }
  for (const std::string name : {"llama-spm", "phi-3"}) {
    const std::string gguf_path = std::string(vocabularies) + "/ggml-vocab-" + name + ".gguf";
    const GgufFile file(gguf_path);
    Both both(Written(ModelProtoOfGguf(file), name));
    const auto gguf = Tokenizer::FromGguf(file);
    for (const std::string& text : texts) {
      ASSERT_NO_FATAL_FAILURE(both.Compare(text));
      // In a GGUF user-defined tokens are looked for before the normaliser, so only where there are none the files say the same.
      if (name == "llama-spm") {
        ASSERT_EQ(both.small().Encode(text), gguf->Encode(text)) << text.substr(0, 2000);
        ASSERT_EQ(both.small().Encode(text, SpecialTokens::kParse), gguf->Encode(text, SpecialTokens::kParse)) << text.substr(0, 2000);
      }
    }
    EXPECT_TRUE(both.LibraryWasAsked()) << name << " " << both.ShareOfLibrary();
    RecordProperty(name + "_ids", static_cast<int>(both.num_ids()));
  }
}

// Small vocabularies of all that a file can hold: ties, pieces that no merge reaches, characters without a piece.
ModelProto RandomModel(Rng& rng) {
  const std::vector<std::string> letters = {"a", "b", "c", "é", "▁", "漢", "🙂"};
  ModelProto model;
  model.unigram = rng.Uniform() < 0.5;
  model.byte_fallback = rng.Uniform() < 0.5;
  model.dummy_prefix = rng.Uniform() < 0.5;
  model.squeeze = rng.Uniform() < 0.5;
  model.pieces = {{"<unk>", 0, ModelProto::kUnknown}, {"<s>", 0, ModelProto::kControl}, {"</s>", 0, ModelProto::kControl}};
  if (model.byte_fallback) {
    for (int byte = 0; byte < 256; ++byte) {
      char text[8];
      std::snprintf(text, sizeof(text), "<0x%02X>", static_cast<unsigned>(byte));
      model.pieces.push_back({text, 0, ModelProto::kByte});
    }
  }
  const bool user_defined = rng.Uniform() < 0.3;
  std::vector<std::string> texts;
  for (int64_t n = rng.Int(5, 40); n > 0; --n) {
    std::string text;
    for (int64_t size = rng.Int(1, 4); size > 0; --size) text += letters[static_cast<size_t>(rng.Int(0, static_cast<int64_t>(letters.size()) - 1))];
    if (std::find(texts.begin(), texts.end(), text) != texts.end()) continue;
    texts.push_back(text);
    const bool defined = user_defined && rng.Uniform() < 0.15;
    model.pieces.push_back({text, static_cast<float>(rng.Int(-40, -1)) / 4, defined ? ModelProto::kUserDefined : ModelProto::kNormal});
  }
  return model;
}

TEST(SentencePieceLibrary, EqualsTheSmallEncodersOnRandomVocabularies) {
  NEED_LIBRARY();
  Rng rng(23);
  const std::vector<std::string> parts = {"a", "b", "c", "é", "▁", " ", "漢", "🙂", "x", "<s>", "  "};
  for (int i = 0; i < 300; ++i) {
    Both both(Written(RandomModel(rng), "random"));
    for (int j = 0; j < 40; ++j) {
      std::string text;
      for (int64_t n = rng.Int(0, j < 30 ? 12 : 80); n > 0; --n) text += parts[static_cast<size_t>(rng.Int(0, static_cast<int64_t>(parts.size()) - 1))];
      ASSERT_NO_FATAL_FAILURE(both.Compare(text));
    }
    EXPECT_TRUE(both.LibraryWasAsked());
  }
}

// The library would give all of these.
TEST(SentencePieceLibrary, NoTextBecomesAControlToken) {
  NEED_LIBRARY();
  ModelProto model;
  model.byte_fallback = true;
  model.pieces = {{"<unk>", 0, ModelProto::kUnknown}, {"<s>", 0, ModelProto::kControl}, {"§", 0, ModelProto::kControl}, {"<turn>", 0, ModelProto::kUserDefined}};
  for (int byte = 0; byte < 256; ++byte) {
    char text[8];
    std::snprintf(text, sizeof(text), "<0x%02X>", static_cast<unsigned>(byte));
    model.pieces.push_back({text, 0, ModelProto::kByte});
  }
  for (const char* text : {"▁", "a", "b", "▁a"}) model.pieces.push_back({text, -1, ModelProto::kNormal});
  const std::string path = Written(model, "control"), config = std::filesystem::path(path).parent_path().string() + "/tokenizer_config.json";
  WriteFile(config, R"({"added_tokens_decoder": {"3": {"content": "<turn>", "special": true}, "270": {"content": "<end>", "special": true}, "271": {"content": "ba", "special": false}}})");
  Both both(path);
  for (const char* text : {"a<s>b", "§", "a§b§", "<turn>", "a <turn> b", "<end>", "ba ab", "aba"}) {
    both.Compare(text);
    for (const int32_t id : both.by_build().Encode(text)) EXPECT_FALSE(both.by_build().IsControl(id)) << text;
    EXPECT_EQ(both.by_build().Encode(text, SpecialTokens::kParse), both.small().Encode(text, SpecialTokens::kParse)) << text;
  }
  EXPECT_EQ(both.by_build().Encode("<turn>§", SpecialTokens::kParse), (Ids{3, 2}));
  EXPECT_EQ(both.by_build().EncodeAround("<turn>§", {{0, 6}}).back(), 2);
  EXPECT_FALSE(both.by_build().IsControl(both.by_build().EncodeAround("<turn>§", {{0, 6}}).front()));
}

// tokenizer_config.json names pieces that the model has defined already: they stay what they are in the normalised text, too.
TEST(SentencePieceLibrary, AConfigNamesUserDefinedPiecesAgain) {
  NEED_LIBRARY();
  ModelProto model;
  model.pieces = {{"<unk>", 0, ModelProto::kUnknown}, {"▁▁", 0, ModelProto::kUserDefined}};
  for (const char* text : {"a", "b", "▁", "▁a", "▁b", "▁▁b"}) model.pieces.push_back({text, -1});
  const std::string path = Written(model, "user_defined"), config = std::filesystem::path(path).parent_path().string() + "/tokenizer_config.json";
  WriteFile(config, R"({"added_tokens_decoder": {"1": {"content": "▁▁", "special": false}}})");
  Both both(path);
  for (const char* text : {"a  b", "a▁▁b", "  b", "a    b a"}) both.Compare(text);
  EXPECT_EQ(both.small().Encode("a  b"), (Ids{5, 1, 3}));  // ▁a, ▁▁, b: never ▁▁b
}

// The library would join "ab" and take it apart again; a GGUF, and pith's own encoder, join nothing to what is unused.
TEST(SentencePieceLibrary, PiecesOfTypeUnusedMakeNoDifference) {
  NEED_LIBRARY();
  ModelProto model;
  model.pieces = {{"<unk>", 0, ModelProto::kUnknown}, {"a", -1}, {"b", -1}, {"▁", -1}, {"ab", -1, ModelProto::kUnused}, {"abb", -2}, {"[PAD5]", 0, ModelProto::kUnused}};
  Both both(Written(model, "unused"));
  for (const char* text : {"ab", "abb", "aabb ab"}) both.Compare(text);
  EXPECT_EQ(both.small().Encode("abb"), (Ids{3, 1, 2, 2}));
  EXPECT_EQ(both.ShareOfLibrary(), 0);
  model.pieces[4].text = "xyzxyz";  // of whose halves there is none: no merge comes to it
  Both harmless(Written(model, "unused"));
  harmless.Compare("abb xyzxyz");
  EXPECT_EQ(harmless.ShareOfLibrary(), 1);
}

TEST(SentencePieceLibrary, LeavesTextsThatWouldFillTheMemory) {
  NEED_LIBRARY();
  const std::string path = kFolder + "spm_bpe.model", most(SentencePieceLibrary::kMaxText, 'x');
  const SentencePieceModel model = ReadSentencePieceModel(path);
  const Vocabulary vocabulary = VocabularyFromSentencePiece(model);
  const auto library = SentencePieceLibrary::Load(model);
  Ids ids;
  EXPECT_TRUE(library->Encode(vocabulary, most, ids));
  EXPECT_FALSE(library->Encode(vocabulary, most + "x", ids));
  EXPECT_EQ(ids, Tokenizer::FromSentencePiece(path, PieceEncoder::kSmall)->Encode(most));
}

// One tokenizer serves all threads of rollouts.
TEST(SentencePieceLibrary, ServesManyThreads) {
  NEED_LIBRARY();
  for (const char* fixture : kFixtures) {
    const auto tokenizer = Tokenizer::Load(kFolder + fixture + ".model");
    const std::vector<std::string> texts = HostileTexts(24, 300);
    std::vector<Ids> expected;
    for (const std::string& text : texts) expected.push_back(tokenizer->Encode(text));
    std::vector<int> wrong(4, 0);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < wrong.size(); ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = 0; i < texts.size(); i += 4) {
          const size_t mine = (i * 7 + t * 101) % texts.size();
          if (tokenizer->Encode(texts[mine]) != expected[mine]) ++wrong[t];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, std::vector<int>(4, 0)) << fixture;
  }
}

// A build without the library refuses what it refuses.
TEST(SentencePieceModel, WhatTheLibraryRefusesIsRefusedInEveryBuild) {
  ModelProto good;
  good.pieces = {{"<unk>", 0, ModelProto::kUnknown}, {"<s>", 0, ModelProto::kControl}, {"a", -1}, {"b", -2}};
  const auto refusal = [&](auto change, PieceEncoder encoder) -> std::string {
    ModelProto model = good;
    change(model);
    try {
      Tokenizer::FromSentencePiece(Written(model, "refused"), encoder);
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  for (const PieceEncoder encoder : {PieceEncoder::kSmall, PieceEncoder::kLibrary}) {
    EXPECT_EQ(refusal([](ModelProto&) {}, encoder), "");
    EXPECT_NE(refusal([](ModelProto& m) { m.pieces[0].type = ModelProto::kNormal; }, encoder).find("no piece stands for what is unknown"), std::string::npos);
    EXPECT_NE(refusal([](ModelProto& m) { m.pieces[1].type = ModelProto::kUnknown; }, encoder).find("two pieces, 0 and 1"), std::string::npos);
    EXPECT_NE(refusal([](ModelProto& m) { m.pieces[3].text = "a"; }, encoder).find("'a' is there twice"), std::string::npos);
    EXPECT_NE(refusal([](ModelProto& m) { m.pieces[3].text = ""; }, encoder).find("piece 3 is empty"), std::string::npos);
    EXPECT_NE(refusal([](ModelProto& m) { m.pieces[3].text = std::string("a\0", 2); }, encoder).find("zero byte"), std::string::npos);
    EXPECT_NE(refusal([](ModelProto& m) { m.pieces.resize(2); }, encoder).find("no piece stands for text"), std::string::npos);
    EXPECT_NE(refusal([](ModelProto& m) { m.byte_fallback = true; }, encoder).find("pieces for 0 bytes, expected 256"), std::string::npos);
    EXPECT_NE(refusal([](ModelProto& m) { m.pieces[3] = {"<0x41>", 0, ModelProto::kByte}; }, encoder).find("says that it has none"), std::string::npos);
  }
}

}  // namespace
}  // namespace pith
