// Python's arithmetic, as far as 64-bit integers and doubles go.
#pragma once

#include <string_view>

#include "data/template/jinja_value.h"

namespace pith {

// op: + - * / // % **. JinjaError for a division by zero, a float out of range, and for what pith lacks: integers beyond 64 bits
// and complex numbers.
JinjaValue JinjaArithmetic(std::string_view op, const JinjaValue& a, const JinjaValue& b);

}  // namespace pith
