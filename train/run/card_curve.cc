#include "train/run/card_curve.h"

#include <filesystem>
#include <string>

#include "configs/data_sources.h"

namespace pith {

std::vector<CardPoint> EvaluatedPoints(const TrainConfig& config, std::span<const MetricsLine> lines) {
  std::vector<CardPoint> points;
  if (config.eval.every == 0) return points;
  const std::string dataset = std::filesystem::path(EvaluatedData(config).dataset).filename().string();
  for (const MetricsLine& line : lines) {
    for (const int64_t budget : config.eval.budgets) {
      const std::string name = budget > 0 ? std::to_string(budget) : "none";
      const std::string prefix = config.eval.budgets.size() > 1 ? "eval/" + name + "/" : "eval/";
      const auto accuracy = FindMetric(line.metrics, prefix + "accuracy"), tokens = FindMetric(line.metrics, prefix + "mean_tokens");
      if (!accuracy || !tokens) continue;
      CardPoint point;
      point.from = "training";
      point.step = line.step;
      point.dataset = dataset;
      point.budget_tokens = budget;
      point.chains = config.eval.chains;
      point.accuracy = *accuracy;
      point.accuracy_lenient = FindMetric(line.metrics, prefix + "accuracy_lenient").value_or(*accuracy);
      point.mean_tokens = *tokens;
      points.push_back(point);
    }
  }
  return points;
}

}  // namespace pith
