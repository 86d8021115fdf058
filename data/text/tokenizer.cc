#include "data/text/tokenizer.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "data/text/bpe.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

constexpr const char* kTurnEnds[] = {"<|im_end|>", "<|eot_id|>", "<|end|>"};
constexpr size_t kMaxCachedWord = 64;  // bytes

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(Vocabulary v) : vocabulary(std::move(v)), bpe(vocabulary), added(vocabulary) {
    const auto add_end = [&](int32_t id) {
      if (id >= 0 && std::find(ends.begin(), ends.end(), id) == ends.end()) ends.push_back(id);
    };
    add_end(vocabulary.eos_id);
    for (const char* text : kTurnEnds) add_end(added.Find(text));
    for (const int32_t id : vocabulary.end_ids) add_end(id);
  }

  Vocabulary vocabulary;  // bpe and added point into it
  Bpe bpe;
  AddedTokens added;
  std::vector<int32_t> ends;

  void EncodePlain(std::string_view text, std::vector<int32_t>& ids) const {
    std::string composed;
    if (vocabulary.compose_nfc) {
      composed = ComposeNfc(text);
      text = composed;
    }
    std::vector<std::string_view> words;
    words.reserve(text.size() / 4 + 1);
    SplitWords(vocabulary.pre_tokenizer, text, words);
    // Words that merge to several tokens, by where their ids already stand in `ids`.
    std::unordered_map<std::string_view, std::pair<size_t, size_t>> seen;
    for (const std::string_view word : words) {
      const int32_t whole = bpe.WholeWord(word);
      if (whole >= 0) {
        ids.push_back(whole);
        continue;
      }
      const size_t begin = ids.size();
      if (word.size() > kMaxCachedWord) {
        bpe.Merge(word, ids);
        continue;
      }
      const auto [entry, is_new] = seen.try_emplace(word);
      if (is_new) {
        bpe.Merge(word, ids);
        entry->second = {begin, ids.size()};
      } else {
        const auto [from, to] = entry->second;
        for (size_t i = from; i < to; ++i) ids.push_back(ids[i]);
      }
    }
  }

  std::vector<int32_t> Encode(std::string_view text, bool with_control, const std::vector<TextRange>& literal) const {
    std::vector<int32_t> ids;
    for (size_t at = 0; at < text.size();) {
      const AddedTokens::Match match = added.Next(text, at, with_control, literal);
      if (match.at > at) EncodePlain(text.substr(at, match.at - at), ids);
      if (match.size > 0) ids.push_back(match.id);
      at = match.at + match.size;
    }
    return ids;
  }

  void CheckId(int32_t id) const {
    if (id < 0 || id >= static_cast<int32_t>(vocabulary.tokens.size())) {
      ThrowUser("token id ", id, " is outside the vocabulary of '", vocabulary.origin, "', which has ",
                vocabulary.tokens.size(), " tokens");
    }
  }
};

Tokenizer::Tokenizer() = default;
Tokenizer::~Tokenizer() = default;

std::unique_ptr<Tokenizer> Tokenizer::Load(const std::string& path) {
  if (IsFolder(path)) {
    const std::string json = path + "/tokenizer.json";
    if (FileExists(json)) return FromJson(json);
    if (FileExists(path + "/tokenizer.model")) {
      ThrowUser("'", path, "' has only a tokenizer.model (sentencepiece), but pith knows byte-level BPE only");
    }
    ThrowUser("'", path, "' has no tokenizer.json; name a Hugging Face folder, a tokenizer.json or a GGUF");
  }
  if (path.ends_with(".json")) return FromJson(path);
  if (path.ends_with(".model")) {
    ThrowUser("'", path,
              "' is a sentencepiece model, but pith knows byte-level BPE only; name a tokenizer.json or a GGUF");
  }
  return FromGguf(GgufFile(path));
}

std::unique_ptr<Tokenizer> Tokenizer::FromGguf(const GgufFile& file) {
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer);
  tokenizer->impl_ = std::make_unique<Impl>(VocabularyFromGguf(file));
  return tokenizer;
}

std::unique_ptr<Tokenizer> Tokenizer::FromJson(const std::string& tokenizer_json_path) {
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer);
  tokenizer->impl_ = std::make_unique<Impl>(VocabularyFromJson(tokenizer_json_path));
  return tokenizer;
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text, SpecialTokens special) const {
  return impl_->Encode(text, special == SpecialTokens::kParse, {});
}

std::vector<int32_t> Tokenizer::EncodeAround(std::string_view text, const std::vector<TextRange>& literal) const {
  return impl_->Encode(text, true, literal);
}

std::string Tokenizer::Decode(std::span<const int32_t> ids, bool with_control) const {
  std::string text;
  for (const int32_t id : ids) {
    if (with_control || !IsControl(id)) text += TokenBytes(id);
  }
  return text;
}

std::string_view Tokenizer::TokenBytes(int32_t id) const {
  impl_->CheckId(id);
  return impl_->vocabulary.tokens[id];
}

bool Tokenizer::IsControl(int32_t id) const {
  impl_->CheckId(id);
  return impl_->vocabulary.kinds[id] == TokenKind::kControl;
}

std::optional<int32_t> Tokenizer::FindToken(std::string_view text) const {
  int32_t id = impl_->added.Find(text);
  if (id < 0) id = impl_->bpe.Find(text);
  return id < 0 ? std::nullopt : std::optional(id);
}

std::vector<std::string_view> Tokenizer::ControlTexts() const {
  std::vector<std::string_view> texts;
  for (size_t id = 0; id < impl_->vocabulary.tokens.size(); ++id) {
    if (impl_->vocabulary.kinds[id] == TokenKind::kControl) texts.push_back(impl_->vocabulary.tokens[id]);
  }
  return texts;
}

int32_t Tokenizer::vocab_size() const { return static_cast<int32_t>(impl_->vocabulary.tokens.size()); }
int32_t Tokenizer::eos_id() const { return impl_->vocabulary.eos_id; }
std::span<const int32_t> Tokenizer::end_ids() const { return impl_->ends; }
bool Tokenizer::IsEnd(int32_t id) const {
  return std::find(impl_->ends.begin(), impl_->ends.end(), id) != impl_->ends.end();
}

}  // namespace pith
