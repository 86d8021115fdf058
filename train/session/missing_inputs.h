// What a run reads that an earlier run makes. A pipeline of stages can be looked at before its first one has run.
#pragma once

#include <string>
#include <vector>

#include "configs/train_config.h"

namespace pith {

struct MissingInput {
  std::string key;   // of the configuration: "init_adapter"
  std::string path;
};

// Those that are not there: init_adapter, the files among the data sets, the teacher and its adapter.
std::vector<MissingInput> FindMissingInputs(const TrainConfig& config);

}  // namespace pith
