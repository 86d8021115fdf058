// Is the answer right? Pure functions of text; safe to call from many threads. What is understood and what counts as equal:
// rewards/math/parser.h and rewards/math/compare.h.
#pragma once

#include <concepts>
#include <optional>
#include <string>
#include <string_view>

namespace pith {

enum class Verdict {
  kCorrect,
  kUnsimplified,  // the gold answer's value with work left in it that the gold answer has done: "48/2+48" for 72
  kWrong,         // another answer, several, or one that could not be shown to be the same
  kUnparsed,      // no answer in the response, or words in passing where mathematics is asked for
  kCut,           // no answer, and a limit ended the response before it could be given
  kTimeout,       // the bound of work was reached before it could be said
  kError,         // the judge failed; says nothing of the answer
};
const char* VerdictName(Verdict verdict);  // "correct", "unsimplified", …: the name without its k

// What is asked, and its answer. `question` may be empty: then nothing is read from it.
struct AnswerKey {
  template <class Text>
    requires std::convertible_to<Text, std::string_view>
  AnswerKey(const Text& gold_text, std::string_view question_text = {}) : gold(gold_text), question(question_text) {}  // implicit: a gold answer alone
  std::string_view gold;  // may be a worked solution with a marked answer
  std::string_view question;
};

enum class Reading {
  kStrict,   // the answer must be marked: the last "#### x" or \boxed{x}
  kLenient,  // else a bare answer, what "the answer is" states, what the last line comes to, the last number before it
};

struct Grade {
  Verdict verdict = Verdict::kUnparsed;
  std::string extracted;  // what was taken for the answer; empty when nothing was found
};

// What a response gives as its answer, read without a question and as if one answer was asked for; nothing when there is none under
// this reading. The mark that stands last counts (last boxes side by side, "\boxed{2} and \boxed{3}", are one answer: "2, 3"); "####"
// alone and an unclosed box (a truncated response) mark nothing, and of nested boxes the innermost holds the answer. The order in which
// the lenient reading looks is in readings.h. Thoughts, closed or not, do not count, and an <answer>…</answer> alone does.
std::optional<std::string> ExtractAnswer(std::string_view response, Reading reading);
// Correct, unsimplified, wrong or timeout: equal as text, as choices, as dates, as mathematics, or as words. The work is counted: the
// texts are gone through a fixed number of times, and trees and numbers have bounds past which the verdict is timeout.
Verdict JudgeAnswer(const AnswerKey& key, std::string_view answer);
// Whether two answers of responses say the same, whichever of them is held to be gold: for counting votes.
bool AnswersEqual(std::string_view a, std::string_view b);
// The response is read once, without knowing the gold answer's value, and what was read is compared once. gold may itself be a worked
// solution with a marked answer. Where it names several answers, boxes that each hold one are read together; where it is mathematics,
// words in passing are no answer; its words may be units. Never throws.
Grade GradeResponse(const AnswerKey& key, std::string_view response, Reading reading);
// A prediction of unknown kind, a bare answer or a whole response, as the lenient reading takes it; commands that are escaped twice ("\\\\frac") are read as escaped
// once, and the gold answer's own text and nothing else is always correct.
Grade GradePrediction(const AnswerKey& key, std::string_view prediction);

}  // namespace pith
