// What an evaluation will ask, checked whole before anything is decoded: every prompt, and the room that all of it takes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/problem.h"
#include "data/template/prompt.h"
#include "rewards/budget.h"
#include "rewards/verifiers.h"
#include "runtime/session/mode.h"
#include "runtime/generation/sampler.h"

namespace pith {

struct EvalSettings {
  std::string dataset;                // as the rows name it
  std::string base_sha256;            // the base's, for the rows
  std::vector<int64_t> budgets;       // tokens; 0: none
  Budget budget;                      // reserve, closing text and sentence; its tokens are set from `budgets`
  std::optional<std::string> announcement;  // of budgets to adapters; nothing: each one's own
  bool close_text_given = false;      // budget.close_text is used even where the vocabulary has </think>
  int64_t max_tokens = 512;           // cap without a budget
  int chains = 1;                     // samples per problem
  SamplingParams sampling;            // greedy for one chain unless asked otherwise
  std::string system;
  int max_batch = 32;
  std::shared_ptr<Verifiers> verifiers = std::make_shared<Verifiers>();  // of the kinds of all problems

  Budget BudgetOf(int64_t tokens) const;          // the budget of so many tokens; of 0: none
  int64_t ResponseLimit(int64_t tokens) const;    // what it leaves a response at most
  std::string AnnouncementTo(const NamedAdapter& mode) const;  // by which `mode` is told its budget; empty: by none
};

struct EvalPlan {
  std::vector<std::vector<Prompt>> prompts;  // [budget][problem]; one row for all budgets where no sentence tells them apart
  int64_t longest = 0;                       // tokens that one sequence may come to
  // Problems are taken in chunks, so that the prompts of a chunk stay in the cache while every mode answers them under
  // every budget: what the base computes of a prompt is computed once.
  int64_t chunk = 0;                         // problems in a chunk
  int64_t kv_tokens = 0;                     // capacity that the cache needs for this

  const Prompt& prompt(size_t budget, size_t problem) const { return prompts[prompts.size() == 1 ? 0 : budget][problem]; }
};

// UserError for what decoding would refuse, before an hour of it: budgets that cannot act, kinds of problems that nothing judges,
// prompts that do not fit the model's context, adapters whose invocation a prompt lacks.
EvalPlan PlanEval(const ModelConfig& config, const Prompter& prompter, const std::vector<Problem>& problems,
                  const std::vector<NamedAdapter>& modes, const EvalSettings& settings);

}  // namespace pith
