#include "data/text/charsmap.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "data/text/unicode_class.h"
#include "data/text/utf8.h"

namespace pith {
namespace {

// For a character that not every utf8proc knows an old one that joins its neighbours as it does.
int32_t StandIn(int32_t c) {
  constexpr int32_t kMark = 0x301, kFormat = 0xAD;
  static const CategoryMask format = CategoriesByName("Cf");
  if (!IsSince14(c)) return c;
  return IsMarkSince14(c) ? kMark : (CategoryOf(c) & format) != 0 ? kFormat : 'a';
}

// The units are those of darts-clone: a label, whether a value hangs below, and the offset to the children.
uint32_t Offset(uint32_t unit) { return (unit >> 10) << ((unit & (1u << 9)) >> 6); }
bool HasLabel(uint32_t unit, uint32_t byte) { return (unit & 0x800000FFu) == byte; }
bool HasValue(uint32_t unit) { return (unit >> 8 & 1) != 0; }

bool GraphemeBreak(int32_t left, int32_t right, utf8proc_int32_t* state) {
  return utf8proc_grapheme_break_stateful(StandIn(left), StandIn(right), state);
}

}  // namespace

Charsmap::Charsmap(std::string_view blob, const std::string& origin) : origin_(origin) {
  uint32_t size = 0;
  if (blob.size() >= 4) std::memcpy(&size, blob.data(), 4);
  if (blob.size() < 8 || size % 4 != 0 || size == 0 || size > blob.size() - 4) {
    Damaged();
  }
  units_.resize(size / 4);
  std::memcpy(units_.data(), blob.data() + 4, size);
  replacements_ = std::string(blob.substr(4 + size));
  replacements_ += '\0';
  CheckAll();
}

void Charsmap::Damaged() const {
  ThrowUser("'", origin_, "' has a damaged normalisation table (precompiled_charsmap); fetch the file again");
}

// Walks from the root over all that a text can reach. States are where the children of a unit begin; they may be shared.
void Charsmap::CheckAll() const {
  constexpr uint8_t kNew = 0, kOpen = 255;  // else 1 + how many entries lie on the longest way down
  constexpr uint8_t kMostOnOneWay = 32;     // the library's limit
  std::vector<uint8_t> seen(units_.size(), kNew);
  struct State {
    uint32_t base, label;
    uint8_t most;
  };
  std::vector<State> way;
  const auto enter = [&](uint32_t base) {
    if (base >= units_.size() || (base | 0xFF) >= units_.size() || seen[base] == kOpen) Damaged();
    if (seen[base] != kNew) return false;
    seen[base] = kOpen;
    way.push_back({base, 0, 0});
    return true;
  };
  enter(Offset(units_[0]));
  while (!way.empty()) {
    State& state = way.back();
    if (state.label == 256) {
      const State done = state;
      way.pop_back();
      seen[done.base] = static_cast<uint8_t>(done.most + 1);
      continue;
    }
    const uint32_t at = state.base ^ state.label;
    const uint32_t unit = units_[at];
    if (unit != 0 && HasLabel(unit, state.label)) {  // an empty unit leads a zero byte nowhere
      const uint32_t below = at ^ Offset(unit);
      if (enter(below)) continue;  // and comes back to this label
      if (HasValue(unit) && (units_[below] & 0x7FFFFFFFu) >= replacements_.size()) Damaged();
      const int most = seen[below] - 1 + (HasValue(unit) ? 1 : 0);
      if (most > kMostOnOneWay) Damaged();
      state.most = std::max(state.most, static_cast<uint8_t>(most));
    }
    ++state.label;
  }
}

Charsmap::Match Charsmap::Find(std::string_view text, bool longest) const {
  Match match;
  uint32_t at = Offset(units_[0]);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<uint8_t>(text[i]);
    at ^= byte;
    const uint32_t unit = units_[at];
    if (!HasLabel(unit, byte)) break;
    at ^= Offset(unit);
    if (!HasValue(unit)) continue;
    match = {i + 1, std::string_view(replacements_.data() + (units_[at] & 0x7FFFFFFFu))};
    if (!longest) break;
  }
  return match;
}

std::string Charsmap::ApplyByGraphemes(std::string_view text) const {
  std::string out;
  const auto one = [&](std::string_view piece) {
    const Match match = Shortest(piece);
    if (match.size > 0) out += match.replacement;
    return match.size > 0;
  };
  for (size_t at = 0; at < text.size();) {
    CodePoint c = DecodeUtf8(text, at);
    size_t end = at + c.size;
    utf8proc_int32_t state = 0;
    for (CodePoint next = DecodeUtf8(text, end); c.value >= 0 && next.size > 0 && next.value >= 0; next = DecodeUtf8(text, end)) {
      if (GraphemeBreak(c.value, next.value, &state)) break;
      end += next.size;
      c = next;
    }
    const std::string_view grapheme = text.substr(at, end - at);
    if (grapheme.size() >= 6 || !one(grapheme)) {
      for (size_t i = 0; i < grapheme.size();) {
        const std::string_view character = grapheme.substr(i, DecodeUtf8(grapheme, i).size);
        if (!one(character)) out += character;
        i += character.size();
      }
    }
    at = end;
  }
  return out;
}

}  // namespace pith
