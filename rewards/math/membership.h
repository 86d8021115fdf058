// Inequalities that are not linear (|x − 1| < 3, x² > 4), held against an exact set of real numbers point by point.
#pragma once

#include "rewards/math/expression.h"
#include "rewards/math/real_set.h"
#include "rewards/math/work.h"

namespace pith {

// Whether the points of `set` are those at which `condition` (relations in one variable, also several of them) holds. Tried at
// every bound of the set, just beside it, between bounds, and on a grid; so a set that differs is told apart unless it
// differs between all of these points. False for what is no condition in one variable.
bool IsWhereHolds(const RealSet& set, const Expression& condition, Work* work);

}  // namespace pith
