// Finding control and user-defined tokens in text: leftmost first, the longest of those that begin there.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pith {

struct Vocabulary;

// Half-open range of bytes.
struct TextRange {
  size_t begin = 0, end = 0;
};

// Keeps a reference to `vocabulary`, which must outlive it.
class AddedTokens {
 public:
  // `normalized`: those tokens alone that are looked for in normalised text; else the others.
  AddedTokens(const Vocabulary& vocabulary, bool normalized);

  struct Match {
    size_t at = 0, size = 0;  // size 0: none. White space that the token takes is within
    int32_t id = -1;
  };
  // The first match at or after `from`. Control tokens count only if `with_control`, and never where they would touch a
  // byte of `literal` (ascending, disjoint).
  Match Next(std::string_view text, size_t from, bool with_control, const std::vector<TextRange>& literal) const;
  bool empty() const { return found_.empty(); }

 private:
  const Vocabulary& vocabulary_;
  std::vector<std::string> texts_;  // the patterns, in place for ever
  std::unordered_map<std::string_view, size_t> found_;  // index into vocabulary's added
  std::array<std::vector<uint32_t>, 256> sizes_;        // by first byte: sizes of the patterns, longest first
};

}  // namespace pith
