#include "rewards/answers/answer.h"

#include <algorithm>

#include "rewards/answers/answer_text.h"
#include "rewards/answers/plain_number.h"
#include "rewards/answers/readings.h"
#include "rewards/math/ascii.h"
#include "rewards/math/judge.h"
#include "rewards/math/parser.h"

namespace pith {
namespace {

// Digits, their signs and fractions alone: no unit, no variable. These are settled without a tree.
bool IsPlain(std::string_view cleaned) {
  for (size_t at = 0; at < cleaned.size(); ++at) {
    if (cleaned.substr(at, 6) == "\\frac{") {
      at += 5;
      continue;
    }
    const char c = cleaned[at];
    if (IsAsciiLetter(c) || static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

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

// "1.234.567" and "12,34,567" without their separators: groups that no list of numbers and no decimal has. Else empty.
std::string WithoutGroups(const std::string& text) {
  std::vector<size_t> sizes(1);
  std::string digits;
  char separator = '\0';
  for (char c : text) {
    if (IsAsciiDigit(c)) {
      digits += c;
      ++sizes.back();
    } else if ((c == '.' || c == ',') && (separator == '\0' || c == separator)) {
      separator = c;
      sizes.push_back(0);
    } else {
      return "";
    }
  }
  if (sizes.size() < 3 || sizes.back() != 3 || sizes[0] == 0 || sizes[0] > 3) return "";
  const size_t middle = separator == '.' ? 3 : 2;
  return std::all_of(sizes.begin() + 1, sizes.end() - 1, [&](size_t size) { return size == middle; }) ? digits : "";
}

// "2A3_{16}" without its base, where letters show that the answer is one of that base all the same; else empty.
std::string WithoutBase(const std::string& cleaned) {
  const size_t base = cleaned.find('_');
  if (base == std::string::npos || cleaned.find_first_of("ABCDEF") > base) return "";
  const std::string digits = cleaned.substr(0, base);
  const bool is_base = cleaned.find_first_not_of("{0123456789}", base + 1) == std::string::npos;
  return is_base && digits.find_first_not_of("0123456789ABCDEF") == std::string::npos ? digits : "";
}

constexpr size_t kMaxAnswerBytes = 300;  // longer texts are responses, not answers
constexpr size_t kMaxWordBytes = 40;

// The gold answer, where it may be a worked solution with a marked one.
std::string FromGold(std::string_view gold) {
  return ExtractAnswer(gold, Reading::kStrict).value_or(std::string(gold));
}

bool IsWords(std::string_view text) {
  Work work(20000);
  const auto parsed = ParseAnswer(text, {}, &work);
  return !parsed || parsed->Is(Op::kText);
}

bool NamesSeveralAnswers(std::string_view text) {
  Work work(20000);
  return NamesSeveral(text, &work);
}

// ∅, or "no solution".
bool IsNothing(std::string_view text) {
  Work work(20000);
  const auto parsed = ParseAnswer(text, {}, &work);
  return parsed && parsed->Is(Op::kSymbol, "∅");
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

Verdict JudgeAnswer(std::string_view gold, std::string_view answer) {
  const std::string clean_gold = CleanAnswer(gold), clean_answer = CleanAnswer(answer);
  const std::string gold_text = ComparableText(clean_gold);
  if (!gold_text.empty() && gold_text == ComparableText(clean_answer)) return Verdict::kCorrect;
  if (const std::string digits = WithoutBase(clean_gold); !digits.empty() && digits == clean_answer) return Verdict::kCorrect;
  const auto gold_number = ParsePlainNumber(clean_gold), answer_number = ParsePlainNumber(clean_answer);
  const bool numbers = gold_number && answer_number;
  // A pair of $ in the middle is the dress of a formula: $28$ percent.
  const auto is_money = [](const std::string& text) { return std::count(text.begin(), text.end(), '$') % 2 == 1; };
  const auto is_percent = [](const std::string& text) { return text.find('%') != std::string::npos; };
  if ((is_money(clean_gold) && is_percent(clean_answer)) || (is_percent(clean_gold) && is_money(clean_answer))) return Verdict::kWrong;
  if (gold_number && !answer_number) {
    const auto whole = ParsePlainNumber(WithoutGroups(clean_answer));
    if (whole && SamePlainNumber(*gold_number, *whole)) return Verdict::kCorrect;
  }
  // A decimal is asked for, so a comma in the answer is its point.
  if (gold_number && !answer_number && clean_gold.find('.') != std::string::npos) {
    const auto pointed = ParsePlainNumber(WithDecimalPoint(clean_answer));
    if (pointed && SamePlainNumber(*gold_number, *pointed)) return Verdict::kCorrect;
  }
  // CleanAnswer drops the dots of 0.333...
  const bool goes_on = gold.find("..") != std::string_view::npos || answer.find("..") != std::string_view::npos;
  if (numbers && !goes_on && IsPlain(clean_gold) && IsPlain(clean_answer)) {
    return SamePlainNumber(*gold_number, *answer_number) ? Verdict::kCorrect : Verdict::kWrong;
  }
  Work work;
  switch (JudgeSameness(gold, answer, &work)) {
    case Sameness::kSame: return Verdict::kCorrect;
    case Sameness::kDifferent: return Verdict::kWrong;
    case Sameness::kOutOfWork: return Verdict::kTimeout;
    case Sameness::kUnread: break;
  }
  return numbers && SamePlainNumber(*gold_number, *answer_number) ? Verdict::kCorrect : Verdict::kWrong;
}

bool AnswersEqual(std::string_view gold, std::string_view answer) { return JudgeAnswer(gold, answer) == Verdict::kCorrect; }

Grade GradeResponse(const AnswerKey& key, std::string_view response, Reading reading) {
  Grade grade;
  response = FinalPart(response);
  const std::string wanted = FromGold(key.gold);
  const std::optional<std::string> extracted = ExtractAnswer(response, reading);
  if (extracted) grade = {JudgeAnswer(wanted, *extracted), *extracted};
  if (grade.verdict == Verdict::kCorrect || grade.verdict == Verdict::kTimeout) return grade;
  const auto last = FindMarkedAnswers(response).last;
  if (const std::string number = extracted && !last ? WithoutTouchingUnit(*extracted) : ""; !number.empty()) {
    if (JudgeAnswer(wanted, number) == Verdict::kCorrect) return {Verdict::kCorrect, number};
  }
  const bool marked_only = reading == Reading::kStrict || last.has_value();
  // "\boxed{1\frac12}, or \boxed{\frac32}": one answer in two forms.
  const std::vector<std::string_view> boxes = FindFinalBoxes(response);
  const bool repeated = boxes.size() > 1 && boxes.size() <= 4 && last->text == boxes.back();
  if (repeated && std::all_of(boxes.begin(), boxes.end(), [&](std::string_view box) { return AnswersEqual(wanted, box); })) {
    return {Verdict::kCorrect, std::string(boxes.back())};
  }
  if (extracted && NamesSeveralAnswers(wanted)) {
    for (const std::string& several : SeveralReadings(response, marked_only)) {
      if (JudgeAnswer(wanted, several) == Verdict::kCorrect) return {Verdict::kCorrect, several};
    }
  }
  // A box may hold a sentence as well.
  if (marked_only && (!extracted || IsBareMathematics(*extracted))) return grade;
  const std::string_view searched = marked_only ? std::string_view(*extracted) : response;
  // Words and numbers: "The answer is June 20."
  const auto stated = FindStatedAnswer(searched);
  if (stated) {
    const std::string_view answer = stated->starts_with("}") ? stated->substr(1) : *stated;  // \text{The answer is } 6
    if (JudgeAnswer(wanted, answer) == Verdict::kCorrect) return {Verdict::kCorrect, std::string(answer)};
  }
  const std::string bare = ComparableText(CleanAnswer(wanted));
  if (bare.size() == 1 && bare[0] >= 'a' && bare[0] <= 'h' && wanted.find(static_cast<char>(bare[0] - 'a' + 'A')) != std::string::npos) {
    char choice = stated ? StatedChoice(*stated) : 0;
    if (choice == 0) choice = FinalChoice(searched);
    if (choice == 0) choice = OnlyChoice(searched);
    if (choice != 0) return {JudgeAnswer(wanted, std::string(1, choice)), std::string(1, choice)};
  }
  if (IsNothing(wanted)) {
    for (std::string_view nothing : {"no solution", "no solutions", "no real solution", "no real solutions", "empty set"}) {
      if (EndsWithWords(searched, nothing)) return {Verdict::kCorrect, std::string(nothing)};
    }
  }
  if (IsWords(wanted) && (EndsWithWords(searched, wanted) || BeginsWithWords(searched, wanted))) {
    return {Verdict::kCorrect, PlainWords(wanted)};
  }
  return grade;
}

Grade GradePrediction(const AnswerKey& key, std::string_view raw_prediction) {
  const std::string gold = WithSingleBackslashes(key.gold), whole = WithSingleBackslashes(raw_prediction);
  if (!TrimSpaces(gold).empty() && TrimSpaces(gold) == TrimSpaces(whole)) {
    return {Verdict::kCorrect, ExtractAnswer(whole, Reading::kStrict).value_or(std::string(TrimSpaces(whole)))};
  }
  const std::string_view prediction = FinalPart(whole);
  if (FindMarkedAnswers(prediction).last) return GradeResponse({gold, key.question}, prediction, Reading::kStrict);
  const std::string wanted = FromGold(gold);
  const std::string_view bare = TrimSpaces(prediction);
  if (!bare.empty()) {
    const Verdict verdict = bare.size() <= kMaxAnswerBytes ? JudgeAnswer(wanted, bare) : Verdict::kWrong;
    if (verdict != Verdict::kCorrect && bare.find('\n') != std::string_view::npos && NamesSeveralAnswers(wanted)) {
      const std::string lines = FinalLines(bare);
      if (!lines.empty() && AnswersEqual(wanted, lines)) return {Verdict::kCorrect, lines};
    }
    if (verdict == Verdict::kCorrect || IsBareMathematics(bare)) return {verdict, std::string(bare)};
  }
  Grade grade = GradeResponse({gold, key.question}, prediction, Reading::kLenient);
  // Where words are asked for, a few words are an answer.
  const bool few = bare.size() <= kMaxWordBytes && !PlainWords(bare).empty() && bare.find('\n') == std::string_view::npos;
  if (grade.verdict == Verdict::kUnparsed && few && IsWords(wanted)) grade = {Verdict::kWrong, std::string(bare)};
  return grade;
}

}  // namespace pith
