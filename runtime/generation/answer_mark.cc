#include "runtime/generation/answer_mark.h"

#include <algorithm>

namespace pith {

namespace {

constexpr std::string_view kBox = "\\boxed{";
constexpr size_t kLongestAnswer = 400;  // bytes of a line that are looked at

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

struct Words {
  int count = 0, capitals = 0;
};

// Words of three letters or more, commands of LaTeX left out; and how many of them begin with a capital.
Words WordsOf(std::string_view line) {
  Words words;
  for (size_t i = 0; i < line.size();) {
    if (line[i] == '\\') {
      ++i;
      while (i < line.size() && IsLetter(line[i])) ++i;
      continue;
    }
    const size_t begin = i;
    while (i < line.size() && (IsLetter(line[i]) || static_cast<unsigned char>(line[i]) >= 0x80)) ++i;
    words.count += i - begin >= 3;
    words.capitals += i - begin >= 3 && line[begin] >= 'A' && line[begin] <= 'Z';
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
  if (line[0] == '#' || (IsNumbered(line) && line.find_first_of(".):") + 1 < line.size())) return false;
  const Words words = WordsOf(line);
  if (!IsLetter(line[0])) return words.count <= 5 && !(words.count >= 2 && words.capitals > 0);  // a number may have its unit
  if (line.size() == 1 || !IsLetter(line[1])) return words.count <= 3;                           // x = 5; B
  // Of words only those that can be nothing else: what is no heading ends the response.
  std::string word;
  for (const char c : line) word += IsLetter(c) ? static_cast<char>(c | 0x20) : ' ';
  word.resize(word.find_last_not_of(' ') + 1);
  return word == "yes" || word == "no" || word == "true" || word == "false" || word == "none";
}

void AnswerMark::Read(std::string_view text, size_t added) {
  if (!boxed_ && text.substr(text.size() - added).find('}') != std::string_view::npos) boxed_ = HasBox(text);
  if (marker_.empty()) return;
  const bool hashes = marker_.find_first_not_of('#') == std::string::npos;
  const size_t reach = std::min(text.size(), added + marker_.size());
  if (const size_t found = text.substr(text.size() - reach).rfind(marker_); found != std::string_view::npos) {
    const size_t begin = text.size() - reach + found, line = text.rfind('\n', begin) + 1;  // npos + 1 is 0
    const std::string_view before = text.substr(line, begin - line);
    if (!hashes || before.find_first_not_of(" \t*") == std::string_view::npos) after_marker_ = begin + marker_.size();
  }
  if (after_marker_ == std::string_view::npos) return;
  marked_ = !hashes || AnswerFollowsHashes(text.substr(after_marker_, 2 * kLongestAnswer));
}

}  // namespace pith
