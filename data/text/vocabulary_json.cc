// tokenizer.json of Hugging Face's tokenizers library: BPE (of bytes or characters), unigram, WordPiece.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <type_traits>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "base/log.h"
#include "data/text/end_tokens.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

using Json = nlohmann::json;

std::string Text(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// A field that is null or absent counts as `missing`.
template <class T>
T Field(const Json& object, const char* key, T missing) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return missing;
  if constexpr (std::is_same_v<T, int64_t>) {  // nlohmann's get would cut off whatever a double holds
    if (!found->is_number_integer()) ThrowUser("a tokenizer.json sets '", key, "' to ", Text(*found), "; expected an integer");
  }
  return found->get<T>();
}

class Reader {
 public:
  explicit Reader(const std::string& path) : path_(path), root_(Json::parse(PythonJson(ReadFile(path)))) { out_.origin = path; }

  Vocabulary Read() {
    if (!root_.is_object() || !root_.contains("model")) Fail("has no 'model'; expected a tokenizer.json");
    ReadSteps();
    ReadModel(root_.at("model"));
    ReadAdded();
    ReadDecoder();
    ReadFolderEnds(std::filesystem::path(path_).parent_path().string(), &out_);
    return std::move(out_);
  }

 private:
  std::string path_;
  Json root_;
  Vocabulary out_;
  std::vector<std::string> texts_;
  std::unordered_map<std::string, size_t> unigram_ids_;  // the last of equal pieces, as in the library
  std::unordered_map<std::string, size_t> added_at_;  // where in `added` a text stands
  bool byte_fallback_ = false;

  template <class... Args>
  [[noreturn]] void Fail(const Args&... args) const {
    ThrowUser("'", path_, "' ", args...);
  }

