#include "data/text/added_tokens.h"

#include <algorithm>
#include <functional>

namespace pith {
namespace {

bool Touches(const std::vector<TextRange>& ranges, size_t begin, size_t end) {
  const auto after = std::lower_bound(ranges.begin(), ranges.end(), begin,
                                      [](const TextRange& range, size_t at) { return range.end <= at; });
  return after != ranges.end() && after->begin < end;
}

}  // namespace

AddedTokens::AddedTokens(const Vocabulary& vocabulary) : vocabulary_(vocabulary) {
  index_.Reserve(vocabulary.tokens.size());
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.kinds[id] != TokenKind::kControl && vocabulary.kinds[id] != TokenKind::kUserDefined) continue;
    const std::string& text = vocabulary.tokens[id];
    index_.Add(text, static_cast<int32_t>(id));
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
      const int32_t id = index_.Find(text.substr(at, size));
      if (id < 0) continue;
      if (vocabulary_.kinds[id] == TokenKind::kControl && (!with_control || Touches(literal, at, at + size))) continue;
      return {at, size, id};
    }
  }
  return {text.size(), 0, -1};
}

}  // namespace pith
