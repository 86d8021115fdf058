// Policy optimisation with the runtime as sampler: each step samples group_size completions for each of its prompts, pays
// them, and takes updates_per_rollout · minibatches optimiser steps on them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rewards/reward.h"
#include "train/model/batch.h"
#include "train/model/optimizer.h"
#include "train/policy/sampler_correction.h"
#include "train/rl/grpo_batch.h"
#include "train/run/loop.h"
#include "train/stage/rollout.h"
#include "train/stage/session.h"

namespace pith {

struct GrpoUpdate {
  double loss = 0;                           // what the gradients are of
  double policy_loss = 0;                    // without the entropy bonus
  double kl = 0;                             // mean per token of the batch, with a KL in the loss
  double entropy = 0;                        // nats per token, before the update
  // Shares of the minibatch's tokens (of its completions, with ratios of sequences), and the extremes over its completions.
  double clip_low = 0, clip_high = 0, clip_low_min = 0, clip_high_max = 0;
  double max_ratio_error = 0;                // max |r − 1|
  at::Tensor logp;                           // of all response tokens of the batch
};
// Gradients of one update, added to the parameters'. UserError, before they are of any use, where a log-probability is not
// finite: it names the token.
GrpoUpdate GrpoGradients(const TrainConfig& config, const Model& model, const GrpoBatch& batch);
// Chooses the tokens of the batch that rl.top_entropy_quantile learns from, by their entropies now.
void KeepTopEntropy(const TrainConfig& config, const Model& model, GrpoBatch* batch);
// Log-probabilities of all response tokens, under the policy now and under the one that RL started from.
at::Tensor PolicyLogProbs(const TrainConfig& config, const Model& model, std::span<const TrainSequence> sequences,
                          at::Tensor* entropy = nullptr);
at::Tensor ReferenceLogProbs(const Session& session, Model& model, std::span<const TrainSequence> sequences);

// The updates of a step.
class GrpoLearner {
 public:
  // All outlive it. The optimiser's parameters are the model's.
  GrpoLearner(const Session& session, Model* model, Optimizer* optimizer);
  // Learns from step `step` (from 0): encoded[g] belongs to problems[g]. With rl.kl_in: reward the advantages in `paid` become
  // those that the KL was taken off. Returns the metrics of the updates (means over them, as TRL's between two logs) and of
  // the gap between sampler and trainer: over the samples that were learned from; where no group has a signal, over the first
  // group, and neither the adapter nor the moments change.
  Metrics Learn(int64_t step, std::span<const size_t> problems, const Groups& groups, const std::vector<EncodedPrompt>& encoded,
                Paid* paid, Ledger* ledger);

 private:
  const Session& session_;
  const TrainConfig& config_;
  Model* model_;
  Optimizer* optimizer_;
  const int64_t total_updates_;
  bool warned_ = false;  // of noise, once
};

void RunGrpo(const Session& session, const RunOptions& options);

}  // namespace pith
