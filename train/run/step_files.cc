#include "train/run/step_files.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace pith {

namespace fs = std::filesystem;

std::optional<int64_t> StepOf(const std::string& name, const std::string& suffix) {
  constexpr std::string_view kPrefix = "step-";
  if (!name.starts_with(kPrefix) || !name.ends_with(suffix) || name.size() <= kPrefix.size() + suffix.size()) return std::nullopt;
  const std::string digits = name.substr(kPrefix.size(), name.size() - kPrefix.size() - suffix.size());
  if (digits.size() > 12 || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoll(digits);
}

std::vector<int64_t> StepsIn(const std::string& folder, const std::string& suffix) {
  std::vector<int64_t> steps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (const auto step = StepOf(entry.path().filename().string(), suffix)) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

void RemoveWhole(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) ThrowUser("cannot remove '", path, "': ", error.message());
}

void RemoveSteps(const std::string& folder, const std::string& suffix, const std::function<bool(const std::string& name)>& more) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, error)) names.push_back(entry.path().filename().string());
  for (const std::string& name : names) {
    if (StepOf(name, suffix) || more(name)) RemoveWhole(folder + "/" + name);
  }
  fs::remove(folder, error);
}

}  // namespace pith
