// The engine that phones run, as configurations describe it: what heads are fitted on is what the phone will see.
#pragma once

#include "base/tensor_view.h"
#include "configs/train_config.h"
#include "runtime/engine.h"

namespace pith {

// check.type and its kin; they have been checked.
TensorType HeadTypeOf(const std::string& name);
// Threads, activations and the type of keys and values; the room is the caller's.
EngineOptions PhoneEngine(const HeadSettings& settings, int threads);

}  // namespace pith
