#include "runtime/generation/answer_mark.h"

#include <algorithm>

namespace pith {

namespace {

constexpr std::string_view kBox = "\\boxed{";
constexpr size_t kLongestAnswer = 400;  // bytes of a line that are looked at

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBlank(std::string_view text) { return text.find_first_not_of(" \t\r\n*#") == std::string_view::npos; }

// Words of three letters or more, commands of LaTeX and what they hold left out.
int CountWords(std::string_view line) {
  int words = 0;
  for (size_t i = 0; i < line.size();) {
    if (line[i] == '\\') {
      ++i;
      while (i < line.size() && IsLetter(line[i])) ++i;
      continue;
    }
    const size_t begin = i;
    while (i < line.size() && (IsLetter(line[i]) || static_cast<unsigned char>(line[i]) >= 0x80)) ++i;
    words += i - begin >= 3;
    if (i == begin) ++i;
  }
  return words;
}

// "1. Add", "2) Add", "3: Add": the number of a heading.
bool IsNumbered(std::string_view line) {
  size_t i = 0;
  while (i < line.size() && IsDigit(line[i])) ++i;
  if (i == 0 || i >= line.size() || (line[i] != '.' && line[i] != ')' && line[i] != ':')) return false;
  const size_t next = line.find_first_not_of(" \t*", i + 1);
  return next == std::string_view::npos || (next > i + 1 && !IsDigit(line[next]));
}

bool HasBox(std::string_view text) {
  const size_t begin = text.rfind(kBox);
  if (begin == std::string_view::npos) return false;
  int depth = 1;
  for (size_t i = begin + kBox.size(); i < text.size(); ++i) {
    if (text[i] == '{') ++depth;
    if (text[i] == '}' && --depth == 0) return i > begin + kBox.size();
  }
  return false;
}

}  // namespace

bool AnswerFollowsHashes(std::string_view rest) {
  const size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, std::min(end, kLongestAnswer));
  line.remove_prefix(std::min(line.find_first_not_of(" \t*"), line.size()));
  if (line.empty()) return end == rest.size();
  if (IsNumbered(line) && line.find_first_of(".):") + 1 < line.size()) return false;
  if (IsLetter(line[0])) {
    const bool name = line.size() == 1 || !IsLetter(line[1]);  // x = 5; B
    return name ? CountWords(line) <= 3 : CountWords(line) <= 3 && IsBlank(rest.substr(end));
  }
  return CountWords(line) <= 5;  // a number may have its unit
}

void AnswerMark::Read(std::string_view text, size_t added) {
  if (!boxed_ && text.substr(text.size() - added).find('}') != std::string_view::npos) boxed_ = HasBox(text);
  if (marker_.empty()) return;
  const size_t reach = std::min(text.size(), added + marker_.size());
  if (const size_t found = text.substr(text.size() - reach).rfind(marker_); found != std::string_view::npos) {
    after_marker_ = text.size() - reach + found + marker_.size();
  }
  if (after_marker_ == std::string_view::npos) return;
  const bool hashes = marker_.find_first_not_of('#') == std::string::npos;
  marked_ = !hashes || AnswerFollowsHashes(text.substr(after_marker_, 2 * kLongestAnswer));
}

}  // namespace pith
