// Whether two answers, as trees, say the same.
#pragma once

#include "rewards/math/expression.h"
#include "rewards/math/work.h"

namespace pith {

// By kind:
//   values       equal as numbers, for all values of their variables
//   x = 5        is 5; f(x) = … and y = … are their right sides; other equations are the same when one is a constant multiple
//                of the other (so "f = 0" is not "g = 0")
//   lists, sets  the same members in any order, none missing, none added; a list also meets a pair (1, 2), a set does not
//   tuples       the same members in order; a column or a row matrix is a tuple as well
//   intervals, unions, inequalities   the same set of real numbers
//   ±            all the answers it stands for
//   units        converted where both are known (5 m = 500 cm; 5 m ≠ 5 s); one that stands on one side only is read over
//   percent      5% is 0.05; against a bare gold of 1 or more it is 5; a gold of 5% is met by 5 as well
//   degrees      90° is 90 and π/2
//   bases        101_2 is 5, and is met by a bare 101
//   ratios       3:4 = 6:8 = 3/4; times 5:00 = 5 p.m., and a missing a.m. or p.m. is read over
//   residues     3 (mod 7) = 10 (mod 7), and is met by 3
//   choices      (B) 12 is B; both name a choice: the same one
//   a ≈ b        is a, where b is a rounded to its digits; b where `rounded` says that a rounded value is asked for
//   a = b = c    is c, where all that are constants are the same
// Where the work runs out the answer is false and work->exhausted() true.
bool SameAnswer(const Expression& gold, const Expression& answer, bool rounded, Work* work);

}  // namespace pith
