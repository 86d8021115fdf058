#include "data/text/wordpiece.h"

#include <algorithm>

#include "data/text/utf8.h"

namespace pith {

WordPiece::WordPiece(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  first_.Reserve(vocabulary.pieces.size());
  later_.Reserve(vocabulary.pieces.size());
  const std::string_view prefix = vocabulary.continuation;
  for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
    const bool known = vocabulary.kinds[id] == TokenKind::kNormal || vocabulary.kinds[id] == TokenKind::kUserDefined;
    if (!known || vocabulary.pieces[id].empty()) continue;
    const std::string_view piece = vocabulary.pieces[id];
    first_.Add(piece, static_cast<int32_t>(id));
    if (piece.size() > prefix.size() && piece.starts_with(prefix)) later_.Add(piece.substr(prefix.size()), static_cast<int32_t>(id));
    longest_ = std::max(longest_, piece.size());
  }
}

void WordPiece::Encode(std::string_view word, std::vector<int32_t>& ids) const {
  const size_t before = ids.size();
  bool whole = CountCodePoints(word) <= vocabulary_.max_word_characters;
  for (size_t at = 0; whole && at < word.size();) {
    const StringIndex& pieces = at == 0 ? first_ : later_;
    size_t end = std::min(word.size(), at + longest_);
    int32_t id = -1;
    for (; end > at; --end) {
      const bool inside = end < word.size() && (word[end] & 0xC0) == 0x80;
      if (!inside && (id = pieces.Find(word.substr(at, end - at))) >= 0) break;
    }
    whole = id >= 0;
    if (whole) ids.push_back(id);
    at = end;
  }
  if (whole) return;
  ids.resize(before);
  if (vocabulary_.unknown_id >= 0) ids.push_back(vocabulary_.unknown_id);
}

}  // namespace pith
