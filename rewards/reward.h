// The reward of a completion, as a function of its group:  outcome × Π times + Σ weight × plus.
//
// The outcome is what a verifier gives (rewards/verifier.h): 1 for a right answer, 0 for most others, and what a judge of the user's
// pays in between. Both lists touch right answers only: where length changed the pay of wrong ones, short wrong answers would win. A
// plus: term that says always does, which is warned about when the reward is made.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "configs/train_config.h"
#include "rewards/budget.h"
#include "rewards/length_terms.h"
#include "rewards/verifiers.h"

namespace pith {

struct RewardInput {
  std::string_view gold;        // Problem::answer
  std::string_view response;    // decoded completion, without the end-of-turn token
  int64_t length_tokens = 0;    // L, as rewards/budget.h counts it
  bool truncated = false;       // cut off before its end
  std::optional<int64_t> budget_tokens = {};  // B of its prompt (0: none); unset: the budget that the reward was made with
  std::span<const int32_t> tokens = {};       // as they were sampled: the term `spread` reads nothing else
};

struct RewardResult {
  double reward = 0;            // outcome + shaping: what the policy is paid
  double outcome = 0;           // the score under the paid reading, in [0, 1]: is it right. Filters, curriculum and alarms read this
  double shaping = 0;           // what the terms add to it or take
  bool right = false;           // whether the outcome counts as solved (Judgement::right)
  bool failed = false;          // the verifier could not say: nothing is known, nothing is learned from it
  Judgements judged;            // both readings
  std::vector<double> terms;    // value of each times, then each plus term (before its weight); 0 where the verifier failed
};

// What moves while a run goes on (rewards/steering.h).
struct RewardState {
  // λ: a times: term w of length counts as max(0, 1 − λ(1 − w)), a plus: term's weight is multiplied by λ. 1 changes nothing.
  double length_weight = 1.0;
  LengthTargets targets;        // of laser_d; 0: its start_tokens
};

Budget MakeBudget(const BudgetSettings& settings);

// A truncated completion is judged as it stands: an answer that it did give counts, and its length is what was sampled (a
// truncation term takes all its pay). The format term is 1 when the response ends with its only marked answer ("#### x" or a
// box), else 0. Immutable; thread-safe.
class RewardFunction {
 public:
  // Throws UserError for a term that cannot be made; warns as said above. `max_completion_tokens` is what a term's 0 tokens
  // stand for; 0: such a term cannot be made.
  RewardFunction(const RewardSettings& settings, const Budget& budget, int64_t max_completion_tokens = 0);
  // One result per completion of a group: the samples of one problem under one prompt, judged as said. A completion that the verifier
  // failed on is no part of the group.
  std::vector<RewardResult> operator()(std::span<const RewardInput> group, std::span<const Judgements> judged, const RewardState& state = {}) const;
  // A group of mathematics, judged here.
  std::vector<RewardResult> operator()(std::span<const RewardInput> group, const RewardState& state = {}) const;
  RewardResult operator()(const RewardInput& input) const;
  // The kinds in the order of RewardResult::terms; a repeated kind gets "_2", "_3", ….
  const std::vector<std::string>& term_names() const { return names_; }

 private:
  RewardSettings settings_;
  Budget budget_;
  std::vector<std::string> names_;
};

}  // namespace pith
