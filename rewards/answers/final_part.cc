// What of a response its writer gives as the answer: not the thoughts before it, nor the tags around it.
#include <algorithm>
#include <array>

#include "rewards/answers/readings.h"
#include "rewards/math/ascii.h"

namespace pith {
namespace {

// "- x = 1", "* 5", "2. y", "(3) z" without what leads the line. `dash`: whether a dash is a bullet and no sign.
std::string_view WithoutBullet(std::string_view line, bool dash) {
  line = TrimSpaces(line);
  if ((dash && line.starts_with("- ")) || line.starts_with("* ")) return TrimSpaces(line.substr(2));
  if (line.starts_with("• ")) return TrimSpaces(line.substr(std::string_view("• ").size()));
  size_t at = line.starts_with("(") ? 1 : 0;
  const size_t digits = at;
  while (at < line.size() && IsAsciiDigit(line[at])) ++at;
  const bool numbered = at > digits && at - digits <= 2 && at + 1 < line.size() && (line[at] == '.' || line[at] == ')') && line[at + 1] == ' ';
  return numbered ? TrimSpaces(line.substr(at + 2)) : line;
}

}  // namespace

std::string_view FinalPart(std::string_view response) {
  constexpr std::string_view kThought = "</think>", kOpen = "<answer>", kClose = "</answer>";
  if (const size_t end = response.rfind(kThought); end != std::string_view::npos) {
    const std::string_view rest = response.substr(end + kThought.size());
    if (!TrimSpaces(rest).empty()) response = rest;
  }
  const size_t close = response.rfind(kClose);
  const size_t open = close == std::string_view::npos ? close : response.rfind(kOpen, close);
  if (open == std::string_view::npos) return response;
  const std::string_view held = response.substr(open + kOpen.size(), close - open - kOpen.size());
  return TrimSpaces(held).empty() ? response : held;
}

std::string WithSingleBackslashes(std::string_view text) {
  constexpr auto kNames = std::to_array<std::string_view>({"boxed", "frac", "dfrac", "tfrac", "left", "sqrt", "text", "pi", "infty", "times",
                                                           "cdot", "le", "ge", "leq", "geq", "in", "cup", "pm", "circ", "begin"});
  bool doubled = false;
  for (size_t at = text.find('\\'); at != std::string_view::npos && at + 1 < text.size(); at = text.find('\\', at)) {
    const size_t name = at + (text[at + 1] == '\\' ? 2 : 1);
    size_t end = name;
    while (end < text.size() && IsAsciiLetter(text[end])) ++end;
    if (std::find(kNames.begin(), kNames.end(), text.substr(name, end - name)) != kNames.end()) {
      if (name == at + 1) return std::string(text);  // a command as it should be
      doubled = true;
    }
    at = std::max(name, end);
  }
  if (!doubled) return std::string(text);
  std::string single;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text.substr(at, 2) == "\\\\") ++at;
    single += text[at];
  }
  return single;
}

std::string FinalLines(std::string_view response) {
  std::string joined;
  int count = 0;
  while (count < 12) {
    response = TrimSpaces(response);
    if (response.empty()) break;
    const size_t end = response.rfind('\n');
    const std::string_view line = end == std::string_view::npos ? response : response.substr(end + 1);
    const std::string_view item = WithoutBullet(line, /*dash=*/end == std::string_view::npos ? count > 0 : true);
    if (!IsBareMathematics(item)) break;
    joined = joined.empty() ? std::string(item) : std::string(item) + ", " + joined;
    ++count;
    response = end == std::string_view::npos ? std::string_view() : response.substr(0, end);
  }
  return count > 1 ? joined : "";
}

}  // namespace pith
