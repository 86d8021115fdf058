#include "data/text/vocabulary.h"

#include <array>

#include "base/error.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

// Printable Latin-1 stands for itself; the other 68 bytes are U+0100 onwards, in order.
struct Alphabet {
  std::array<int16_t, 0x144> byte_of;
  Alphabet() {
    byte_of.fill(-1);
    int next = 0x100;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      byte_of[printable ? b : next++] = static_cast<int16_t>(b);
    }
  }
};

}  // namespace

bool AlphabetToBytes(std::string_view text, std::string* bytes) {
  static const Alphabet alphabet;
  bytes->clear();
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeUtf8(text, at);
    if (c.value < 0 || c.value >= static_cast<int32_t>(alphabet.byte_of.size()) || alphabet.byte_of[c.value] < 0) {
      return false;
    }
    *bytes += static_cast<char>(alphabet.byte_of[c.value]);
    at += c.size;
  }
  return true;
}

MergeResolver::MergeResolver(const std::string& origin, const std::vector<std::string>& texts,
                             const std::vector<TokenKind>& kinds)
    : origin_(origin) {
  index_.Reserve(texts.size());
  for (size_t id = 0; id < texts.size(); ++id) {
    if (kinds[id] == TokenKind::kUnused) continue;
    if (!index_.Add(texts[id], static_cast<int32_t>(id))) {
      ThrowUser("'", origin_, "': token '", texts[id], "' has two ids, ", index_.Find(texts[id]), " and ", id,
                "; the vocabulary is damaged, fetch it again");
    }
  }
}

int32_t MergeResolver::Find(std::string_view text) const { return index_.Find(text); }

void MergeResolver::Add(std::string_view left, std::string_view right, Vocabulary* vocabulary) const {
  const std::string joined = std::string(left) + std::string(right);
  const int32_t ids[3] = {Find(left), Find(right), Find(joined)};
  const std::string_view texts[3] = {left, right, joined};
  for (int i = 0; i < 3; ++i) {
    if (ids[i] < 0) {
      ThrowUser("'", origin_, "': merge ", vocabulary->merges.size(), " ('", left, "' + '", right,
                "') needs the token '", texts[i], "', which the vocabulary lacks; the file is damaged, fetch it again");
    }
  }
  vocabulary->merges.emplace_back(ids[0], ids[1]);
  vocabulary->merged.push_back(ids[2]);
}

}  // namespace pith
