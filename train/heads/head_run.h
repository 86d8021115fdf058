// What runs that fit a head have in common: their steps, what their answers hang on, and the hidden states in a checkpoint.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "configs/train_config.h"
#include "runtime/generation/generate.h"
#include "train/run/loop.h"
#include "train/session/session.h"

namespace pith {

std::string DatasetNames(const TrainConfig& config);  // separated by commas
// Of all that answers and hidden states hang on, beside the configuration. `asked`: what each answer is followed by, with the token before it; empty: nothing.
std::string HeadInputsHash(const Session& session, const std::vector<int32_t>& asked, int32_t end_id);
// What is said where they are not those that the run began with.
[[noreturn]] void ThrowOtherInputs();
int64_t HeadSteps(const Session& session, const HeadSettings& settings);  // of a run

// hidden.safetensors in `folder`: N × width values; no file for N = 0.
void SaveHidden(const std::string& folder, size_t rows, size_t width, const std::vector<float>& x);
// UserError where the file does not hold N rows of this width; `of` is what they belong to: "answers".
std::vector<float> LoadHidden(const std::string& folder, size_t rows, size_t width, const std::string& of);

// A run that answers the problems in order, some a step, judges the answers and fits a head to all of them in its last step. The adapter stays as it is.
class HeadStage : public Stage, public Stateful {
 public:
  // Both outlive it. UserError where a problem is of a kind that nothing judges.
  HeadStage(const Session& session, const HeadSettings& settings);
  int64_t total_steps() const override { return total_; }
  bool keeps_card() const override { return true; }
  std::vector<Stateful*> parts() override { return {this}; }
  StepRecord Step(int64_t step, Ledger* ledger) override;
  const std::string& report() const { return report_; }  // JSON of the fit; empty before it

 protected:
  virtual void Answer(const std::vector<size_t>& problems, GenerateStats* stats) = 0;
  // Judges what was answered, and keeps it.
  virtual void Take(const std::vector<size_t>& problems, StepRecord* record) = 0;
  virtual void Fit(Metrics* metrics) = 0;

  const Session& session_;
  const int64_t total_;
  std::string report_;

 private:
  const HeadSettings& head_settings_;
};

}  // namespace pith
