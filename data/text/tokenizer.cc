#include "data/text/tokenizer.h"

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/hub_cache.h"
#include "data/text/bpe.h"
#include "data/text/end_tokens.h"
#include "data/text/sentencepiece_library.h"
#include "data/text/sentencepiece_model.h"
#include "data/text/unicode_class.h"
#include "data/text/unigram.h"
#include "data/text/wordpiece.h"

namespace pith {
namespace {

constexpr size_t kMaxCachedWord = 64;  // bytes

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(Vocabulary v)
      : vocabulary(std::move(v)), added(vocabulary, /*normalized=*/false), added_normalized(vocabulary, /*normalized=*/true) {
    CheckUnicode();
    switch (vocabulary.model) {
      case TokenModel::kBpe: bpe = std::make_unique<Bpe>(vocabulary); break;
      case TokenModel::kUnigram: unigram = std::make_unique<Unigram>(vocabulary); break;
      case TokenModel::kWordPiece: wordpiece = std::make_unique<WordPiece>(vocabulary); break;
    }
    parts_text.resize(vocabulary.tokens.size());
    for (const AddedToken& token : vocabulary.added) {
      added_ids.emplace(token.text, token.id);
      parts_text[static_cast<size_t>(token.id)] = !token.normalized;
    }
    ends = EndIds(vocabulary);
  }

  Vocabulary vocabulary;  // the others point into it
  AddedTokens added, added_normalized;
  std::unique_ptr<Bpe> bpe;  // one of the three
  std::unique_ptr<Unigram> unigram;
  std::unique_ptr<WordPiece> wordpiece;
  std::unique_ptr<SentencePieceLibrary> library;  // of a tokenizer.model, where it goes before these
  std::unordered_map<std::string_view, int32_t> added_ids;
  std::vector<int32_t> ends;
  std::vector<bool> parts_text;  // what stands before and behind the token is normalised apart

  int32_t FindAdded(std::string_view text) const {
    const auto found = added_ids.find(text);
    return found == added_ids.end() ? -1 : found->second;
  }

  // Text without added tokens. `text_begin`: nothing of the input came before it.
  void EncodePlain(std::string_view text, bool text_begin, std::vector<int32_t>& ids) const {
    if (library != nullptr && library->Encode(vocabulary, text, ids)) return;
    std::string normal;
    if (!vocabulary.normalizer.empty()) {
      normal = vocabulary.normalizer.Apply(text);
      text = normal;
    }
    if (added_normalized.empty()) return EncodeNormal(text, text_begin, ids);
    for (size_t at = 0; at < text.size();) {
      const AddedTokens::Match match = added_normalized.Next(text, at, false, {});
      if (match.at > at) EncodeNormal(text.substr(at, match.at - at), text_begin && at == 0, ids);
      if (match.size > 0) ids.push_back(match.id);
      at = match.at + match.size;
    }
  }

  void EncodeNormal(std::string_view text, bool text_begin, std::vector<int32_t>& ids) const {
    std::deque<std::string> arena;
    std::vector<std::string_view> words;
    words.reserve(text.size() / 4 + 1);
    if (vocabulary.splitter.empty() && !vocabulary.splitter.Bytes()) {
      words.push_back(text);
    } else {
      vocabulary.splitter.Split(text, text_begin, arena, words);
    }
    // Words that become several tokens, by where their ids already stand in `ids`.
    std::unordered_map<std::string_view, std::pair<size_t, size_t>> seen;
    std::vector<std::string_view> parts;
    for (const std::string_view word : words) {
      if (bpe == nullptr) {
        Cached(word, seen, ids);
        continue;
      }
      const int32_t whole = bpe->WholeWord(word);
      if (whole >= 0) {
        ids.push_back(whole);
        continue;
      }
      parts.clear();
      bpe->Part(word, parts);
      for (const std::string_view part : parts) {
        const int32_t id = parts.size() > 1 ? bpe->WholeWord(part) : -1;
        if (id >= 0) {
          ids.push_back(id);
        } else {
          Cached(part, seen, ids);
        }
      }
    }
  }

  void Cached(std::string_view word, std::unordered_map<std::string_view, std::pair<size_t, size_t>>& seen,
              std::vector<int32_t>& ids) const {
    const size_t begin = ids.size();
    if (word.size() > kMaxCachedWord) return EncodeWord(word, ids);
    const auto [entry, is_new] = seen.try_emplace(word);
    if (is_new) {
      EncodeWord(word, ids);
      entry->second = {begin, ids.size()};
    } else {
      const auto [from, to] = entry->second;
      for (size_t i = from; i < to; ++i) ids.push_back(ids[i]);
    }
  }

  void EncodeWord(std::string_view word, std::vector<int32_t>& ids) const {
    if (bpe != nullptr) return bpe->Merge(word, ids);
    if (unigram != nullptr) return unigram->Encode(word, ids);
    wordpiece->Encode(word, ids);
  }

  int32_t FindPiece(std::string_view piece) const {
    return bpe != nullptr ? bpe->Find(piece) : unigram != nullptr ? unigram->Find(piece) : wordpiece->Find(piece);
  }

