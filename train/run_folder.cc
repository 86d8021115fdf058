#include "train/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/file.h"
#include "configs/load.h"

namespace pith {
namespace {

namespace fs = std::filesystem;

const std::string kMark = "# A run of pith-train: its resolved configuration. This line marks the folder as one that it may replace.\n";
constexpr char kWriting[] = ".writing";

// The number in "step-N" or "step-N.jsonl"; nothing for other names.
std::optional<int64_t> StepOf(const std::string& name) {
  if (!name.starts_with("step-")) return std::nullopt;
  const std::string digits = name.substr(5, name.find('.') == std::string::npos ? std::string::npos : name.find('.') - 5);
  if (digits.empty() || digits.size() > 12 || digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoll(digits);
}

std::vector<int64_t> StepsIn(const std::string& folder) {
  std::vector<int64_t> steps;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (const auto step = StepOf(entry.path().filename().string())) steps.push_back(*step);
  }
  std::sort(steps.begin(), steps.end());
  return steps;
}

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

void Remove(const std::string& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) ThrowUser("cannot remove '", path, "': ", error.message());
}

// The steps of checkpoints/ or completions/, and the folder where nothing else is in it.
void RemoveSteps(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder, error)) names.push_back(entry.path().filename().string());
  for (const std::string& name : names) {
    if (StepOf(name) || name == kWriting) Remove(folder + "/" + name);
  }
  fs::remove(folder, error);
}

// The lines of metrics.jsonl up to `step`. A last line that was cut off by a crash is dropped, other damage is a UserError.
std::string MetricsUntil(const std::string& path, int64_t step) {
  if (!FileExists(path)) return "";
  std::istringstream in(ReadFile(path));
  std::string kept, line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    const auto parsed = nlohmann::json::parse(line, nullptr, false);
    if (parsed.is_object() && parsed.contains("step") && parsed["step"].is_number_integer()) {
      if (parsed["step"].get<int64_t>() <= step) kept += line + "\n";
    } else if (!in.eof()) {  // a newline stands behind it
      ThrowUser(path, ":", number, ": not a line of metrics with a step; remove it to resume");
    }
  }
  return kept;
}

void Rename(const std::string& from, const std::string& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) ThrowUser("cannot rename '", from, "' to '", to, "': ", error.message());
}

}  // namespace

std::string RunFolderPath(const TrainConfig& config) {
  return config.run.folder.empty() ? "runs/" + config.run.name : config.run.folder;
}

RunFolder::RunFolder(const TrainConfig& config, FolderMode mode) : path_(RunFolderPath(config)), config_(config) {
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
  CheckPeftPlace(path_ + "/adapter");
  if (exists && mode == FolderMode::kOverwrite) {
    RemoveSteps(path_ + "/checkpoints");
    RemoveSteps(path_ + "/completions");
    Remove(path_ + "/adapter");
    Remove(path_ + "/metrics.jsonl");
  }
  MakeFolders(path_);
  if (!exists || mode == FolderMode::kOverwrite) WriteFile(config_path, text);
}

std::string RunFolder::Checkpoint(int64_t step) const { return Str(path_, "/checkpoints/step-", step); }

std::optional<int64_t> RunFolder::LastCheckpoint() const {
  const std::vector<int64_t> steps = StepsIn(path_ + "/checkpoints");
  return steps.empty() ? std::nullopt : std::optional<int64_t>(steps.back());
}

RunProgress RunFolder::Restore(int64_t step, Model& model, Optimizer& optimizer) {
  const std::string folder = Checkpoint(step), damaged = "; remove this checkpoint to resume from an earlier one";
  RunProgress progress;
  int64_t num_updates = 0;
  try {
    const auto state = nlohmann::json::parse(ReadFile(folder + "/state.json"));
    if (state.at("step").get<int64_t>() != step || state.at("seed").get<uint64_t>() != config_.run.seed) {
      ThrowUser(folder, "/state.json belongs to another step or seed", damaged);
    }
    progress = {step, state.at("num_tokens").get<int64_t>()};
    num_updates = state.at("num_updates").get<int64_t>();
  } catch (const nlohmann::json::exception&) {
    ThrowUser(folder, "/state.json is damaged", damaged);
  }
  if (progress.num_tokens < 0 || num_updates < 0) ThrowUser(folder, "/state.json holds a negative count", damaged);
  const LoraAdapter adapter = ReadPeft(folder + "/adapter");
  CheckAdapterFits(adapter, model.config());
  CheckSameBase(adapter, folder + "/adapter", model.base(), /*any_base=*/false);
  if (!SameForm(adapter, model.ToLora())) ThrowUser(folder, "/adapter has another rank, scale, invocation or other layers than the run trains", damaged);
  model.SetValues(adapter);
  optimizer.Load(folder + "/optimizer.safetensors", num_updates);
  return progress;
}

RunProgress RunFolder::Resume(Model& model, Optimizer& optimizer) {
  const int64_t step = LastCheckpoint().value_or(0);
  const std::string kept = MetricsUntil(path_ + "/metrics.jsonl", step);
  const RunProgress progress = step > 0 ? Restore(step, model, optimizer) : RunProgress();
  if (FileExists(path_ + "/metrics.jsonl")) WriteFile(path_ + "/metrics.jsonl", kept);
  for (int64_t other : StepsIn(path_ + "/completions")) {
    if (other > step) Remove(Str(path_, "/completions/step-", other, ".jsonl"));
  }
  return progress;
}

void RunFolder::Save(const RunProgress& progress, const Model& model, const Optimizer& optimizer) {
  const std::string final_place = Checkpoint(progress.step), place = path_ + "/checkpoints/" + kWriting;
  Remove(place);
  MakeFolders(place);
  WritePeft(model.ToLora(), place + "/adapter");
  optimizer.Save(place + "/optimizer.safetensors");
  const nlohmann::json state = {{"step", progress.step},
                                {"num_tokens", progress.num_tokens},
                                {"num_updates", optimizer.num_updates()},
                                {"seed", config_.run.seed},
                                {"stage", config_.run.stage}};
  WriteFile(place + "/state.json", state.dump(1) + "\n");
  Remove(final_place);
  Rename(place, final_place);
  std::vector<int64_t> steps = StepsIn(path_ + "/checkpoints");
  const auto keep = static_cast<size_t>(std::max<int64_t>(1, config_.log.keep_checkpoints));
  for (size_t i = 0; i + keep < steps.size(); ++i) Remove(Checkpoint(steps[i]));
}

void RunFolder::AppendMetrics(int64_t step, const Metrics& metrics) {
  nlohmann::ordered_json line = {{"step", step}};
  for (const auto& [name, value] : metrics) line[name] = value;
  const std::string text = line.dump() + "\n", path = path_ + "/metrics.jsonl";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) ThrowUser("cannot write '", path, "'");
  const bool whole = write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(fd);
  if (!whole) ThrowUser("cannot write '", path, "'; is the disk full?");
}

void RunFolder::WriteCompletions(int64_t step, const std::vector<std::string>& lines) {
  MakeFolders(path_ + "/completions");
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  WriteFile(Str(path_, "/completions/step-", step, ".jsonl"), text);
}

void RunFolder::WriteAdapter(const LoraAdapter& adapter) { WritePeft(adapter, path_ + "/adapter"); }

}  // namespace pith
