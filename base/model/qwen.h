// What Qwen2 and Qwen3 have in common.
#pragma once

#include "base/model/hf_fields.h"
#include "base/model/model_config.h"

namespace pith {

// As Qwen2Config and Qwen3Config of transformers: with use_sliding_window, the layers from max_window_layers on slide, where layer_types does not say which.
void ReadQwenWindows(const HfFields& config, ModelConfig* c);

}  // namespace pith
