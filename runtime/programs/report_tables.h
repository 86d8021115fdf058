// The tables of a report's page, as HTML. Empty where there is nothing to show.
#pragma once

#include <string>
#include <vector>

#include "runtime/evaluation/eval_row.h"

namespace pith {

std::string RowsTable(const std::vector<EvalRow>& rows);
std::string VotesTable(const std::vector<EvalRow>& rows);  // of those with several chains, or scores
std::string ArmsTable(const std::vector<EvalRow>& rows);   // of the switcher's: who answered how often
std::string ComparisonsTable(const std::vector<EvalRow>& rows);
std::string BreakdownTable(const EvaluatedSet& set);
// Of run.json: a line per go, on what machine and how it began.
std::string GoesTable(const std::string& run_json);

}  // namespace pith
