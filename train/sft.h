// Supervised fine-tuning on worked solutions: the mean negative log-likelihood of the response's tokens, its end-of-turn token
// included, over all tokens of an optimiser batch.
#pragma once

#include <cstdint>
#include <optional>
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

// A problem's example from a solution's text; nothing when it is longer than sft.max_length.
std::optional<SftExample> MakeExample(const Session& session, size_t problem, const std::string& solution);
// The session's problems as examples. Those longer than sft.max_length or without a solution are dropped, with a warning that
// counts them; UserError when none is left.
std::vector<SftExample> MakeSftExamples(const Session& session);
int64_t SftSteps(const TrainConfig& config, size_t num_examples);
// The examples of optimiser step `step` (from 0), indices into the list: depends on (seed, step) alone.
std::vector<size_t> SftBatch(const TrainConfig& config, size_t num_examples, int64_t step);

// Gradients of one optimiser batch, left in the model's parameters. UserError for a log-probability that is not finite.
struct SftStepResult {
  double loss = 0;           // mean per token
  int64_t response_tokens = 0, run_tokens = 0;
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
// Warns where an adapter is small for so many tokens of responses.
void WarnOfCapacity(const Session& session, const std::vector<SftExample>& examples);

void RunSft(const Session& session, const RunOptions& options);

}  // namespace pith
