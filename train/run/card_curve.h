// What the metrics tell of a run, for its adapter's card: accuracy against length while it was trained, and the sources of a mix.
#pragma once

#include <span>
#include <vector>

#include "adapters/card.h"
#include "configs/train_config.h"
#include "train/run/metrics.h"

namespace pith {

// A point per evaluation and budget that the metrics tell of, in their order.
std::vector<CardPoint> EvaluatedPoints(const TrainConfig& config, std::span<const MetricsLine> lines);

// The sources of a mix, each with the means of what its last ten steps measured of it, or fewer where there were fewer. Without a
// mix: nothing.
std::vector<CardSource> SourceFigures(const TrainConfig& config, std::span<const MetricsLine> lines);

}  // namespace pith
