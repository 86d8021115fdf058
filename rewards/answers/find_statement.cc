// What a response states to be its answer.
#include <algorithm>

#include "rewards/answers/answer_text.h"
#include "rewards/answers/readings.h"
#include "rewards/math/ascii.h"

namespace pith {
namespace {

// Index behind "answer is", "answer:", "answer =" at `at`; 0: none of them stands there.
size_t BehindPhrase(std::string_view text, size_t at) {
  constexpr std::string_view kWord = "answer";
  for (size_t i = 0; i < kWord.size(); ++i) {
    if (at + i >= text.size() || (text[at + i] | 0x20) != kWord[i]) return 0;
  }
  const size_t rest = at + kWord.size();
  const std::string_view tail = text.substr(rest, 4);
  if (tail.starts_with(" is ") || tail.starts_with(" is:") || tail.starts_with(" is\n")) return rest + 3;
  return tail.starts_with(":") || tail.starts_with(" =") ? rest + 1 : 0;
}

// "I do not think the answer is 5."
bool IsDoubted(std::string_view before) {
  before.remove_prefix(before.size() - std::min<size_t>(before.size(), 24));
  for (std::string_view doubt : {"not think", "n't think", "not believe", "n't believe", "doubt"}) {
    const size_t at = before.rfind(doubt);
    if (at != std::string_view::npos && before.find_first_of(".,;\n", at) == std::string_view::npos) return true;
  }
  return false;
}

// $$…$$ and \[…\] may span lines.
std::optional<std::string_view> DisplayedFormula(std::string_view text) {
  const std::string_view close = text.starts_with("$$") ? "$$" : text.starts_with("\\[") ? "\\]" : "";
  const size_t end = close.empty() ? std::string_view::npos : text.find(close, 2);
  if (end == std::string_view::npos) return std::nullopt;
  return TrimSpaces(text.substr(2, end - 2));
}

// A sentence's end; \! is a space of LaTeX.
bool IsStop(std::string_view text, size_t at) {
  if (std::string_view(".!?").find(text[at]) == std::string_view::npos || (text[at] == '!' && at > 0 && text[at - 1] == '\\')) return false;
  return at + 1 == text.size() || std::string_view(" \t\r\n").find(text[at + 1]) != std::string_view::npos;
}

bool IsChoiceWithText(std::string_view line) {
  return line.size() > 3 && line[0] == '(' && IsChoiceLetter(line[1]) && line[2] == ')';
}

}  // namespace

std::optional<std::string_view> FindStatedAnswer(std::string_view text, const Question& question) {
  size_t begin = std::string_view::npos;
  for (size_t at = 0; at < text.size(); ++at) {
    const size_t phrase = at;
    size_t rest = BehindPhrase(text, at);
    if (rest == 0) continue;
    rest = std::min(text.find_first_not_of(": =*", rest), text.size());
    at = rest - 1;
    if (!text.substr(rest).starts_with("not ") && !IsDoubted(text.substr(0, phrase))) begin = rest;
  }
  if (begin == std::string_view::npos) return std::nullopt;
  const size_t line_begin = std::min(text.find_first_not_of(" \r\n", begin), text.size());
  const bool next_line = text.substr(begin, line_begin - begin).find('\n') != std::string_view::npos;
  if (const auto formula = DisplayedFormula(text.substr(line_begin))) {
    if (!formula->empty()) return formula;
  }
  if (next_line) begin = line_begin;
  size_t end = begin;
  while (end < text.size() && text[end] != '\n' && !IsStop(text, end)) ++end;
  std::string_view stated = TrimSpaces(text.substr(begin, end - begin));
  while (stated.ends_with('*')) stated.remove_suffix(1);
  stated = TrimSpaces(stated);
  if (stated.empty() || stated.starts_with("\\begin{align")) return std::nullopt;
  // A line of its own must be the answer and nothing else.
  if (next_line && !IsBareMathematics(stated, question) && !IsChoiceWithText(stated)) return std::nullopt;
  for (std::string_view reason : {" because ", " since "}) {
    const size_t cut = stated.find(reason);
    if (cut != std::string_view::npos) stated = TrimSpaces(stated.substr(0, cut));
    if (cut != std::string_view::npos && stated.ends_with(",")) stated.remove_suffix(1);
  }
  return stated;
}

}  // namespace pith
