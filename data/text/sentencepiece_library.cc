#include "data/text/sentencepiece_library.h"

#if PITH_SENTENCEPIECE
#include <sentencepiece_processor.h>

#include <cmath>
#include <cstring>
#include <unordered_set>

#include "base/error.h"
#include "data/text/utf8.h"

// Not in the headers of all versions; without it some write of every file that they load to stderr.
namespace sentencepiece::logging {
__attribute__((weak)) void SetMinLogLevel(int level);
}
#endif

namespace pith {

#if PITH_SENTENCEPIECE

struct SentencePieceLibrary::Processor {
  sentencepiece::SentencePieceProcessor processor;

  // The header's string_view is the standard one only since 0.1.97.
  bool Encode(std::string_view text, std::vector<int>* ids) const {
    return processor.Encode(absl::string_view(text.data(), text.size()), ids).ok();
  }

  // What kept the library from loading it; empty when nothing did.
  std::string Load(std::string_view model_proto) {
    constexpr int kFatalOnly = 3;
    if (sentencepiece::logging::SetMinLogLevel != nullptr) sentencepiece::logging::SetMinLogLevel(kFatalOnly);
    try {
      const auto status = processor.LoadFromSerializedProto(absl::string_view(model_proto.data(), model_proto.size()));
      return status.ok() ? "" : status.ToString();
    } catch (const std::exception& error) {  // its tries throw
      return error.what();
    }
  }
};

namespace {

// A piece of a ModelProto.
std::string PieceMessage(std::string_view text, float score, char type) {
  std::string message = "\x0A" + std::string(1, static_cast<char>(text.size())) + std::string(text) + "\x15....\x18" + type;
  std::memcpy(message.data() + 2 + text.size() + 1, &score, sizeof(score));
  return "\x0A" + std::string(1, static_cast<char>(message.size())) + message;
}

// Whether merging comes to pieces of type unused: the library joins them and takes them apart again, by what it joined last.
bool JoinsUnused(const Vocabulary& vocabulary) {
  std::unordered_set<std::string_view> parts;
  std::vector<std::string_view> unused;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenKind kind = vocabulary.kinds[id];
    if (kind != TokenKind::kControl && kind != TokenKind::kByte) parts.insert(vocabulary.tokens[id]);
    if (kind == TokenKind::kUnused && !vocabulary.tokens[id].empty()) unused.push_back(vocabulary.tokens[id]);
  }
  const auto may_be_part = [&](std::string_view text) { return DecodeUtf8(text, 0).size == text.size() || parts.count(text) != 0; };
  for (const std::string_view text : unused) {
    const size_t first = DecodeUtf8(text, 0).size;
    if (first == text.size()) return true;
    for (size_t at = first; at < text.size(); at += DecodeUtf8(text, at).size) {
      if (may_be_part(text.substr(0, at)) && may_be_part(text.substr(at))) return true;
    }
  }
  return false;
}

}  // namespace

bool SentencePieceLibrary::Encodes(TokenModel model) {
  // a and b together are a little better than ab, and as good once their sum is rounded to single precision.
  static const bool rounds = [] {
    const float step = std::ldexp(1.0f, -23);
    const std::string proto = PieceMessage("?", 0, 2) + PieceMessage("a", -1, 1) + PieceMessage("b", -0.75f * step, 1) +
                              PieceMessage("ab", -1 - step, 1) + std::string("\x12\x02\x18\x01", 4) + std::string("\x1A\x02\x18\x00", 4);  // unigram; no space in front
    Processor probe;
    std::vector<int> ids;
    return probe.Load(proto).empty() && probe.Encode("ab", &ids) && ids == std::vector<int>{3};
  }();
  return model == TokenModel::kBpe || (model == TokenModel::kUnigram && rounds);
}

bool SentencePieceLibrary::Encodes(const Vocabulary& vocabulary) {
  return Encodes(vocabulary.model) && !(vocabulary.model == TokenModel::kBpe && JoinsUnused(vocabulary));
}

std::unique_ptr<SentencePieceLibrary> SentencePieceLibrary::Load(const SentencePieceModel& model) {
  std::unique_ptr<SentencePieceLibrary> library(new SentencePieceLibrary);
  library->processor_ = std::make_unique<Processor>();
  const std::string refusal = library->processor_->Load(model.bytes);
  if (!refusal.empty()) ThrowUser("'", model.path, "' is refused by the sentencepiece library (", refusal, "); fetch it again");
  return library;
}

void SentencePieceLibrary::ReadPieces(SentencePieceModel* model) const {
  const sentencepiece::SentencePieceProcessor& read = processor_->processor;
  std::vector<SentencePiece> pieces(static_cast<size_t>(read.GetPieceSize()));
  for (size_t i = 0; i < pieces.size(); ++i) {
    const int id = static_cast<int>(i);
    pieces[i].text = read.IdToPiece(id);
    pieces[i].score = read.GetScore(id);
    const bool user_defined = i < model->pieces.size() && model->pieces[i].type == SentencePiece::kUserDefined;
    pieces[i].type = read.IsUnknown(id)   ? SentencePiece::kUnknown
                     : read.IsControl(id) ? SentencePiece::kControl
                     : read.IsUnused(id)  ? SentencePiece::kUnused
                     : read.IsByte(id)    ? SentencePiece::kByte
                     : user_defined       ? SentencePiece::kUserDefined
                                          : SentencePiece::kNormal;
  }
  model->pieces = std::move(pieces);
}

bool SentencePieceLibrary::Encode(const Vocabulary& vocabulary, std::string_view text, std::vector<int32_t>& ids) const {
  std::vector<int> found;
  if (text.size() > kMaxText || !IsValidUtf8(text) || !processor_->Encode(text, &found)) return false;
  for (const int id : found) {
    if (vocabulary.kinds[static_cast<size_t>(id)] == TokenKind::kControl && id != vocabulary.unknown_id) return false;
  }
  ids.insert(ids.end(), found.begin(), found.end());
  return true;
}

#else

struct SentencePieceLibrary::Processor {};

bool SentencePieceLibrary::Encodes(TokenModel) { return false; }
bool SentencePieceLibrary::Encodes(const Vocabulary&) { return false; }
std::unique_ptr<SentencePieceLibrary> SentencePieceLibrary::Load(const SentencePieceModel&) { return nullptr; }
void SentencePieceLibrary::ReadPieces(SentencePieceModel*) const {}
bool SentencePieceLibrary::Encode(const Vocabulary&, std::string_view, std::vector<int32_t>&) const { return false; }

#endif

SentencePieceLibrary::SentencePieceLibrary() = default;
SentencePieceLibrary::~SentencePieceLibrary() = default;

}  // namespace pith
