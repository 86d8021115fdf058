// GRPO with the runtime as sampler: each step samples group_size completions for each of its prompts, pays them, and takes
// updates_per_rollout optimiser steps on them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rewards/reward.h"
#include "train/batch.h"
#include "train/grpo_batch.h"
#include "train/loss.h"
#include "train/rollout.h"
#include "train/run/loop.h"
#include "train/session.h"

namespace pith {

// Problems of step `step` (from 0), indices into Session::problems: depends on (seed, step) alone; every problem once before
// any comes again.
std::vector<size_t> GrpoProblems(const TrainConfig& config, size_t num_problems, int64_t step);

struct GrpoUpdate {
  double loss = 0, kl = 0;
  double clip_low = 0, clip_high = 0;        // shares of tokens
  double max_ratio_error = 0;                // max |r − 1|
  double entropy = 0;                        // nats per token, before the update
  at::Tensor logp;                           // of all response tokens of the batch
};
// Gradients of one update, left in the parameters. old_logp undefined: this is the update that defines it (ratio 1).
// ref_logp is needed with rl.kl_beta.
GrpoUpdate GrpoGradients(const TrainConfig& config, const Model& model, const GrpoBatch& batch, const at::Tensor& old_logp,
                         const at::Tensor& ref_logp);
// Log-probabilities under the policy that RL started from.
at::Tensor ReferenceLogProbs(const Session& session, Model& model, const GrpoBatch& batch);

void RunGrpo(const Session& session, const RunOptions& options);

}  // namespace pith
