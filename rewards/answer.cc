#include "rewards/answer.h"

#include "rewards/answer_text.h"
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

// The answer in "5 + 3 = 8 apples", "12, since …", "$8".
std::string FromStatement(std::string_view stated) {
  if (ParseNumber(CleanAnswer(stated))) return std::string(stated);
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
  if (const auto marked = FindMarkedAnswers(response).last) return std::string(marked->text);
  if (reading == Reading::kStrict) return std::nullopt;
  if (const auto stated = FindStatedAnswer(response)) return FromStatement(*stated);
  if (const auto number = FindLastNumber(response)) return std::string(*number);
  return std::nullopt;
}

bool AnswersEqual(std::string_view gold, std::string_view answer) {
  const std::string clean_gold = CleanAnswer(gold), clean_answer = CleanAnswer(answer);
  const auto gold_number = ParseNumber(clean_gold), answer_number = ParseNumber(clean_answer);
  if (gold_number && answer_number) return NumbersEqual(*gold_number, *answer_number);
  const std::string gold_text = ComparableText(clean_gold);
  return !gold_text.empty() && gold_text == ComparableText(clean_answer);
}

Grade GradeResponse(std::string_view gold, std::string_view response, Reading reading) {
  Grade grade;
  const std::optional<std::string> extracted = ExtractAnswer(response, reading);
  if (!extracted) return grade;
  grade.extracted = *extracted;
  const auto marked_gold = FindMarkedAnswers(gold).last;
  grade.verdict = AnswersEqual(marked_gold ? marked_gold->text : gold, *extracted) ? Verdict::kCorrect : Verdict::kWrong;
  return grade;
}

}  // namespace pith
