#include "train/run/plateau.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace pith {
namespace {

std::string WatchedMetric(const EvaluationSettings& eval) {
  if (!eval.watch.empty() || eval.budgets.empty()) return eval.watch;
  const int64_t first = eval.budgets.front();
  return eval.budgets.size() == 1 ? "eval/accuracy" : Str("eval/", first > 0 ? std::to_string(first) : "none", "/accuracy");
}

}  // namespace

Plateau::Plateau(const EvaluationSettings& settings)
    : metric_(WatchedMetric(settings)), lowest_(settings.watch_mode == "min"), min_delta_(settings.min_delta),
      patience_(settings.every > 0 ? settings.patience : 0) {}

std::string Plateau::Observe(int64_t step, Metrics* metrics) {
  const std::optional<double> value = enabled() ? FindMetric(*metrics, metric_) : std::nullopt;
  if (!value || !std::isfinite(*value)) return "";
  const bool better = !best_ || (lowest_ ? *best_ - *value : *value - *best_) > min_delta_;
  if (better) {
    best_ = value;
    best_step_ = step;
    waited_ = 0;
  } else {
    ++waited_;
  }
  metrics->emplace_back("eval/without_progress", static_cast<double>(waited_));
  if (waited_ < patience_) return "";
  return Str(metric_, " has not come ", lowest_ ? "below " : "above ", *best_, " of step ", best_step_, min_delta_ > 0 ? Str(" by more than ", min_delta_) : "", " in ",
             waited_, waited_ == 1 ? " evaluation" : " evaluations", " (eval.patience)");
}

std::string Plateau::Save() const {
  if (!enabled()) return "{}";
  nlohmann::ordered_json state = {{"metric", metric_}, {"mode", lowest_ ? "min" : "max"}, {"waited", waited_}};
  if (best_) state.update({{"best", *best_}, {"best_step", best_step_}});
  return state.dump();
}

void Plateau::Load(const std::string& json) {
  const auto state = nlohmann::json::parse(json);
  best_.reset();
  waited_ = best_step_ = 0;
  if (state.value("metric", "") != metric_ || state.value("mode", "") != (lowest_ ? "min" : "max") || !state.contains("best")) return;
  waited_ = state.at("waited").get<int64_t>();
  if (waited_ < 0) ThrowUser("plateau.waited is ", waited_, ", expected at least 0");
  best_ = state.at("best").get<double>();
  best_step_ = state.at("best_step").get<int64_t>();
}

}  // namespace pith
