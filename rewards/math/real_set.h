// Sets of real numbers as sorted intervals: what intervals, unions, finite sets and inequalities in one variable have in common.
#pragma once

#include <optional>
#include <vector>

#include "rewards/math/expression.h"
#include "rewards/math/value.h"

namespace pith {

struct RealInterval {
  Value low, high;  // null: unbounded
  bool low_closed = false, high_closed = false;
};

// Disjoint, in rising order, joined where they touch.
using RealSet = std::vector<RealInterval>;

// The set that an answer denotes: (1, 2), [1, ∞) ∪ {5}, x < 3, 2x + 1 ≥ 5, x ≠ 2, ℝ ∖ {2}, "x < 1 or x > 3". Nothing for
// what is no set of real numbers, for bounds with variables, and for inequalities that are not linear.
std::optional<RealSet> ToRealSet(const Expression& expression, Work* work);
bool SameSet(const RealSet& a, const RealSet& b);

}  // namespace pith
