// Rules between the settings of the adapter.
#pragma once

#include "configs/field_table.h"
#include "configs/train_config.h"

namespace pith {

// What kinds of adapter go with what (docs/adapters.md). Appends to `problems`.
void CheckAdapterRules(const TrainConfig& config, Problems* problems);

}  // namespace pith
