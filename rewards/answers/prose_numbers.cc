// A number that stands in prose: with its unit, and only where the prose leaves it as it is.
#include <algorithm>
#include <array>

#include "rewards/answers/answer_text.h"
#include "rewards/answers/readings.h"
#include "rewards/math/ascii.h"
#include "rewards/math/spelling.h"
#include "rewards/math/units.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

size_t LettersEnd(std::string_view text, size_t at) {
  while (at < text.size() && IsAsciiLetter(text[at])) ++at;
  return at;
}

// Behind spaces, "~", "\," and "\ ".
size_t SpacesEnd(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '~' || text.substr(at).starts_with("\\,") || text.substr(at).starts_with("\\ "))) at += text[at] == '\\' ? 2 : 1;
  return std::min(at, text.size());
}

// What stands in "\text{…}", "\mathrm{…}" at `at`, which moves behind it; nothing where no such group begins.
std::optional<std::string_view> TextGroup(std::string_view text, size_t* at) {
  const size_t name = *at + 1, brace = LettersEnd(text, std::min(name, text.size()));
  if (text.substr(*at, 1) != "\\" || text.substr(brace, 1) != "{" || !HoldsText(text.substr(name, brace - name))) return std::nullopt;
  const size_t close = text.find('}', brace);
  if (close == std::string_view::npos) return std::nullopt;
  *at = close + 1;
  const size_t begin = SpacesEnd(text, brace + 1);
  return begin < close ? TrimSpaces(text.substr(begin, close - begin)) : std::string_view();
}

// A letter alone is a unit where it stands apart and nothing follows that it could begin: "5 m.", "(5 N)", "5 m/s"; not "5m", "5 m + 2".
bool IsUnitLetter(std::string_view rest, size_t at) {
  if (at == 0 || std::string_view("mghsLJNW").find(rest[at]) == std::string_view::npos) return false;
  const size_t behind = rest.find_first_not_of(' ', at + 1);
  return behind == std::string_view::npos || std::string_view(",.;:!?)]}/").find(rest[behind]) != std::string_view::npos;
}

// The power of a unit at `at`, 0 or more characters.
size_t PowerLength(std::string_view text, size_t at) {
  for (std::string_view power : {"^2", "^3", "^{2}", "^{3}", "²", "³"}) {
    if (text.substr(at).starts_with(power)) return power.size();
  }
  return 0;
}

// One factor of a unit ("feet", "square feet", "\text{ cm}^2") at `at`, which moves behind it; empty where there is none.
std::string UnitFactor(std::string_view rest, size_t* at) {
  std::string unit;
  if (const auto held = TextGroup(rest, at)) {
    unit = LowerCase(*held);
  } else {
    size_t end = LettersEnd(rest, *at);
    const std::string first = LowerCase(rest.substr(*at, end - *at));
    if (first.size() == 1 && !IsUnitLetter(rest, *at)) return "";
    if ((first == "square" || first == "cubic" || first == "sq") && rest.substr(end, 1) == " ") end = LettersEnd(rest, end + 1);
    unit = LowerCase(rest.substr(*at, end - *at));
    *at = end;
  }
  if (!unit.empty()) *at += PowerLength(rest, *at);
  return unit;
}

bool IsUnit(const std::string& unit) { return !unit.empty() && (FindUnit(unit) || IsCountedThing(unit) || unit == "percent" || unit == "per cent"); }

// How much of `rest`, what stands behind a number, is its unit: " feet", "\text{ cm}^2", "~\mathrm{m}/\mathrm{s}".
size_t UnitLength(std::string_view rest) {
  for (std::string_view degrees : {"^\\circ", "^{\\circ}", "°"}) {
    if (rest.starts_with(degrees)) return degrees.size();
  }
  size_t at = SpacesEnd(rest, 0);
  size_t inside = at;
  const auto held = TextGroup(rest, &inside);
  const std::string_view words = held ? *held : rest.substr(at);
  for (std::string_view clock : {"a.m.", "p.m.", "a.m", "p.m", "am", "pm", "noon", "midnight"}) {
    if (LowerCase(words.substr(0, clock.size())) == clock && (held || LettersEnd(words, clock.size()) == clock.size())) return held ? inside : at + clock.size();
  }
  std::string unit = UnitFactor(rest, &at);
  if (!IsUnit(unit)) return 0;
  while (rest.substr(at, 1) == "/") {
    size_t behind = at + 1;
    unit += "/" + UnitFactor(rest, &behind);
    if (!FindUnit(unit)) break;
    at = behind;
  }
  return at;
}

