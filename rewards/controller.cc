#include "rewards/controller.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace pith {

LengthController::LengthController(const ControllerSettings& settings) : settings_(settings) {
  if (settings.enabled()) weight_ = std::clamp(settings.start_weight, settings.min_weight, settings.max_weight);
}

void LengthController::Observe(double mean_tokens, double accuracy) {
  if (!settings_.enabled()) return;
  const bool by_length = settings_.target_tokens > 0;
  const double value = by_length ? mean_tokens : accuracy;
  mean_ = seen_ ? settings_.ema * mean_ + (1.0 - settings_.ema) * value : value;
  seen_ = true;
  const double goal = by_length ? static_cast<double>(settings_.target_tokens) : settings_.accuracy_floor;
  const double error = (mean_ - goal) / (by_length ? goal : 1.0 - goal);
  weight_ = std::clamp(weight_ + settings_.gain * error, settings_.min_weight, settings_.max_weight);
}

std::string LengthController::Save() const {
  return nlohmann::json{{"weight", weight_}, {"mean", mean_}, {"seen", seen_}}.dump();  // shortest form that reads back the same
}

void LengthController::Load(const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    const auto weight = json.at("weight").get<double>(), mean = json.at("mean").get<double>();
    const bool seen = json.at("seen").get<bool>();
    if (!std::isfinite(weight) || !std::isfinite(mean)) ThrowUser("the state of the controller is damaged");
    weight_ = weight;
    mean_ = mean;
    seen_ = seen;
  } catch (const nlohmann::json::exception& e) {
    ThrowUser("the state of the controller cannot be read: ", e.what());
  }
}

}  // namespace pith
