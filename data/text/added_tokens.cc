#include "data/text/added_tokens.h"

#include <algorithm>
#include <functional>

#include "data/text/unicode_class.h"
#include "data/text/utf8.h"
#include "data/text/vocabulary.h"

namespace pith {
namespace {

bool Touches(const std::vector<TextRange>& ranges, size_t begin, size_t end) {
  const auto after = std::lower_bound(ranges.begin(), ranges.end(), begin,
                                      [](const TextRange& range, size_t at) { return range.end <= at; });
  return after != ranges.end() && after->begin < end;
}

size_t Before(std::string_view text, size_t at) {
  size_t begin = at - 1;
  while (begin > 0 && at - begin < 4 && (text[begin] & 0xC0) == 0x80) --begin;
  return begin;
}

// \w of Rust's regular expressions: that of ours, and the two joiners.
bool WordAt(std::string_view text, size_t at) {
  const int32_t c = DecodeUtf8(text, at).value;
  return IsWordCharacter(c) || c == 0x200C || c == 0x200D;
}
bool SpaceAt(std::string_view text, size_t at) {
  const int32_t c = DecodeUtf8(text, at).value;
  return c >= 0 && IsWhitespace(c);
}

}  // namespace

AddedTokens::AddedTokens(const Vocabulary& vocabulary, bool normalized) : vocabulary_(vocabulary) {
  texts_.reserve(vocabulary.added.size());
  for (size_t i = 0; i < vocabulary.added.size(); ++i) {
    const AddedToken& token = vocabulary.added[i];
    if (token.normalized != normalized) continue;
    texts_.push_back(normalized && !token.verbatim ? vocabulary.normalizer.Apply(token.text) : token.text);
    const std::string& text = texts_.back();
    if (text.empty() || !found_.emplace(text, i).second) continue;
    sizes_[static_cast<uint8_t>(text[0])].push_back(static_cast<uint32_t>(text.size()));
  }
  for (auto& sizes : sizes_) {
    std::sort(sizes.begin(), sizes.end(), std::greater<>());
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  }
}

AddedTokens::Match AddedTokens::Next(std::string_view text, size_t from, bool with_control,
                                     const std::vector<TextRange>& literal) const {
  for (size_t at = from; at < text.size(); ++at) {
    for (const uint32_t size : sizes_[static_cast<uint8_t>(text[at])]) {
      if (size > text.size() - at) continue;
      const auto found = found_.find(text.substr(at, size));
      if (found == found_.end()) continue;
      const AddedToken& token = vocabulary_.added[found->second];
      const bool control = vocabulary_.kinds[static_cast<size_t>(token.id)] == TokenKind::kControl;
      if (control && (!with_control || Touches(literal, at, at + size))) continue;
      size_t begin = at, end = at + size;
      if (token.single_word && ((begin > 0 && WordAt(text, Before(text, begin))) || (end < text.size() && WordAt(text, end)))) {
        at = end - 1;
        break;
      }
      while (token.lstrip && begin > from && SpaceAt(text, Before(text, begin))) begin = Before(text, begin);
      while (token.rstrip && end < text.size() && SpaceAt(text, end)) end += DecodeUtf8(text, end).size;
      return {begin, end - begin, token.id};
    }
  }
  return {text.size(), 0, -1};
}

}  // namespace pith
