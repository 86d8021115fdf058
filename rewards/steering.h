// What of the reward moves while a run goes on: the controller's weight and LASER-D's targets, with their state in one text.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "configs/train_config.h"
#include "rewards/controller.h"
#include "rewards/length_targets.h"
#include "rewards/reward.h"

namespace pith {

class RewardSteering {
 public:
  explicit RewardSteering(const TrainConfig& config);
  // What the next step is paid by.
  RewardState state() const;
  // After a step. right is under the paid reading.
  void Observe(std::span<const GroupOutcome> groups);
  // The values that the *next* step is paid by: "controller/weight", "controller/mean", "laser_d/easy_tokens", …; only of what
  // the configuration has.
  std::vector<std::pair<std::string, double>> Metrics() const;

  // JSON text. Load throws UserError for a text that is none of Save's, or lacks a part that the configuration has.
  std::string Save() const;
  void Load(const std::string& text);

 private:
  bool controls_;
  LengthController controller_;
  std::optional<LaserTargets> laser_;
};

}  // namespace pith
