// Two answers as texts, judged as mathematics.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "rewards/math/question.h"
#include "rewards/math/work.h"

namespace pith {

enum class Sameness {
  kSame,
  kUnfinished,  // the same, with work left in the answer (unfinished.h)
  kDifferent,  // also where one of them is no mathematics and their words differ
  kOutOfWork,  // the work ran out before either could be said
};

// Never throws for any text. See parser.h for what is read and compare.h for what counts as the same. An answer with
// a word behind a number that is no known unit (units.h) is no mathematics. `question_formulas`: see unfinished.h.
Sameness JudgeSameness(std::string_view gold, std::string_view answer, const Question& question, std::span<const std::string_view> question_formulas, Work* work);

// Whether it is a list, a set, a tuple, or says ±.
bool NamesSeveral(std::string_view text, Work* work);
// Whether the text as a whole is mathematics: no free words in it, no unit that is not known.
bool IsMathematics(std::string_view text, const Question& question, Work* work);

}  // namespace pith
