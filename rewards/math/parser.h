// From the text of an answer to its tree.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "rewards/math/expression.h"
#include "rewards/math/lexer.h"
#include "rewards/math/work.h"

namespace pith {

// Reads LaTeX, plain text and mixtures: numbers with thousands, decimals, repeating decimals, mixed numbers, percent,
// degrees, other bases; arithmetic with functions, roots, powers, factorials, binomials; tuples, intervals, sets, unions,
// matrices; chains of relations; ratios and times; residues; quantities with units or currencies; several answers joined by
// commas, "and", "or"; finite sums and products; cases; figures by their points; "and its permutations"; words alone; choices.
// Nothing when the text is none of these, or is longer than 2000 bytes or nested deeper than 60 levels. What a reader could take two ways is read as a page of school mathematics means it: |…| is an
// absolute value, i is the imaginary unit, log has base 10, "1/2x" is half of x, "3\frac12" is three and a half.
std::optional<Expression> ParseAnswer(std::string_view text, const LexerOptions& options, Work* work);

// The words of an answer that is no mathematics: lower case, without dress, articles and punctuation at the ends.
std::string PlainWords(std::string_view text);

}  // namespace pith
