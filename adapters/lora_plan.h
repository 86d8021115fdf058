// Which pairs a configured adapter has: the targets, and the rank and alpha of each weight.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "adapters/module_pattern.h"
#include "base/model/base_model.h"

namespace pith {

struct LoraPlan {
  std::vector<std::string> targets;  // "q_proj", …
  int64_t rank = 0;
  double alpha = 0;
  ModulePatterns<int64_t> rank_pattern;
  ModulePatterns<double> alpha_pattern;
};

struct PlannedPair {
  int64_t rank = 0;
  double alpha = 0;
};

// What `targets` may name for this base: "q_proj, k_proj, … or down_proj".
std::string ShownTargets(const ModelConfig& config);

// The modules (ModuleKinds) that `targets` name, in their order: each by its own name, a fused one also by those of all its parts. UserError for
// others.
std::vector<int> TargetModules(const std::vector<std::string>& targets, const ModelConfig& config);

// By GGUF weight name. UserError for an unknown target, and for a pattern that decides over none of the adapter's modules (since it
// would be ignored).
std::map<std::string, PlannedPair> PlanPairs(const LoraPlan& plan, const ModelConfig& config);

}  // namespace pith
