// A text in parts.
#pragma once

#include <string_view>
#include <vector>

namespace pith {

// What stands before, between and behind the `at`s: one more part than there are of them. What ends in one ends in an empty part.
inline std::vector<std::string_view> Split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (size_t end; (end = text.find(at)) != std::string_view::npos; text.remove_prefix(end + 1)) parts.push_back(text.substr(0, end));
  parts.push_back(text);
  return parts;
}

}  // namespace pith
