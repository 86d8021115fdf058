#include "train/run/run_folder.h"

#include <filesystem>
#include <sstream>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/file.h"
#include "configs/load.h"
#include "train/run/checkpoint.h"
#include "train/run/step_files.h"

namespace pith {
namespace {

namespace fs = std::filesystem;

const std::string kMark = "# A run of pith-train: its resolved configuration. This line marks the folder as one that it may replace.\n";

// The first line in which two configurations differ.
std::string FirstDifference(const std::string& a, const std::string& b) {
  std::istringstream x(a), y(b);
  std::string p, q;
  while (true) {
    const bool more_x = static_cast<bool>(std::getline(x, p)), more_y = static_cast<bool>(std::getline(y, q));
    if (!more_x && !more_y) return "";
    if (!more_x) p.clear();
    if (!more_y) q.clear();
    if (p != q) return "'" + p + "' against '" + q + "'";
  }
}

}  // namespace

std::string RunFolderPath(const TrainConfig& config) {
  return config.run.folder.empty() ? "runs/" + config.run.name : config.run.folder;
}

RunFolder::RunFolder(const TrainConfig& config, FolderMode mode) : path_(RunFolderPath(config)) {
  const std::string config_path = path_ + "/config.yaml", text = kMark + DumpTrainConfig(config);
  const bool exists = FileExists(config_path) && ReadFile(config_path).starts_with(kMark);
  if (!exists) {
    for (const char* name : {"config.yaml", "metrics.jsonl", "completions", "checkpoints", "adapter"}) {
      if (!fs::exists(path_ + "/" + name)) continue;
      ThrowUser("'", path_, "' holds '", name, "' but is no run: its config.yaml does not begin with the line that pith-train "
                "writes; name another folder, or remove what is there yourself");
    }
  }
  if (exists && mode == FolderMode::kNew) {
    ThrowUser("'", path_, "' holds a run already; continue it with --resume, replace it with --overwrite, or name another folder");
  }
  if (exists && mode == FolderMode::kResume) {
    const std::string difference = FirstDifference(ReadFile(config_path), text);
    if (!difference.empty()) {
      ThrowUser("'", path_, "' was started with another configuration (", difference,
                "); resume with the same one, or start a new run with --overwrite");
    }
  }
  CheckPeftPlace(adapter_path());
  if (exists && mode == FolderMode::kOverwrite) {
    Checkpoints::RemoveAll(path_);
    RemoveSteps(path_ + "/completions", "");
    RemoveWhole(adapter_path());
    RemoveWhole(metrics_path());
  }
  MakeFolders(path_);
  if (!exists || mode == FolderMode::kOverwrite) WriteFile(config_path, text);
}

void RunFolder::WriteCompletions(int64_t step, const std::vector<std::string>& lines) const {
  MakeFolders(path_ + "/completions");
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  WriteFile(Str(path_, "/completions/step-", step, ".jsonl"), text);
}

void RunFolder::DropCompletionsAfter(int64_t step) const {
  for (int64_t other : StepsIn(path_ + "/completions")) {
    if (other > step) RemoveWhole(Str(path_, "/completions/step-", other, ".jsonl"));
  }
}

}  // namespace pith
