#include "rewards/answer.h"

#include <algorithm>

#include "rewards/answer_text.h"
#include "rewards/math/judge.h"
#include "rewards/rational.h"

namespace pith {
namespace {

// 5% and 5: data sets give percentages without their sign, so a sign on one side only is read over; where the bare
// number is below 1 it is a share, and 5% is 0.05. A gold answer with a sign is met by 5 as well as by 0.05.
bool NumbersEqual(const Rational& gold, const Rational& answer) {
  if (gold.percent == answer.percent) return gold.SameNumber(answer);
  if (gold.percent) return gold.SameNumber(answer) || gold.Hundredth().SameNumber(answer);
  const bool share = gold.BelowOne() && !gold.numerator.is_zero();
  return share ? gold.SameNumber(answer.Hundredth()) : gold.SameNumber(answer);
}

constexpr size_t kMaxBareBytes = 300;  // longer texts are responses, not answers

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

bool IsMath(std::string_view text) {
  Work work(20000);
  return text.size() <= kMaxBareBytes && IsMathematics(text, &work);
}
// More than digits and simple signs: a bare number is found by the rules for numbers.
bool HasStructure(std::string_view text) { return text.find_first_of("\\^([{|_") != std::string_view::npos; }

// Digits, their signs and fractions alone: no unit, no variable. These are settled without a tree.
bool IsPlain(std::string_view cleaned) {
  for (size_t at = 0; at < cleaned.size(); ++at) {
    if (cleaned.substr(at, 6) == "\\frac{") {
      at += 5;
      continue;
    }
    const char c = cleaned[at];
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// The mathematics that ends a text: "so the area is 4\sqrt{2}." gives "4\sqrt{2}".
std::optional<std::string_view> FindFinalMathematics(std::string_view text) {
  text = Trim(text);
  const size_t line = text.rfind('\n');
  if (line != std::string_view::npos) text = Trim(text.substr(line + 1));
  std::optional<std::string_view> found;
  size_t begin = text.size();
  for (int words = 0; words < 12 && begin > 0; ++words) {
    const size_t space = text.rfind(' ', begin - 1);
    begin = space == std::string_view::npos || begin == 0 ? 0 : space;
    const std::string_view tail = Trim(text.substr(begin));
    if (tail.size() > kMaxBareBytes) break;
    if (HasStructure(tail) && IsMath(tail)) found = tail;
  }
  return found;
}

// The last $…$, \(…\) or \[…\] unless a number stands behind it.
std::optional<std::string_view> FindLastFormula(std::string_view text) {
  size_t begin = 0, end = std::string_view::npos;
  const size_t dollar = text.rfind('$');
  if (dollar != std::string_view::npos && dollar > 0) {
    const size_t last = text[dollar - 1] == '$' ? dollar - 1 : dollar;
    const size_t open = last == 0 ? std::string_view::npos : text.rfind('$', last - 1);
    if (open != std::string_view::npos) {
      begin = open + 1;
      end = last;
    }
  }
  for (const auto& [left, right] : {std::pair("\\(", "\\)"), std::pair("\\[", "\\]")}) {
    const size_t close = text.rfind(right);
    if (close == std::string_view::npos || (end != std::string_view::npos && close < end)) continue;
    const size_t open = text.rfind(left, close);
    if (open == std::string_view::npos) continue;
    begin = open + 2;
    end = close;
  }
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view formula = Trim(text.substr(begin, end - begin));
  if (text.find_first_of("0123456789", end) != std::string_view::npos || !HasStructure(formula) || !IsMath(formula)) return std::nullopt;
  return formula;
}

// The answer in "5 + 3 = 8 apples", "12, since …", "$8".
std::string FromStatement(std::string_view stated) {
  if (ParseNumber(CleanAnswer(stated))) return std::string(stated);
  if (IsMath(stated)) return std::string(stated);
  if (const auto formula = FindLastFormula(stated)) return std::string(*formula);
  const size_t equals = stated.rfind('=');
  if (equals != std::string_view::npos) {
    if (const auto number = FindFirstNumber(stated.substr(equals + 1))) return std::string(*number);
  }
  if (const auto number = FindFirstNumber(stated)) return std::string(*number);
  return std::string(stated);
}

}  // namespace

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kCorrect: return "correct";
    case Verdict::kWrong: return "wrong";
    case Verdict::kUnparsed: return "unparsed";
    case Verdict::kTimeout: return "timeout";
  }
  return "unparsed";
}

std::optional<std::string> ExtractAnswer(std::string_view response, Reading reading) {
  if (const auto marked = FindMarkedAnswers(response).last) {
    const std::vector<std::string_view> boxes = FindFinalBoxes(response);
    if (boxes.size() < 2 || boxes.back() != marked->text) return std::string(marked->text);
    std::string joined;
    for (std::string_view box : boxes) joined += (joined.empty() ? "" : ", ") + std::string(box);
    return joined;
  }
  if (reading == Reading::kStrict) return std::nullopt;
  if (const auto stated = FindStatedAnswer(response)) return FromStatement(*stated);
  if (const auto mathematics = FindFinalMathematics(response)) return std::string(*mathematics);
  if (const auto formula = FindLastFormula(response)) return std::string(*formula);
  if (const auto number = FindLastNumber(response)) return std::string(*number);
  return std::nullopt;
}

Verdict JudgeAnswer(std::string_view gold, std::string_view answer) {
  const std::string clean_gold = CleanAnswer(gold), clean_answer = CleanAnswer(answer);
  const std::string gold_text = ComparableText(clean_gold);
  if (!gold_text.empty() && gold_text == ComparableText(clean_answer)) return Verdict::kCorrect;
  const auto gold_number = ParseNumber(clean_gold), answer_number = ParseNumber(clean_answer);
  const bool numbers = gold_number && answer_number;
  // CleanAnswer drops the dots of 0.333...
  const bool goes_on = gold.find("..") != std::string_view::npos || answer.find("..") != std::string_view::npos;
  if (numbers && !goes_on && IsPlain(clean_gold) && IsPlain(clean_answer)) {
    return NumbersEqual(*gold_number, *answer_number) ? Verdict::kCorrect : Verdict::kWrong;
  }
  Work work;
  switch (JudgeSameness(gold, answer, &work)) {
    case Sameness::kSame: return Verdict::kCorrect;
    case Sameness::kDifferent: return Verdict::kWrong;
    case Sameness::kOutOfWork: return Verdict::kTimeout;
    case Sameness::kUnread: break;
  }
  return numbers && NumbersEqual(*gold_number, *answer_number) ? Verdict::kCorrect : Verdict::kWrong;
}

bool AnswersEqual(std::string_view gold, std::string_view answer) { return JudgeAnswer(gold, answer) == Verdict::kCorrect; }

Grade GradeResponse(std::string_view gold, std::string_view response, Reading reading) {
  Grade grade;
  const std::optional<std::string> extracted = ExtractAnswer(response, reading);
  if (!extracted) return grade;
  grade.extracted = *extracted;
  const auto marked_gold = FindMarkedAnswers(gold).last ? ExtractAnswer(gold, Reading::kStrict) : std::nullopt;
  grade.verdict = JudgeAnswer(marked_gold ? std::string_view(*marked_gold) : gold, *extracted);
  return grade;
}

Grade GradePrediction(std::string_view gold, std::string_view prediction) {
  if (FindMarkedAnswers(prediction).last) return GradeResponse(gold, prediction, Reading::kStrict);
  const std::string_view bare = Trim(prediction);
  if (!bare.empty() && bare.size() <= kMaxBareBytes) {
    const auto marked_gold = FindMarkedAnswers(gold).last ? ExtractAnswer(gold, Reading::kStrict) : std::nullopt;
    const Verdict verdict = JudgeAnswer(marked_gold ? std::string_view(*marked_gold) : gold, bare);
    if (verdict == Verdict::kCorrect || IsMath(bare)) return {verdict, std::string(bare)};
  }
  return GradeResponse(gold, prediction, Reading::kLenient);
}

}  // namespace pith
