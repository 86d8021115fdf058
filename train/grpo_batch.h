// From sampled completions to what an update learns from: pay, advantages, the tokens that count.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rewards/length_targets.h"
#include "rewards/reward.h"
#include "runtime/generate.h"
#include "train/batch.h"
#include "train/session.h"

namespace pith {

// Completions of a step: groups[g][i] is sample i of problem problems[g]; all groups hold rl.group_size.
using Groups = std::vector<std::vector<Completion>>;

// Of one completion, for the alarms (rewards/measures.h).
struct CompletionMeasures {
  double repetition = 0;
  int64_t after_close = 0;
};

struct Paid {
  std::vector<RewardResult> results;  // one per completion, group after group
  std::vector<std::string> texts;     // without the end-of-turn token
  std::vector<double> advantages;
  std::vector<CompletionMeasures> measures;
  std::vector<int64_t> budgets;       // B of each completion's prompt; 0: none
};
// Pays group by group. `state` is what of the reward moves with the run (rewards/steering.h).
Paid Pay(const Session& session, const RewardFunction& reward, std::span<const size_t> problems, const Groups& groups,
         const RewardState& state = {});
// Lengths and verdicts (under the paid reading) of each group.
std::vector<GroupOutcome> Outcomes(const Groups& groups, const Paid& paid);

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
