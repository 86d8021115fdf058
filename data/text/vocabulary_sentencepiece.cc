// sentencepiece's tokenizer.model: a protocol buffer (ModelProto), read field by field; and the tokens that a
// tokenizer_config.json beside it adds.
#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"
#include "base/file.h"
#include "base/json_text.h"
#include "data/text/end_tokens.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

using Json = nlohmann::json;

// One message of the wire format: varints, fixed 32 and 64 bits, and byte strings.
class Fields {
 public:
  Fields(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  bool Next() {
    if (at_ >= bytes_.size()) return false;
    const uint64_t tag = Varint();
    number_ = tag >> 3;
    value_ = 0;
    text_ = {};
    switch (tag & 7) {
      case 0: value_ = Varint(); break;
      case 1: text_ = Take(8); break;
      case 2: text_ = Take(Varint()); break;
      case 5: text_ = Take(4); break;
      default: Damaged();
    }
    return true;
  }
  uint64_t number() const { return number_; }
  uint64_t value() const { return value_; }
  std::string_view text() const { return text_; }
  float Float() const {
    float out = 0;
    if (text_.size() != 4) Damaged();
    std::memcpy(&out, text_.data(), 4);
    return out;
  }
  [[noreturn]] void Damaged() const {
    ThrowUser("'", path_, "' is not a sentencepiece model, or a damaged one; fetch it again");
  }

 private:
  std::string_view bytes_;
  const std::string& path_;
  size_t at_ = 0;
  uint64_t number_ = 0, value_ = 0;
  std::string_view text_;

  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (at_ >= bytes_.size()) Damaged();
      const auto byte = static_cast<uint8_t>(bytes_[at_++]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    Damaged();
  }
  std::string_view Take(uint64_t size) {
    if (size > bytes_.size() - at_) Damaged();
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
};

class SentencePieceReader {
 public:
  explicit SentencePieceReader(const std::string& path) : path_(path) { out_.origin = path; }

  Vocabulary Read() {
    const std::string bytes = ReadFile(path_);
    NormalizerStep step;
    step.kind = NormalizerStep::kSentencePiece;
    step.left = step.squeeze = true;
    for (Fields fields(bytes, path_); fields.Next();) {
      if (fields.number() == 1) ReadPiece(fields.text());
      if (fields.number() == 2) ReadTrainer(fields.text());
      if (fields.number() == 3) ReadNormalizer(fields.text(), step);
    }
    if (out_.tokens.empty()) ThrowUser("'", path_, "' is not a sentencepiece model: it has no pieces");
    if (type_ != 1 && type_ != 2) ThrowUser("'", path_, "' is a sentencepiece model of type ", type_, ", but pith knows unigram (1) and BPE (2)");
    CheckPieces();
    out_.model = type_ == 1 ? TokenModel::kUnigram : TokenModel::kBpe;
    out_.characters = out_.fuse_unknown = out_.single_precision = true;
    out_.prefix = step.left ? Vocabulary::Prefix::kEach : Vocabulary::Prefix::kNone;
    for (size_t id = 0; id < out_.tokens.size(); ++id) {
      if (out_.kinds[id] == TokenKind::kUserDefined) step.keep.push_back(out_.pieces[id]);
    }
    out_.normalizer.steps.push_back(std::move(step));
    if (eos_ >= 0 && eos_ < static_cast<int64_t>(out_.tokens.size())) out_.eos_id = static_cast<int32_t>(eos_);
    ReadConfig();
    if (type_ == 2) MergesFromScores(&out_);
    ReadFolderEnds(std::filesystem::path(path_).parent_path().string(), &out_);
    return std::move(out_);
  }

 private:
  std::string path_;
  Vocabulary out_;
  int64_t type_ = 1, eos_ = 2;
  bool byte_fallback_ = false;
  std::unordered_set<std::string> of_text_, reserved_;  // the texts of pieces

  [[noreturn]] void Damaged(const std::string& why) const { ThrowUser("'", path_, "': ", why, "; the file is damaged, fetch it again"); }

  // Here and in ReadPiece: what the sentencepiece library refuses, a build without it refuses, too.
  void CheckPieces() const {
    if (out_.unknown_id < 0) Damaged("no piece stands for what is unknown");
    if (of_text_.empty()) Damaged("no piece stands for text");
    const auto bytes = std::count(out_.kinds.begin(), out_.kinds.end(), TokenKind::kByte);
    if (!byte_fallback_ && bytes > 0) Damaged("it has pieces for bytes, but says that it has none (byte_fallback)");
    if (byte_fallback_ && bytes != 256) Damaged(Str("it has pieces for ", bytes, " bytes, expected 256"));
  }

  void ReadPiece(std::string_view message) {
    std::string piece;
    float score = 0;
    uint64_t type = 1;
    for (Fields fields(message, path_); fields.Next();) {
      if (fields.number() == 1) piece = std::string(fields.text());
      if (fields.number() == 2) score = fields.Float();
      if (fields.number() == 3) type = fields.value();
    }
    const auto id = static_cast<int32_t>(out_.tokens.size());
    if (piece.empty()) Damaged(Str("piece ", id, " is empty"));
    if (piece.find('\0') != std::string::npos) Damaged(Str("piece ", id, " holds a zero byte"));
    const bool reserved = type == 2 || type == 3 || type == 6;
    if (!(reserved ? reserved_ : of_text_).insert(piece).second) Damaged(Str("piece '", piece, "' is there twice"));
    if (id >= kMaxTokens) ThrowUser("'", path_, "' has more than ", kMaxTokens, " pieces");
    TokenKind kind = TokenKind::kNormal;
    std::string token = SpacesForMarks(piece);
    AddedToken added;
    added.id = id;
    added.text = piece;
    switch (type) {
      case 1: break;
      case 2:
        if (out_.unknown_id >= 0) Damaged(Str("two pieces, ", out_.unknown_id, " and ", id, ", stand for what is unknown"));
        out_.unknown_id = id;
        [[fallthrough]];
      case 3:
        kind = TokenKind::kControl;
        token = piece;
        out_.added.push_back(added);
        break;
      case 4:
        kind = TokenKind::kUserDefined;
        // Unigram has them among its pieces; BPE finds them in the normalised text before it merges.
        added.normalized = added.verbatim = true;
        user_defined_.push_back(added);
        break;
      case 5: kind = TokenKind::kUnused; break;
      case 6: {
        const int byte = ByteOfToken(piece);
        if (byte < 0 || piece.find_first_of("abcdef") != std::string::npos) ThrowUser("'", path_, "': piece '", piece, "' is to be a byte, but is not written like <0x41>");
        kind = TokenKind::kByte;
        token = std::string(1, static_cast<char>(byte));
        out_.byte_tokens[static_cast<size_t>(byte)] = id;
        break;
      }
      default: ThrowUser("'", path_, "': piece '", piece, "' has type ", type, ", expected 1 to 6");
    }
    const bool known = kind == TokenKind::kNormal || kind == TokenKind::kUserDefined;
    out_.tokens.push_back(std::move(token));
    out_.pieces.push_back(known ? piece : "");
    out_.kinds.push_back(kind);
    out_.scores.push_back(score);
  }

  void ReadTrainer(std::string_view message) {
    bool suffix = false;
    for (Fields fields(message, path_); fields.Next();) {
      if (fields.number() == 3) type_ = static_cast<int64_t>(fields.value());
      if (fields.number() == 24) suffix = fields.value() != 0;
      if (fields.number() == 35) byte_fallback_ = fields.value() != 0;
      if (fields.number() == 42) eos_ = static_cast<int64_t>(fields.value());
    }
    if (suffix) ThrowUser("'", path_, "' sets treat_whitespace_as_suffix, which pith lacks");
  }

  void ReadNormalizer(std::string_view message, NormalizerStep& step) {
    for (Fields fields(message, path_); fields.Next();) {
      if (fields.number() == 2 && !fields.text().empty()) step.charsmap = std::make_shared<Charsmap>(fields.text(), path_);
      if (fields.number() == 3) step.left = fields.value() != 0;
      if (fields.number() == 4) step.squeeze = fields.value() != 0;
      if (fields.number() == 5 && fields.value() == 0) ThrowUser("'", path_, "' unsets escape_whitespaces, which pith lacks");
    }
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

  std::vector<AddedToken> user_defined_;
};

}  // namespace

Vocabulary VocabularyFromSentencePiece(const std::string& tokenizer_model_path) {
  return SentencePieceReader(tokenizer_model_path).Read();
}

}  // namespace pith
