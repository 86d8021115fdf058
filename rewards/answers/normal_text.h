// One spelling for what means the same: characters of Unicode that stand for ASCII ones, macros of LaTeX for numbers and units.
#pragma once

#include <string>
#include <string_view>

namespace pith {

// Digits of every script (Unicode's Nd), full-width and mathematical letters and signs, minus and plus signs, fraction slashes, apostrophes, all spaces: as ASCII.
// Invisible characters are dropped. \num{…}, \qty{…}{…}, \SI, \si, \unit, \ang, \pu as the plain number and its unit in \text{…}. Raised and lowered digits and
// fractions of one character stay: they mean something else. Broken UTF-8 stays as it is. Linear.
std::string NormalText(std::string_view text);

}  // namespace pith
