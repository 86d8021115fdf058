// Where a PEFT folder's adapter acts: of the modules that have tensors, those that adapter_config.json names.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace pith {

// As in adapter_config.json. A pattern is a regular expression of Python's `re` over a module's whole name, which can be read (module_pattern.h).
struct PeftTargets {
  std::optional<std::vector<std::string>> names;  // target_modules as a list; nothing, or without names: any module
  std::string pattern;                            // target_modules as a pattern; empty: none, or all-linear
  std::vector<std::string> excluded;              // exclude_modules, the same
  std::string excluded_pattern;
  std::optional<std::vector<int64_t>> layers;     // layers_to_transform; nothing: all
  std::vector<std::string> layers_patterns;       // layers_pattern, as patterns: names whose number is a layer's; empty: any
};

// Removes from `places` (layer, kind: of the modules that have tensors in the file `path`; not empty) those where PEFT would make no module, and so
// leave the tensors unused, with a warning that counts them. As in PEFT, a name is the end of a module's name, what is named but has no tensors
// stays bare, with a warning; UserError when nothing is left: one list may serve models of several kinds.
void KeepTargets(const PeftTargets& targets, const std::string& path, std::set<std::pair<int64_t, int>>* places);

}  // namespace pith
