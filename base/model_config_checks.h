// What both readers of a model's description (model_config_gguf.cc, model_config_hf.cc) hold it against.
#pragma once

#include <cstdint>
#include <string>

#include "base/model_config.h"

namespace pith {

// UserErrors naming `path`.
void CheckModelConfig(const std::string& path, const ModelConfig& config);
// The head size of a model that gives none.
int64_t HeadDimFor(const std::string& path, int64_t d_model, int64_t num_heads);
[[noreturn]] void RefuseOption(const std::string& path, const std::string& option, const std::string& value);

}  // namespace pith