// x_2, x^2, )_3; not the underlines of __6__.
bool IsScript(std::string_view text, size_t at) {
  if (at >= text.size() || (text[at] != '_' && text[at] != '^') || text.substr(at, 2) == "__") return false;
  const char before = at == 0 ? ' ' : text[at - 1];
  return IsAsciiLetter(before) || IsAsciiDigit(before) || before == ')' || before == ']' || before == '}';
}

// Whether what touches a number makes it a part of a formula: "(12)_3", "3 \pmod 5", "x^2", "\sqrt{16}", "3:1".
bool IsPartOfFormula(std::string_view prose, size_t begin, size_t end) {
  if (begin > 0 && prose[begin - 1] == '{') {
    const size_t command = prose.rfind('\\', --begin);
    const std::string_view name = command == std::string_view::npos ? std::string_view() : prose.substr(command + 1, begin - command - 1);
    if (!name.empty() && LettersEnd(name, 0) == name.size() && !HoldsText(name)) return true;
  }
  if (begin > 0 && IsScript(prose, begin - 1)) return true;
  const auto digit = [&](size_t at) { return at < prose.size() && IsAsciiDigit(prose[at]); };
  if ((prose.substr(end, 1) == ":" && digit(end + 1)) || (begin > 1 && prose[begin - 1] == ':' && digit(begin - 2))) return true;
  end = std::min(prose.find_first_not_of(")]}", end), prose.size());
  if (IsScript(prose, end) && UnitLength(prose.substr(end)) == 0) return true;
  const std::string_view behind = prose.substr(SpacesEnd(prose, end));
  constexpr auto kChanging = std::to_array<std::string_view>({"pmod", "bmod", "mod", "cdot", "times", "div", "pm", "mp", "sqrt", "binom", "over", "choose", "pi"});
  return behind.starts_with('\\') && IsOneOf(CommonName(behind.substr(1, LettersEnd(behind, 1) - 1)), kChanging);
}

// "3.50" and "$3.5" alike.
std::string PlainDigits(std::string_view number) {
  std::string digits;
  for (char c : number) {
    if (IsAsciiDigit(c) || c == '.' || c == '/' || c == ':') digits += c;
  }
  if (digits.find('.') != std::string::npos) digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.ends_with('.')) digits.pop_back();
  return digits;
}

// "5 zorgs, not 5 mg": the two differ in what was not understood.
bool IsDeniedInOtherDress(std::string_view prose, std::string_view number) {
  for (size_t at = prose.find("not "); at != std::string_view::npos; at = prose.find("not ", at + 1)) {
    const std::string_view denied = prose.substr(at + 4);
    if (const auto other = FindFirstNumber(denied); other && other->data() - denied.data() < 12 && PlainDigits(*other) == PlainDigits(number)) return true;
  }
  return false;
}

}  // namespace

std::string FromProse(std::string_view prose, std::string_view number) {
  const auto begin = static_cast<size_t>(number.data() - prose.data());
  const size_t end = begin + number.size(), unit = UnitLength(prose.substr(end));
  const bool part = IsPartOfFormula(prose, begin, end + unit);
  if (part || IsSpoiled(prose, begin, end) || (unit == 0 && IsDeniedInOtherDress(prose, number))) return std::string(prose);
  // "$5 m/s": the formula's dress and no price.
  const size_t dress = unit > 0 && number.starts_with('$') && (begin == 0 || prose[begin - 1] != '\\') ? 1 : 0;
  return std::string(prose.substr(begin + dress, number.size() - dress + unit));
}

}  // namespace pith
