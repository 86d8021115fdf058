// The best step of a run by log.best_metric.
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

  // Whether `step` beats all before it; it is then the best. An equal value does not, nor does a step without the metric.
  bool Beats(int64_t step, const Metrics& metrics);
  std::optional<int64_t> step() const { return step_; }

  std::string key() const override { return "best"; }
  std::string Save() const override;
  // A best by another metric than the present one is forgotten.
  void Load(const std::string& json) override;

 private:
  std::string metric_;  // empty: there is no best
  bool lowest_;
  std::optional<int64_t> step_;
  double value_ = 0;
};

}  // namespace pith
