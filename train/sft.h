// Supervised fine-tuning on worked solutions: the mean negative log-likelihood of the response's tokens, its end-of-turn token
// included, over all tokens of an optimiser batch.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/batch.h"
#include "train/run/loop.h"
#include "train/session.h"

namespace pith {

struct SftExample {
  size_t problem = 0;             // index into Session::problems
  std::vector<int32_t> response;  // solution and end-of-turn token
};

// The session's problems as examples. Those longer than sft.max_length or without a solution are dropped, with a warning that
// counts them, and so are those outside of their data set's min_response_tokens and max_response_tokens; UserError when none is
// left, or none of one source of a mix.
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

void RunSft(const Session& session, const RunOptions& options);

}  // namespace pith
