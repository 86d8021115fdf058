#include "adapters/lora_plan.h"

#include <set>

#include "adapters/lora_names.h"
#include "base/error.h"

namespace pith {
namespace {

int KindOf(const std::string& target) {
  for (int kind = 0; kind < kNumLinearKinds; ++kind) {
    if (target == kLinearKinds[kind].target) return kind;
  }
  ThrowUser("adapter.targets names '", target, "'; expected q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj or down_proj");
}

template <class T>
T Decide(const ModulePatterns<T>& patterns, T common, const std::string& module, std::set<std::string>* used) {
  for (const auto& [key, value] : patterns) {
    if (!MatchesModule(key, module)) continue;
    used->insert(key);
    return value;
  }
  return common;
}

template <class T>
void CheckUsed(const char* setting, const ModulePatterns<T>& patterns, const std::set<std::string>& used) {
  for (const auto& [key, value] : patterns) {
    if (used.count(key) != 0) continue;
    ThrowUser(setting, " has the key '", key, "', which decides over no layer of the adapter: it matches none of adapter.targets (such as ",
              ModuleName({0, 0}), "), or a key before it does; correct or remove it");
  }
}

}  // namespace

std::map<std::string, PlannedPair> PlanPairs(const LoraPlan& plan, const ModelConfig& config) {
  std::map<std::string, PlannedPair> pairs;
  std::set<std::string> used_ranks, used_alphas;
  for (const std::string& target : plan.targets) {
    const int kind = KindOf(target);
    for (int64_t layer = 0; layer < config.num_layers; ++layer) {
      const std::string module = ModuleName({layer, kind});
      pairs[WeightName({layer, kind})] = {Decide(plan.rank_pattern, plan.rank, module, &used_ranks),
                                          Decide(plan.alpha_pattern, plan.alpha, module, &used_alphas)};
    }
  }
  CheckUsed("adapter.rank_pattern", plan.rank_pattern, used_ranks);
  CheckUsed("adapter.alpha_pattern", plan.alpha_pattern, used_alphas);
  return pairs;
}

}  // namespace pith
