// A run's folder: config.yaml, metrics.jsonl, events.out.tfevents.*, verifier.log, verifier_report.json, switcher_report.json, completions/, checkpoints/, adapter/.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "configs/train_config.h"

namespace pith {

enum class FolderMode {
  kNew,        // an existing run is a UserError that says what to do
  kResume,     // continue from the last checkpoint; from the start where the run has none yet. No run is a UserError
  kOverwrite,  // remove the earlier run's files first
};

// Whether the folder holds a run. UserError where the mode does not go with that, and where it holds a run's files without being
// one. Looks and touches nothing, so that a run can be refused before anything is loaded for it.
bool CheckRunFolder(const std::string& path, FolderMode mode);

class RunFolder {
 public:
  // Makes the folder and writes config.yaml, whose first line marks the folder as a run. UserError, before anything is
  // touched: what CheckRunFolder() refuses (so that nobody's files are lost or mixed up with ours), another process is at work in it, adapter/ could not be replaced at the end, or, for kResume, it holds another
  // configuration (`log` and `eval` may change: they are no part of what is computed). What a killed process left half-written is removed.
  RunFolder(const TrainConfig& config, FolderMode mode);
  const std::string& path() const { return path_; }
  std::string metrics_path() const { return path_ + "/metrics.jsonl"; }
  std::string adapter_path() const { return path_ + "/adapter"; }  // what the run is for

  // completions/step-N.jsonl; `lines` are JSON objects.
  void WriteCompletions(int64_t step, const std::vector<std::string>& lines) const;
  void DropCompletionsAfter(int64_t step) const;

 private:
  std::string path_;
  // Of the folder, held while this lives; the system lets go of it when the process dies.
  struct Lock {
    int fd = -1;
    Lock() = default;
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
    ~Lock();
    void Take(const std::string& folder);
  } lock_;
  void Sweep() const;
};

// Where `config` leaves data.now open, the time that the run in its folder began with, for it to be resumed; where there is no run,
// nothing.
void TakeStoredTime(TrainConfig* config);

// runs/<name>, unless the configuration names a folder.
std::string RunFolderPath(const TrainConfig& config);

}  // namespace pith
