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

// One problem of a row, answered.
struct EvalPiece {
  std::vector<Completion> completions;  // by chain, without logprobs
  int64_t tokens = 0;                   // decoded for it, or known from the trace that it was taken from
  double seconds = 0;                   // that these took
  int arm = -1;                         // of the switcher's row: who answered; −1: another row
};

// Where answers go as they come, for an evaluation that is broken off to be gone on with. Rows are the plan's.
class EvalKeeper {
 public:
  virtual ~EvalKeeper() = default;
  virtual const EvalPiece* Find(size_t row, size_t problem) const = 0;  // of an earlier go; null: none
  virtual void Keep(size_t row, size_t problem, const EvalPiece& piece) = 0;
  virtual void Settle() = 0;  // a row has all of a chunk: what was kept should survive a loss of power by now
};

// A row for each of plan.rows; `plan` is PlanEval()'s of the same arguments. on_progress(done, total, what) counts
// completions of all rows. `keeper` may be null; what it finds is not decoded again, and the rows are the same but for their times.
//
// What is computed once: of each prompt the part that the base computes, for all rows (each row's times count it as if it
// had been alone); and greedy answers to which no budget is told, for each mode: a budgeted answer is the same up to the
// point where its reasoning is closed, so only what follows that point is decoded again.
std::vector<EvalRow> RunEval(Engine& engine, const Tokenizer& tokenizer, const std::vector<Problem>& problems,
                             const std::vector<NamedAdapter>& modes, const EvalSettings& settings, const EvalPlan& plan,
                             const std::function<void(int64_t done, int64_t total, const std::string& what)>& on_progress,
                             EvalKeeper* keeper = nullptr);

// A process's share of an evaluation: answers the problems that `mine` holds for, and leaves them in `keeper`. RunEval() with a keeper that finds what all processes have
// answered gives the rows that one process alone would have given; it judges, this does not.
void AnswerShare(Engine& engine, const Tokenizer& tokenizer, const std::vector<Problem>& problems, const std::vector<NamedAdapter>& modes, const EvalSettings& settings,
                 const EvalPlan& plan, const std::function<bool(size_t problem)>& mine, EvalKeeper* keeper);

}  // namespace pith
