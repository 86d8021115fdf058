// What both readers of a model's description (families/from_gguf.cc, families/from_hf.cc) hold it against.
#pragma once

#include <cstdint>
#include <string>

#include "base/model/model_config.h"

namespace pith {

// UserErrors naming `path`.
void CheckModelSizes(const std::string& path, const ModelConfig& config);   // counts and widths alone
void CheckModelConfig(const std::string& path, const ModelConfig& config);  // of a finished description
// The head size of a model that gives none.
int64_t HeadDimFor(const std::string& path, int64_t d_model, int64_t num_heads);
[[noreturn]] void RefuseOption(const std::string& path, const std::string& option, const std::string& value);

}  // namespace pith
