// The picture of a report: accuracy against mean tokens as inline SVG.
#pragma once

#include <string>
#include <vector>

#include "runtime/evaluation/eval.h"

namespace pith {

// For the page, whose style sheet colours text and grid.
std::string AccuracyLengthChart(const std::vector<EvalRow>& rows);
// The same as an SVG file of its own, on white paper.
std::string AccuracyLengthSvgFile(const std::vector<EvalRow>& rows);

}  // namespace pith
