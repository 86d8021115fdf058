// checkpoints/ of a run: in step-N/ state.json with the text of every part, and the parts' files; best.json.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "configs/train_config.h"
#include "train/run/best.h"
#include "train/run/stateful.h"

namespace pith {

class Checkpoints {
 public:
  Checkpoints(const std::string& run_folder, const TrainConfig& config);

  // The step after which the last whole checkpoint was written; nothing without one.
  std::optional<int64_t> Last() const;
  std::string Path(int64_t step) const;
  // Whole or not at all, and on disk when this returns; then all but the newest log.keep_checkpoints and the best
  // are removed. UserError where the disk is full: what was there before is there still.
  void Save(int64_t step, std::span<Stateful* const> parts, const Best& best) const;
  // The texts of all parts now; each part holds its files as well. For SaveHeld.
  static std::vector<std::string> Hold(std::span<Stateful* const> parts);
  // The same checkpoint as Save() would have written when Hold() gave `texts`, but that it knows the best of now.
  void SaveHeld(int64_t step, std::span<Stateful* const> parts, const std::vector<std::string>& texts, const Best& best) const;
  // UserError for a checkpoint that is damaged, lacks a part, or belongs to another stage or seed.
  void Load(int64_t step, std::span<Stateful* const> parts) const;
  // best.json, for people: which checkpoint is the best and how good it was; no file where there is none.
  void NoteBest(const Best& best) const;
  // Removes what a killed process left half-written or half-removed.
  void Sweep() const;
  // Removes all checkpoints, and the folder where nothing else is in it.
  static void RemoveAll(const std::string& run_folder);

 private:
  std::string folder_, stage_;
  uint64_t seed_;
  int64_t keep_;
  void Write(int64_t step, std::span<Stateful* const> parts, const std::vector<std::string>& texts, const Best& best,
             void (Stateful::*save_files)(const std::string& folder) const) const;
  void Remove(int64_t step) const;
};

}  // namespace pith
