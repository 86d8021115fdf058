// Values with what may hang on them: units, currencies, percent and degree signs; ratios and times.
#pragma once

#include "rewards/math/expression.h"
#include "rewards/math/work.h"

namespace pith {

// Rules: see compare.h. False for trees that are no values.
bool SameMeasure(const Expression& gold, const Expression& answer, Work* work);
// At least one of them is a kRatio.
bool SameRatio(const Expression& gold, const Expression& answer, Work* work);

}  // namespace pith
