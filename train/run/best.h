// The best checkpoint of a run by log.best_metric.
//
// A checkpoint is called after the last step that its adapter has learned from (0: none). What an evaluation measures after step k
// judges the adapter that step k left: checkpoint k. All other metrics of step k (reward, loss) come of the adapter that the step began
// with: checkpoint k − 1, which is why the loop holds that until the step is over.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "configs/train_config.h"
#include "train/run/metrics.h"
#include "train/run/stateful.h"

namespace pith {

class Best : public Stateful {
 public:
  explicit Best(const LogSettings& settings) : metric_(settings.best_metric), lowest_(settings.best_mode == "min") {}

  // Whether what `step` (from 1) measured beats all before it; the adapter that earned it is then the best. An equal value does not,
  // nor does a step without the metric.
  bool Beats(int64_t step, const Metrics& metrics);
  // The checkpoint of the best; nothing where there is none yet.
  std::optional<int64_t> step() const { return step_; }
  // Whether the metric judges the adapter that a step begins with.
  bool judges_begin() const { return !metric_.empty() && !metric_.starts_with("eval/"); }

  std::string key() const override { return "best"; }
  std::string Save() const override;
  // A best by another metric than the present one is forgotten, and one of a version that kept the step's end instead.
  void Load(const std::string& json) override;

 private:
  std::string metric_;  // empty: there is no best
  bool lowest_;
  std::optional<int64_t> step_;
  double value_ = 0;
};

}  // namespace pith
