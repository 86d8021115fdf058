// All that the answers of an evaluation depend on, for its journal: what is the same gives the same answers.
#pragma once

#include <string>
#include <vector>

#include "runtime/evaluation/eval_journal.h"
#include "runtime/programs/eval_options.h"

namespace pith {

struct PlannedSet {
  std::string dataset;
  std::vector<Problem> problems;
  EvalPlan plan;
};

inline constexpr const char* kTemplateTime = "time of the chat template";

// The number of threads, the size of batches, who drafts tokens and the rest of the machine are not among them: no bit of an answer hangs on those. Nor is the verifier: the last go
// has it judge everything.
std::vector<EvalFact> FactsOf(const EvalOptions& options, const std::vector<NamedAdapter>& modes, const std::vector<PlannedSet>& sets, const Prompter& prompter,
                              const ModelConfig& config);

// SHA-256 over all of the problems, in their order.
std::string ProblemsHash(const std::vector<Problem>& problems);

}  // namespace pith
