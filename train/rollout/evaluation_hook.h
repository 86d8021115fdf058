// Evaluation inside training: the present adapter answers held-out problems on the engine, at most for a set share of the time. Ranks share the problems, and all of
// them get the metrics that one alone would have measured.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/engine.h"
#include "runtime/evaluation/eval_plan.h"
#include "train/run/loop.h"
#include "train/session/session.h"

namespace pith {

// Adds eval/accuracy, … to the record of every eval.every-th step and of the last; with several budgets eval/64/accuracy,
// eval/none/accuracy. It reads the adapter and nothing else of the run: training goes on to the bit as it would without.
// Which steps are left out for eval.max_share depends on the clock.
class EvaluationHook : public StepHook {
 public:
  // UserError, before anything is trained, for problems or budgets that cannot be evaluated.
  explicit EvaluationHook(const Session& session);
  int64_t kv_tokens() const { return plan_.kv_tokens; }  // that the engine's cache must hold
  // To be called once, before the first step.
  void Begin(Engine* engine, std::function<LoraAdapter()> adapter, int64_t total_steps);
  void After(StepRecord* record, Ledger* ledger) override;

 private:
  using Clock = std::chrono::steady_clock;
  const Session& session_;
  std::vector<Problem> problems_;
  EvalSettings settings_;
  EvalPlan plan_;
  Engine* engine_ = nullptr;
  std::function<LoraAdapter()> adapter_;
  int64_t total_steps_ = 0;
  Clock::time_point begin_;
  double spent_seconds_ = 0, last_seconds_ = 0;
  bool Affordable() const;
  Metrics Measure() const;  // of the first rank; the others answer their part, and return nothing
};

}  // namespace pith
