// The decoder written as plainly as possible: what fusing is measured with.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "adapters/lora.h"
#include "base/model/base_model.h"

namespace pith {

// float32 logits (T × V) of `ids` (T of them, each in the vocabulary). Rows before `adapter_begin` are computed by the bare base, the
// rest with `adapter` (may be null; no DoRA): W x + s·B·(A x). Weights are dequantised a row at a time; memory is that of the activations.
std::vector<float> ReferenceLogits(const BaseModel& base, const LoraAdapter* adapter, int64_t adapter_begin,
                                   std::span<const int32_t> ids);

}  // namespace pith
