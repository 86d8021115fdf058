#include "train/session/missing_inputs.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hub_cache.h"
#include "configs/data_sources.h"

namespace pith {
namespace {

bool IsThere(const std::string& path) { return FileExists(path) || IsFolder(path); }

// By any of the names that ResolveModelPath() takes.
bool HasModel(const std::string& name) {
  const auto hub = ParseHubName(name);
  return name == "demo" || IsThere(ExpandHome(name)) || (hub && InHubCache(*hub));
}

}  // namespace

std::vector<MissingInput> FindMissingInputs(const TrainConfig& config) {
  std::vector<MissingInput> missing;
  const auto look = [&](const std::string& key, const std::string& path) {
    if (!path.empty() && !IsThere(path)) missing.push_back({key, path});
  };
  const auto look_for_data = [&](const std::string& key, const std::string& dataset) {
    if (dataset.ends_with(".jsonl")) look(key, dataset);
  };
  look("init_adapter", config.run.init_adapter);
  for (size_t s = 0; s < NumSources(config.data); ++s) {
    look_for_data(config.data.sources.empty() ? "data.dataset" : Str("data.sources[", s, "].dataset"), SourceSettings(config.data, s).dataset);
  }
  if (config.eval.every > 0) look_for_data("eval.dataset", EvaluatedData(config).dataset);
  if (config.run.stage == "distill") {
    if (!HasModel(config.distill.teacher)) missing.push_back({"distill.teacher", config.distill.teacher});
    look("distill.teacher_adapter", config.distill.teacher_adapter);
  }
  return missing;
}

}  // namespace pith
