// adapter_config.json of a PEFT folder, and pith.json beside it.
#pragma once

#include <cstdint>
#include <string>

#include "adapters/lora.h"
#include "adapters/module_pattern.h"
#include "adapters/peft_targets.h"

namespace pith {

inline constexpr char kPeftConfigFile[] = "adapter_config.json";
inline constexpr char kPeftTensorFile[] = "adapter_model.safetensors";
inline constexpr char kPithFile[] = "pith.json";

struct PeftConfig {
  LoraAdapter adapter;                                // without pairs
  bool pissa = false;                                 // pith.json names a start, which lies in a file beside it
  ModulePatterns<int64_t> rank_pattern;
  ModulePatterns<double> alpha_pattern;
  PeftTargets targets;
};

// UserError naming a setting that pith does not implement; one that it does not know, and a pattern of targets that it cannot read, is warned about.
PeftConfig ReadPeftConfig(const std::string& folder);
// Of `config`: adapter, targets.names, pissa and the patterns.
void WritePeftConfig(const PeftConfig& config, const std::string& folder);

}  // namespace pith
