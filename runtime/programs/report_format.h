// How a report writes texts and figures.
#pragma once

#include <string>

#include "runtime/evaluation/eval_row.h"

namespace pith {

std::string EscapeHtml(const std::string& text);
std::string Format(const char* format, double value);  // of printf, with one double
std::string Percent(double share);                      // "12.5 %"
std::string BudgetName(int64_t budget);                 // "64" | "none"
std::string PointName(int64_t budget, Curve curve);     // "64" | "64, told" | "none"
std::string PairName(int64_t budget, Curve first, Curve second);  // likewise, or "64, told to the second"

}  // namespace pith
