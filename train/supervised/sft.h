// Supervised fine-tuning on worked solutions: the mean negative log-likelihood of the response's tokens, its end-of-turn token
// included, over all tokens of an optimiser batch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/model/batch.h"
#include "train/run/loop.h"
#include "train/session/session.h"

namespace pith {

struct SftExample {
  size_t problem = 0;             // index into Session::problems
  std::vector<int32_t> response;  // what announces its budget, the solution, the end-of-turn token
  int64_t announced = 0;          // of these the first: forced, and not learned from
  int64_t learned() const { return static_cast<int64_t>(response.size()) - announced; }
};
// As the trainer runs it behind its encoded prompt.
TrainSequence SequenceOf(const EncodedPrompt& encoded, const Prompt& prompt, const SftExample& example);

struct Solution {
  size_t problem = 0;             // index into Session::problems
  std::string text;
};
// Solutions as examples, each with the announcement of its problem's budget. Those longer than sft.max_length, those outside of their data set's min_response_tokens and
// max_response_tokens (of the solution alone), and those that keep none of the budgets are dropped, and so are problems without a solution, with counts; UserError when none is
// left, or none of one source of a mix. Warns where the adapter is small for so many tokens, and of budgets that no example has.
std::vector<SftExample> MakeExamples(const Session& session, const std::vector<Solution>& solutions);
// Of the data's own solutions.
std::vector<SftExample> MakeSftExamples(const Session& session);
// How many examples have each of budget.choices, for people; empty where there are none.
std::string DescribeBudgets(const Session& session, const std::vector<SftExample>& examples);
// In the form that ExampleOrder wants.
std::vector<size_t> SourcesOf(const Session& session, const std::vector<SftExample>& examples);
int64_t SftSteps(const TrainConfig& config, size_t num_examples);
// Without a mix: the examples of optimiser step `step` (from 0), indices into the list: depends on (seed, step) alone.
std::vector<size_t> SftBatch(const TrainConfig& config, size_t num_examples, int64_t step);

// Gradients of one optimiser batch, left in the model's parameters. UserError for a log-probability that is not finite.
struct SftStepResult {
  double loss = 0;           // mean per token
  int64_t response_tokens = 0;   // that were learned from
  int64_t run_tokens = 0;        // these, the prompts' and those that announce budgets
  std::vector<double> losses;    // of each example of the batch, summed over its tokens
  std::vector<int64_t> tokens;   // of it that were learned from
};
// Under budget.choices loss/by_budget/B (0: none): the mean over the learned tokens of the batch's examples that have B, where there are some.
Metrics LossByBudget(const Session& session, const std::vector<SftExample>& examples, std::span<const size_t> batch, const SftStepResult& result);
SftStepResult SftGradients(const Session& session, const Model& model, const PromptEncoder& encoder,
                           const std::vector<SftExample>& examples, std::span<const size_t> batch, int64_t step);

// The examples of a batch, ready to run.
struct SftSequences {
  std::vector<TrainSequence> sequences;
  int64_t response_tokens = 0, run_tokens = 0;
};
SftSequences MakeSequences(const Session& session, const PromptEncoder& encoder, const std::vector<SftExample>& examples,
                           std::span<const size_t> batch);
// With the dropout of this step.
Model::ForwardOptions TrainingForward(const Session& session, int64_t step);
// UserError that names the first of `values`, one per response token, that is not finite. `what` they are: "log-probability".
void CheckFinite(const Session& session, const std::vector<SftExample>& examples, std::span<const size_t> batch,
                 const std::vector<TrainSequence>& sequences, const at::Tensor& values, const std::string& what, int64_t step);
// The result of a batch whose response tokens have these losses.
SftStepResult MeanOf(const SftSequences& run, const at::Tensor& losses);

void RunSft(const Session& session, const RunOptions& options);

}  // namespace pith
