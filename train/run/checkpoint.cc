#include "train/run/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "train/run/step_files.h"

namespace pith {
namespace {

constexpr char kWriting[] = ".writing", kRemoving[] = ".removing", kBest[] = "best.json";
constexpr int kVersion = 2;  // of state.json; 1 had no parts

bool IsLeftover(const std::string& name) {
  return name == kWriting || name == Str(kWriting, ".old") || name == kRemoving || IsTemporaryOf(name, kBest);
}

std::vector<std::string> TextsOf(std::span<Stateful* const> parts) {
  std::vector<std::string> texts;
  for (const Stateful* part : parts) texts.push_back(part->Save());
  return texts;
}

}  // namespace

Checkpoints::Checkpoints(const std::string& run_folder, const TrainConfig& config)
    : folder_(run_folder + "/checkpoints"), stage_(config.run.stage), seed_(config.run.seed),
      keep_(std::max<int64_t>(1, config.log.keep_checkpoints)) {}

std::string Checkpoints::Path(int64_t step) const { return Str(folder_, "/step-", step); }

std::optional<int64_t> Checkpoints::Last() const {
  const std::vector<int64_t> steps = StepsIn(folder_, "");
  return steps.empty() ? std::nullopt : std::optional<int64_t>(steps.back());
}

void Checkpoints::Save(int64_t step, std::span<Stateful* const> parts, const Best& best) const {
  Write(step, parts, TextsOf(parts), best, &Stateful::SaveFiles);
}

std::vector<std::string> Checkpoints::Hold(std::span<Stateful* const> parts) {
  for (Stateful* part : parts) part->Hold();
  return TextsOf(parts);
}

void Checkpoints::SaveHeld(int64_t step, std::span<Stateful* const> parts, const std::vector<std::string>& texts, const Best& best) const {
  Write(step, parts, texts, best, &Stateful::SaveHeld);
}

void Checkpoints::Write(int64_t step, std::span<Stateful* const> parts, const std::vector<std::string>& texts, const Best& best,
                        void (Stateful::*save_files)(const std::string& folder) const) const {
  PITH_CHECK_EQ(texts.size(), parts.size());
  const std::string place = folder_ + "/" + kWriting;
  Sweep();
  try {
    MakeFolders(place);
    nlohmann::ordered_json state = {{"version", kVersion}, {"step", step}, {"seed", seed_}, {"stage", stage_}};
    for (size_t i = 0; i < parts.size(); ++i) {
      const Stateful* part = parts[i];
      PITH_CHECK(!state.contains(part->key()), "two parts of a run are called ", part->key());
      state[part->key()] = nlohmann::ordered_json::parse(part == &best ? best.Save() : texts[i]);
      (part->*save_files)(place);
    }
    WriteFile(place + "/state.json", state.dump(1) + "\n");
    PutFolder(place, Path(step));
  } catch (const UserError& error) {
    std::error_code ignored;
    std::filesystem::remove_all(place, ignored);  // it may be what fills the disk
    ThrowUser("the checkpoint of step ", step, " could not be written (", error.what(), "); the earlier ones are whole: make room "
              "and go on with --resume");
  }
  Sweep();
  NoteBest(best);
  const std::vector<int64_t> steps = StepsIn(folder_, "");
  for (size_t i = 0; i + static_cast<size_t>(keep_) < steps.size(); ++i) {
    if (best.step() != steps[i]) Remove(steps[i]);
  }
}

// A checkpoint that is partly removed must not look like one.
void Checkpoints::Remove(int64_t step) const {
  const std::string place = folder_ + "/" + kRemoving;
  std::error_code error;
  std::filesystem::rename(Path(step), place, error);
  if (error) ThrowUser("cannot remove '", Path(step), "': ", error.message());
  RemoveWhole(place);
}

void Checkpoints::NoteBest(const Best& best) const {
  const std::string file = folder_ + "/" + kBest;
  if (best.step()) {
    WriteFile(file, best.Save() + "\n");
  } else {
    RemoveWhole(file);
  }
}

void Checkpoints::Sweep() const {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) names.push_back(entry.path().filename().string());
  for (const std::string& name : names) {
    if (IsLeftover(name)) RemoveWhole(folder_ + "/" + name);
  }
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
        if (part->may_lack()) continue;
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

void Checkpoints::RemoveAll(const std::string& run_folder) {
  const std::string folder = run_folder + "/checkpoints";
  RemoveSteps(folder, "", [](const std::string& name) { return name == kBest || IsLeftover(name); });
}

}  // namespace pith
