#pragma once

#include <string>
#include <string_view>

namespace pith {

// `text` with each `mark` replaced; what was put in is not looked at again.
inline std::string ReplaceAll(std::string text, std::string_view mark, std::string_view with) {
  for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += with.size()) text.replace(at, mark.size(), with);
  return text;
}

}  // namespace pith
