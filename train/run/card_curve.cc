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

std::vector<CardSource> SourceFigures(const TrainConfig& config, std::span<const MetricsLine> lines) {
  constexpr int kSteps = 10;
  std::vector<CardSource> sources;
  double weights = 0;
  for (const DataSource& source : config.data.sources) weights += source.weight;
  for (const DataSource& source : config.data.sources) {
    CardSource out;
    out.name = SourceName(source);
    out.dataset = std::filesystem::path(source.dataset).filename().string();
    out.share = source.weight / weights;
    const auto mean = [&](const std::string& metric) -> std::optional<double> {
      double sum = 0;
      int n = 0;
      for (auto line = lines.rbegin(); line != lines.rend() && n < kSteps; ++line) {
        if (const auto value = FindMetric(line->metrics, metric)) sum += *value, ++n;
      }
      return n > 0 ? std::optional<double>(sum / n) : std::nullopt;
    };
    out.loss = mean("loss/" + out.name);
    out.reward = mean("source/" + out.name + "/reward");
    out.accuracy = mean("source/" + out.name + "/accuracy");
    out.mean_tokens = mean("source/" + out.name + "/mean_length");
    sources.push_back(std::move(out));
  }
  return sources;
}

}  // namespace pith
