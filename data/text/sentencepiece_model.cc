#include "data/text/sentencepiece_model.h"

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_set>

#include "base/error.h"
#include "base/file.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

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
  explicit SentencePieceReader(const std::string& path) : path_(path) { out_.path = path; }

  SentencePieceModel Read() {
    out_.bytes = ReadFile(path_);
    for (Fields fields(out_.bytes, path_); fields.Next();) {
      if (fields.number() == 1) ReadPiece(fields.text());
      if (fields.number() == 2) ReadTrainer(fields.text());
      if (fields.number() == 3) ReadNormalizer(fields.text());
    }
    if (out_.pieces.empty()) ThrowUser("'", path_, "' is not a sentencepiece model: it has no pieces");
    if (algorithm_ != SentencePieceModel::kUnigram && algorithm_ != SentencePieceModel::kBpe) {
      ThrowUser("'", path_, "' is a sentencepiece model of type ", algorithm_, ", but pith knows unigram (1) and BPE (2)");
    }
    out_.algorithm = static_cast<int>(algorithm_);
    CheckPieces();
    return std::move(out_);
  }

 private:
  const std::string& path_;
  SentencePieceModel out_;
  uint64_t algorithm_ = SentencePieceModel::kUnigram;
  std::unordered_set<std::string> of_text_, reserved_;  // the texts of pieces
  int64_t unknown_id_ = -1;

  [[noreturn]] void Damaged(const std::string& why) const { ThrowUser("'", path_, "': ", why, "; the file is damaged, fetch it again"); }

  void CheckPieces() const {
    if (unknown_id_ < 0) Damaged("no piece stands for what is unknown");
    if (of_text_.empty()) Damaged("no piece stands for text");
    const auto bytes = std::count_if(out_.pieces.begin(), out_.pieces.end(), [](const SentencePiece& piece) { return piece.type == SentencePiece::kByte; });
    if (!out_.byte_fallback && bytes > 0) Damaged("it has pieces for bytes, but says that it has none (byte_fallback)");
    if (out_.byte_fallback && bytes != 256) Damaged(Str("it has pieces for ", bytes, " bytes, expected 256"));
  }

  void ReadPiece(std::string_view message) {
    SentencePiece piece;
    uint64_t type = SentencePiece::kNormal;
    for (Fields fields(message, path_); fields.Next();) {
      if (fields.number() == 1) piece.text = std::string(fields.text());
      if (fields.number() == 2) piece.score = fields.Float();
      if (fields.number() == 3) type = fields.value();
    }
    const auto id = static_cast<int64_t>(out_.pieces.size());
    if (piece.text.empty()) Damaged(Str("piece ", id, " is empty"));
    if (piece.text.find('\0') != std::string::npos) Damaged(Str("piece ", id, " holds a zero byte"));
    if (type < SentencePiece::kNormal || type > SentencePiece::kByte) ThrowUser("'", path_, "': piece '", piece.text, "' has type ", type, ", expected 1 to 6");
    piece.type = static_cast<int>(type);
    const bool reserved = piece.type == SentencePiece::kUnknown || piece.type == SentencePiece::kControl || piece.type == SentencePiece::kByte;
    if (!(reserved ? reserved_ : of_text_).insert(piece.text).second) Damaged(Str("piece '", piece.text, "' is there twice"));
    if (id >= kMaxTokens) ThrowUser("'", path_, "' has more than ", kMaxTokens, " pieces");
    if (piece.type == SentencePiece::kUnknown) {
      if (unknown_id_ >= 0) Damaged(Str("two pieces, ", unknown_id_, " and ", id, ", stand for what is unknown"));
      unknown_id_ = id;
    }
    if (piece.type == SentencePiece::kByte && (ByteOfToken(piece.text) < 0 || piece.text.find_first_of("abcdef") != std::string::npos)) {
      ThrowUser("'", path_, "': piece '", piece.text, "' is to be a byte, but is not written like <0x41>");
    }
    out_.pieces.push_back(std::move(piece));
  }

  void ReadTrainer(std::string_view message) {
    bool suffix = false;
    for (Fields fields(message, path_); fields.Next();) {
      if (fields.number() == 3) algorithm_ = fields.value();
      if (fields.number() == 24) suffix = fields.value() != 0;
      if (fields.number() == 35) out_.byte_fallback = fields.value() != 0;
      if (fields.number() == 42) out_.eos_id = static_cast<int64_t>(fields.value());
    }
    if (suffix) ThrowUser("'", path_, "' sets treat_whitespace_as_suffix, which pith lacks");
  }

  void ReadNormalizer(std::string_view message) {
    for (Fields fields(message, path_); fields.Next();) {
      if (fields.number() == 2 && !fields.text().empty()) out_.charsmap = std::make_shared<Charsmap>(fields.text(), path_);
      if (fields.number() == 3) out_.space_in_front = fields.value() != 0;
      if (fields.number() == 4) out_.squeeze_spaces = fields.value() != 0;
      if (fields.number() == 5 && fields.value() == 0) ThrowUser("'", path_, "' unsets escape_whitespaces, which pith lacks");
    }
  }
};

}  // namespace

SentencePieceModel ReadSentencePieceModel(const std::string& tokenizer_model_path) {
  return SentencePieceReader(tokenizer_model_path).Read();
}

}  // namespace pith
