// Numbers out of texts and rounded ones, as Python's int(), float() and round() give them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pith {

// Digits of any script, single underscores between them, white space around, a sign, "inf", "nan"; nothing for what is no number.
std::optional<double> PythonParseFloat(std::string_view text);

// int(text, base): base 0 is told by the prefix (0x, 0o, 0b), and a prefix may stand before digits of its base. JinjaError for a
// base that there is not, and for integers beyond 64 bits.
std::optional<int64_t> PythonParseInt(std::string_view text, int64_t base);

// round(value, digits): to even where two are as near, of the exact decimal expansion. `digits` may be negative.
double PythonRound(double value, int64_t digits);

}  // namespace pith
