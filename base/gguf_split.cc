#include "base/gguf_split.h"

#include <cstdio>
#include <string_view>

namespace pith {

std::string GgufPartSuffix(int64_t index, int64_t count) {
  char text[64];
  std::snprintf(text, sizeof(text), "-%05lld-of-%05lld.gguf", static_cast<long long>(index + 1), static_cast<long long>(count));
  return text;
}

std::optional<std::vector<std::string>> GgufParts(const std::string& path, int64_t index, int64_t count) {
  const std::string suffix = GgufPartSuffix(index, count);
  if (!path.ends_with(suffix)) return std::nullopt;
  const std::string prefix = path.substr(0, path.size() - suffix.size());
  std::vector<std::string> paths;
  for (int64_t i = 0; i < count; ++i) paths.push_back(prefix + GgufPartSuffix(i, count));
  return paths;
}

std::string GgufFamily(const std::string& path) {
  constexpr std::string_view kForm = "-00001-of-00003.gguf";
  if (path.size() < kForm.size()) return path;
  const size_t begin = path.size() - kForm.size();
  for (size_t i = 0; i < kForm.size(); ++i) {
    const bool wants_digit = kForm[i] >= '0' && kForm[i] <= '9';
    const char got = path[begin + i];
    if (wants_digit ? got < '0' || got > '9' : got != kForm[i]) return path;
  }
  return path.substr(0, begin) + "-*" + path.substr(begin + 6);
}

}  // namespace pith
