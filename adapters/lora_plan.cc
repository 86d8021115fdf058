#include "adapters/lora_plan.h"

#include <algorithm>
#include <set>

#include "adapters/lora_names.h"
#include "base/error.h"

namespace pith {
namespace {

bool Names(const std::vector<std::string>& targets, int kind) {
  return std::find(targets.begin(), targets.end(), kLinearKinds[kind].target) != targets.end();
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

std::string ShownTargets(const ModelConfig& config) {
  const std::vector<int> kinds = ModuleKinds(config);
  std::string shown;
  for (size_t i = 0; i < kinds.size(); ++i) {
    shown += Str(i == 0 ? "" : i + 1 == kinds.size() ? " or " : ", ", kLinearKinds[kinds[i]].target);
  }
  return shown;
}

std::vector<int> TargetModules(const std::vector<std::string>& targets, const ModelConfig& config) {
  std::vector<int> modules;
  std::vector<std::string> used;
  for (const int module : ModuleKinds(config)) {
    std::vector<std::string> named, members;
    for (int kind = 0; kind < kNumLinearKinds; ++kind) {
      if (module == kind || ModuleOf(config, kind).module != module) continue;
      members.push_back(kLinearKinds[kind].target);
      if (Names(targets, kind)) named.push_back(members.back());
    }
    if (!named.empty() && named.size() < members.size() && !Names(targets, module)) {
      ThrowUser("adapter.targets names ", named.front(), ", which this base keeps in ", kLinearKinds[module].target, "; name that, or all of its parts");
    }
    if (Names(targets, module) || !named.empty()) modules.push_back(module);
    used.insert(used.end(), named.begin(), named.end());
    used.push_back(kLinearKinds[module].target);
  }
  for (const std::string& target : targets) {
    if (std::find(used.begin(), used.end(), target) == used.end()) ThrowUser("adapter.targets names '", target, "', which this base does not have; expected ", ShownTargets(config));
  }
  return modules;
}

std::map<std::string, PlannedPair> PlanPairs(const LoraPlan& plan, const ModelConfig& config) {
  std::map<std::string, PlannedPair> pairs;
  std::set<std::string> used_ranks, used_alphas;
  for (const int kind : TargetModules(plan.targets, config)) {
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
