// What of a response its writer gives as the answer: not the thoughts before it, nor the tags around it.
#include <algorithm>
#include <array>

#include "rewards/answers/readings.h"
#include "rewards/math/ascii.h"

namespace pith {
std::string_view FinalPart(std::string_view response) {
  constexpr std::string_view kThought = "</think>", kThinks = "<think>", kOpen = "<answer>", kClose = "</answer>";
  if (const size_t end = response.rfind(kThought); end != std::string_view::npos) response = response.substr(end + kThought.size());
  if (response.find(kThinks) != std::string_view::npos) return {};
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

}  // namespace pith
