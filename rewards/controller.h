// Adapts λ, the weight of the length terms (rewards/reward.h), to what a run is meant to hold.
//
//   target_tokens T:     λ ← clip(λ + gain · (L̄ − T)/T, min, max)          longer than T: more weight
//   accuracy_floor a:    λ ← clip(λ + gain · (Ā − a)/(1 − a), min, max)     as short as the floor allows
//
// L̄ and Ā are exponential means of the steps' mean length and accuracy: m ← ema·m + (1 − ema)·x, the first x itself. The second
// rule is dual ascent on "shortest, subject to accuracy ≥ a".
#pragma once

#include <string>

#include "configs/train_config.h"

namespace pith {

class LengthController {
 public:
  explicit LengthController(const ControllerSettings& settings);
  // λ of the next step; 1 for ever when the settings are off.
  double weight() const { return weight_; }
  // The exponential mean of what is controlled; 0 before the first step.
  double mean() const { return mean_; }
  // After a step: mean length of its completions, share of right ones under the paid reading.
  void Observe(double mean_tokens, double accuracy);

  // The state as JSON text; Load throws UserError for a text that is none of Save's.
  std::string Save() const;
  void Load(const std::string& text);

 private:
  ControllerSettings settings_;
  double weight_ = 1.0, mean_ = 0.0;
  bool seen_ = false;
};

}  // namespace pith
