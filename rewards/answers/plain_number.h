// Plain numbers as answers write them: "1,234", "$3.50", "5%", "3 1/2", "\\frac{a}{b}", "12 apples".
#pragma once

#include <optional>
#include <string_view>

#include "rewards/math/value.h"

namespace pith {

struct PlainNumber {
  Value value;           // exact and rational
  bool percent = false;  // written with a percent sign; value is then the number before it
};

// The number that `text` is: one number with an optional currency sign, scale word (hundred to trillion) and unit.
// Units are read over. Nothing when it is anything else ("5x", "12 or 13", "1,2") or longer than 300 digits. `text` is as
// CleanAnswer (rewards/answers/answer_text.h) returns it. Linear in the length of the text.
std::optional<PlainNumber> ParsePlainNumber(std::string_view text);

// Data sets give percentages without their sign, so a sign on one side only is read over: 5% and 5. Where the bare number is
// below 1 it is a share, and 5% is 0.05 alone. A gold answer with a sign is met by 5 as well as by 0.05.
bool SamePlainNumber(const PlainNumber& gold, const PlainNumber& answer);

}  // namespace pith
