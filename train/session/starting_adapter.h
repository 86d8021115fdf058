// The adapter that a run starts from: a fresh one, an earlier run's that is trained on, or one that stays as it is.
#pragma once

#include <cstdint>
#include <vector>

#include "adapters/lora.h"
#include "base/model/base_model.h"
#include "configs/train_config.h"

namespace pith {

// What is trained: `fresh`, or read from init_adapter, which must be what the configuration describes, layer by layer, of this base and act from this
// invocation. UserError, which names what differs and the setting to change, where it is not. It carries what the run will make of it: base, budget, dropout; no
// proof and no heads, which were of other tensors.
LoraAdapter StartingAdapter(const TrainConfig& config, const BaseModel& base, const std::vector<int32_t>& invocation, bool fresh);

// The adapter whose answers a head is fitted to (stages verifier and switcher), as it is, but for the head that is fitted anew. UserError: of another base or
// shape, or a DoRA, which has no file of its own.
LoraAdapter ReadTrained(const TrainConfig& config, const BaseModel& base);

}  // namespace pith
