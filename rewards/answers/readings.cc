// Which part of a response is its answer.
#include "rewards/answers/readings.h"

#include <array>
#include <optional>
#include <utility>

#include "rewards/answers/answer.h"
#include "rewards/answers/answer_text.h"
#include "rewards/answers/plain_number.h"
#include "rewards/math/judge.h"
#include "rewards/math/parser.h"

namespace pith {
namespace {

constexpr size_t kMaxBareBytes = 300;  // longer texts are responses, not answers

// More than digits and simple signs: a bare number is found by the rules for numbers.
bool HasStructure(std::string_view text) {
  if (text.find_first_of("\\^([{|_") != std::string_view::npos) return true;
  const auto is_digit = [&](size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '9'; };
  for (size_t at = text.find(':'); at != std::string_view::npos; at = text.find(':', at + 1)) {
    if (at > 0 && is_digit(at - 1) && is_digit(at + 1)) return true;  // 7:30, 2:3
  }
  return false;
}

std::string_view LastLine(std::string_view text) {
  text = TrimSpaces(text);
  const size_t line = text.rfind('\n');
  return line == std::string_view::npos ? text : TrimSpaces(text.substr(line + 1));
}

// The longest mathematics of at most 12 words that ends a text: "so the area is 4\sqrt{2}." gives "4\sqrt{2}".
std::optional<std::string_view> FindFinalMathematics(std::string_view text, bool structured) {
  text = LastLine(text);
  std::optional<std::string_view> found;
  size_t begin = text.size();
  for (int words = 0; words < 12 && begin > 0; ++words) {
    const size_t space = text.rfind(' ', begin - 1);
    begin = space == std::string_view::npos ? 0 : space;
    const std::string_view tail = TrimSpaces(text.substr(begin));
    if (tail.size() > kMaxBareBytes) break;
    if ((!structured || HasStructure(tail)) && IsBareMathematics(tail)) found = tail;
  }
  if (!found) return found;
  while (found->size() > 1 && (found->back() == '.' || found->back() == ',') && !found->ends_with("..")) found->remove_suffix(1);
  const bool dollars = found->size() > 2 && found->front() == '$' && found->back() == '$' && found->find('$', 1) == found->size() - 1;
  return dollars ? found->substr(1, found->size() - 2) : *found;
}

struct Formula {
  size_t begin, end;  // with its delimiters
  std::string_view content;
};

// $…$, $$…$$, \(…\) and \[…\] in order.
std::vector<Formula> FindFormulas(std::string_view text) {
  std::vector<Formula> formulas;
  for (size_t at = 0; at < text.size();) {
    std::string_view open, close;
    for (const auto& [left, right] : {std::pair<std::string_view, std::string_view>("$$", "$$"), {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"}}) {
      if (!open.empty() || text.substr(at, left.size()) != left) continue;
      open = left;
      close = right;
    }
    if (open.empty()) {
      at += text[at] == '\\' ? 2 : 1;  // \$ opens nothing
      continue;
    }
    size_t end = text.find(close, at + open.size());
    while (end != std::string_view::npos && close == "$" && text[end - 1] == '\\') end = text.find(close, end + 1);
    if (end == std::string_view::npos) break;
    formulas.push_back({at, end + close.size(), TrimSpaces(text.substr(at + open.size(), end - at - open.size()))});
    at = end + close.size();
  }
  return formulas;
}

// The last formula unless a number stands behind it.
std::optional<std::string_view> FindLastFormula(std::string_view text) {
  const std::vector<Formula> formulas = FindFormulas(text);
  if (formulas.empty()) return std::nullopt;
  const Formula& last = formulas.back();
  if (text.find_first_of("0123456789", last.end) != std::string_view::npos ||
      !(HasStructure(last.content) || last.content.find('=') != std::string_view::npos)) return std::nullopt;
  return IsBareMathematics(last.content) ? std::optional(last.content) : std::nullopt;
}

bool IsChoiceLetter(char c) { return c >= 'A' && c <= 'H'; }

// The answer in "5 + 3 = 8 apples", "12, since …", "$8".
std::string FromStatement(std::string_view stated) {
  // "(B) because …"; "(B) 12" is mathematics as a whole.
  if (stated.size() > 3 && stated[0] == '(' && IsChoiceLetter(stated[1]) && stated[2] == ')' && !IsBareMathematics(stated)) {
    return std::string(stated.substr(0, 3));
  }
  if (ParsePlainNumber(CleanAnswer(stated))) return std::string(stated);
  if (IsBareMathematics(stated)) return std::string(stated);
  if (const auto formula = FindLastFormula(stated)) return std::string(*formula);
  const size_t equals = stated.rfind('=');
  if (equals != std::string_view::npos) {
    if (const auto number = FindFirstNumber(stated.substr(equals + 1))) return std::string(*number);
  }
  if (const auto number = FindFirstNumber(stated)) return std::string(*number);
  return std::string(stated);
}

std::string Joined(const std::vector<std::string_view>& parts) {
  std::string joined;
  for (std::string_view part : parts) joined += (joined.empty() ? "" : ", ") + std::string(part);
  return joined;
}

}  // namespace

std::string_view TrimSpaces(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

bool IsBareMathematics(std::string_view text) {
  Work work(20000);
  return text.size() <= kMaxBareBytes && IsMathematics(text, &work);
}

std::optional<std::string> ExtractAnswer(std::string_view response, Reading reading) {
  if (const auto marked = FindMarkedAnswers(response).last) {
    const std::vector<std::string_view> boxes = FindFinalBoxes(response);
    if (boxes.size() < 2 || boxes.back() != marked->text) return std::string(marked->text);
    return Joined(boxes);
  }
  if (reading == Reading::kStrict) return std::nullopt;
  if (const auto stated = FindStatedAnswer(response)) return FromStatement(*stated);
  if (const auto mathematics = FindFinalMathematics(response, /*structured=*/true)) return std::string(*mathematics);
  if (const auto formula = FindLastFormula(response)) return std::string(*formula);
  if (const auto number = FindLastNumber(response)) return std::string(*number);
  return std::nullopt;
}

std::vector<std::string> SeveralReadings(std::string_view response, bool marked_only) {
  std::vector<std::string> readings;
  const std::vector<std::string_view> boxes = FindAllBoxes(response);
  if (boxes.size() > 1) readings.push_back(Joined(boxes));
  if (marked_only || !boxes.empty()) return readings;
  const std::vector<Formula> formulas = FindFormulas(response);
  std::vector<std::string_view> joined;
  for (size_t i = formulas.size(); i > 0; --i) {
    joined.insert(joined.begin(), formulas[i - 1].content);
    if (joined.size() == 32) break;
    if (i < 2 || !StandSideBySide(response.substr(formulas[i - 2].end, formulas[i - 1].begin - formulas[i - 2].end))) break;
  }
  if (joined.size() > 1) readings.push_back(Joined(joined));
  if (const auto list = FindFinalMathematics(response, /*structured=*/false)) readings.emplace_back(*list);
  return readings;
}

char OnlyChoice(std::string_view response) {
  if (response.size() > kMaxBareBytes) return 0;
  const std::string_view bare = TrimSpaces(response);
  if (bare.size() > 4 && bare[0] == '(' && IsChoiceLetter(bare[1]) && bare[2] == ')' &&
      (bare.substr(3).starts_with(" because ") || bare.substr(3).starts_with(" since "))) {
    return bare[1];
  }
  char only = 0;
  const auto is_word = [&](size_t i) {
    const char c = i < response.size() ? response[i] : ' ';
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '\\' || c == '_' || c == '\'';
  };
  for (size_t i = 0; i < response.size(); ++i) {
    if (!IsChoiceLetter(response[i]) || (i > 0 && is_word(i - 1)) || is_word(i + 1)) continue;
    // "A cat", the article
    const bool article = response[i] == 'A' && response.substr(i + 1, 1) == " " && response.substr(i + 1, 4) != " is ";
    if (article) continue;
    if (only != 0 && only != response[i]) return 0;
    if (i >= 4 && response.substr(i - 4, 4) == "not ") return 0;
    only = response[i];
  }
  return only;
}

bool BeginsWithWords(std::string_view response, std::string_view words) {
  const std::string wanted = PlainWords(words);
  if (wanted.size() < 2 || response.size() > kMaxBareBytes || wanted.find_first_of("0123456789\\") != std::string::npos) return false;
  const std::string sentence = PlainWords(response);
  if (!sentence.starts_with(wanted)) return false;
  const std::string rest = sentence.substr(wanted.size()) + " ";
  for (std::string_view denial : {" not ", "n't ", " never ", " nor ", " or ", " and ", "cannot ", " but ", " no ", " yes ", " wait ", " so "}) {
    if (rest.find(denial) != std::string::npos) return false;
  }
  // "Yes, …" in the text as it is written: the words are plain there.
  std::string_view bare = TrimSpaces(response);
  if (bare.starts_with("\\text{")) bare.remove_prefix(6);
  const bool comma = wanted.find(' ') == std::string::npos && bare.size() > wanted.size() && PlainWords(bare.substr(0, wanted.size())) == wanted &&
                     (bare[wanted.size()] == ',' || bare[wanted.size()] == '.') && (wanted == "yes" || wanted == "no");
  if (comma) return true;
  for (std::string_view verb : {" is ", " has ", " was ", " will ", " wins ", " had "}) {
    if (rest.starts_with(verb)) return true;
  }
  return false;
}

bool EndsWithWords(std::string_view response, std::string_view words) {
  const std::string wanted = PlainWords(words);
  if (wanted.size() < 2 || wanted.find_first_of("0123456789\\") != std::string::npos) return false;
  std::string_view line = LastLine(response);
  while (!line.empty() && (line.back() == '.' || line.back() == '!')) line.remove_suffix(1);
  const size_t stop = line.rfind(". ");
  const std::string sentence = PlainWords(stop == std::string_view::npos ? line : line.substr(stop + 2));
  if (!sentence.ends_with(wanted)) return false;
  if (sentence.size() > wanted.size() && sentence[sentence.size() - wanted.size() - 1] != ' ') return false;
  const std::string before = " " + sentence.substr(0, sentence.size() - wanted.size());
  for (std::string_view denial : {" not ", "n't ", " never ", " no ", " nor ", " neither ", " or ", "cannot ", " without ", " than "}) {
    if (before.find(denial) != std::string::npos) return false;
  }
  return true;
}

}  // namespace pith
