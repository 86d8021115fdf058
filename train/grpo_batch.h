// From sampled completions to what an update learns from: pay, advantages, the tokens that count.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rewards/reward.h"
#include "runtime/generate.h"
#include "train/batch.h"
#include "train/session.h"

namespace pith {

// Completions of a step: groups[g][i] is sample i of problem problems[g]; all groups hold rl.group_size.
using Groups = std::vector<std::vector<Completion>>;

struct Paid {
  std::vector<RewardResult> results;  // one per completion, group after group
  std::vector<std::string> texts;     // without the end-of-turn token
  std::vector<double> advantages;
};
Paid Pay(const Session& session, const RewardFunction& reward, std::span<const size_t> problems, const Groups& groups);

struct GrpoBatch {
  std::vector<TrainSequence> sequences;      // of the samples that can move the policy
  std::vector<double> advantages;            // one per sequence
  std::vector<float> sampler_logp;           // of all response tokens, sequence after sequence
  int64_t loss_tokens = 0;                   // what the loss is divided by: all unmasked tokens of the step
};
// Sequences are the samples with an advantage (all, with a KL term), unmasked, of at least one token. A sample without
// advantage still counts in loss_tokens (DAPO's Σ over tokens / tokens of the step); one that rl.mask_truncated leaves out
// does not. encoded[g] belongs to problems[g].
GrpoBatch MakeBatch(const Session& session, std::span<const size_t> problems, const Groups& groups, const Paid& paid,
                    const std::vector<EncodedPrompt>& encoded);

}  // namespace pith
