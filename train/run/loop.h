// The loop that every stage of training runs in: step, write down, save, resume.
//
// A stage knows what a step computes; the loop knows a run's folder. What must survive a crash is a Stateful part of the
// stage; what watches the run (evaluation, alarms, a controller) is a hook.
//
// Each line of metrics ends with tokens_per_second, of the step without what follows, and the ledger: time/ACCOUNT and their
// sum step_time, the time since the line before. So writing down and saving (time/log, time/save) is booked on the next step.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/lora.h"
#include "configs/train_config.h"
#include "train/run/ledger.h"
#include "train/run/metrics.h"
#include "train/run/run_folder.h"
#include "train/run/stateful.h"

namespace pith {

// What a hook asks of the loop, once the step is written down.
enum class Demand {
  kGoOn,
  kRollBack,  // take what rolls_back() to the best checkpoint; steps go on from where they are, so no metric comes twice
  kStop,      // end the run; adapter/ is then the best checkpoint's
};

struct StepRecord {
  int64_t step = 0;                      // from 1; the loop's
  Metrics metrics;
  std::vector<std::string> completions;  // lines of completions/step-N.jsonl; none: no file
  int64_t rate_tokens = 0;               // what tokens_per_second counts: sampled in rl, run through the model in sft
  Demand demand = Demand::kGoOn;
  std::string why;                       // of a demand, a sentence

  // The strongest demand counts.
  void Ask(Demand what, const std::string& reason);
};

// Called after the step was computed and before it is written down, so that a hook may add metrics. It touches no state but
// its own and what its stage gave it on purpose; one with a state is also one of the stage's parts().
class StepHook {
 public:
  virtual ~StepHook() = default;
  virtual void After(StepRecord* record, Ledger* ledger) = 0;
};

class Stage {
 public:
  virtual ~Stage() = default;
  virtual int64_t total_steps() const = 0;
  // Computes step `step` (from 0) and changes the state. UserError before anything changed where a number is not finite.
  virtual StepRecord Step(int64_t step, Ledger* ledger) = 0;
  // A line for people, of a record that the loop has completed.
  virtual std::string Line(const StepRecord& record) const = 0;
  virtual LoraAdapter Adapter() const = 0;
  // Whether its tensors, and so its card, stay those that the run began with.
  virtual bool keeps_card() const { return false; }
  // The same objects, in the same order, all through the run.
  virtual std::vector<Stateful*> parts() = 0;
  virtual std::vector<StepHook*> hooks() { return {}; }
};

struct RunOptions {
  FolderMode mode = FolderMode::kNew;
  std::string expectation;      // a file of train/run/expectation.h that the run is compared with; empty: none
  int64_t stop_after_step = 0;  // leave after this step's checkpoint, as an interruption would; 0: run to the end
  bool quiet = false;           // no progress bar, no lines
  bool doctor = false;          // look at the first step (train/doctor/doctor.h)
};

// Runs the stage to its end in the run's folder and writes adapter/. Without log.best_metric, or before there is a best, a
// demand for it is met by the present state, with a warning.
void RunLoop(const TrainConfig& config, const RunOptions& options, Stage& stage);

}  // namespace pith
