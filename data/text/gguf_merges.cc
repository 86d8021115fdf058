#include "data/text/gguf_merges.h"

#include <unordered_map>

#include "base/error.h"
#include "base/log.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

struct Halves {
  std::string_view left, right;
};

std::vector<Halves> SplitMerges(const std::vector<std::string>& merges) {
  std::vector<Halves> split;
  split.reserve(merges.size());
  for (const std::string_view merge : merges) {
    const size_t space = merge.find(' ', 1);
    if (space != std::string::npos && space + 1 < merge.size()) split.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  return split;
}

class Merges {
 public:
  Merges(const std::vector<std::string>& texts, Vocabulary* vocabulary)
      : resolver_(vocabulary->origin, texts, vocabulary->kinds), texts_(texts), out_(*vocabulary) {
    for (size_t id = 0; id < texts.size(); ++id) {
      if (out_.kinds[id] == TokenKind::kUnused && !texts[id].empty()) unused_.emplace(texts[id], static_cast<int32_t>(id));
    }
  }

  void Read(const std::vector<std::string>& merges) {
    const std::vector<Halves> split = SplitMerges(merges);
    if (split.size() < merges.size()) {
      LogWarning(Str("'", out_.origin, "': ", merges.size() - split.size(), " of ", merges.size(), " merges are not two texts with a space between; they join nothing"));
    }
    std::vector<int32_t> merged;  // first, since a merge may begin with what a later one yields
    merged.reserve(split.size());
    for (const Halves& merge : split) {
      const std::string joined = std::string(merge.left) + std::string(merge.right);
      int32_t id = Find(joined);
      if (id < 0) id = Tokenless(joined);
      merged.push_back(id);
    }
    out_.merges.reserve(split.size());
    out_.merged.reserve(split.size());
    for (size_t i = 0; i < split.size(); ++i) {
      const int32_t left = Part(split[i].left), right = Part(split[i].right);
      if (left < 0 || right < 0) continue;  // no text ever becomes that
      out_.merges.emplace_back(left, right);
      out_.merged.push_back(merged[i]);
    }
    out_.first_of_equal_merges = true;
  }

 private:
  const MergeResolver resolver_;
  const std::vector<std::string>& texts_;
  Vocabulary& out_;
  std::unordered_map<std::string_view, int32_t> unused_;
  std::unordered_map<std::string, int32_t> tokenless_;

  int32_t Find(std::string_view text) {
    const int32_t id = resolver_.Find(text);
    if (id >= 0 || unused_.empty()) return id;
    const auto unused = unused_.find(text);
    if (unused == unused_.end()) return -1;
    SetPiece(unused->second);
    return unused->second;
  }

  void SetPiece(int32_t id) {
    const auto i = static_cast<size_t>(id);
    out_.kinds[i] = TokenKind::kNormal;
    out_.pieces[i] = texts_[i];
    if (!out_.characters) AlphabetToBytes(texts_[i], &out_.pieces[i]);
    out_.tokens[i] = out_.characters ? SpacesForMarks(texts_[i]) : out_.pieces[i];
  }

  int32_t Tokenless(const std::string& text) {
    const auto [found, is_new] = tokenless_.try_emplace(text, static_cast<int32_t>(out_.tokens.size() + out_.tokenless.size()));
    if (!is_new) return found->second;
    Vocabulary::Tokenless missing;
    missing.piece = text;
    if (!out_.characters && !AlphabetToBytes(text, &missing.piece)) missing.piece = text;
    for (const char c : missing.piece) {
      const int32_t id = out_.characters ? out_.byte_tokens[static_cast<uint8_t>(c)] : resolver_.Find(BytesToAlphabet(std::string_view(&c, 1)));
      if (id >= 0) missing.ids.push_back(id);
    }
    if (out_.tokenless.empty() && text.size() > 1) {
      LogWarning(Str("'", out_.origin, "' has merges that yield what its vocabulary lacks ('", text, "' for one); its bytes are taken instead, as llama.cpp does"));
    }
    out_.tokenless.push_back(std::move(missing));
    return found->second;
  }

  int32_t Part(std::string_view text) {
    const int32_t id = Find(text);
    if (id >= 0) return id;
    const auto found = tokenless_.find(std::string(text));
    if (found != tokenless_.end()) return found->second;
    // One byte without a token: left out where it stands alone, and yet part of tokens.
    const bool byte = !out_.characters && DecodeUtf8(text, 0).size == text.size();
    return byte ? Tokenless(std::string(text)) : -1;
  }
};

}  // namespace

void ReadGgufMerges(const std::vector<std::string>& merges, const std::vector<std::string>& texts, Vocabulary* vocabulary) {
  Merges(texts, vocabulary).Read(merges);
}

}  // namespace pith