  size_t CheckedId(const Json& id) const {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= kMaxTokens) {
      Fail("has the token id ", Text(id), "; expected an integer from 0 to ", kMaxTokens - 1);
    }
    return id.get<size_t>();
  }

  void Place(size_t id, const std::string& text, TokenKind kind) {
    if (text.empty()) Fail("has an empty token, id ", id);
    if (id >= texts_.size()) {
      texts_.resize(id + 1);
      out_.kinds.resize(id + 1, TokenKind::kUnused);
    }
    if (out_.kinds[id] != TokenKind::kUnused && texts_[id] != text) {
      Fail("gives id ", id, " to '", texts_[id], "' and to '", text, "'; ids must be unique");
    }
    texts_[id] = text;
    out_.kinds[id] = kind;
  }

  void ReadSteps() {
    const auto part = [&](const char* key) { return Text(root_.value(key, Json())); };
    out_.normalizer = NormalizerFromJson(part("normalizer"), path_);
    bool alphabet = false;
    for (const NormalizerStep& step : out_.normalizer.steps) {
      alphabet = alphabet || step.kind == NormalizerStep::kByteLevel;
      if (step.kind == NormalizerStep::kPrepend) out_.prefix = Vocabulary::Prefix::kEach;
    }
    std::vector<WordStep> steps = WordStepsFromJson(part("pre_tokenizer"), path_);
    for (const WordStep& step : steps) {
      const bool prefixes = step.prefix && (step.kind == WordStep::kMetaspace || step.kind == WordStep::kByteLevel);
      if (prefixes) out_.prefix = step.first ? Vocabulary::Prefix::kFirst : Vocabulary::Prefix::kEach;
    }
    out_.splitter = WordSplitter(std::move(steps), alphabet);
    out_.characters = !out_.splitter.Bytes();
  }

  void ReadModel(const Json& model) {
    const char* kind = model.at("vocab").is_array() ? "Unigram" : model.contains("merges") ? "BPE" : "WordPiece";
    const auto type = Field<std::string>(model, "type", kind);  // older files have none
    byte_fallback_ = Field<bool>(model, "byte_fallback", false);
    if (type == "Unigram") return ReadUnigram(model);
    if (type == "WordPiece") return ReadWordPiece(model);
    if (type != "BPE") Fail("has a tokenizer model of type '", type, "', but pith knows BPE, Unigram and WordPiece");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!Field<std::string>(model, key, "").empty()) Fail("sets '", key, "', which pith lacks");
    }
    if (Field<double>(model, "dropout", 0.0) != 0.0) Fail("sets BPE 'dropout', which pith lacks");
    out_.ignore_merges = Field<bool>(model, "ignore_merges", false);
    out_.fuse_unknown = Field<bool>(model, "fuse_unk", false);
    ReadVocabulary(model);
    const MergeResolver resolver(path_, texts_, out_.kinds);
    for (const Json& merge : model.at("merges")) {
      if (merge.is_array() && merge.size() == 2) {
        resolver.Add(merge[0].get<std::string>(), merge[1].get<std::string>(), &out_);
        continue;
      }
      const auto text = merge.get<std::string>();
      const size_t space = text.find(' ');
      if (space == std::string::npos) Fail("has the merge '", text, "', expected two tokens and a space between");
      resolver.Add(text.substr(0, space), text.substr(space + 1), &out_);
    }
    ReadUnknown(model, "");
  }

  void ReadVocabulary(const Json& model) {
    const Json& vocab = model.at("vocab");
    if (!vocab.is_object() || vocab.empty()) Fail("has no vocabulary");
    for (const auto& [text, id] : vocab.items()) Place(CheckedId(id), text, TokenKind::kNormal);
    SetPieces();
  }

  void ReadUnknown(const Json& model, const std::string& missing) {
    const auto unknown = Field<std::string>(model, "unk_token", missing);
    if (unknown.empty()) return;
    out_.unknown_id = FindText(unknown);
    if (out_.unknown_id < 0) Fail("names the unknown token '", unknown, "', which its vocabulary lacks");
  }

  void ReadWordPiece(const Json& model) {
    if (out_.splitter.Bytes()) Fail("has a WordPiece model over bytes, which pith lacks");
    out_.model = TokenModel::kWordPiece;
    out_.continuation = Field<std::string>(model, "continuing_subword_prefix", "##");
    out_.max_word_characters = static_cast<size_t>(std::clamp<int64_t>(Field<int64_t>(model, "max_input_chars_per_word", 100), 0, kMaxTokens));
    ReadVocabulary(model);
    ReadUnknown(model, "[UNK]");
  }

  void ReadUnigram(const Json& model) {
    out_.model = TokenModel::kUnigram;
    out_.characters = true;
    out_.fuse_unknown = true;
    const Json& vocab = model.at("vocab");
    if (!vocab.is_array() || vocab.empty()) Fail("has a Unigram model without a list of pieces and scores");
    for (const Json& entry : vocab) {
      if (!entry.is_array() || entry.size() != 2) Fail("has the Unigram piece ", Text(entry), "; expected a text and a score");
      unigram_ids_.insert_or_assign(entry[0].get<std::string>(), texts_.size());
      Place(texts_.size(), entry[0].get<std::string>(), TokenKind::kNormal);
      out_.scores.push_back(entry[1].get<double>());
    }
    SetPieces();
    for (size_t id = 0; id < texts_.size(); ++id) {
      if (unigram_ids_.at(texts_[id]) != id) out_.pieces[id].clear();
    }
    const int64_t unknown = Field<int64_t>(model, "unk_id", -1);
    if (unknown >= static_cast<int64_t>(texts_.size())) Fail("has the unk_id ", unknown, ", beyond its vocabulary");
    out_.unknown_id = static_cast<int32_t>(std::max<int64_t>(unknown, -1));
  }

  // What the model knows: bytes where a word is bytes, else the text.
  void SetPieces() {
    out_.pieces.resize(texts_.size());
    for (size_t id = 0; id < texts_.size(); ++id) {
      if (out_.kinds[id] != TokenKind::kNormal) continue;
      const int byte = byte_fallback_ ? ByteOfToken(texts_[id]) : -1;
      if (byte >= 0) {
        out_.kinds[id] = TokenKind::kByte;
        out_.byte_tokens[static_cast<size_t>(byte)] = static_cast<int32_t>(id);
      }
      if (out_.splitter.Bytes() && !AlphabetToBytes(texts_[id], &out_.pieces[id])) out_.pieces[id].clear();
      if (!out_.splitter.Bytes()) out_.pieces[id] = texts_[id];
    }
  }

  // The id that the tokenizers library gives an added token, whatever the file says: that of an earlier one of its text, else the model's own, else
  // the next free one behind the vocabulary (counted by its size, holes or not) and behind all added so far.
  size_t AddedId(const std::string& text, size_t next) const {
    if (const auto earlier = added_at_.find(text); earlier != added_at_.end()) return static_cast<size_t>(out_.added[earlier->second].id);
    const Json& vocab = root_.at("model").at("vocab");
    if (vocab.is_object()) {
      const auto known = vocab.find(text);
      return known != vocab.end() ? known->get<size_t>() : next;
    }
    const auto known = unigram_ids_.find(text);
    return known != unigram_ids_.end() ? known->second : next;
  }

  // Of a text that is added again the last flags count.
  void Add(AddedToken token) {
    const auto [place, is_new] = added_at_.try_emplace(token.text, out_.added.size());
    if (is_new) out_.added.emplace_back();
    out_.added[place->second] = std::move(token);
  }

  void ReadAdded() {
    const Json added = root_.value("added_tokens", Json::array());
    size_t next = root_.at("model").at("vocab").size(), num_moved = 0;
    std::string moved;
    for (const Json& entry : added) {
      AddedToken token;
      token.text = entry.at("content").get<std::string>();
      if (token.text.empty()) continue;  // the library passes over it
      const size_t said = CheckedId(entry.at("id")), id = AddedId(token.text, next);
      next = std::max(next, id + 1);
      if (id != said && ++num_moved == 1) moved = Str("'", token.text, "' is ", id, " and not ", said);
      token.id = static_cast<int32_t>(id);
      token.lstrip = Field<bool>(entry, "lstrip", false);
      token.rstrip = Field<bool>(entry, "rstrip", false);
      token.single_word = Field<bool>(entry, "single_word", false);
      const bool special = Field<bool>(entry, "special", false) || (id < out_.kinds.size() && out_.kinds[id] == TokenKind::kControl);
      // Control tokens are looked for in the text as it stands, so that what a user wrote can be told from them.
      token.normalized = Field<bool>(entry, "normalized", !special) && !special;
      Place(id, token.text, special ? TokenKind::kControl : TokenKind::kUserDefined);
      Add(std::move(token));
    }
    if (num_moved > 0) {
      LogWarning(Str("'", path_, "' adds ", num_moved, " tokens with ids that the tokenizers library does not give them: ", moved, "; pith takes the library's"));
    }
    out_.pieces.resize(texts_.size());
    if (out_.model == TokenModel::kUnigram) out_.scores.resize(texts_.size(), 0.0);
    out_.tokens.resize(texts_.size());
    for (size_t id = 0; id < texts_.size(); ++id) {
      const bool bytes = out_.splitter.Bytes() && out_.kinds[id] == TokenKind::kNormal;
      out_.tokens[id] = bytes && !out_.pieces[id].empty() ? out_.pieces[id] : texts_[id];
      if (out_.kinds[id] == TokenKind::kByte) out_.tokens[id] = std::string(1, static_cast<char>(ByteOfToken(texts_[id])));
    }
  }

  // How the texts of tokens become text: replacements; a space in front goes where the decoder strips one.
  void ReadDecoder() {
    if (out_.splitter.Bytes()) return;
    if (out_.model == TokenModel::kWordPiece) return SetSpaces(&out_);
    std::vector<std::pair<std::string, std::string>> replaced;
    bool strips = false;
    const auto read = [&](const Json& part) {
      const auto type = Field<std::string>(part, "type", "");
      if (type == "Replace" && part.at("pattern").contains("String")) {
        replaced.emplace_back(part.at("pattern").at("String").get<std::string>(), Field<std::string>(part, "content", ""));
      } else if (type == "Metaspace") {
        replaced.emplace_back(Field<std::string>(part, "replacement", std::string(kSpaceMark)), " ");
        strips = Field<std::string>(part, "prepend_scheme", "always") != "never";
      } else if (type == "Strip") {
        strips = strips || (Field<std::string>(part, "content", "") == " " && Field<int64_t>(part, "start", 0) > 0);
      }
    };
    const Json decoder = root_.value("decoder", Json());
    if (decoder.is_object() && Field<std::string>(decoder, "type", "") == "Sequence") {
      for (const Json& part : decoder.at("decoders")) read(part);
    } else if (decoder.is_object()) {
      read(decoder);
    }
    if (!strips) out_.prefix = Vocabulary::Prefix::kNone;
    for (size_t id = 0; id < texts_.size(); ++id) {
      if (out_.kinds[id] != TokenKind::kNormal && out_.kinds[id] != TokenKind::kUserDefined) continue;
      for (const auto& [from, to] : replaced) {
        if (from.empty() || texts_[id].find(from) == std::string::npos) continue;
        std::string& token = out_.tokens[id];
        for (size_t at = token.find(from); at != std::string::npos; at = token.find(from, at + to.size())) token.replace(at, from.size(), to);
      }
    }
  }

  int32_t FindText(const std::string& text) const {
    for (size_t id = 0; id < texts_.size(); ++id) {
      if (texts_[id] == text && out_.kinds[id] != TokenKind::kUnused) return static_cast<int32_t>(id);
    }
    return -1;
  }
};

}  // namespace

Vocabulary VocabularyFromJson(const std::string& tokenizer_json_path) {
  try {
    return Reader(tokenizer_json_path).Read();
  } catch (const Json::parse_error&) {
    ThrowUser("'", tokenizer_json_path, "' is not JSON (", JsonBreak(PythonJson(ReadFile(tokenizer_json_path))), "); fetch it again");
  } catch (const Json::exception& error) {
    ThrowUser("'", tokenizer_json_path, "' is not a usable tokenizer.json: ", JsonErrorText(error));
  }
}

}  // namespace pith
