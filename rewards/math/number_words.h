// Numbers that are written out: "twelve", "twenty-one", "one hundred and five", "two-thirds".
#pragma once

#include <string_view>
#include <vector>

#include "rewards/math/lexer.h"

namespace pith {

// Whether it may be part of a number that is written out: "twelve", "forty", "hundred"; in lower case.
bool IsNumberWord(std::string_view word);
// Puts a number (or number / number) in the place of the words that spell one; other tokens stay. Linear.
void JoinNumberWords(std::vector<Token>* tokens);

}  // namespace pith
