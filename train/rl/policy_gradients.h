// The gradients of one update of policy optimisation, and the log-probabilities that its losses are made of. What the six losses
// are: train/policy/policy_loss.h.
#pragma once

#include <span>

#include "train/model/batch.h"
#include "train/rl/policy_batch.h"
#include "train/session/session.h"

namespace pith {

struct PolicyUpdate {
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
PolicyUpdate AddPolicyGradients(const TrainConfig& config, const Model& model, const PolicyBatch& batch);
// Chooses the tokens of the batch that rl.top_entropy_quantile learns from, by their entropies now.
void KeepTopEntropy(const TrainConfig& config, const Model& model, PolicyBatch* batch);
// Log-probabilities of all response tokens, under the policy now and under the one that RL started from.
at::Tensor PolicyLogProbs(const TrainConfig& config, const Model& model, std::span<const TrainSequence> sequences,
                          at::Tensor* entropy = nullptr);
at::Tensor ReferenceLogProbs(const Session& session, Model& model, std::span<const TrainSequence> sequences);

}  // namespace pith
