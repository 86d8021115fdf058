// From a YAML file (and --set key=value) to a TrainConfig, and back.
#pragma once

#include <string>
#include <vector>

#include "configs/train_config.h"

namespace pith {

// Reads `path` over what it extends (configs/layers.h), applies `overrides` ("rl.steps=5"; a value is parsed as YAML), checks every
// rule within and between fields; an empty run.folder becomes runs/<name>. Throws one UserError that lists all problems, a line each:
// "file.yaml:12: rl.clip_epsilon_hihg: unknown key; did you mean clip_epsilon_high?". A key that would have no effect
// (a section of another stage, a field of another data set or kind of reward term) is a problem too.
TrainConfig LoadTrainConfig(const std::string& path, const std::vector<std::string>& overrides = {});

// The resolved configuration as YAML that loads back to the same values: every key that has an effect.
std::string DumpTrainConfig(const TrainConfig& config);

// docs/config-reference.md: a table per section (key, default, unit, meaning, rule).
std::string ConfigReference();

// A line per key for --help: "rl.steps (integer, default 30): Rounds of sampling and learning."
std::string ConfigKeys();

}  // namespace pith
