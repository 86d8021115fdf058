// Numbers that are written out: "twelve", "twenty-one", "one hundred and five", "two-thirds".
#pragma once

#include <vector>

#include "rewards/math/lexer.h"

namespace pith {

// Puts a number (or number / number) in the place of the words that spell one; other tokens stay. Linear.
void JoinNumberWords(std::vector<Token>* tokens);

}  // namespace pith
