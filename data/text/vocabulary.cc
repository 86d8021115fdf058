#include "data/text/vocabulary.h"

#include <algorithm>
#include <array>
#include <unordered_map>

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

const Alphabet& TheAlphabet() {
  static const Alphabet alphabet;
  return alphabet;
}

// What a character without a piece becomes: its bytes where all of them have a token, else the unknown token.
std::vector<int32_t> IdsOfUnknown(const Vocabulary& vocabulary, std::string_view character) {
  std::vector<int32_t> ids;
  for (const char c : character) {
    const int32_t id = vocabulary.byte_tokens[static_cast<uint8_t>(c)];
    if (id >= 0) ids.push_back(id);
  }
  if (ids.size() < character.size()) ids.assign(vocabulary.unknown_id >= 0 ? 1 : 0, vocabulary.unknown_id);
  return ids;
}

}  // namespace

std::string BytesToAlphabet(std::string_view bytes) {
  static const std::array<std::string, 256> characters = [] {
    std::array<std::string, 256> table;
    for (size_t c = 0; c < TheAlphabet().byte_of.size(); ++c) {
      const int16_t byte = TheAlphabet().byte_of[c];
      if (byte >= 0) AppendUtf8(table[static_cast<size_t>(byte)], static_cast<int32_t>(c));
    }
    return table;
  }();
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) out += characters[static_cast<uint8_t>(c)];
  return out;
}

int ByteOfToken(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  int byte = 0;
  for (const char c : text.substr(3, 2)) {
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return -1;
    byte = byte * 16 + digit;
  }
  return byte;
}

std::string SpacesForMarks(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const bool mark = text.substr(at).starts_with(kSpaceMark);
    out += mark ? ' ' : text[at];
    at += mark ? kSpaceMark.size() : 1;
  }
  return out;
}

bool AlphabetToBytes(std::string_view text, std::string* bytes) {
  const Alphabet& alphabet = TheAlphabet();
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

void SetSpaces(Vocabulary* vocabulary) {
  vocabulary->prefix = Vocabulary::Prefix::kFirst;
  const std::string& prefix = vocabulary->continuation;
  for (size_t id = 0; id < vocabulary->tokens.size(); ++id) {
    const std::string& piece = vocabulary->pieces[id];
    if (vocabulary->kinds[id] != TokenKind::kNormal || piece.empty()) continue;
    const bool later = !prefix.empty() && piece.size() > prefix.size() && piece.starts_with(prefix);
    vocabulary->tokens[id] = later ? piece.substr(prefix.size()) : " " + piece;
  }
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

void MergesFromScores(Vocabulary* vocabulary) {
  StringIndex index;
  index.Reserve(vocabulary->pieces.size());
  std::vector<int32_t> ids;
  for (size_t id = 0; id < vocabulary->pieces.size(); ++id) {
    const bool mergeable = vocabulary->kinds[id] == TokenKind::kNormal || vocabulary->kinds[id] == TokenKind::kUserDefined;
    if (!mergeable || vocabulary->pieces[id].empty()) continue;
    if (index.Add(vocabulary->pieces[id], static_cast<int32_t>(id))) ids.push_back(static_cast<int32_t>(id));
  }
  // sentencepiece joins by texts, so a character that is no piece joins, too, where it begins or ends one.
  std::unordered_map<std::string_view, int32_t> characters;
  const auto half = [&](std::string_view text) {
    const int32_t id = index.Find(text);
    if (id >= 0 || DecodeUtf8(text, 0).size < text.size()) return id;
    const auto [found, is_new] = characters.try_emplace(text, static_cast<int32_t>(vocabulary->tokens.size() + vocabulary->tokenless.size()));
    if (is_new) vocabulary->tokenless.push_back({std::string(text), IdsOfUnknown(*vocabulary, text)});
    return found->second;
  };
  std::stable_sort(ids.begin(), ids.end(), [&](int32_t a, int32_t b) {
    return vocabulary->scores[static_cast<size_t>(a)] > vocabulary->scores[static_cast<size_t>(b)];
  });
  int32_t rank = -1;
  double score = 0;
  for (const int32_t id : ids) {
    const double mine = vocabulary->scores[static_cast<size_t>(id)];
    if (rank < 0 || mine != score) ++rank;
    score = mine;
    const std::string_view piece = vocabulary->pieces[static_cast<size_t>(id)];
    for (size_t at = DecodeUtf8(piece, 0).size; at < piece.size(); at += DecodeUtf8(piece, at).size) {
      const int32_t left = half(piece.substr(0, at)), right = half(piece.substr(at));
      if (left < 0 || right < 0) continue;
      vocabulary->merges.emplace_back(left, right);
      vocabulary->merged.push_back(id);
      vocabulary->ranks.push_back(rank);
    }
  }
}

}  // namespace pith
