#include "rewards/answers/latex_quantities.h"

#include <algorithm>
#include <array>
#include <optional>

#include "rewards/math/ascii.h"

namespace pith {
namespace {

// What {…} at *at holds, after spaces; *at moves behind it.
std::optional<std::string_view> TakeGroup(std::string_view text, size_t* at, char open, char close) {
  size_t begin = *at;
  while (begin < text.size() && text[begin] == ' ') ++begin;
  if (begin >= text.size() || text[begin] != open) return std::nullopt;
  int depth = 0;
  for (size_t end = begin; end < text.size(); ++end) {
    if (text[end] == '\\') ++end;
    else if (text[end] == open) ++depth;
    else if (text[end] == close && --depth == 0) {
      *at = end + 1;
      return text.substr(begin + 1, end - begin - 1);
    }
  }
  return std::nullopt;
}

std::string_view Command(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && IsAsciiLetter(text[end])) ++end;
  return text.substr(at + 1, end - at - 1);
}

// "\kilo\gram\per\second\squared" → "kilogram/second^2"; "kg.m/s^2" → "kg m/s^2".
std::string PlainUnit(std::string_view unit) {
  std::string plain;
  bool prefix = false;
  int next_power = 1;
  for (size_t at = 0; at < unit.size();) {
    if (unit[at] != '\\' || at + 1 >= unit.size() || !IsAsciiLetter(unit[at + 1])) {
      plain += unit[at] == '.' || unit[at] == '~' ? ' ' : unit[at];
      ++at;
      continue;
    }
    const std::string_view name = Command(unit, at);
    at += 1 + name.size();
    if (name == "per") plain += '/';
    else if (name == "squared") plain += "^2";
    else if (name == "cubed") plain += "^3";
    else if (name == "square") next_power = 2;
    else if (name == "cubic") next_power = 3;
    else if (name == "text" || name == "mathrm" || name == "cdot") plain += name == "cdot" ? " " : "";
    else if (name == "percent") plain += "\\%";
    else if (name == "degreeCelsius" || name == "celsius") plain += "°C";
    else if (name == "micro" || name == "mu") plain += "μ";
    else {
      if (!prefix && !plain.empty() && plain.back() != '/' && plain.back() != ' ') plain += ' ';
      plain += name == "metre" ? "meter" : std::string(name);
      constexpr auto kPrefixes = std::to_array<std::string_view>({"kilo", "centi", "milli", "mega", "giga", "nano", "deci", "hecto"});
      prefix = false;
      for (std::string_view p : kPrefixes) prefix = prefix || p == name;
      if (!prefix && next_power > 1) {
        plain += "^" + std::to_string(next_power);
        next_power = 1;
      }
    }
  }
  return plain;
}

}  // namespace

std::string PlainQuantities(std::string_view text) {
  std::string plain;
  int depth = 0;
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      if (text.substr(at, 3) == "{:}") {  // 21{:}30
        plain += ':';
        at += 3;
        continue;
      }
      const char c = text[at++];
      if (c == '{') ++depth;
      if (c == '}') depth = std::max(0, depth - 1);
      // A line that ends inside of braces goes on; one that is empty ends all of them.
      if (c == '\n' && text.substr(at, 1) == "\n") depth = 0;
      plain += c == '\n' && depth > 0 ? ' ' : c;
      continue;
    }
    const std::string_view name = Command(text, at);
    size_t end = at + 1 + name.size();
    const bool quantity = name == "qty" || name == "SI", unit = name == "unit" || name == "si", number = name == "num" || name == "numprint" || name == "np";
    if (quantity || unit || number || name == "ang" || name == "pu") {
      TakeGroup(text, &end, '[', ']');  // its options
      const auto first = TakeGroup(text, &end, '{', '}');
      const auto second = quantity && first ? TakeGroup(text, &end, '{', '}') : std::nullopt;
      if (first && (second || !quantity)) {
        if (unit) plain += "\\text{ " + PlainUnit(*first) + "}";
        else plain += std::string(*first);
        if (name == "ang") plain += "^\\circ";
        if (second) plain += "\\text{ " + PlainUnit(*second) + "}";
        at = end;
        continue;
      }
    }
    const size_t length = name.empty() ? std::min<size_t>(2, text.size() - at) : 1 + name.size();
    plain += text.substr(at, length);
    at += length;
  }
  return plain;
}

}  // namespace pith
