// adapter_config.json of a PEFT folder, and pith.json beside it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "adapters/lora.h"
#include "adapters/module_pattern.h"

namespace pith {

inline constexpr char kPeftConfigFile[] = "adapter_config.json";
inline constexpr char kPeftTensorFile[] = "adapter_model.safetensors";
inline constexpr char kPithFile[] = "pith.json";

struct PeftConfig {
  LoraAdapter adapter;                                // without pairs
  bool pissa = false;                                 // pith.json names a start, which lies in a file beside it
  ModulePatterns<int64_t> rank_pattern;
  ModulePatterns<double> alpha_pattern;
  std::optional<std::vector<std::string>> targets;    // nothing when target_modules is a pattern
  bool all_layers = true;                             // no layers_to_transform
};

// UserError naming a setting that pith does not implement; one that it does not know is warned about.
PeftConfig ReadPeftConfig(const std::string& folder);
// Of `config`: adapter, targets, pissa and the patterns.
void WritePeftConfig(const PeftConfig& config, const std::string& folder);

}  // namespace pith
