// Accuracy against length: every mode (the base, each adapter) answers the same problems under every budget.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "data/problem.h"
#include "data/text/prompt.h"
#include "rewards/budget.h"
#include "runtime/engine.h"
#include "runtime/generate.h"
#include "runtime/programs/command_line.h"
#include "runtime/programs/eval_row.h"

namespace pith {

struct EvalSettings {
  std::string dataset;                // as the rows name it
  std::vector<int64_t> budgets;       // tokens; 0: none
  Budget budget;                      // reserve, closing text and sentence; its tokens are set from `budgets`
  bool close_text_given = false;      // budget.close_text is used even where the vocabulary has </think>
  int64_t max_tokens = 512;           // cap without a budget
  int chains = 1;                     // samples per problem
  SamplingParams sampling;            // greedy for one chain unless asked otherwise
  std::string system;
  int max_batch = 32;
};

// Everything that decoding would refuse, found before an hour of it: budgets that cannot act, prompts that do not fit the
// model's context, adapters whose invocation a prompt lacks. UserError; else the most tokens that one sequence may come to.
int64_t CheckEval(const ModelConfig& config, const Prompter& prompter, const std::vector<Problem>& problems,
                  const std::vector<NamedAdapter>& modes, const EvalSettings& settings);

// Checks all with CheckEval(). Rows in the order modes × budgets. on_progress(done, total) counts mode × budget passes over problems in completions.
//
// Greedy answers without a budget sentence are traced once per mode: a budgeted answer is the same up to the point where
// its reasoning is closed, so only what follows that point is decoded again.
std::vector<EvalRow> RunEval(Engine& engine, const Prompter& prompter, const std::vector<Problem>& problems,
                             const std::vector<NamedAdapter>& modes, const EvalSettings& settings,
                             const std::function<void(int64_t done, int64_t total, const std::string& what)>& on_progress);

}  // namespace pith
