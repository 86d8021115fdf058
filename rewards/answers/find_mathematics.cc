// The mathematics in a response: formulas in their dress, and what ends a line of plain text.
#include "rewards/answers/find_mathematics.h"

#include <algorithm>
#include <array>
#include <utility>

#include "rewards/answers/answer_text.h"
#include "rewards/answers/readings.h"
#include "rewards/math/ascii.h"
#include "rewards/math/judge.h"
#include "rewards/math/spelling.h"

namespace pith {
namespace {

// 6π, 2√5, x², ½, ≤: signs that a number alone does not have.
bool HasUnicodeStructure(std::string_view text) {
  for (size_t at = 0; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) < 0xC0) continue;
    const std::string_view rest = text.substr(at);
    if (FindSmallDigit(rest).length > 0 || FindSmallFraction(rest).length > 0) return true;
    for (std::string_view sign : {"π", "√", "∛", "∞", "≤", "≥", "≠", "±", "∪", "∈", "θ", "∅", "°"}) {
      if (rest.starts_with(sign)) return true;
    }
  }
  return false;
}

// A variable among signs and digits of plain text: 2x, x + 1, y = 3, 6 pi. Not the "a" of "a 5", nor a letter that may be a unit.
bool HasVariable(std::string_view text) {
  if (text.find('$') != std::string_view::npos) return false;  // formulas are found by their dress
  for (size_t at = 0; at < text.size(); ++at) {
    if (!IsAsciiLetter(text[at])) continue;
    size_t end = at;
    while (end < text.size() && IsAsciiLetter(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    const size_t behind = text.find_first_not_of(' ', end);
    const size_t before = at == 0 ? std::string_view::npos : text.find_last_not_of(' ', at - 1);
    const auto is_sign = [&](size_t i) { return i != std::string_view::npos && std::string_view("+-*/=<>").find(text[i]) != std::string_view::npos; };
    const bool digit = before != std::string_view::npos && IsAsciiDigit(text[before]);
    const bool touches = digit && before + 1 == at && std::string_view("kmgshl").find(text[at]) == std::string_view::npos;
    const bool name = (word.size() == 1 && text[at] >= 'a') || word == "pi" || word == "sqrt";
    if (name && (touches || is_sign(behind) || is_sign(before) || (digit && word.size() > 1))) return true;
    at = end;
  }
  return false;
}

bool HasClock(std::string_view text) {
  const auto is_digit = [&](size_t at) { return at < text.size() && IsAsciiDigit(text[at]); };
  for (size_t at = text.find(':'); at != std::string_view::npos; at = text.find(':', at + 1)) {
    if (at > 0 && is_digit(at - 1) && is_digit(at + 1)) return true;  // 7:30, 2:3
  }
  return false;
}

// More than digits and simple signs: a bare number is found by the rules for numbers.
bool HasStructure(std::string_view text) {
  if (text.find_first_of("\\^([{|_") != std::string_view::npos) return true;
  if (HasUnicodeStructure(text) || HasVariable(text)) return true;
  for (std::string_view phrase : {" out of ", " dollars and ", " hours and ", " hour and "}) {  // 3 out of 8, 15 dollars and 50 cents
    if (text.find(phrase) != std::string_view::npos) return true;
  }
  return HasClock(text);
}

// Digits, or a unit behind a sum ("180 minutes / 20 houses/minute"); "x" alone is neither.
bool EndsInSum(std::string_view text) {
  const size_t last = text.find_last_not_of(" $\\");
  if (last == std::string_view::npos) return false;
  if (IsAsciiDigit(text[last])) return true;
  if (last == 0 || !IsAsciiLetter(text[last]) || !IsAsciiLetter(text[last - 1])) return false;
  if (const size_t stop = text.rfind(". "); stop != std::string_view::npos) text = text.substr(stop);
  const size_t sign = text.find_last_of("/*+");
  return sign != std::string_view::npos && text.find_first_of("0123456789") < sign;
}

// "50\]" without the end of a formula that began before it.
std::string_view WithoutFormulaEnd(std::string_view tail) {
  while ((tail.ends_with("\\]") && tail.find("\\[") == std::string_view::npos) || (tail.ends_with("\\)") && tail.find("\\(") == std::string_view::npos)) {
    tail = TrimSpaces(tail.substr(0, tail.size() - 2));
  }
  return tail;
}

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

bool IsBareMathematics(std::string_view text, const Question& question) {
  Work work(20000);
  return text.size() <= kMaxAnswerBytes && IsMathematics(text, question, &work);
}

std::string_view LastLine(std::string_view text) {
  text = TrimSpaces(text);
  const size_t line = text.rfind('\n');
  return line == std::string_view::npos ? text : TrimSpaces(text.substr(line + 1));
}

// Of at most 12 words: "so the area is 4\sqrt{2}." gives "4\sqrt{2}".
std::optional<std::string_view> FindFinalMathematics(std::string_view text, bool structured, const Question& question) {
  text = LastLine(text);
  std::optional<std::string_view> found;
  size_t begin = text.size();
  for (int taken = 0; taken < 12 && begin > 0; ++taken) {
    const size_t space = text.rfind(' ', begin - 1);
    begin = space == std::string_view::npos ? 0 : space;
    const std::string_view tail = WithoutFormulaEnd(TrimSpaces(text.substr(begin)));
    if (tail.size() > kMaxAnswerBytes) break;
    if (tail.starts_with("..")) continue;
    // What stands behind a sign is the rest of a sum.
    const size_t sign = begin == 0 ? std::string_view::npos : text.find_last_not_of(' ', begin);
    if (sign != std::string_view::npos && sign > 0 && std::string_view("+-*/").find(text[sign]) != std::string_view::npos) continue;
    if ((!structured || HasStructure(tail)) && IsBareMathematics(tail, question)) found = tail;
  }
  if (!found) return found;
  if (text.substr(0, static_cast<size_t>(found->data() - text.data())).ends_with("not ")) return std::nullopt;
  while (found->size() > 1 && (found->back() == '.' || found->back() == ',') && !found->ends_with("..")) found->remove_suffix(1);
  const bool dollars = found->size() > 2 && found->front() == '$' && found->back() == '$' && found->find('$', 1) == found->size() - 1;
  return dollars ? found->substr(1, found->size() - 2) : *found;
}

std::vector<Formula> FindFormulas(std::string_view text) {
  std::vector<Formula> formulas;
  for (size_t at = 0; at < text.size();) {
    std::string_view open, close;
    for (const auto& [left, right] : {std::pair<std::string_view, std::string_view>("$$", "$$"), {"$", "$"}, {"\\(", "\\)"}, {"\\[", "\\]"},
                                      {"\\begin{align", "\\end{align"}, {"\\begin{equation", "\\end{equation"}}) {
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
    std::string_view content = text.substr(at + open.size(), end - at - open.size());
    size_t behind = end + close.size();
    if (open.ends_with("align") || open.ends_with("equation")) {  // with its star and brace
      content.remove_prefix(std::min(content.find('}') + 1, content.size()));
      behind = std::min(text.find('}', behind), text.size() - 1) + 1;
    }
    formulas.push_back({at, behind, TrimSpaces(content)});
    at = behind;
  }
  return formulas;
}

std::optional<std::string_view> FindLastFormula(std::string_view text, const Question& question) {
  const std::vector<Formula> formulas = FindFormulas(text);
  if (formulas.empty()) return std::nullopt;
  const Formula& last = formulas.back();
  if (text.find_first_of("0123456789", last.end) != std::string_view::npos) return std::nullopt;
  // "$n-m$" and "$3!$" are answers where they end the text; before more words they may be no more than mentioned.
  const bool ends = text.find_first_not_of(".*! \n", last.end) == std::string_view::npos;
  const bool marked = last.content.find_first_of(ends ? "\\^([{|_=!" : "\\^([{|_=") != std::string_view::npos;
  if (!marked && !(ends ? HasStructure(last.content) : HasClock(last.content))) return std::nullopt;
  if (IsBareMathematics(last.content, question)) return last.content;
  // A long chain, or rows of one: what it comes to.
  const size_t equals = last.content.rfind('=');
  if (!ends || equals == std::string_view::npos) return std::nullopt;
  std::string_view result = TrimSpaces(last.content.substr(equals + 1));
  while (!result.empty() && (result.back() == '.' || result.back() == ',')) result.remove_suffix(1);
  if (result.size() == 1 && IsAsciiLetter(result[0])) {  // 18 &= x
    result = last.content.substr(0, equals);
    if (const size_t row = result.rfind("\\\\"); row != std::string_view::npos) result.remove_prefix(row + 2);
    while (!result.empty() && (result.back() == '&' || result.back() == ' ')) result.remove_suffix(1);
  }
  return IsBareMathematics(result, question) ? std::optional(result) : std::nullopt;
}

// "… is $A + B$" ends in no "+ B".
std::optional<std::string_view> FindFormulaAround(std::string_view text, std::string_view tail, const Question& question) {
  const std::vector<Formula> formulas = FindFormulas(text);
  if (formulas.empty()) return std::nullopt;
  const std::string_view content = formulas.back().content;
  if (text.find_first_not_of(".* \n", formulas.back().end) != std::string_view::npos) return std::nullopt;
  if (tail.data() <= content.data() || tail.data() >= content.data() + content.size() || !IsBareMathematics(content, question)) return std::nullopt;
  return content;
}

// "She sold **72** clips over the 2 months."
std::optional<std::string_view> FindBoldMathematics(std::string_view text, const Question& question) {
  text = LastLine(text);
  const size_t close = text.rfind("**");
  const size_t open = close == std::string_view::npos || close < 3 ? std::string_view::npos : text.rfind("**", close - 2);
  if (open == std::string_view::npos || std::count(text.begin(), text.end(), '*') % 4 != 0) return std::nullopt;
  const std::string_view held = TrimSpaces(text.substr(open + 2, close - open - 2));
  const bool item = open == 0 && held.ends_with(".");  // "**2.** …" numbers the line
  const bool digits = std::any_of(held.begin(), held.end(), IsAsciiDigit);
  return !item && digits && IsBareMathematics(held, question) ? std::optional(held) : std::nullopt;
}

bool HasCondition(std::string_view text) {
  constexpr auto kConditions = std::to_array<std::string_view>({"<", ">", "≤", "≥", "≠", "\\le", "\\ge", "\\ne", "\\lt", "\\gt"});
  return std::any_of(kConditions.begin(), kConditions.end(), [&](std::string_view sign) { return text.find(sign) != std::string_view::npos; });
}

std::string FinalFormulas(std::string_view text) {
  const std::vector<Formula> formulas = FindFormulas(text);
  std::string joined;
  int count = 0, exclusions = 0;  // x ≠ 2, which says nothing beside a value
  for (size_t i = formulas.size(); i > 0 && count < 32; --i, ++count) {
    const std::string_view content = formulas[i - 1].content;
    exclusions += content.find("\\ne") != std::string_view::npos || content.find("≠") != std::string_view::npos;
    if (exclusions != 0 && exclusions != count + 1) return "";
    joined = joined.empty() ? std::string(formulas[i - 1].content) : std::string(formulas[i - 1].content) + ", " + joined;
    if (i < 2 || !StandSideBySide(text.substr(formulas[i - 2].end, formulas[i - 1].begin - formulas[i - 2].end))) return count > 0 ? joined : "";
  }
  return count > 1 ? joined : "";
}

std::string FinalLines(std::string_view response, const Question& question) {
  std::string joined;
  int count = 0;
  while (count < 12) {
    response = TrimSpaces(response);
    if (response.empty()) break;
    const size_t end = response.rfind('\n');
    const std::string_view line = end == std::string_view::npos ? response : response.substr(end + 1);
    const std::string_view item = WithoutBullet(line, /*dash=*/end == std::string_view::npos ? count > 0 : true);
    if (HasCondition(item) || !IsBareMathematics(item, question)) break;
    joined = joined.empty() ? std::string(item) : std::string(item) + ", " + joined;
    ++count;
    response = end == std::string_view::npos ? std::string_view() : response.substr(0, end);
  }
  return count > 1 ? joined : "";
}

std::optional<std::string_view> FindEquatedNumber(std::string_view text) {
  text = LastLine(text);
  const size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || !EndsInSum(text.substr(0, equals))) return std::nullopt;
  const std::string_view rest = TrimSpaces(text.substr(equals + 1));
  if (rest.empty() || !(IsAsciiDigit(rest[0]) || rest[0] == '$')) return std::nullopt;
  auto number = FindFirstNumber(rest);
  if (!number || number->data() != rest.data()) return std::nullopt;
  const auto group = [&](size_t at) {  // 100 000
    return rest.substr(at, 1) == " " && at + 3 < rest.size() && IsAsciiDigit(rest[at + 1]) && IsAsciiDigit(rest[at + 2]) && IsAsciiDigit(rest[at + 3]) &&
           (at + 4 == rest.size() || !IsAsciiDigit(rest[at + 4]));
  };
  while (group(number->size())) number = rest.substr(0, number->size() + 4);
  // What goes on to say something else has another number at its end.
  const std::string_view behind = rest.substr(number->size());
  const size_t stop = behind.find('.');
  if (behind.find_first_of(",;:!?(+*/-") != std::string_view::npos) return std::nullopt;
  if (stop != std::string_view::npos && stop + 2 < behind.size()) return std::nullopt;
  for (std::string_view word : {" so ", " but ", " makes ", " then ", " thus ", " is ", " are ", " plus ", " or ", " which ", " has ", " have ", " not "}) {
    if (behind.find(word) != std::string_view::npos) return std::nullopt;
  }
  return number;
}

}  // namespace pith
