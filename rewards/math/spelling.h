// The many spellings of one thing: Unicode signs, commands of LaTeX, plain words that are mathematics.
#pragma once

#include <string_view>

namespace pith {

// A sign of Unicode that `text` begins with. `to` is the name of a command or one ASCII character; length 0: none is known.
struct SignSpelling {
  std::string_view to;
  size_t length = 0;
};
SignSpelling FindUnicodeSign(std::string_view text);
// ⁰ … ⁹ and ₀ … ₉; digit −1: none.
struct SmallDigit {
  int digit = -1;
  bool raised = false;
  size_t length = 0;
};
SmallDigit FindSmallDigit(std::string_view text);
// ½ and its kin; empty: none. Else the two digits, numerator first.
SignSpelling FindSmallFraction(std::string_view text);
size_t WideSpaceLength(std::string_view text);  // of a Unicode space that `text` begins with, else 0

// Names of commands, without the backslash.
bool OnlyDresses(std::string_view command);     // \left, \displaystyle …
bool HoldsText(std::string_view command);       // \text{…}, \mathrm{…} …
bool NamesFigure(std::string_view command);  // a figure named by its points: triangle, angle
bool IsAccent(std::string_view command);        // \mathbf{v}, \vec{v} …
// The one name for all spellings of a command (dfrac and tfrac are frac), else the command itself. "{{" and "}}" are the
// braces of sets.
std::string_view CommonName(std::string_view command);
// The command that a plain word stands for (sqrt, inf, union); empty: none.
std::string_view CommandOfWord(std::string_view word);

}  // namespace pith
