// An answer in a plain form.
#include <array>
#include <utility>
#include <vector>

#include "rewards/answers/answer_text.h"
#include "rewards/math/ascii.h"

namespace pith {
namespace {

struct Replacement {
  std::string_view from, to;
};

// Longer ones first where one begins like another.
constexpr std::array<Replacement, 26> kReplacements = {{
    {"\\dfrac", "\\frac"}, {"\\tfrac", "\\frac"}, {"\\left", ""},     {"\\right", ""},   {"\\!", ""},
    {"\\,", ""},           {"\\;", " "},          {"\\:", " "},       {"\\ ", " "},      {"\\%", "%"},
    {"\\$ ", "$"},         {"\\$", "$"},          {"{,}", ","},          {"^{\\circ}", "°"}, {"^\\circ", "°"},  {"\\(", ""},
    {"\\)", ""},           {"\\[", ""},           {"\\]", ""},        {"`", ""},
    {"~", " "},            {"\t", " "},           {"\r", " "},        {"\n", " "},       {"\\quad", " "},
    {"\\displaystyle", ""},
}};

constexpr std::array<std::string_view, 8> kWrappers = {"\\text{",   "\\textbf{", "\\mathrm{", "\\mathbf{",
                                                       "\\textit{", "\\mbox{",   "\\boxed{",  "\\fbox{"};

}  // namespace

std::string CleanAnswer(std::string_view answer) {
  std::string clean;
  bool bold = false;          // behind a ** that opened
  std::vector<bool> dropped;  // for each open brace: whether it and its partner are left out
  for (size_t at = 0; at < answer.size();) {
    const std::string_view rest = answer.substr(at);
    bool done = std::string_view("\\{^*`~\t\r\n").find(rest[0]) == std::string_view::npos;  // begins nothing below
    const bool plain = done;
    if (rest.starts_with("**")) {  // bold; but 2**3 is a power
      const auto is_operand = [](char c) { return IsAsciiLetter(c) || IsAsciiDigit(c) || c == '(' || c == ')'; };
      const bool power = !bold && rest.size() > 2 && is_operand(rest[2]) && !clean.empty() && is_operand(clean.back());
      if (power) clean += '^';
      else bold = !bold;
      at += 2;
      continue;
    }
    for (std::string_view wrapper : kWrappers) {
      if (!done && rest.starts_with(wrapper)) {
        dropped.push_back(true);
        at += wrapper.size();
        done = true;
        break;
      }
    }
    for (size_t i = 0; !done && i < kReplacements.size(); ++i) {
      const auto& [from, to] = kReplacements[i];
      if (!rest.starts_with(from)) continue;
      // \left is not the beginning of \leftarrow.
      if (IsAsciiLetter(from.back()) && rest.size() > from.size() && IsAsciiLetter(rest[from.size()])) continue;
      clean += to;
      at += from.size();
      done = true;
    }
    if (done && !plain) continue;
    if (rest[0] == '\\' && rest.size() > 1 && !IsAsciiLetter(rest[1])) {  // \{, \}, \\ stay as they are
      clean += rest.substr(0, 2);
      at += 2;
      continue;
    }
    if (rest[0] == '{') {
      dropped.push_back(false);
    } else if (rest[0] == '}' && !dropped.empty()) {
      const bool drop = dropped.back();
      dropped.pop_back();
      if (drop) {
        ++at;
        continue;
      }
    }
    // \frac12
    if (rest.size() > 1 && IsAsciiDigit(rest[0]) && IsAsciiDigit(rest[1]) && clean.ends_with("\\frac")) {
      clean += {'{', rest[0], '}', '{', rest[1], '}'};
      at += 2;
      continue;
    }
    clean += rest[0];
    ++at;
  }

  std::string spaced;
  for (char c : clean) {
    if (c == ' ' && (spaced.empty() || spaced.back() == ' ')) continue;
    spaced += c;
  }
  const auto trim_end = [](std::string* text) {
    while (!text->empty() && text->back() == ' ') text->pop_back();
  };
  trim_end(&spaced);
  while (!spaced.empty() && (spaced.back() == '.' || spaced.back() == '*')) {
    spaced.pop_back();
    trim_end(&spaced);
  }
  // $…$ around the whole; a lone $ is a currency sign.
  if (spaced.size() >= 2 && spaced.front() == '$' && spaced.back() == '$') {
    spaced = spaced.substr(1, spaced.size() - 2);
    trim_end(&spaced);
    if (!spaced.empty() && spaced.back() == '.') spaced.pop_back();
  }
  const size_t begin = spaced.find_first_not_of(" *");
  return begin == std::string::npos ? "" : spaced.substr(begin);
}

std::string ComparableText(std::string_view cleaned) {
  bool words = true;
  std::string text;
  for (size_t i = 0; i < cleaned.size(); ++i) {
    const char c = cleaned[i];
    // A space between digits parts two numbers.
    const bool parts = c == ' ' && !text.empty() && IsAsciiDigit(text.back()) && i + 1 < cleaned.size() && IsAsciiDigit(cleaned[i + 1]);
    if ((c == ' ' && !parts) || c == '$') continue;
    if (!IsAsciiLetter(c)) words = false;
    text += c;
  }
  if (text.size() == 3 && text[0] == '(' && text[2] == ')' && IsAsciiLetter(text[1])) {  // (A) for A
    text = text.substr(1, 1);
    words = true;
  }
  if (words) {
    for (char& c : text) c = static_cast<char>(c | 0x20);
  }
  return text;
}

}  // namespace pith
