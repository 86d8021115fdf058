// Trees made plainer before they are compared.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rewards/math/expression.h"
#include "rewards/math/work.h"

namespace pith {

// 2·(1, 2)ᵀ, −M, Mᵀ, M/3, M·N and M + N as one matrix. Tuples likewise.
Expression FoldMatrices(Expression expression);

// Everything that ± stands for. Not independent: all ± take the upper sign together, or all the lower. Nothing past 6 signs.
std::optional<std::vector<Expression>> ExpandPlusMinus(const Expression& expression, bool independent, Work* work);

// (3, −4) as 3i − 4j, in the unit vectors that `sum` is written in. Nothing unless `vector` is one, of two or three cells,
// and `sum` contains them.
std::optional<Expression> InUnitVectors(const Expression& vector, const Expression& sum);

struct NamedValue {
  std::string name;
  Expression value;
  bool is_function = false;  // f(x) = …, y = …: the name is a convention
};
// x = 5, 5 = x, f(x) = 2x, A = πr² = 4π, x ∈ S: a single name that its value does not contain.
std::optional<NamedValue> AsAssignment(const Expression& expression);

}  // namespace pith
