// Work that an answer leaves undone.
#pragma once

#include <span>
#include <string_view>

#include "rewards/math/expression.h"
#include "rewards/math/work.h"

namespace pith {

// Of an answer that equals the gold answer: whether something is left to do in it that the gold answer has done.
//   48/2 + 48 for 72, 5! for 120, arcsin(−1/2) for −30°: arithmetic, and functions that the gold answer has none of
//   999₁₀ for 4343₆: another base
//   1/(x−5) > 0 for (5, ∞): a relation that is not solved
//   what stands in the question itself (`question_formulas`, as LaTeX), where the gold answer stands there neither
// Finished are numbers however they are written (4/8, 0.5, 50%, 10^6, 3·10^5), roots, π, sums of these with a number, powers of variables. Where the gold answer leaves
// the same kind of work, so may the answer: 2·3^4.
bool LeavesWork(const Expression& gold, const Expression& answer, std::span<const std::string_view> question_formulas, Work* work);

}  // namespace pith
