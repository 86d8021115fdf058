// A mix of data sources, as the configuration describes it and the data turned out.
#pragma once

#include <cstddef>
#include <vector>

#include "configs/train_config.h"
#include "data/mixture.h"

namespace pith {

// examples[s]: what there is of data.sources[s], of which the mixture's draws are places.
std::vector<MixtureSource> MixtureOf(const DataSettings& data, const std::vector<std::vector<size_t>>& examples);

}  // namespace pith
