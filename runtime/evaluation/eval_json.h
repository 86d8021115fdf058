// The files of an evaluation, as text.
#pragma once

#include <string>
#include <vector>

#include "runtime/evaluation/comparison.h"
#include "runtime/evaluation/eval_row.h"

namespace pith {

// results.json: [row, …], set by set; answers are left out, "errors" where there are none, "maj_at_k_ci" of one chain, and what scores
// say ("weighted_at_k", "weighted_at_k_ci", "score_auc", "score_error") where there are none.
std::string ResultsJson(const std::vector<EvaluatedSet>& sets);
// breakdown.json: [row, …] with "group" ("domain" | "level") and "value" (null: not said) in front, of every row that can be broken down.
std::string BreakdownJson(const std::vector<EvaluatedSet>& sets);
// comparisons.json: [pair, …], see RowComparison.
std::string ComparisonsJson(const std::vector<EvaluatedSet>& sets);
// answers.jsonl, a line per answer: {"mode", "dataset", "budget", "curve", "problem", "question", "gold", "chain", "text", "tokens", "correct", "verdict", …}, and
// "reason" and "score" where there are such. It holds no times.
std::string AnswersJsonl(const std::vector<EvaluatedSet>& sets);

}  // namespace pith
