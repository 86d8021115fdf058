// From a tree of arithmetic to a number.
#pragma once

#include <map>
#include <string>

#include "rewards/math/expression.h"
#include "rewards/math/value.h"

namespace pith {

using Assignment = std::map<std::string, Value>;

// Null where the tree is no arithmetic, a variable has no value, the result is undefined, or the work ran out.
Value Evaluate(const Expression& expression, const Assignment& variables, Arithmetic* arithmetic);

// Whether two trees of arithmetic are the same number for (nearly) all values of their variables: exactly where that goes,
// else at points drawn by a fixed seed from each variable's name, so that every call draws the same. Points at which a root or
// a logarithm leaves the real numbers are passed over as long as others are left: √x·√x is x. kUnknown: not to be said.
Closeness SameValue(const Expression& a, const Expression& b, Work* work);
// Whether a = factor · b for a constant factor ≠ 0; *positive tells the factor's sign (false where it is not real).
bool Proportional(const Expression& a, const Expression& b, Work* work, bool* positive);

}  // namespace pith
