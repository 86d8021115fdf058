// Early stopping: when evaluations have stopped getting better.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "configs/train_config.h"
#include "train/run/metrics.h"
#include "train/run/stateful.h"

namespace pith {

// Counts, over the steps that have the metric eval.watch, how many in a row were not better than the best so far by more than
// eval.min_delta. A function of the metrics alone; the count is kept by checkpoints, so a resumed run stops where it would have.
class Plateau : public Stateful {
 public:
  explicit Plateau(const EvaluationSettings& settings);
  bool enabled() const { return patience_ > 0; }
  const std::string& metric() const { return metric_; }
  bool measured() const { return best_.has_value(); }  // whether any step had the metric

  // Takes in step `step` (from 1), adds eval/without_progress where it has the metric, and says in a sentence why the run should
  // end; empty: it should not.
  std::string Observe(int64_t step, Metrics* metrics);

  std::string key() const override { return "plateau"; }
  std::string Save() const override;
  // Another metric, or none, begins anew: `eval` may change at a resumption.
  void Load(const std::string& json) override;
  bool may_lack() const override { return true; }

 private:
  std::string metric_;
  bool lowest_;
  double min_delta_;
  int64_t patience_;
  std::optional<double> best_;
  int64_t best_step_ = 0, waited_ = 0;  // evaluations
};

}  // namespace pith
