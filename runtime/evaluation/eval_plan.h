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
#include "runtime/session/auto_mode.h"
#include "runtime/session/mode.h"
#include "runtime/generation/sampler.h"
#include "runtime/speculation/drafter.h"

namespace pith {

// Whether the model is told its budget (by a sentence of the prompt, or an announcement behind it), or is cut off under one that it knows nothing of. The points of one cannot be
// laid on a curve with those of the other.
enum class Told {
  kAlways,  // where there is a text that tells it
  kNever,
  kBoth,    // every budget once untold, once told
};

// One condition that a mode answers under.
struct EvalPoint {
  int64_t tokens = 0;  // B; 0: no budget
  bool told = false;
  bool operator==(const EvalPoint&) const = default;
};

struct EvalSettings {
  std::string dataset;                // as the rows name it
  std::string base_sha256;            // the base's, for the rows
  std::vector<int64_t> budgets;       // tokens; 0: none
  Told told = Told::kAlways;
  Budget budget;                      // reserve, closing text and sentence; its tokens are set from `budgets`
  std::optional<std::string> announcement;  // of budgets to adapters; nothing: each one's own
  bool close_text_given = false;      // budget.close_text is used even where the vocabulary has </think>
  int64_t max_tokens = 512;           // cap without a budget
  int chains = 1;                     // samples per problem
  bool score = false;                 // each by the verifier of its adapter, where that has one
  SamplingParams sampling;            // greedy for one chain unless asked otherwise
  std::shared_ptr<const AutoMode> automatic = nullptr;  // a row more: the switcher chooses who answers, and the budget
  std::string system;
  int max_batch = 32;
  std::shared_ptr<Drafter> drafter = nullptr;  // no answer hangs on it
  std::shared_ptr<Verifiers> verifiers = std::make_shared<Verifiers>();  // of the kinds of all problems

  bool CanTell(const NamedAdapter& mode) const;  // there is a text that tells it a budget
  std::vector<EvalPoint> PointsOf(const NamedAdapter& mode) const;  // the budgets in their order; of kBoth those that are told come last
  Budget BudgetOf(const EvalPoint& point) const;  // its budget, without the text where it is not told
  int64_t ResponseLimit(int64_t tokens) const;    // what it leaves a response at most
  ResponseCheck CheckFor(const NamedAdapter& mode) const;  // asks nothing where there is no verifier to score by
  std::string AnnouncementTo(const NamedAdapter& mode) const;  // by which `mode` is told its budget; empty: by none
};

struct EvalPlan {
  struct Row {
    size_t mode;       // of the modes; their number: automatic
    EvalPoint point;
    size_t prompt_set;
  };
  std::vector<Row> rows;                     // mode by mode; that of the switcher last
  std::vector<std::vector<Prompt>> prompts;  // [set][problem]: one set for all rows that put nothing into the prompt, and one for each sentence
  std::vector<int32_t> known;                // what every prompt begins with, before the user's turn; for the switcher
  int64_t longest = 0;                       // tokens that one sequence may come to
  // Problems are taken in chunks, so that the prompts of a chunk stay in the cache while every mode answers them under
  // every budget: what the base computes of a prompt is computed once.
  int64_t chunk = 0;                         // problems in a chunk
  int64_t kv_tokens = 0;                     // capacity that the cache needs for this

  const Prompt& prompt(size_t row, size_t problem) const { return prompts[rows[row].prompt_set][problem]; }
};

// UserError for what decoding would refuse, before an hour of it: budgets that cannot act, kinds of problems that nothing judges,
// prompts that do not fit the model's context, adapters whose invocation a prompt lacks.
EvalPlan PlanEval(const ModelConfig& config, const Prompter& prompter, const std::vector<Problem>& problems,
                  const std::vector<NamedAdapter>& modes, const EvalSettings& settings);

}  // namespace pith
