#include "train/run/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "train/run/step_files.h"

namespace pith {
namespace {

constexpr char kWriting[] = ".writing";
constexpr int kVersion = 2;  // of state.json; 1 had no parts

}  // namespace

Checkpoints::Checkpoints(const std::string& run_folder, const TrainConfig& config)
    : folder_(run_folder + "/checkpoints"), stage_(config.run.stage), seed_(config.run.seed),
      keep_(std::max<int64_t>(1, config.log.keep_checkpoints)) {}

std::string Checkpoints::Path(int64_t step) const { return Str(folder_, "/step-", step); }

std::optional<int64_t> Checkpoints::Last() const {
  const std::vector<int64_t> steps = StepsIn(folder_);
  return steps.empty() ? std::nullopt : std::optional<int64_t>(steps.back());
}

void Checkpoints::Save(int64_t step, std::span<Stateful* const> parts) const {
  const std::string place = folder_ + "/" + kWriting;
  RemoveWhole(place);
  MakeFolders(place);
  nlohmann::ordered_json state = {{"version", kVersion}, {"step", step}, {"seed", seed_}, {"stage", stage_}};
  for (const Stateful* part : parts) {
    PITH_CHECK(!state.contains(part->key()), "two parts of a run are called ", part->key());
    state[part->key()] = nlohmann::ordered_json::parse(part->Save());
    part->SaveFiles(place);
  }
  WriteFile(place + "/state.json", state.dump(1) + "\n");
  RemoveWhole(Path(step));
  std::error_code error;
  std::filesystem::rename(place, Path(step), error);
  if (error) ThrowUser("cannot rename '", place, "' to '", Path(step), "': ", error.message());
  const std::vector<int64_t> steps = StepsIn(folder_);
  for (size_t i = 0; i + static_cast<size_t>(keep_) < steps.size(); ++i) RemoveWhole(Path(steps[i]));
}

void Checkpoints::Load(int64_t step, std::span<Stateful* const> parts) const {
  const std::string file = Path(step) + "/state.json", remedy = "; remove this checkpoint to resume from an earlier one";
  try {
    const auto state = nlohmann::ordered_json::parse(ReadFile(file));
    if (state.at("step").get<int64_t>() != step || state.at("seed").get<uint64_t>() != seed_ || state.at("stage") != stage_) {
      ThrowUser(file, " belongs to another step, seed or stage", remedy);
    }
    for (Stateful* part : parts) {
      if (!state.contains(part->key())) {
        ThrowUser(file, " has no '", part->key(), "': it was written by another version of pith; finish the run with that one, "
                  "or start it anew with --overwrite");
      }
      try {
        part->Load(state[part->key()].dump());
      } catch (const UserError& error) {
        ThrowUser(file, ": ", error.what());
      }
    }
  } catch (const nlohmann::json::exception&) {
    ThrowUser(file, " is damaged", remedy);
  }
  for (Stateful* part : parts) part->LoadFiles(Path(step));
}

void Checkpoints::RemoveAll(const std::string& run_folder) { RemoveSteps(run_folder + "/checkpoints", kWriting); }

}  // namespace pith
