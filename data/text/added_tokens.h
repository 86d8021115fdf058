// Finding control and user-defined tokens in text: leftmost first, the longest of those that begin there.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "data/text/string_index.h"
#include "data/text/vocabulary.h"

namespace pith {

// Half-open range of bytes.
struct TextRange {
  size_t begin = 0, end = 0;
};

// Keeps views into `vocabulary`, which must outlive it.
class AddedTokens {
 public:
  explicit AddedTokens(const Vocabulary& vocabulary);

  struct Match {
    size_t at = 0, size = 0;  // size 0: none
    int32_t id = -1;
  };
  // The first match at or after `from`. Control tokens count only if `with_control`, and never where they would touch a
  // byte of `literal` (ascending, disjoint).
  Match Next(std::string_view text, size_t from, bool with_control, const std::vector<TextRange>& literal) const;
  int32_t Find(std::string_view text) const { return index_.Find(text); }

 private:
  const Vocabulary& vocabulary_;
  StringIndex index_;
  std::array<std::vector<uint32_t>, 256> sizes_;  // by first byte: sizes of the tokens, longest first
};

}  // namespace pith
