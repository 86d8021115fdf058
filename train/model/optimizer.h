// AdamW over the adapter's masters, with the learning-rate schedule and clipping by global norm.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/safetensors.h"
#include "configs/train_config.h"
#include "train/model/model.h"

namespace pith {

// Of a run of `total` optimiser steps: warmup_steps, or warmup_ratio of them, rounded up.
int64_t WarmupSteps(const OptimizerSettings& settings, int64_t total);
// UserError where the warm-up is as long as the run, whose last step would still be below the full rate.
void CheckWarmup(const OptimizerSettings& settings, int64_t total);

// Rate of optimiser step `step` (from 0) of `total`: rises linearly over WarmupSteps(), then constant, or linear or cosine
// down to min_ratio times the rate at `total`. The settings name a rate (OpenSession resolves it).
double LearningRate(const OptimizerSettings& settings, int64_t step, int64_t total);

class Optimizer {
 public:
  Optimizer(const OptimizerSettings& settings, const std::vector<NamedParameter>& parameters);

  struct StepInfo {
    double grad_norm = 0;  // before clipping
    double learning_rate = 0;
  };
  // One update from the parameters' gradients, which are cleared. `step` of `total` is the schedule's; Adam's correction of
  // its young moments counts the updates themselves, since a step may pass without one. UserError naming the first tensor whose gradient is not
  // finite, before anything changes. The caller tells the model (AdapterChanged).
  StepInfo Step(int64_t step, int64_t total);

  int64_t num_updates() const { return num_updates_; }
  // Names of the parameters whose gradient was zero in every update up to now.
  std::vector<std::string> WithoutGradient() const;

  // Moments as safetensors: NAME.m, NAME.v. The number of updates is kept by the caller. SaveHeld writes those of the last Hold().
  void Save(const std::string& path) const { Write(path, m_, v_); }
  void Hold();
  void SaveHeld(const std::string& path) const { Write(path, held_m_, held_v_); }
  void Load(const std::string& path, int64_t num_updates);

 private:
  OptimizerSettings settings_;
  std::vector<NamedParameter> parameters_;
  std::vector<at::Tensor> m_, v_;
  std::vector<at::Tensor> held_m_, held_v_;
  int64_t num_updates_ = 0;

  void Write(const std::string& path, const std::vector<at::Tensor>& m, const std::vector<at::Tensor>& v) const;
};

}  // namespace pith
