// One row of an evaluation: the completions of one mode under one budget, judged and summed up.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/problem.h"
#include "data/text/tokenizer.h"
#include "rewards/verifiers.h"
#include "runtime/generation/generate.h"

namespace pith {

// One completion, judged.
struct EvalAnswer {
  int64_t problem;                    // index
  int chain;
  std::string text;
  int64_t tokens;
  bool correct, correct_lenient, forced, truncated;
  std::string extracted;              // lenient reading
  Verdict verdict = Verdict::kUnparsed;  // strict reading
  std::string reason;                 // of the verdict, where its verifier gives one
};

// What a row is of.
struct EvalRowLabels {
  std::string mode, dataset;
  int64_t budget = 0;                 // 0: none
  int chains = 1;                     // completions per problem
  uint64_t seed = 0;
  double tok_per_s = 0;               // completion tokens per second of the whole batch, those of a shared trace at the
                                      // trace's own rate
  std::string adapter_sha256 = {};    // what the adapter's card says (sha256.adapter); empty: the base, or there is no card
  std::string base_sha256 = {};       // identity of the base's tensors
  // "announced": the mode was told its budget, and the row is of answers to that; "cut": it was not. The two are never one curve; a row without
  // a budget, where this is empty, belongs to both.
  std::string curve = {};
};

// Field by field the row of results.json.
struct EvalRow : EvalRowLabels {
  int64_t n = 0;                      // problems
  double accuracy = 0;                // strict reading, over all completions that could be judged
  double accuracy_lenient = 0;
  double cut_rate = 0;                // of them, those that a limit ended before they had given an answer; wrong in the accuracy
  double accuracy_uncut = 0;          // strict reading, over the others: what the accuracy would be at most, were they right as often; 0 without any
  double ci_low = 0, ci_high = 0;     // of the accuracy, Wilson's at 95 %; chains of one problem are not independent, so
                                      // it counts problems
  double mean_tokens = 0, p95_tokens = 0, forced_rate = 0, truncated_rate = 0;
  // k = chains. Both by the lenient reading, since a vote needs the answers of unmarked responses too: equal to
  // accuracy_lenient for one chain.
  double pass_at_k = 0, maj_at_k = 0;
  double ttft_ms = 0;                 // median
  int64_t rss_mb = 0;
  int64_t errors = 0;                 // completions that the verifier failed on
  std::vector<EvalAnswer> answers;    // problem by problem, chain by chain
};

// completions[p] holds labels.chains completions of problems[p]. A completion that its limit cut off counts as truncated,
// one into which the closing text was put as forced; both are judged as they stand. Null `verifiers`: all problems are mathematics.
// UserError where a verifier fails on too much.
EvalRow MakeRow(const EvalRowLabels& labels, const std::vector<Problem>& problems, const std::vector<std::vector<Completion>>& completions,
                const Tokenizer& tokenizer, Verifiers* verifiers = nullptr);

// [row, …] as JSON text; answers are left out, and "errors" where there are none.
std::string ResultsJson(const std::vector<EvalRow>& rows);
// A line per answer: {"mode", "budget", "problem", "question", "gold", "chain", "text", "tokens", "correct", "verdict", …}, and "reason" where
// there is one.
std::string AnswersJsonl(const std::vector<EvalRow>& rows, const std::vector<Problem>& problems);

}  // namespace pith
