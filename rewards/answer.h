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

// What a response gives as its answer; nothing when there is none under this reading.
std::optional<std::string> ExtractAnswer(std::string_view response, Reading reading);
// Whether two answers are equal: exactly as rationals where both are numbers, else as normalised text.
bool AnswersEqual(std::string_view gold, std::string_view answer);
// gold may itself be a worked solution with a marked answer. Never throws.
Grade GradeResponse(std::string_view gold, std::string_view response, Reading reading);

}  // namespace pith
