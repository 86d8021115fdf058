// A run's folder: config.yaml, metrics.jsonl, completions/, checkpoints/step-N/, adapter/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "adapters/lora.h"
#include "configs/train_config.h"
#include "train/optimizer.h"

namespace pith {

// A number per name, in the order in which they are written.
using Metrics = std::vector<std::pair<std::string, double>>;

// How far a run is.
struct RunProgress {
  int64_t step = 0;        // done
  int64_t num_tokens = 0;  // prompts' and responses', of all steps
};

enum class FolderMode {
  kNew,        // an existing run is a UserError that says what to do
  kResume,     // continue from the last checkpoint; from the start where there is none yet
  kOverwrite,  // remove the earlier run's files first
};

class RunFolder {
 public:
  // Makes the folder and writes config.yaml, whose first line marks the folder as a run. UserError, before anything is
  // touched: the folder holds a run's files without being one (so that nobody's files are lost or mixed up with ours),
  // adapter/ could not be replaced at the end, or, for kResume, it holds another configuration.
  RunFolder(const TrainConfig& config, FolderMode mode);
  const std::string& path() const { return path_; }

  // The step after which the last whole checkpoint was written; nothing without one.
  std::optional<int64_t> LastCheckpoint() const;
  // Takes `model` and `optimizer` back to the last checkpoint and returns how far that was, or leaves them alone and returns
  // 0 where there is none. Metrics and completions of later steps are dropped. UserError for a checkpoint that is damaged or
  // was trained on another base.
  RunProgress Resume(Model& model, Optimizer& optimizer);
  // checkpoints/step-N: adapter/, optimizer.safetensors, state.json; whole or not at all. Keeps log.keep_checkpoints.
  void Save(const RunProgress& progress, const Model& model, const Optimizer& optimizer);
  // One line of metrics.jsonl, flushed. The first entry is {"step", step}.
  void AppendMetrics(int64_t step, const Metrics& metrics);
  // completions/step-N.jsonl; `lines` are JSON objects.
  void WriteCompletions(int64_t step, const std::vector<std::string>& lines);
  // adapter/: what the run is for.
  void WriteAdapter(const LoraAdapter& adapter);

 private:
  std::string path_;
  TrainConfig config_;
  std::string Checkpoint(int64_t step) const;
  RunProgress Restore(int64_t step, Model& model, Optimizer& optimizer);
};

// runs/<name>, unless the configuration names a folder.
std::string RunFolderPath(const TrainConfig& config);

}  // namespace pith
