// What a new adapter starts as.
#pragma once

#include <cstdint>

#include "adapters/lora.h"
#include "adapters/lora_plan.h"
#include "base/model/base_model.h"

namespace pith {

// A Kaiming-uniform, B zero: the base itself. UserErrors of PlanPairs.
LoraAdapter FreshAdapter(const ModelConfig& config, const LoraPlan& plan, bool rslora, uint64_t seed);

// Starts a fresh adapter from the principal part of the weights (PiSSA, Meng et al., arXiv 2404.02948, eq. 2 to 4): with
// W = U S Vᵀ, s·B₀·A₀ is the sum of its `rank` largest components, S shared out evenly; A₀ = √(S/s)·Vᵀ, B₀ = U·√(S/s). What is
// trained begins as the base to the last bit; every pair has twice the rank and alpha grows so that s stays (adapters/lora.h).
// UserError where a rank is larger than the weight has. Takes a decomposition per weight: 14 s of one core for the demo model.
void StartFromPrincipal(const BaseModel& base, LoraAdapter* adapter);

// Makes a fresh adapter a DoRA: m = ‖W‖ of each row, so that the start is the base.
void StartMagnitudes(const BaseModel& base, LoraAdapter* adapter);

}  // namespace pith
