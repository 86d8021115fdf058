// Names that carry a step: "step-12", "step-12.jsonl".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pith {

// The number in "step-N" + suffix; nothing for other names.
std::optional<int64_t> StepOf(const std::string& name, const std::string& suffix);
// The steps of such names in `folder`, rising; empty where it does not exist.
std::vector<int64_t> StepsIn(const std::string& folder, const std::string& suffix);
// A file or a folder with all in it. UserError where it stays.
void RemoveWhole(const std::string& path);
// All of `folder` that has such a name or that `more` says yes to, and the folder itself where nothing else is in it.
void RemoveSteps(const std::string& folder, const std::string& suffix, const std::function<bool(const std::string& name)>& more);

}  // namespace pith
