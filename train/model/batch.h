// Token losses over a batch of sequences, in micro-batches, with gradients accumulated into the adapter.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "data/template/prompt.h"
#include "train/model/model.h"

namespace pith {

struct PromptsOfAStep;

// A prompt's part before the adapter acts: its keys and values, computed by the base. Copies share them.
class EncodedPrompt {
 public:
  // Of so many tokens, without keys and values: for who only counts. Encoders make those to run.
  explicit EncodedPrompt(int64_t length = 0) : length_(length) {}
  int64_t length() const { return length_; }
  const std::vector<KvSpan>& prefix() const;  // empty for Activation::kAlways, and of one that no encoder made

 private:
  friend class PromptEncoder;
  friend struct PromptsOfAStep;
  int64_t length_ = 0;
  std::shared_ptr<PromptsOfAStep> step_;
  size_t place_ = 0;
};

// Prompts' parts before the invocation, encoded by the base. What all prompts of a run have in common (a system message) is
// encoded once for the run.
class PromptEncoder {
 public:
  PromptEncoder(const Model& model, std::span<const Prompt* const> all_prompts);
  // `prompts` are encoded in chunks of about `chunk_tokens`; where several ranks train together, by each rank those alone that it runs, when it first runs them. This and the
  // prompts must outlive what is returned.
  std::vector<EncodedPrompt> Encode(std::span<const Prompt* const> prompts, int64_t chunk_tokens = 2048) const;

 private:
  friend struct PromptsOfAStep;
  std::vector<std::vector<KvSpan>> Compute(std::span<const Prompt* const> prompts, int64_t chunk_tokens) const;
  const Model& model_;
  std::vector<KvSpan> common_;
  int64_t common_length_ = 0;
};

// A prompt's rest from the invocation on and a response, of whose tokens some are learned from: those that the policy answers for. What was put into
// the response by others (an announced budget, a closing text) is run and carries no loss.
struct TrainSequence {
  EncodedPrompt prompt;
  std::vector<int32_t> ids;      // prompt from invocation_start on, then the response
  std::vector<int64_t> targets;  // places in ids, at least 1 and ascending, of the tokens that are learned from
  // Values per response token are values per target: there are none of other tokens.
  int64_t response_length() const { return static_cast<int64_t>(targets.size()); }
};
// learned: 1 or 0 for each token of the response; empty: all are learned from.
TrainSequence MakeSequence(const EncodedPrompt& encoded, const Prompt& prompt, std::span<const int32_t> response, std::span<const uint8_t> learned = {});

// Sequences side by side for one forward pass: the rows that predict targets, and those tokens (int64).
struct PackedSequences {
  std::vector<ModelInput> inputs;  // views of the sequences
  at::Tensor rows, ids;
};
PackedSequences Pack(std::span<const TrainSequence> sequences);

// What a forward pass may hold at most; a sequence that is longer runs alone.
struct MicroBatchLimit {
  int64_t sequences = 8, tokens = 4096;  // both at least 1; tokens: those that are run (the prompt's before the invocation are not)
};

// Calls body(begin, end, token) for each micro-batch [begin, end) of the sequences that this one of `ranks` runs; response token `token`,
// counted over all sequences, is its first. Micro-batches without response tokens are left out. Nothing is padded, so neighbours
// share a pass whatever their lengths.
void ForEachMicroBatch(const Ranks& ranks, std::span<const TrainSequence> sequences, const MicroBatchLimit& limit,
                       const std::function<void(size_t begin, size_t end, int64_t token)>& body);

// The gradients of the loss with respect to the log-probabilities of response tokens [begin, end) of the batch, counted over
// all sequences in order, and to their entropies (undefined unless RunBatch is asked for them). A micro-batch may be split
// further, in the middle of a sequence, unless BatchOptions::whole_sequences.
using TokenGradient = RowGradientFunction;

struct BatchOptions {
  MicroBatchLimit micro_batch;
  double temperature = 1.0;
  bool whole_sequences = false;  // the gradient is asked for whole sequences: a micro-batch at once
  Model::ForwardOptions forward;
};

// Where several ranks train the model together, each runs a part of the sequences and `gradient` is asked for that part alone; the
// log-probabilities and entropies that return are those of all, the gradients wait for SumGradients() (train/rollout/exchange.h).
//
// Log-probabilities of all response tokens, in order. With `gradient`, the parameters' gradients grow by what it says.
// `entropy`, where given, becomes that of the distribution (at `temperature`) each of them was taken from, in nats.
at::Tensor RunBatch(const Model& model, std::span<const TrainSequence> sequences, const BatchOptions& options,
                    const TokenGradient& gradient, at::Tensor* entropy = nullptr);

}  // namespace pith
