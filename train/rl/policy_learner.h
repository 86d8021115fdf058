// The updates of a step of RL: updates_per_rollout · minibatches optimiser steps on what was sampled and paid.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/model/batch.h"
#include "train/model/optimizer.h"
#include "train/rl/policy_batch.h"
#include "train/run/ledger.h"
#include "train/run/metrics.h"
#include "train/session/session.h"

namespace pith {

class PolicyLearner {
 public:
  // All outlive it. The optimiser's parameters are the model's.
  PolicyLearner(const Session& session, Model* model, Optimizer* optimizer);
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

}  // namespace pith
