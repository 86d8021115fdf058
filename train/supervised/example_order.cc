#include "train/supervised/example_order.h"

#include <cstdio>
#include <utility>

#include "base/error.h"
#include "configs/data_sources.h"
#include "train/session/mixture_of.h"
#include "train/supervised/sft.h"

namespace pith {

ExampleOrder::ExampleOrder(const TrainConfig& config, std::vector<size_t> source_of)
    : config_(config), source_of_(std::move(source_of)), examples_(NumSources(config.data)) {
  for (size_t i = 0; i < source_of_.size(); ++i) {
    PITH_CHECK(source_of_[i] < examples_.size(), source_of_[i], " of ", examples_.size());
    examples_[source_of_[i]].push_back(i);
  }
  if (config.data.sources.empty()) return;
  mixture_.emplace(MixtureOf(config.data, examples_), config.run.seed);
}

int64_t ExampleOrder::steps() const { return SftSteps(config_, source_of_.size()); }

std::vector<size_t> ExampleOrder::Batch(int64_t step) {
  if (!mixture_) return SftBatch(config_, source_of_.size(), step);
  std::vector<size_t> batch;
  for (const Mixture::Draw& draw : mixture_->Slots(step * config_.sft.batch_size, config_.sft.batch_size)) {
    batch.push_back(examples_[draw.source][static_cast<size_t>(draw.example)]);
  }
  return batch;
}

Metrics ExampleOrder::PerSource(std::span<const size_t> batch, std::span<const double> losses, std::span<const int64_t> tokens) const {
  PITH_CHECK(losses.size() == batch.size() && tokens.size() == batch.size(), batch.size(), losses.size(), tokens.size());
  Metrics metrics;
  if (!mixture_) return metrics;
  for (size_t s = 0; s < examples_.size(); ++s) {
    double examples = 0, loss = 0, count = 0;
    for (size_t i = 0; i < batch.size(); ++i) {
      if (source_of_[batch[i]] != s) continue;
      examples += 1;
      loss += losses[i];
      count += static_cast<double>(tokens[i]);
    }
    const std::string name = SourceName(config_.data.sources[s]);
    metrics.emplace_back("share/" + name, examples / static_cast<double>(batch.size()));
    if (count > 0) metrics.emplace_back("loss/" + name, loss / count);
  }
  return metrics;
}

std::string ExampleOrder::Describe() const {
  std::string text;
  if (!mixture_) return text;
  const double slots = static_cast<double>(steps()) * static_cast<double>(config_.sft.batch_size);
  for (size_t s = 0; s < examples_.size(); ++s) {
    const double share = mixture_->share(s);
    char numbers[120];
    std::snprintf(numbers, sizeof numbers, ": %zu examples, %.1f %% of all draws, so each is seen about %.2g times\n", examples_[s].size(),
                  100 * share, share * slots / static_cast<double>(examples_[s].size()));
    text += "  " + SourceName(config_.data.sources[s]) + numbers;
  }
  return text;
}

}  // namespace pith
