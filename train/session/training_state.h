// The state of what learns: the adapter's values, the optimiser's moments, and what the run started from.
#pragma once

#include <cstdint>
#include <string>

#include "train/model/model.h"
#include "train/model/optimizer.h"
#include "train/run/stateful.h"
#include "train/session/session.h"

namespace pith {

// adapter/ and optimizer.safetensors of a checkpoint. A run whose starting adapter, problems, chat template or tokenizer are others
// than those of the checkpoint is refused: it would go on with another KL reference, other data or other prompts without a word.
class TrainingState : public Stateful {
 public:
  TrainingState(const Session& session, Model* model, Optimizer* optimizer);
  std::string key() const override { return "learner"; }
  std::string Save() const override;
  void Load(const std::string& json) override;
  bool rolls_back() const override { return true; }
  void SaveFiles(const std::string& folder) const override;
  void LoadFiles(const std::string& folder) override;
  void Hold() override;
  void SaveHeld(const std::string& folder) const override;

 private:
  Model* model_;
  Optimizer* optimizer_;
  std::string start_, problems_, template_, tokens_;  // SHA-256
  int64_t num_updates_ = 0;       // of the checkpoint that is being loaded
  LoraAdapter held_;
};

}  // namespace pith
