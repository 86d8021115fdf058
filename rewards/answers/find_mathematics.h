// The mathematics in a response; private to this folder. All views point into the given text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/question.h"

namespace pith {

struct Formula {
  size_t begin, end;  // with its delimiters
  std::string_view content;
};
// $…$, $$…$$, \(…\), \[…\], align and equation, in order.
std::vector<Formula> FindFormulas(std::string_view text);
// The last formula, where no number stands behind it.
std::optional<std::string_view> FindLastFormula(std::string_view text, const Question& question);
// The formula that ends the text, where `tail`, a part of the text, begins within it.
std::optional<std::string_view> FindFormulaAround(std::string_view text, std::string_view tail, const Question& question);
// The longest mathematics that ends the last line. `structured`: only where it is more than digits and simple signs.
std::optional<std::string_view> FindFinalMathematics(std::string_view text, bool structured, const Question& question);
// What is bold and mathematics in the last line.
std::optional<std::string_view> FindBoldMathematics(std::string_view text, const Question& question);
// The number behind the last line's last sum: "60/2 = 30 pages in 1 hour".
std::optional<std::string_view> FindEquatedNumber(std::string_view text);
// x ≠ 2: as a member of a list it may say nothing of its own, so that it is none of several answers that are gathered from a response.
bool HasCondition(std::string_view text);
// Formulas that stand side by side at the end ("$x=2$ and $x=3$"), as one list; and the lines of mathematics, bulleted or numbered, that end a response. Empty where there
// are not two.
std::string FinalFormulas(std::string_view text);
std::string FinalLines(std::string_view text, const Question& question);
std::string_view LastLine(std::string_view text);

}  // namespace pith
