// The picture of a report: accuracy against mean tokens as inline SVG.
#pragma once

#include <string>
#include <vector>

#include "runtime/programs/eval.h"

namespace pith {

std::string AccuracyLengthChart(const std::vector<EvalRow>& rows);

}  // namespace pith
