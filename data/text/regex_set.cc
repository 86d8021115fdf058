#include <algorithm>

#include "data/text/regex_program.h"
#include "data/text/utf8.h"

namespace pith {

bool RegexSet::InParts(int32_t c) const {
  for (const Range& range : ranges) {
    if (c >= range.first && c <= range.last) return true;
  }
  if (categories != 0 && (CategoryOf(c) & categories) != 0) return true;
  if (space && IsWhitespace(c)) return true;
  // Oniguruma counts Latin-1's superscript digits and fractions as word characters, too.
  if (word && (IsWordCharacter(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || (c >= 0xBC && c <= 0xBE))) return true;
  if (alphabetic && IsAlphabetic(c)) return true;
  for (const std::string& script : scripts) {
    if (IsInScript(script, c)) return true;
  }
  return std::any_of(nested.begin(), nested.end(), [&](const RegexSet& set) { return set.Test(c); });
}

bool RegexSet::Test(int32_t c) const {
  const auto in = [&](int32_t one) {
    return InParts(one) && std::all_of(and_also.begin(), and_also.end(), [&](const RegexSet& set) { return set.Test(one); });
  };
  bool found = in(c);
  if (!found && any_case && c >= 0) {
    found = in(LowerCase(c)) || in(UpperCase(c)) || in(LowerCase(UpperCase(c)));
    // The characters outside of Latin whose simple case folding is a Latin letter.
    if (!found && (c == 's' || c == 'S')) found = in(0x17F);
    if (!found && (c == 'k' || c == 'K')) found = in(0x212A);
  }
  return found != negated;
}

void RegexSet::Finish() {
  ascii = {};
  for (int32_t c = 0; c < 128; ++c) {
    if (Test(c)) ascii[static_cast<size_t>(c >> 6)] |= uint64_t{1} << (c & 63);
  }
}

}  // namespace pith
