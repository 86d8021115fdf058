#include "runtime/generation/sentence.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "data/text/utf8.h"

namespace pith {

namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Whether the '.' at `dot` closes the number of a list item: nothing but digits before it on its line.
bool NumbersALine(std::string_view text, size_t dot) {
  size_t i = dot;
  while (i > 0 && IsDigit(text[i - 1])) --i;
  if (i == dot) return false;
  while (i > 0 && (text[i - 1] == ' ' || text[i - 1] == '\t')) --i;
  return i == 0 || text[i - 1] == '\n';
}

// Of Unicode's Sentence_Terminal those of living scripts, beyond ASCII.
constexpr auto kTerminals = std::to_array<int32_t>({0x0589, 0x061D, 0x061E, 0x061F, 0x06D4, 0x0964, 0x0965, 0x104A, 0x104B, 0x1362, 0x1367, 0x1368, 0x17D4, 0x17D5,
                                                    0x1803, 0x1809, 0x203C, 0x203D, 0x2047, 0x2048, 0x2049, 0x3002, 0xA6F3, 0xFE52, 0xFE56, 0xFE57, 0xFF01, 0xFF0E, 0xFF1F, 0xFF61});
// Quotes and brackets that close, and what Markdown closes with.
constexpr auto kClosers = std::to_array<int32_t>({'"', '\'', ')', ']', '}', '*', '`', 0x00BB, 0x2019, 0x201D, 0x203A, 0x300B, 0x300D, 0x300F, 0x3011, 0x3015, 0xFF09, 0xFF3D, 0xFF5D, 0xFF63});

template <size_t N>
bool Holds(const std::array<int32_t, N>& set, int32_t c) {
  return std::find(set.begin(), set.end(), c) != set.end();
}

// The last character of `text`, whose bytes may not all have come.
CodePoint LastCharacter(std::string_view text) {
  for (size_t size = 1; size <= 4 && size <= text.size(); ++size) {
    const CodePoint c = DecodeUtf8(text, text.size() - size);
    if (c.value >= 0 && c.size == size) return c;
  }
  return {};
}

}  // namespace

bool SentenceEnds(std::string_view text, std::string_view next) {
  if (text.empty()) return false;
  if (text.back() == '\n') return true;
  const size_t behind = text.find_last_not_of(" \t");
  if (behind == std::string_view::npos) return false;
  if (behind + 1 < text.size()) return SentenceEnds(text.substr(0, behind + 1), " ");
  CodePoint last = LastCharacter(text);
  size_t end = text.size();
  while (last.value >= 0 && Holds(kClosers, last.value)) {
    end -= last.size;
    last = LastCharacter(text.substr(0, end));
  }
  if (last.value < 0) return false;
  const CodePoint first = DecodeUtf8(next, 0);
  if (first.size > 0 && first.value < 0) return false;  // the character before may go on
  if (Holds(kTerminals, last.value)) return !Holds(kTerminals, first.value) && !Holds(kClosers, first.value);
  if (last.value != '.' && last.value != '!' && last.value != '?') return false;
  if (first.size > 0 && !IsWhitespace(first.value)) return false;
  return !(last.value == '.' && NumbersALine(text, end - 1));
}

}  // namespace pith
