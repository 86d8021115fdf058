// Is the answer right? Pure functions of text. Numeric answers for now: integers, decimals, fractions, percent, currency,
// thousands separators.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pith {

enum class Verdict { kCorrect, kWrong, kUnparsed, kTimeout };
const char* VerdictName(Verdict verdict);  // "correct" | "wrong" | "unparsed" | "timeout"

enum class Reading {
  kStrict,   // the answer must be marked: the last "#### x" or \boxed{x}
  kLenient,  // else "the answer is x", else the last number in the text
};

struct Grade {
  Verdict verdict = Verdict::kUnparsed;
  std::string extracted;  // what was taken for the answer; empty when nothing was found
};

// The mark that stands last counts; "####" alone and an unclosed box (a truncated response) mark nothing, and of nested
// boxes the innermost holds the answer.
// What a response gives as its answer; nothing when there is none under this reading.
std::optional<std::string> ExtractAnswer(std::string_view response, Reading reading);
// Whether two answers are equal: exactly as rationals where both are numbers, else as normalised text. Units and currency
// are read over. A percent sign on one side only: 5% is 5 where the gold is bare and at least 1 (or 0), 0.05 where it is
// bare and below 1; a gold of 5% is met by 5 and by 0.05. Linear in the length of the texts.
bool AnswersEqual(std::string_view gold, std::string_view answer);
// gold may itself be a worked solution with a marked answer. Never throws.
Grade GradeResponse(std::string_view gold, std::string_view response, Reading reading);

}  // namespace pith
