// Which part of a response is its answer.
#include "rewards/answers/readings.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "rewards/answers/answer_text.h"
#include "rewards/answers/find_mathematics.h"
#include "rewards/math/ascii.h"
#include "rewards/math/judge.h"
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

size_t CountDollars(std::string_view text) {
  size_t dollars = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') ++at;
    else if (text[at] == '$') ++dollars;
  }
  return dollars;
}

// Of an odd number of dollar signs one at least is a price's, and nobody can tell which: a number in two of them ("$12 in, so $12.00$") is then no bare number, but the
// price that it may be.
std::string WithPrice(std::string_view text, std::string said) {
  const size_t dollars = CountDollars(said);
  if (dollars == 0 || dollars % 2 != 0 || CountDollars(text) % 2 == 0) return said;
  const size_t number = said.starts_with("\\quad ") ? 6 : 0;
  if (said.find_first_not_of("$0123456789.,- ", number) == std::string::npos) said.erase(said.rfind('$'), 1);
  return said;
}

std::optional<Said> Read(std::string_view text, Reading reading, Asked asked, const Question& question) {
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

}  // namespace

std::optional<Said> ReadAnswer(std::string_view text, Reading reading, Asked asked, const Question& question) {
  auto said = Read(text, reading, asked, question);
  if (said) said->text = WithPrice(text, std::move(said->text));
  return said;
}

}  // namespace pith
