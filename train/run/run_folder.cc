#include "train/run/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <sstream>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/file.h"
#include "configs/load.h"
#include "train/run/checkpoint.h"
#include "train/run/events.h"
#include "train/run/step_files.h"

namespace pith {
namespace {

namespace fs = std::filesystem;

const std::string kMark = "# A run of pith-train: its resolved configuration. This line marks the folder as one that it may replace.\n";
constexpr char kLines[] = ".jsonl";

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

// Without the sections that change nothing of what is computed.
std::string Computed(const std::string& config) {
  std::istringstream in(config);
  std::string kept, line;
  bool leave_out = false;
  while (std::getline(in, line)) {
    if (!line.empty() && line[0] != ' ') leave_out = line == "log:" || line == "eval:";
    if (!leave_out) kept += line + "\n";
  }
  return kept;
}

// A folder's configuration as this version writes it: settings that an earlier one did not know have their defaults.
std::string StoredConfig(const std::string& path) {
  try {
    return kMark + DumpTrainConfig(LoadTrainConfig(path, {}));
  } catch (const UserError&) {
    return ReadFile(path);
  }
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) names.push_back(entry.path().filename().string());
  return names;
}

}  // namespace

std::string RunFolderPath(const TrainConfig& config) {
  return config.run.folder.empty() ? "runs/" + config.run.name : config.run.folder;
}

void TakeStoredTime(TrainConfig* config) {
  const std::string path = RunFolderPath(*config) + "/config.yaml";
  if (!config->data.now.empty() || !FileExists(path)) return;
  try {
    config->data.now = LoadTrainConfig(path, {}).data.now;
  } catch (const UserError&) {
    // RunFolder tells what is wrong with it
  }
}

bool CheckRunFolder(const std::string& path, FolderMode mode) {
  const std::string config_path = path + "/config.yaml";
  const bool exists = FileExists(config_path) && ReadFile(config_path).starts_with(kMark);
  if (!exists) {
    for (const char* name : {"config.yaml", "metrics.jsonl", "completions", "checkpoints", "adapter"}) {
      if (!fs::exists(path + "/" + name)) continue;
      ThrowUser("'", path, "' holds '", name, "' but is no run: its config.yaml does not begin with the line that pith-train "
                "writes; name another folder, or remove what is there yourself");
    }
  }
  if (exists && mode == FolderMode::kNew) {
    ThrowUser("'", path, "' holds a run already; continue it with --resume, replace it with --overwrite, or name another folder");
  }
  if (!exists && mode == FolderMode::kResume) {
    ThrowUser("'", path, "' holds no run to go on with; start it without --resume, or name the folder of the run (folder: or name:)");
  }
  return exists;
}

RunFolder::RunFolder(const TrainConfig& config, FolderMode mode) : path_(RunFolderPath(config)) {
  const std::string config_path = path_ + "/config.yaml", text = kMark + DumpTrainConfig(config);
  if (IsFolder(path_)) lock_.Take(path_);
  const bool exists = CheckRunFolder(path_, mode);
  if (exists && mode == FolderMode::kResume) {
    const std::string difference = FirstDifference(Computed(StoredConfig(config_path)), Computed(text));
    if (!difference.empty()) {
      ThrowUser("'", path_, "' was started with another configuration (", difference,
                "); resume with the same one, or start a new run with --overwrite");
    }
  }
  CheckPeftPlace(adapter_path());
  Sweep();
  if (exists && mode == FolderMode::kOverwrite) {
    Checkpoints::RemoveAll(path_);
    RemoveSteps(path_ + "/completions", kLines, [](const std::string&) { return false; });
    RemoveWhole(adapter_path());
    RemoveWhole(metrics_path());
    for (const char* name : {"verifier.log", "verifier_report.json", "switcher_report.json"}) RemoveWhole(path_ + "/" + name);
    for (const std::string& name : NamesIn(path_)) {
      if (EventsFile::IsName(name)) RemoveWhole(path_ + "/" + name);
    }
  }
  MakeFolders(path_);
  if (lock_.fd < 0) lock_.Take(path_);
  if (!exists || ReadFile(config_path) != text) WriteFile(config_path, text);
}

RunFolder::Lock::~Lock() {
  if (fd >= 0) close(fd);
}

void RunFolder::Lock::Take(const std::string& folder) {
  fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // Some network file systems know no locks; a run there goes without.
  if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ThrowUser("another pith-train is at work in '", folder, "'; wait for it, end it, or name another folder");
  }
}

void RunFolder::Sweep() const {
  for (const std::string& name : NamesIn(path_)) {
    for (const char* ours : {"config.yaml", "metrics.jsonl", "adapter"}) {
      if (IsTemporaryOf(name, ours)) RemoveWhole(path_ + "/" + name);
    }
  }
  for (const std::string& name : NamesIn(path_ + "/completions")) {
    const std::string original = name.substr(0, name.find(".tmp-"));
    if (StepOf(original, kLines) && IsTemporaryOf(name, original)) RemoveWhole(path_ + "/completions/" + name);
  }
}

void RunFolder::WriteCompletions(int64_t step, const std::vector<std::string>& lines) const {
  MakeFolders(path_ + "/completions");
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  WriteFile(Str(path_, "/completions/step-", step, kLines), text);
}

void RunFolder::DropCompletionsAfter(int64_t step) const {
  for (int64_t other : StepsIn(path_ + "/completions", kLines)) {
    if (other > step) RemoveWhole(Str(path_, "/completions/step-", other, kLines));
  }
}

}  // namespace pith
