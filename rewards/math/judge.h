// Two answers as texts, judged as mathematics.
#pragma once

#include <optional>
#include <string_view>

#include "rewards/math/work.h"

namespace pith {

enum class Sameness {
  kSame,
  kDifferent,
  kOutOfWork,  // the work ran out before either could be said
  kUnread,     // at least one of them is no mathematics; their words differ
};

// Never throws for any text. See parser.h for what is read and compare.h for what counts as the same.
Sameness JudgeSameness(std::string_view gold, std::string_view answer, Work* work);

// Whether it is a list, a set, a tuple, or says ±.
bool NamesSeveral(std::string_view text, Work* work);
// Whether the text as a whole is mathematics: no free words in it, no unit that is not known.
bool IsMathematics(std::string_view text, Work* work);

}  // namespace pith
