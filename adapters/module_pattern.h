// PEFT's keys of rank_pattern and alpha_pattern: regular expressions over module names.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pith {

// In the order of the file: the first key that matches counts.
template <class T>
using ModulePatterns = std::vector<std::pair<std::string, T>>;

// Whether `key` names `module` ("model.layers.3.mlp.down_proj") as PEFT understands it: the key, a regular expression of
// Python's `re`, fits the whole name or all of it behind one of its dots. So `down_proj` is every layer's,
// `layers.3.mlp.down_proj` is one, `layers\.[0-3]\..*` is all of four layers.
//
// `\b` and `\B` included. UserError, naming the key, where it is not a regular expression or uses what is not implemented: look-around,
// back-references, named groups, flags. Time grows with the length of the key alone, whatever it says.
bool MatchesModule(const std::string& key, std::string_view module);
// Whether it fits all of `module`, as PEFT has it with target_modules and exclude_modules. UserErrors as above.
bool MatchesWholeModule(const std::string& key, std::string_view module);

// The value of the first key that matches, or null.
template <class T>
const T* FindPattern(const ModulePatterns<T>& patterns, std::string_view module) {
  for (const auto& [key, value] : patterns) {
    if (MatchesModule(key, module)) return &value;
  }
  return nullptr;
}

}  // namespace pith