  std::vector<int32_t> Encode(std::string_view text, bool with_control, const std::vector<TextRange>& literal) const {
    std::vector<int32_t> ids;
    for (size_t at = 0; at < text.size();) {
      const AddedTokens::Match match = added.Next(text, at, with_control, literal);
      if (match.at > at) EncodePlain(text.substr(at, match.at - at), at == 0, ids);
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
    const std::string json = path + "/tokenizer.json", model = path + "/tokenizer.model";
    if (FileExists(json)) return FromJson(json);
    if (FileExists(model)) return FromSentencePiece(model);
    ThrowUser("'", path, "' has no tokenizer.json and no tokenizer.model; name a Hugging Face folder, one of these, or a GGUF", CompletionHint(path));
  }
  if (path.ends_with(".json")) return FromJson(path);
  if (path.ends_with(".model")) return FromSentencePiece(path);
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

std::unique_ptr<Tokenizer> Tokenizer::FromSentencePiece(const std::string& tokenizer_model_path, PieceEncoder encoder) {
  SentencePieceModel model = ReadSentencePieceModel(tokenizer_model_path);
  auto library = encoder == PieceEncoder::kLibrary ? SentencePieceLibrary::Load(model) : nullptr;
  if (library != nullptr) library->ReadPieces(&model);
  std::unique_ptr<Tokenizer> tokenizer(new Tokenizer);
  tokenizer->impl_ = std::make_unique<Impl>(VocabularyFromSentencePiece(model));
  if (library != nullptr && SentencePieceLibrary::Encodes(tokenizer->impl_->vocabulary)) tokenizer->impl_->library = std::move(library);
  return tokenizer;
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text, SpecialTokens special) const {
  return impl_->Encode(text, special == SpecialTokens::kParse, {});
}

std::vector<int32_t> Tokenizer::EncodeAround(std::string_view text, const std::vector<TextRange>& literal) const {
  return impl_->Encode(text, true, literal);
}

std::string Tokenizer::Decode(std::span<const int32_t> ids, bool with_control) const {
  const Vocabulary& vocabulary = impl_->vocabulary;
  std::string text;
  bool first = vocabulary.prefix != Vocabulary::Prefix::kNone;  // the encoder put a space here
  for (const int32_t id : ids) {
    const std::string_view bytes = TokenBytes(id);
    const TokenKind kind = vocabulary.kinds[static_cast<size_t>(id)];
    const bool added = impl_->parts_text[static_cast<size_t>(id)];
    if (!added && first && bytes.starts_with(" ")) {
      text += bytes.substr(1);
    } else if (kind != TokenKind::kControl || with_control) {
      text += bytes;
    }
    first = added ? vocabulary.prefix == Vocabulary::Prefix::kEach || (first && kind == TokenKind::kControl && !with_control) : false;
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
  int32_t id = impl_->FindAdded(text);
  if (id >= 0) return id;
  std::string marked(text);
  if (impl_->vocabulary.characters) {
    NormalizerStep marks;
    marks.kind = NormalizerStep::kReplace;
    marks.pattern = " ";
    marks.text = kSpaceMark;
    marked = Normalizer{{marks}}.Apply(text);
  }
  for (const std::string& piece : {marked, std::string(text)}) {
    id = impl_->FindPiece(piece);
    if (id >= 0) return id;
  }
  if (text.size() == 1 && impl_->vocabulary.byte_tokens[static_cast<uint8_t>(text[0])] >= 0) {
    return impl_->vocabulary.byte_tokens[static_cast<uint8_t>(text[0])];
  }
  return std::nullopt;
}

std::vector<std::string_view> Tokenizer::ControlTexts() const {
  std::vector<std::string_view> texts;
  for (size_t id = 0; id < impl_->vocabulary.tokens.size(); ++id) {
    if (impl_->vocabulary.kinds[id] == TokenKind::kControl) texts.push_back(impl_->vocabulary.tokens[id]);
  }
  return texts;
}

const char* Tokenizer::Kind() const {
  switch (impl_->vocabulary.model) {
    case TokenModel::kBpe: return impl_->vocabulary.characters ? "BPE of characters" : "byte-level BPE";
    case TokenModel::kUnigram: return "unigram";
    case TokenModel::kWordPiece: return "WordPiece";
  }
  return "?";
}

int32_t Tokenizer::vocab_size() const { return static_cast<int32_t>(impl_->vocabulary.tokens.size()); }
int32_t Tokenizer::eos_id() const { return impl_->vocabulary.eos_id; }
std::span<const int32_t> Tokenizer::end_ids() const { return impl_->ends; }
bool Tokenizer::IsEnd(int32_t id) const {
  return std::find(impl_->ends.begin(), impl_->ends.end(), id) != impl_->ends.end();
}
std::span<const int32_t> Tokenizer::WithoutEnd(std::span<const int32_t> answer) const {
  return !answer.empty() && IsEnd(answer.back()) ? answer.first(answer.size() - 1) : answer;
}

}  // namespace pith
