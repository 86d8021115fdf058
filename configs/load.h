// From a YAML file (and --set key=value) to a TrainConfig, and back.
#pragma once

#include <string>
#include <vector>

#include "configs/train_config.h"

namespace pith {

// Reads `path`, applies `overrides` ("rl.steps=5"; a value is parsed as YAML), checks every rule within and between
// fields. Throws one UserError that lists all problems, a line each: "file.yaml:12: rl.clip_epsilon_hihg: unknown key;
// did you mean clip_epsilon_high?".
TrainConfig LoadTrainConfig(const std::string& path, const std::vector<std::string>& overrides = {});

// The whole configuration as YAML that loads back to the same values.
std::string DumpTrainConfig(const TrainConfig& config);

// docs/config-reference.md: a table per section (key, default, unit, meaning, rule).
std::string ConfigReference();

}  // namespace pith
