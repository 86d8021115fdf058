// One row of an evaluation: the completions of one mode under one budget, judged and summed up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/problem.h"
#include "data/text/tokenizer.h"
#include "rewards/verifiers.h"
#include "runtime/generation/generate.h"

namespace pith {

// Which curve of accuracy against length a row is a point of. Responses that knew nothing of the budget they were cut under, and responses to a budget that
// was told, are two experiments: no line joins them. Without a budget the two are the same.
enum class Curve { kBoth, kCut, kAnnounced };

// One completion, judged.
struct EvalAnswer {
  int64_t problem;                    // index
  int chain;
  std::string text;
  int64_t tokens;
  bool correct, correct_lenient, forced, truncated;
  std::string extracted;              // lenient reading
  Verdict verdict = Verdict::kUnparsed;  // strict reading
  std::string reason = {};            // of the verdict, where its verifier gives one
  bool judged_lenient = true;         // the verifier did not fail on the lenient reading
  int64_t near_ties = 0;              // of its tokens
  double ttft_ms = 0;
  std::optional<double> score = {};   // by the adapter's verifier
  std::string arm = {};               // of the switcher's row: who gave it
};

// Of the switcher's row: how often it chose an arm.
struct EvalArm {
  std::string name;
  double share = 0;
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
  Curve curve = Curve::kBoth;
  bool greedy = false;
  bool resumed = false;               // some answers are of an earlier go: ttft_ms and tok_per_s are of several
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
  double mean_tokens = 0, median_tokens = 0, p95_tokens = 0, forced_rate = 0, truncated_rate = 0;
  std::optional<double> tokens_per_correct;  // tokens of all completions that could be judged, for each right one of them (strict reading); none: nothing
  // k = chains. Both by the lenient reading, since a vote needs the answers of unmarked responses too: equal to
  // accuracy_lenient for one chain.
  double pass_at_k = 0, maj_at_k = 0;
  double maj_low = 0, maj_high = 0;   // of maj_at_k, Wilson's at 95 %
  // Where the adapter's verifier scored the chains: the vote weighted by scores, and how well these tell right answers (lenient reading) from wrong ones.
  std::optional<double> weighted_at_k;
  double weighted_low = 0, weighted_high = 0;
  std::optional<double> score_auc, score_error;  // runtime/evaluation/score_stats.h
  std::optional<int64_t> near_ties;          // tokens beside which another was as good (kNearTieMargin); nothing where they were drawn
  std::optional<double> near_ties_per_1k;    // of 1,000 tokens
  double ttft_ms = 0;                 // median
  int64_t rss_mb = 0;
  int64_t errors = 0;                 // completions that the verifier failed on
  std::vector<EvalAnswer> answers;    // problem by problem, chain by chain
  std::vector<EvalArm> arms = {};     // of the switcher's row; empty: another
};

// completions[p] holds labels.chains completions of problems[p]. A completion that its limit cut off counts as truncated,
// one into which the closing text was put as forced; both are judged as they stand. Null `verifiers`: all problems are mathematics.
// UserError where a verifier fails on too much.
EvalRow MakeRow(const EvalRowLabels& labels, const std::vector<Problem>& problems, const std::vector<std::vector<Completion>>& completions,
                const Tokenizer& tokenizer, Verifiers* verifiers = nullptr);

// The part of a row that answers to problems of one domain or level.
struct EvalGroup {
  std::string group;                  // "domain" | "level"
  std::string value;                  // empty: problems that name none, beside some that do
  EvalRow row;                        // without its rate: all groups were decoded together
};
// Domains, then levels, in the order of their names (of numbers: of their values). None of what no problem names.
std::vector<EvalGroup> BreakDown(const EvalRow& row, const std::vector<Problem>& problems);

// One data set of an evaluation.
struct EvaluatedSet {
  std::string dataset;
  std::vector<Problem> problems;
  std::vector<EvalRow> rows;          // mode by mode
};

}  // namespace pith
