#include "rewards/answers/answer.h"

#include <algorithm>

#include "rewards/answers/answer_text.h"
#include "rewards/answers/find_mathematics.h"
#include "rewards/answers/normal_text.h"
#include "rewards/answers/readings.h"
#include "rewards/math/ascii.h"
#include "rewards/math/judge.h"

namespace pith {
namespace {

// "3,14", "0,5" and "1.234,5" with a point; empty where the comma may part two numbers ("1,5") or thousands.
std::string WithDecimalPoint(const std::string& text) {
  const size_t comma = text.find(',');
  if (comma == std::string::npos || comma == 0 || comma + 1 == text.size() || text.size() - comma == 4) return "";
  const size_t digits = static_cast<size_t>(std::count_if(text.begin(), text.end(), IsAsciiDigit));
  if (digits < 3 && text[comma - 1] != '0') return "";
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool group = c == '.' && at < comma && at > 0 && (comma - at) % 4 == 0;
    if (at == comma) result += '.';
    else if (IsAsciiDigit(c)) result += c;
    else if (c == '-' && at == 0) result += c;
    else if (!group) return "";
  }
  return result;
}

// "2A3_{16}" without its base, where letters show that the answer is one of that base all the same; else empty.
std::string WithoutBase(const std::string& cleaned) {
  const size_t base = cleaned.find('_');
  if (base == std::string::npos || cleaned.find_first_of("ABCDEF") > base) return "";
  const std::string digits = cleaned.substr(0, base);
  const bool is_base = cleaned.find_first_not_of("{0123456789}", base + 1) == std::string::npos;
  return is_base && digits.find_first_not_of("0123456789ABCDEF") == std::string::npos ? digits : "";
}

// The gold answer, where it may be a worked solution with a marked one.
std::string FromGold(const std::string& gold) { return ReadAnswer(gold, Reading::kStrict, Asked::kOne, Question("", gold)).value_or(Said{gold}).text; }

Asked AskedBy(std::string_view gold) {
  Work work(20000);
  return NamesSeveral(gold, &work) ? Asked::kSeveral : Asked::kOne;
}

// Both as CleanAnswer() returns them.
bool SameText(std::string_view a, std::string_view b) {
  const std::string text = ComparableText(a);
  return !text.empty() && text == ComparableText(b);
}

// "(c) 17", "c": a choice in lower case.
std::string WithCapitalChoice(std::string_view answer) {
  std::string capital(answer);
  const size_t at = capital.starts_with("(") ? 1 : 0;
  const bool letter = at < capital.size() && capital[at] >= 'a' && capital[at] <= 'h';
  const bool ends = at + 1 == capital.size() || (at + 1 < capital.size() && capital[at + 1] == ')');
  if (letter && ends) capital[at] = static_cast<char>(capital[at] - 'a' + 'A');
  return capital;
}

// Both in normal spelling.
Verdict Judge(std::string_view gold, std::string_view written, const Question& question) {
  const std::string answer = question.OffersChoices() ? WithCapitalChoice(written) : std::string(written);
  const std::string clean_gold = CleanAnswer(gold), clean_answer = CleanAnswer(answer);
  if (SameText(clean_gold, clean_answer)) return Verdict::kCorrect;
  if (const std::string digits = WithoutBase(clean_gold); !digits.empty() && digits == clean_answer) return Verdict::kCorrect;
  if (const std::string letters = ChoiceLetters(gold); letters.size() > 1 && letters == ChoiceLetters(answer)) return Verdict::kCorrect;
  if (const std::string date = PlainDate(clean_gold); !date.empty() && date == PlainDate(clean_answer)) return Verdict::kCorrect;
  // A decimal is asked for, so a comma in the answer is its point.
  std::string pointed;
  if (clean_gold.find('.') != std::string::npos && clean_gold.find(',') == std::string::npos) pointed = WithDecimalPoint(clean_answer);
  Work work;
  std::vector<std::string_view> formulas;
  for (const Formula& formula : FindFormulas(question.text())) formulas.push_back(formula.content);
  switch (JudgeSameness(gold, pointed.empty() ? std::string_view(answer) : pointed, question, formulas, &work)) {
    case Sameness::kSame: return Verdict::kCorrect;
    case Sameness::kUnfinished: return Verdict::kUnsimplified;
    case Sameness::kOutOfWork: return Verdict::kTimeout;
    default: return Verdict::kWrong;
  }
}

// Words, a choice, or nothing (no solution), as opposed to mathematics.
bool AsksForWords(const std::string& gold, const Question& question) {
  if (!IsBareMathematics(gold, question) || !ChoiceLetters(gold).empty()) return true;
  for (size_t at = 0, letters = 0; at < gold.size(); ++at) {  // "no solution", "all real numbers"
    letters = IsAsciiLetter(gold[at]) ? letters + 1 : 0;
    if (letters == 3 && (at < 3 || gold[at - 3] != '\\')) return true;
  }
  return gold.find("emptyset") != std::string::npos || gold.find("varnothing") != std::string::npos || gold.find("∅") != std::string::npos;
}

Grade GradeRead(const std::string& gold, const std::optional<Said>& said, const Question& question) {
  if (!said || said->text.empty() || (said->words && !AsksForWords(gold, question))) return {};
  return {Judge(gold, said->text, question), said->text};
}

}  // namespace

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kCorrect: return "correct";
    case Verdict::kUnsimplified: return "unsimplified";
    case Verdict::kWrong: return "wrong";
    case Verdict::kUnparsed: return "unparsed";
    case Verdict::kCut: return "cut";
    case Verdict::kTimeout: return "timeout";
    case Verdict::kError: return "error";
  }
  return "unparsed";
}

std::optional<std::string> ExtractAnswer(std::string_view response, Reading reading) {
  const std::string text = NormalText(response);
  auto said = ReadAnswer(FinalPart(text), reading, Asked::kOne, Question("", ""));
  return said ? std::optional(std::move(said->text)) : std::nullopt;
}

Verdict JudgeAnswer(const AnswerKey& key, std::string_view answer) {
  const std::string gold = NormalText(key.gold);
  return Judge(gold, NormalText(answer), Question(key.question, gold));
}

bool AnswersEqual(std::string_view a, std::string_view b) {
  const auto equal = [](Verdict verdict) { return verdict == Verdict::kCorrect || verdict == Verdict::kUnsimplified; };
  return equal(JudgeAnswer(a, b)) && equal(JudgeAnswer(b, a));
}

Grade GradeResponse(const AnswerKey& key, std::string_view response, Reading reading) {
  const std::string gold = FromGold(NormalText(key.gold)), text = NormalText(response);
  const Question question(key.question, gold);
  return GradeRead(gold, ReadAnswer(FinalPart(text), reading, AskedBy(gold), question), question);
}

Grade GradePrediction(const AnswerKey& key, std::string_view prediction) {
  const std::string gold = WithSingleBackslashes(NormalText(key.gold)), text = WithSingleBackslashes(NormalText(prediction));
  const std::string_view bare = TrimSpaces(FinalPart(text));
  if (!FindMarkedAnswers(bare).last && SameText(CleanAnswer(FromGold(gold)), CleanAnswer(bare))) return {Verdict::kCorrect, std::string(bare)};
  return GradeResponse({gold, key.question}, text, Reading::kLenient);
}

}  // namespace pith
