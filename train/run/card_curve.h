// Accuracy against length while an adapter was trained, for its card.
#pragma once

#include <span>
#include <vector>

#include "adapters/card.h"
#include "configs/train_config.h"
#include "train/run/metrics.h"

namespace pith {

// A point per evaluation and budget that the metrics tell of, in their order.
std::vector<CardPoint> EvaluatedPoints(const TrainConfig& config, std::span<const MetricsLine> lines);

}  // namespace pith
