// From sampled completions to what an update learns from: pay, advantages, the tokens that count.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "rewards/length_targets.h"
#include "rewards/reward.h"
#include "runtime/generation/generate.h"
#include "train/model/batch.h"
#include "train/policy/policy_loss.h"
#include "train/session/session.h"

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
  std::vector<double> advantages;     // of a completion that its verifier failed on: 0
  std::vector<std::vector<double>> token_advantages;  // of each drawn token, where tokens have advantages of their own (then `advantages` are their
                                                      // means); else empty
  std::vector<CompletionMeasures> measures;
  std::vector<int64_t> budgets;       // B of each completion's prompt; 0: none
};
// Judges all completions at once and pays group by group. `state` is what of the reward moves with the run (rewards/steering.h).
Paid Pay(const Session& session, const RewardFunction& reward, std::span<const size_t> problems, const Groups& groups,
         const RewardState& state = {});
// `more` behind what `paid` holds; the advantages are left as each was computed.
void Append(Paid more, Paid* paid);
// The groups of these places among all that were paid, with the advantages that they have among one another.
Paid ChoosePaid(const RlSettings& rl, const Groups& groups, std::span<const size_t> chosen, const Paid& paid);
// Lengths and outcomes (under the paid reading) of each group, without the completions that their verifier failed on.
std::vector<GroupOutcome> Outcomes(const Groups& groups, const Paid& paid);
// Computes the advantages anew from the rewards less rl.kl_beta · kl, where kl[i] is that of each drawn token of completion i: less its sum, or, with
// rl.advantage: reinforce_pp, token by token (TokenAdvantages).
void TakeOffKl(const RlSettings& rl, const std::vector<std::vector<double>>& kl, Paid* paid);

// All completions of a step as sequences, group after group. encoded[g] belongs to problems[g].
std::vector<TrainSequence> StepSequences(const Session& session, std::span<const size_t> problems, const Groups& groups,
                                         const std::vector<EncodedPrompt>& encoded);

// What one update learns from. Tensors hold a value per response token that the policy drew, sequence after sequence; those that announced the budget
// or closed the reasoning by force are none of these, though they count in the length that is paid for.
struct PolicyBatch {
  std::vector<TrainSequence> sequences;  // of the samples that can move the policy
  std::vector<size_t> samples;           // their places among the step's completions
  std::vector<float> advantages;         // a value per response token, as the sampler's
  std::vector<float> sampler_logp;
  at::Tensor old_logp;                   // undefined: this update defines it (ratio 1)
  at::Tensor ref_logp;                   // needed with a KL in the loss
  at::Tensor kept;                       // 1 or 0, where rl.top_entropy_quantile chooses; undefined: all
  Denominators whole;                    // of the minibatch, with what is not among `sequences`
  int64_t unmasked = 0;                  // completions of the minibatch that are not masked

  std::vector<int64_t> lengths() const;
};

// The step's completions dealt at random, by (seed, step), into rl.minibatches parts. Sequences are the samples with an
// advantage (all, with a KL in the loss, an entropy bonus or a choice of tokens by entropy), unmasked, of at least one token.
// A sample without advantage still counts in the denominators; one that rl.mask_truncated leaves out, or that its verifier failed
// on, counts as a completion but not with its tokens.
std::vector<PolicyBatch> MakeBatches(const TrainConfig& config, int64_t step, const Groups& groups, const Paid& paid,
                                   const std::vector<TrainSequence>& sequences);

}  // namespace pith
