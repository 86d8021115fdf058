#include "train/run/best.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace pith {

bool Best::Beats(int64_t step, const Metrics& metrics) {
  const std::optional<double> value = metric_.empty() ? std::nullopt : FindMetric(metrics, metric_);
  if (!value || !std::isfinite(*value)) return false;
  if (step_ && !(lowest_ ? *value < value_ : *value > value_)) return false;
  step_ = judges_begin() ? step - 1 : step;
  value_ = *value;
  return true;
}

std::string Best::Save() const {
  nlohmann::ordered_json state = {{"metric", metric_}, {"mode", lowest_ ? "min" : "max"}};
  if (step_) state.update({{"step", *step_}, {"measured_in", judges_begin() ? *step_ + 1 : *step_}, {"value", value_}});
  return state.dump();
}

void Best::Load(const std::string& json) {
  const auto state = nlohmann::json::parse(json);
  step_.reset();
  if (state.at("metric") != metric_ || state.at("mode") != (lowest_ ? "min" : "max") || !state.contains("step")) return;
  const int64_t step = state["step"].get<int64_t>();
  if (judges_begin() && state.value("measured_in", step) == step) return;
  step_ = step;
  value_ = state.at("value").get<double>();
}

}  // namespace pith
