// Which part of a response is its answer.
#include "rewards/answers/readings.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "rewards/answers/answer_text.h"
#include "rewards/answers/find_mathematics.h"
#include "rewards/math/ascii.h"
#include "rewards/math/judge.h"
#include "rewards/math/units.h"
#include "rewards/math/words.h"

namespace pith {
namespace {

// "5 when x": the equation that follows is another's.
bool HasClause(std::string_view text) {
  for (std::string_view word : {" when ", " for ", " at ", " if ", " where ", " with "}) {
    if (text.find(word) != std::string_view::npos) return true;
  }
  return false;
}

std::string Joined(const std::vector<std::string_view>& parts) {
  std::string joined;
  for (std::string_view part : parts) joined += (joined.empty() ? "" : ", ") + std::string(part);
  return joined;
}

using Found = std::optional<std::string>;

// How much of `rest`, what stands behind a number, is its unit: " feet", "\text{ cm}^2".
size_t UnitLength(std::string_view rest) {
  for (std::string_view degrees : {"^\\circ", "^{\\circ}", "°"}) {
    if (rest.starts_with(degrees)) return degrees.size();
  }
  size_t at = 0;
  while (at < rest.size() && (rest[at] == ' ' || rest[at] == '~' || rest.substr(at).starts_with("\\,") || rest.substr(at).starts_with("\\ "))) at += rest[at] == '\\' ? 2 : 1;
  if (at == rest.size()) return 0;
  const bool text = rest.substr(at).starts_with("\\text{");
  if (text) at = std::min(rest.find_first_not_of(' ', at + 6), rest.size());
  const size_t begin = at;
  for (std::string_view clock : {"a.m.", "p.m.", "am", "pm", "noon", "midnight"}) {
    if (LowerCase(rest.substr(begin, clock.size())) == clock) return begin + clock.size() + (text ? 1 : 0);
  }
  const auto skip_word = [&] {
    while (at < rest.size() && IsAsciiLetter(rest[at])) ++at;
  };
  skip_word();
  const std::string first = LowerCase(rest.substr(begin, at - begin));
  if (text) {
    at = rest.find('}', begin);
    if (at == std::string_view::npos) return 0;
  } else if ((first == "square" || first == "cubic" || first == "sq") && rest.substr(at, 1) == " ") {
    ++at;
    skip_word();
  }
  const std::string unit = LowerCase(TrimSpaces(rest.substr(begin, at - begin)));
  const bool known = !unit.empty() && (FindUnit(unit) || IsCountedThing(unit) || unit == "percent" || unit == "per cent");
  if (!known || (unit.size() == 1 && !text)) return 0;
  if (text) ++at;
  for (std::string_view power : {"^2", "^3", "^{2}", "^{3}", "²", "³"}) {
    if (rest.substr(at).starts_with(power)) return at + power.size();
  }
  return at;
}

// A number that stands in prose, unless the prose spoils it: then the prose is what is said, and no gold answer.
std::string FromProse(std::string_view prose, std::string_view number) {
  const auto begin = static_cast<size_t>(number.data() - prose.data());
  if (IsSpoiled(prose, begin, begin + number.size())) return std::string(prose);
  return std::string(prose.substr(begin, number.size() + UnitLength(prose.substr(begin + number.size()))));
}

// What is marked or stated: "5 + 3 = 8 apples", "12, since …", "$8", "B, not C", "a parabola".
std::string FromStatement(std::string_view stated, bool marked, const Question& question) {
  const std::string clean = CleanAnswer(stated);
  if (IsBareMathematics(stated, question) || !PlainDate(clean).empty()) return std::string(stated);
  if (const std::string_view said = WithoutReason(stated); said.size() < stated.size() && !said.empty()) return FromStatement(said, marked, question);
  // "(B) because …"; "(B) 12" is mathematics as a whole.
  if (stated.size() > 3 && stated[0] == '(' && IsChoiceLetter(stated[1]) && stated[2] == ')' && stated[3] == ' ') return std::string(stated.substr(0, 3));
  const bool digits = std::any_of(clean.begin(), clean.end(), IsAsciiDigit);
  if (!digits && clean.find_first_of("\\^=") == std::string::npos) {
    if (const std::string choices = ChoicesOf(clean); !choices.empty()) return choices;
    if (const auto said = WordsOf(clean)) return std::string(*said);
  }
  if (marked) {
    // A sentence in a box, of one number.
    const auto number = FindLastNumber(clean);
    const bool one = number && FindFirstNumber(clean)->data() == number->data() && number->data() != clean.data() && std::count(clean.begin(), clean.end(), ' ') >= 3;
    return one && clean.find_first_of("\\^=") == std::string::npos ? FromProse(clean, *number) : std::string(stated);
  }
  if (const auto formula = FindLastFormula(stated, question)) return FromProse(stated, *formula);
  if (const auto mathematics = FindFinalMathematics(stated, /*structured=*/true, question)) {
    const auto number = FindFirstNumber(stated);
    if (!number || number->data() >= mathematics->data()) return FromProse(stated, *mathematics);  // else "5 for x = 3"
  }
  const size_t equals = stated.rfind('=');
  if (equals != std::string_view::npos && !HasClause(stated.substr(0, equals))) {
    if (const auto number = FindFirstNumber(stated.substr(equals + 1))) return FromProse(stated, *number);
  }
  // Of mathematics that cannot be read as a whole, no number is the answer.
  if (stated.find('\\') != std::string_view::npos && stated.find("\\text") == std::string_view::npos && stated.find("\\$") == std::string_view::npos) return std::string(stated);
  if (const auto number = FindFirstNumber(stated)) return FromProse(stated, *number);
  return std::string(stated);
}

Found FromMarks(std::string_view text, Asked asked, const Question& question) {
  const auto marked = FindMarkedAnswers(text).last;
  if (!marked) return std::nullopt;
  std::vector<std::string_view> boxes = FindFinalBoxes(text);
  const bool boxed = !boxes.empty() && boxes.back() == marked->text;
  if (boxed && boxes.size() == 1 && asked == Asked::kSeveral) {
    std::vector<std::string_view> all = FindAllBoxes(text);
    Work work(20000);
    if (std::none_of(all.begin(), all.end(), [&](std::string_view box) { return NamesSeveral(box, &work) || HasCondition(box); })) boxes = std::move(all);
  }
  // "\boxed{1\frac12}, or \boxed{\frac32}": one answer in two forms.
  for (size_t i = 1; boxed && i < boxes.size() && boxes.size() <= 4;) {
    if (AnswersEqual(boxes[0], boxes[i])) boxes.erase(boxes.begin() + static_cast<std::ptrdiff_t>(i));
    else ++i;
  }
  if (boxed && boxes.size() > 1) return Joined(boxes);
  std::string_view text_of_mark = marked->text;
  if (!IsBareMathematics(text_of_mark, question)) {
    if (const auto stated = FindStatedAnswer(text_of_mark, question)) {
      text_of_mark = stated->starts_with("}") ? stated->substr(1) : *stated;  // \text{The answer is } 6
      return FromStatement(text_of_mark, /*marked=*/false, question);
    }
  }
  return FromStatement(text_of_mark, /*marked=*/true, question);
}

// "It will take 5 hours to read 120 pages." where the question is how many hours: the one number that stands before them.
std::optional<std::string_view> AskedNumber(std::string_view line, const Question& question) {
  const std::string thing = question.AskedThing();
  if (thing.size() < 3) return std::nullopt;
  std::optional<std::string_view> found;
  const std::string lower = LowerCase(line);
  for (size_t at = lower.find(thing); at != std::string::npos; at = lower.find(thing, at + 1)) {
    const size_t before = at == 0 ? std::string::npos : lower.find_last_not_of(" *$", at - 1);
    if (before == std::string::npos || !IsAsciiDigit(lower[before])) continue;
    const auto number = FindLastNumber(line.substr(0, before + 1));
    if (!number || static_cast<size_t>(number->data() + number->size() - line.data()) != before + 1) continue;
    if (found) return std::nullopt;
    found = *number;
  }
  return found;
}

// What a line says in words behind its last mathematics: "the function $f$ is odd", "20 is even".
std::optional<std::string_view> WordsBehindMathematics(std::string_view line) {
  const size_t last = line.find_last_of("0123456789$\\");
  if (last == std::string_view::npos) return std::nullopt;
  const std::string_view rest = line.substr(last + 1);
  if (!rest.starts_with(" is ") && !rest.starts_with(" are ")) return std::nullopt;
  const auto said = WordsOf(rest);
  const bool participle = said && said->ends_with("ed") && *said != "undefined";  // "10 are needed"
  return participle ? std::nullopt : said;
}

// The mathematics of a line: its last formula, what ends it, what is bold, its last result, its last number.
Found MathematicsOf(std::string_view line, Asked asked, const Question& question) {
  if (asked == Asked::kSeveral) {
    if (std::string formulas = FinalFormulas(line); !formulas.empty()) return formulas;
  }
  if (const auto bold = FindBoldMathematics(line, question)) return FromProse(line, *bold);
  if (const auto number = AskedNumber(line, question)) return FromProse(line, *number);
  if (const auto mathematics = FindFinalMathematics(line, /*structured=*/true, question)) {
    return FromProse(line, FindFormulaAround(line, *mathematics, question).value_or(*mathematics));
  }
  if (const auto formula = FindLastFormula(line, question)) return FromProse(line, *formula);
  if (const auto number = FindEquatedNumber(line)) return FromProse(line, *number);
  Work work(20000);
  if (const auto list = FindFinalMathematics(line, /*structured=*/false, question); list && NamesSeveral(*list, &work)) {
    return FromProse(line, FindFormulaAround(line, *list, question).value_or(*list));
  }
  if (const auto number = FindLastNumber(line)) return FromProse(line, *number);
  return std::nullopt;
}

// 2A3, of another base.
bool IsDigits(std::string_view text) {
  return std::any_of(text.begin(), text.end(), IsAsciiDigit) && text.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

// The whole of a response that is nothing but an answer.
bool IsBareAnswer(std::string_view text, const Question& question) {
  // Lines are one piece of mathematics inside of an environment alone.
  const bool one_piece = text.find('\n') == std::string_view::npos || text.find("\\begin") != std::string_view::npos || text.starts_with("$$") || text.starts_with("\\[");
  if (text.empty() || !one_piece) return false;
  return IsBareMathematics(text, question) || IsBareMathematics(CleanAnswer(text), question) || IsDigits(text);
}

}  // namespace

std::optional<Said> ReadAnswer(std::string_view text, Reading reading, Asked asked, const Question& question) {
  if (auto marked = FromMarks(text, asked, question)) return Said{std::move(*marked)};
  if (reading == Reading::kStrict) return std::nullopt;
  if (const std::string_view bare = TrimSpaces(text); IsBareAnswer(bare, question)) return Said{std::string(bare)};
  if (const auto stated = FindStatedAnswer(text, question)) return Said{FromStatement(*stated, /*marked=*/false, question)};
  const std::string_view whole = LastStatement(text), line = whole.find('\n') == std::string_view::npos ? WithoutReason(whole) : whole;
  if (const auto date = FindDate(line)) return Said{FromProse(line, *date)};
  if (asked == Asked::kSeveral) {
    if (std::string lines = FinalLines(text, question); !lines.empty()) return Said{std::move(lines)};
  }
  if (line.find_first_of("0123456789\\^=$") == std::string_view::npos) {
    if (std::string choices = ChoicesOf(line); !choices.empty()) return Said{std::move(choices)};
  }
  if (const auto bold = FindBoldWords(line)) {
    std::string choices = ChoiceLetters(*bold);
    return choices.empty() ? Said{std::string(*bold), /*words=*/true} : Said{std::move(choices)};
  }
  if (const auto said = WordsBehindMathematics(line)) return Said{std::string(*said), /*words=*/true};
  if (auto mathematics = MathematicsOf(line, asked, question)) return Said{std::move(*mathematics)};
  if (std::string choices = ChoicesOf(line); !choices.empty()) return Said{std::move(choices)};
  if (const auto number = FindOnlyNumberWords(line)) return Said{FromProse(line, *number)};
  if (const auto said = WordsOf(line)) return Said{std::string(*said), /*words=*/!IsBareMathematics(*said, question)};
  const std::string_view before = text.substr(0, static_cast<size_t>(line.data() - text.data()));
  if (const auto formula = FindLastFormula(before, question)) return Said{FromProse(before, *formula)};
  if (const auto number = FindLastNumber(before)) return Said{FromProse(before, *number)};
  return std::nullopt;
}

}  // namespace pith
