// Accuracy against length: every mode (the base, each adapter) answers the same problems under every budget.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/problem.h"
#include "data/text/tokenizer.h"
#include "runtime/engine.h"
#include "runtime/evaluation/eval_plan.h"
#include "runtime/evaluation/eval_row.h"
#include "runtime/session/mode.h"

namespace pith {

// Rows in the order modes × budgets; `plan` is PlanEval()'s of the same arguments. on_progress(done, total, what) counts
// completions of all rows.
//
// What is computed once: of each prompt the part that the base computes, for all rows (each row's times count it as if it
// had been alone); and greedy answers of each mode that is not told its budget (by sentence or announcement): a budgeted answer is the same up to the
// point where its reasoning is closed, so only what follows that point is decoded again.
std::vector<EvalRow> RunEval(Engine& engine, const Tokenizer& tokenizer, const std::vector<Problem>& problems,
                             const std::vector<NamedAdapter>& modes, const EvalSettings& settings, const EvalPlan& plan,
                             const std::function<void(int64_t done, int64_t total, const std::string& what)>& on_progress);

}  // namespace pith
