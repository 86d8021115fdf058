#include "rewards/steering.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace pith {

RewardSteering::RewardSteering(const TrainConfig& config) : controls_(config.controller.enabled()), controller_(config.controller) {
  for (const RewardTerm& term : config.reward.plus) {
    if (term.kind != "laser_d") continue;
    const int64_t max = config.rollout.max_completion_tokens;
    LaserTargets::Options options;
    options.start_tokens = term.start_tokens > 0 ? term.start_tokens : max;
    options.max_tokens = max;
    options.grid_tokens = term.grid_tokens > 0 ? term.grid_tokens : std::max<int64_t>(1, max / 16);
    options.update_every = term.update_every;
    options.window_steps = term.window_steps;
    options.group_size = config.rl.group_size;
    laser_.emplace(options);
    break;
  }
}

RewardState RewardSteering::state() const {
  RewardState state;
  state.length_weight = controller_.weight();
  if (laser_) state.targets = laser_->targets();
  return state;
}

void RewardSteering::Observe(std::span<const GroupOutcome> groups) {
  double tokens = 0, right = 0, n = 0;
  for (const GroupOutcome& group : groups) {
    for (int64_t length : group.lengths) tokens += static_cast<double>(length);
    for (uint8_t r : group.right) right += r != 0;
    n += static_cast<double>(group.lengths.size());
  }
  if (n == 0) return;
  controller_.Observe(tokens / n, right / n);
  if (laser_) laser_->Observe(groups);
}

std::vector<std::pair<std::string, double>> RewardSteering::Metrics() const {
  std::vector<std::pair<std::string, double>> metrics;
  if (controls_) metrics = {{"controller/weight", controller_.weight()}, {"controller/mean", controller_.mean()}};
  if (laser_) {
    const char* const names[kNumDifficulties] = {"laser_d/easy_tokens", "laser_d/medium_tokens", "laser_d/hard_tokens"};
    for (int d = 0; d < kNumDifficulties; ++d) metrics.emplace_back(names[d], static_cast<double>(laser_->targets().tokens[d]));
  }
  return metrics;
}

std::string RewardSteering::Save() const {
  nlohmann::json json = nlohmann::json::object();
  if (controls_) json["controller"] = controller_.Save();
  if (laser_) json["laser_d"] = laser_->Save();
  return json.dump();
}

void RewardSteering::Load(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    if (controls_) controller_.Load(json.at("controller").get<std::string>());
    if (laser_) laser_->Load(json.at("laser_d").get<std::string>());
  } catch (const nlohmann::json::exception& e) {
    ThrowUser("the state of the reward cannot be read: ", e.what());
  }
}

}  // namespace pith
