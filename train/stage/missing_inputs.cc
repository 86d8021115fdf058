#include "train/stage/missing_inputs.h"

#include "base/error.h"
#include "base/file.h"
#include "configs/data_sources.h"

namespace pith {

std::vector<MissingInput> FindMissingInputs(const TrainConfig& config) {
  std::vector<MissingInput> missing;
  const auto look = [&](const std::string& key, const std::string& path) {
    if (!path.empty() && !FileExists(path) && !IsFolder(path)) missing.push_back({key, path});
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
    if (config.distill.teacher != "demo") look("distill.teacher", config.distill.teacher);
    look("distill.teacher_adapter", config.distill.teacher_adapter);
  }
  return missing;
}

}  // namespace pith
