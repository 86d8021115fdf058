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

namespace pith {

struct EvalSettings {
  std::string dataset;                // as the rows name it
  std::vector<int64_t> budgets;       // tokens; 0: none
  Budget budget;                      // reserve, closing text and sentence; its tokens are set from `budgets`
  int64_t max_tokens = 512;           // cap without a budget
  int chains = 1;                     // samples per problem
  SamplingParams sampling;            // greedy for one chain unless asked otherwise
  std::string system;
  int max_batch = 32;
};

// One completion, judged.
struct EvalAnswer {
  int64_t problem;                    // index
  int chain;
  std::string text;
  int64_t tokens;
  bool correct, correct_lenient, forced, truncated;
  std::string extracted;              // lenient reading
};

// One mode under one budget. Field by field the row of results.json.
struct EvalRow {
  std::string mode, dataset;
  int64_t budget = 0;                 // 0: none
  int64_t n = 0;
  double accuracy = 0, accuracy_lenient = 0, ci_low = 0, ci_high = 0;
  double mean_tokens = 0, p95_tokens = 0, forced_rate = 0, truncated_rate = 0;
  int chains = 1;
  uint64_t seed = 0;
  double pass_at_k = 0, maj_at_k = 0; // k = chains; equal to the accuracy for one chain
  double ttft_ms = 0, tok_per_s = 0;  // median; completion tokens per second of the whole batch, those of a shared trace
                                      // at the trace's own rate
  int64_t rss_mb = 0;
  std::vector<EvalAnswer> answers;    // problem by problem, chain by chain
};

// Rows in the order modes × budgets. on_progress(done, total) counts mode × budget passes over problems in completions.
//
// Greedy answers without a budget sentence are traced once per mode: a budgeted answer is the same up to the point where
// its reasoning is closed, so only what follows that point is decoded again.
std::vector<EvalRow> RunEval(Engine& engine, const Prompter& prompter, const std::vector<Problem>& problems,
                             const std::vector<NamedAdapter>& modes, const EvalSettings& settings,
                             const std::function<void(int64_t done, int64_t total, const std::string& what)>& on_progress);

// {row, …} as JSON text; answers are left out.
std::string ResultsJson(const std::vector<EvalRow>& rows);
// A line per answer: {"mode", "budget", "problem", "question", "gold", "chain", "text", "tokens", "correct", …}.
std::string AnswersJsonl(const std::vector<EvalRow>& rows, const std::vector<Problem>& problems);

}  // namespace pith
