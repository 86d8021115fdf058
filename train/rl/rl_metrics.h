// What a step of GRPO is written down as: numbers, completions, a line for people.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/rl/policy_batch.h"
#include "train/run/metrics.h"

namespace pith {

// TRL's names where TRL has the metric. Standard deviations are over all completions and divide by n − 1; frac_reward_zero_std
// is the share of groups whose rewards are all equal. "accuracy" is the strict reading, whatever is paid; reward/outcome and
// reward/shaping are the two parts of what is. Completions that the verifier failed on (verifier/errors, their share, where there
// are any) count in none of these. `groups` are all that were sampled, whether they are learned from or not.
// completions/clipped_ratio is the share without an end, *_terminated_length are of the others (0 where there are
// none). length/right and length/wrong are mean lengths by the verdict that is paid; completions/repetition and
// completions/after_close are means of rewards/measures.h; budget/within is the share of completions that kept within their prompt's B (with
// rollout.close: forced, without being closed or ended by it),
// length/by_budget/B (0: none), accuracy/by_budget/B (the strict reading) and budget/within/B say the same under each of budget.choices. With
// rollout.close: forced, completions/forced_ratio is the share that the budget closed, and length/thinking and length/answer are means of usage as
// pith-run says it. A mean of nothing is left out.
Metrics RewardMetrics(const TrainConfig& config, const RewardFunction& reward, const Groups& groups, const Paid& paid);

// Of a mix, for each source: share/NAME, its part of the groups, and, where it has any, source/NAME/reward, source/NAME/accuracy (the
// strict reading), source/NAME/mean_length. groups[g] belongs to problems[g]. Without a mix: nothing.
Metrics SourceMetrics(const Session& session, std::span<const size_t> problems, const Groups& groups, const Paid& paid);

// A JSON object per completion: question, gold, text, tokens, finish, reward, outcome, shaping, verdict, advantage, a reason where the
// verdict has one, the prompt's budget where the run has any, and whether it closed the completion where rollout.close is forced.
std::vector<std::string> CompletionLines(const Session& session, int64_t step, std::span<const size_t> problems,
                                         const Groups& groups, const Paid& paid);

// "step 3/30  reward …" of a step's metrics, `step` counted from 1; what they lack is printed as "–".
std::string StepLine(int64_t step, int64_t steps, const Metrics& metrics);

}  // namespace pith
