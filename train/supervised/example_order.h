// Which examples each step learns from, for stages that train on given responses: all of one data set in epochs, or a weighted
// mix of sources. A function of the seed and the step, so a resumed run needs nothing of it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/train_config.h"
#include "data/mixture.h"
#include "train/run/metrics.h"

namespace pith {

class ExampleOrder {
 public:
  // source_of: the source of each example, its index in config.data.sources (0 without a mix). Every source has an example.
  // `config` must outlive this.
  ExampleOrder(const TrainConfig& config, std::vector<size_t> source_of);

  // sft.epochs times the steps that all examples fill, sft.batch_size to a step; which of them a mix takes is left to the weights.
  int64_t steps() const;
  // The examples of step `step` (from 0). Without a mix SftBatch(); of a mix always sft.batch_size. Not thread-safe.
  std::vector<size_t> Batch(int64_t step);

  // Of a mix, for each source: share/NAME, its part of the batch, and loss/NAME, the mean over its tokens, where it has some.
  // losses and tokens belong to the examples of `batch`, a loss being the sum over its tokens.
  Metrics PerSource(std::span<const size_t> batch, std::span<const double> losses, std::span<const int64_t> tokens) const;
  // Of a mix, a line for people on each source.
  std::string Describe() const;

 private:
  const TrainConfig& config_;
  std::vector<size_t> source_of_;
  std::vector<std::vector<size_t>> examples_;  // by source
  std::optional<Mixture> mixture_;
};

}  // namespace pith
