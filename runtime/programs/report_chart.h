// The picture of a report: accuracy against mean tokens as inline SVG.
#pragma once

#include <string>
#include <vector>

#include "runtime/evaluation/eval_row.h"

namespace pith {

// Of one data set, for the page, whose style sheet colours text and grid. A line for each mode and curve: responses that were cut off untold and those that were told
// their budget are never joined.
std::string AccuracyLengthChart(const std::vector<EvalRow>& rows);
// All of them below each other as an SVG file of its own, on white paper.
std::string AccuracyLengthSvgFile(const std::vector<EvaluatedSet>& sets);

}  // namespace pith
