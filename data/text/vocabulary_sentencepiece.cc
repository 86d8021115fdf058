// From a tokenizer.model, and the tokens that a tokenizer_config.json beside it adds, to a vocabulary.
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "data/text/end_tokens.h"
#include "data/text/sentencepiece_model.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

using Json = nlohmann::json;

class SentencePieceVocabulary {
 public:
  explicit SentencePieceVocabulary(const SentencePieceModel& model) : path_(model.path) {
    out_.origin = path_;
    Fill(model);
  }

  Vocabulary Take() { return std::move(out_); }

 private:
  std::string path_;
  Vocabulary out_;
  std::vector<AddedToken> user_defined_;

  void Fill(const SentencePieceModel& model) {
    for (const SentencePiece& piece : model.pieces) AddPiece(piece);
    out_.model = model.algorithm == SentencePieceModel::kUnigram ? TokenModel::kUnigram : TokenModel::kBpe;
    out_.characters = out_.fuse_unknown = out_.single_precision = true;
    out_.prefix = model.space_in_front ? Vocabulary::Prefix::kEach : Vocabulary::Prefix::kNone;
    NormalizerStep step;
    step.kind = NormalizerStep::kSentencePiece;
    step.left = model.space_in_front;
    step.squeeze = model.squeeze_spaces;
    step.charsmap = model.charsmap;
    for (const AddedToken& token : user_defined_) step.keep.push_back(token.text);
    out_.normalizer.steps.push_back(std::move(step));
    if (model.eos_id >= 0 && model.eos_id < static_cast<int64_t>(out_.tokens.size())) out_.eos_id = static_cast<int32_t>(model.eos_id);
    ReadConfig();
    if (out_.model == TokenModel::kBpe) MergesFromScores(&out_);
    ReadFolderEnds(std::filesystem::path(path_).parent_path().string(), &out_);
  }

  void AddPiece(const SentencePiece& piece) {
    const auto id = static_cast<int32_t>(out_.tokens.size());
    TokenKind kind = TokenKind::kNormal;
    std::string token = SpacesForMarks(piece.text);
    AddedToken added;
    added.id = id;
    added.text = piece.text;
    switch (piece.type) {
      case SentencePiece::kUnknown:
        out_.unknown_id = id;
        [[fallthrough]];
      case SentencePiece::kControl:
        kind = TokenKind::kControl;
        token = piece.text;
        out_.added.push_back(added);
        break;
      case SentencePiece::kUserDefined:
        kind = TokenKind::kUserDefined;
        // Unigram has them among its pieces; BPE finds them in the normalised text before it merges.
        added.normalized = added.verbatim = true;
        user_defined_.push_back(added);
        break;
      case SentencePiece::kUnused: kind = TokenKind::kUnused; break;
      case SentencePiece::kByte: {
        const int byte = ByteOfToken(piece.text);
        kind = TokenKind::kByte;
        token = std::string(1, static_cast<char>(byte));
        out_.byte_tokens[static_cast<size_t>(byte)] = id;
        break;
      }
      default: break;
    }
    const bool known = kind == TokenKind::kNormal || kind == TokenKind::kUserDefined;
    out_.tokens.push_back(std::move(token));
    out_.pieces.push_back(known ? piece.text : "");
    out_.kinds.push_back(kind);
    out_.scores.push_back(piece.score);
  }

  void ReadConfig() {
    if (out_.model == TokenModel::kBpe) out_.added.insert(out_.added.end(), user_defined_.begin(), user_defined_.end());
    const std::string path = (std::filesystem::path(path_).parent_path() / "tokenizer_config.json").string();
    if (!FileExists(path)) return;
    const Json config = Json::parse(PythonJson(ReadFile(path)), nullptr, false);
    if (!config.is_object()) ThrowUser("'", path, "' is not a JSON object");
    try {
      const Json added = config.value("added_tokens_decoder", Json::object());
      for (const auto& [key, entry] : added.items()) {
        if (key.empty() || key.size() > 7 || key.find_first_not_of("0123456789") != std::string::npos) {
          ThrowUser("'", path, "' adds a token with the id '", key, "'; expected a number");
        }
        AddToken(static_cast<size_t>(std::stoul(key)), entry);
      }
    } catch (const Json::exception& error) {
      ThrowUser("'", path, "' is not a usable tokenizer_config.json: ", JsonErrorText(error));
    }
  }

  void AddToken(size_t id, const Json& entry) {
    AddedToken token;
    token.id = static_cast<int32_t>(id);
    token.text = entry.at("content").get<std::string>();
    token.lstrip = entry.value("lstrip", false);
    token.rstrip = entry.value("rstrip", false);
    token.single_word = entry.value("single_word", false);
    if (token.text.empty()) return;
    if (id >= out_.tokens.size()) {
      out_.tokens.resize(id + 1);
      out_.pieces.resize(id + 1);
      out_.kinds.resize(id + 1, TokenKind::kUnused);
      out_.scores.resize(id + 1, 0.0);
    }
    if (out_.kinds[id] == TokenKind::kNormal || out_.kinds[id] == TokenKind::kByte) return;  // a piece stays what it is
    out_.kinds[id] = entry.value("special", false) ? TokenKind::kControl : TokenKind::kUserDefined;
    out_.tokens[id] = token.text;
    // What the model itself defines is found in the normalised text, too, unless it has become a control token.
    const bool control = out_.kinds[id] == TokenKind::kControl;
    std::erase_if(out_.added, [&](const AddedToken& have) { return have.id == token.id && (control || !have.normalized); });
    out_.added.push_back(std::move(token));
  }
};

}  // namespace

Vocabulary VocabularyFromSentencePiece(const SentencePieceModel& model) { return SentencePieceVocabulary(model).Take(); }

}  // namespace pith
