// Supervised fine-tuning on worked solutions: the mean negative log-likelihood of the response's tokens, its end-of-turn token
// included, over all tokens of an optimiser batch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/model/batch.h"
#include "train/run/loop.h"
#include "train/stage/session.h"

namespace pith {

struct SftExample {
  size_t problem = 0;             // index into Session::problems
  std::vector<int32_t> response;  // solution and end-of-turn token
};

struct Solution {
  size_t problem = 0;             // index into Session::problems
  std::string text;
};
// Solutions as examples. Those longer than sft.max_length, and those outside of their data set's min_response_tokens and
// max_response_tokens, are dropped, and so are problems without a solution, with counts; UserError when none is left, or none
// of one source of a mix. Warns where the adapter is small for so many tokens.
std::vector<SftExample> MakeExamples(const Session& session, const std::vector<Solution>& solutions);
// Of the data's own solutions.
std::vector<SftExample> MakeSftExamples(const Session& session);
// In the form that ExampleOrder wants.
std::vector<size_t> SourcesOf(const Session& session, const std::vector<SftExample>& examples);
int64_t SftSteps(const TrainConfig& config, size_t num_examples);
// Without a mix: the examples of optimiser step `step` (from 0), indices into the list: depends on (seed, step) alone.
std::vector<size_t> SftBatch(const TrainConfig& config, size_t num_examples, int64_t step);

// Gradients of one optimiser batch, left in the model's parameters. UserError for a log-probability that is not finite.
struct SftStepResult {
  double loss = 0;           // mean per token
  int64_t response_tokens = 0, run_tokens = 0;
  std::vector<double> losses;    // of each example of the batch, summed over its tokens
  std::vector<int64_t> tokens;   // its response's
};
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
