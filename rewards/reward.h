// The reward of a completion:  correct × Π times + Σ weight × plus.
//
// `plus` terms touch correct answers only, unless they say always: an additive length penalty on wrong answers makes short
// wrong answers win, so that is warned about when the reward is made.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "configs/train_config.h"
#include "rewards/answer.h"
#include "rewards/budget.h"

namespace pith {

struct RewardInput {
  std::string_view gold;        // Problem::answer
  std::string_view response;    // decoded completion, without the end-of-turn token
  int64_t length_tokens = 0;    // L, as rewards/budget.h counts it
};

struct RewardResult {
  double reward = 0;
  double correct = 0;           // 0 or 1, under the configured reading
  bool correct_strict = false, correct_lenient = false;
  std::vector<double> terms;    // value of each times, then each plus term (before its weight)
};

Budget MakeBudget(const BudgetSettings& settings);

// A truncated completion is judged as it stands: an answer that it did give counts, and its length is what was sampled.
// The format term is 1 when the response ends with its only marked answer ("#### x" or a box), else 0.
// Immutable; thread-safe.
class RewardFunction {
 public:
  // Throws UserError for a term that cannot be made; warns as said above.
  RewardFunction(const RewardSettings& settings, const Budget& budget);
  RewardResult operator()(const RewardInput& input) const;
  // The kinds in the order of RewardResult::terms; a repeated kind gets "_2", "_3", ….
  const std::vector<std::string>& term_names() const { return names_; }

 private:
  RewardSettings settings_;
  Budget budget_;
  std::vector<std::string> names_;
};

}  // namespace pith
