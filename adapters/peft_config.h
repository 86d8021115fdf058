// adapter_config.json of a PEFT folder, and pith.json beside it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/lora.h"

namespace pith {

inline constexpr char kPeftConfigFile[] = "adapter_config.json";
inline constexpr char kPeftTensorFile[] = "adapter_model.safetensors";
inline constexpr char kPithFile[] = "pith.json";

struct PeftConfig {
  LoraAdapter adapter;                                // without pairs
  std::optional<std::vector<std::string>> targets;    // nothing when target_modules is a pattern
  bool all_layers = true;                             // no layers_to_transform
};

// UserError naming any setting that pith does not implement, known to it or not.
PeftConfig ReadPeftConfig(const std::string& folder);
void WritePeftConfig(const LoraAdapter& adapter, const std::vector<std::string>& targets, const std::string& folder);

}  // namespace pith
