#include "adapters/peft_targets.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "adapters/lora_names.h"
#include "adapters/module_pattern.h"
#include "adapters/peft_config.h"
#include "base/error.h"
#include "base/log.h"

namespace pith {
namespace {

using Places = std::set<std::pair<int64_t, int>>;
using NameSet = std::unordered_set<std::string>;

// Targets for which there are no tensors.
void CheckNames(const PeftTargets& all, const std::string& path, const Places& places) {
  if (!all.names || all.names->empty()) return;
  struct Named {
    bool found = false;
    std::vector<LinearPlace> missing;
  };
  std::unordered_map<std::string, Named> ends;  // of the names of all modules up to the highest layer
  const int64_t num_layers = places.rbegin()->first + 1;
  for (int64_t layer = 0; layer < num_layers; ++layer) {
    for (int kind = 0; kind < kNumModuleKinds; ++kind) {
      const bool has = places.count({layer, kind}) != 0;
      std::string end = ModuleName({layer, kind});
      while (true) {
        Named& named = ends[end];
        named.found |= has;
        if (!has) named.missing.push_back({layer, kind});
        const size_t dot = end.find('.');
        if (dot == std::string::npos) break;
        end.erase(0, dot + 1);
      }
    }
  }
  const std::set<std::string> targets(all.names->begin(), all.names->end());
  std::string absent;
  size_t num_absent = 0;
  Places missing;
  for (const std::string& target : targets) {
    const auto named = ends.find(target);
    if (named == ends.end() || !named->second.found) {
      absent += (num_absent++ == 0 ? "" : ", ") + target;
    } else if (!all.layers && all.excluded.empty() && all.excluded_pattern.empty()) {
      for (const LinearPlace& place : named->second.missing) missing.insert({place.layer, place.kind});
    }
  }
  if (num_absent == targets.size()) {
    ThrowUser("'", path, "' has no tensors for any of target_modules in ", kPeftConfigFile, " (", absent, "); the two are of different adapters");
  }
  if (num_absent > 0) {
    LogWarning(Str("'", path, "' has no tensors for ", absent, " of target_modules in ", kPeftConfigFile, "; the adapter acts on the others alone"));
  }
  if (!missing.empty()) {
    LogWarning(Str("'", path, "' lacks tensors for ", missing.size(), " of the modules that target_modules in ", kPeftConfigFile, " names, such as ",
                   ModuleName({missing.begin()->first, missing.begin()->second}), "; the base acts alone there"));
  }
}

// Whether one of `names` is `module`, or its end behind a dot.
bool NamesEndOf(const std::string& module, const NameSet& names) {
  std::string end = module;
  while (names.count(end) == 0) {
    const size_t dot = end.find('.');
    if (dot == std::string::npos) return false;
    end.erase(0, dot + 1);
  }
  return true;
}

// Whether the number in a module's name is a layer's: the same for all of them.
bool NumbersLayers(const PeftTargets& targets) {
  const std::string module = ModuleName({0, 0});
  return targets.layers_patterns.empty() || std::any_of(targets.layers_patterns.begin(), targets.layers_patterns.end(), [&](const std::string& pattern) {
           return MatchesWholeModule(pattern, module);
         });
}

// The rules of PEFT 0.17 and later, in their order; empty where the module is taken, else the setting that leaves it out. Layers are asked for
// only of modules that are named by their end.
class Selection {
 public:
  explicit Selection(const PeftTargets& targets)
      : targets_(targets),
        names_(targets.names ? NameSet(targets.names->begin(), targets.names->end()) : NameSet()),
        excluded_(targets.excluded.begin(), targets.excluded.end()),
        layers_(targets.layers && NumbersLayers(targets) ? std::set<int64_t>(targets.layers->begin(), targets.layers->end()) : std::set<int64_t>()) {}

  std::string LeftOutBy(const LinearPlace& place) const {
    const std::string module = ModuleName(place);
    if (NamesEndOf(module, excluded_)) return "exclude_modules";
    if (!targets_.excluded_pattern.empty() && MatchesWholeModule(targets_.excluded_pattern, module)) return "exclude_modules";
    if (!targets_.pattern.empty()) return MatchesWholeModule(targets_.pattern, module) ? "" : "target_modules";
    if (names_.count(module) != 0) return "";
    if (!names_.empty() && !NamesEndOf(module, names_)) return "target_modules";
    if (targets_.layers && layers_.count(place.layer) == 0) return "layers_to_transform";
    return "";
  }

 private:
  const PeftTargets& targets_;
  const NameSet names_, excluded_;
  const std::set<int64_t> layers_;
};

}  // namespace

void KeepTargets(const PeftTargets& targets, const std::string& path, std::set<std::pair<int64_t, int>>* places) {
  CheckNames(targets, path, *places);
  const Selection selection(targets);
  size_t num_left_out = 0;
  std::string example;
  std::set<std::string> settings;
  for (auto at = places->begin(); at != places->end();) {
    const LinearPlace place{at->first, at->second};
    const std::string setting = selection.LeftOutBy(place);
    if (setting.empty()) {
      ++at;
      continue;
    }
    if (num_left_out++ == 0) example = ModuleName(place);
    settings.insert(setting);
    at = places->erase(at);
  }
  if (num_left_out == 0) return;
  std::string named;
  for (const std::string& setting : settings) named += (named.empty() ? "" : " and ") + setting;
  const std::string what = Str(named, " in ", kPeftConfigFile, settings.size() == 1 ? " leaves" : " leave", " out, such as ", example);
  if (places->empty()) ThrowUser("'", path, "' has tensors for no modules but those that ", what, "; the two are of different adapters");
  LogWarning(Str("'", path, "' has tensors for ", num_left_out, num_left_out == 1 ? " module" : " modules", " that ", what,
                 "; as in PEFT, they are not used"));
}

}  // namespace pith
