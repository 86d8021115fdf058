// A step's completions sampled while the step before is learned from (rl.steps_ahead), and so by the policy of one update back.
//
// What the policy has moved since is in the importance weights of the sampler correction (train/policy/sampler_correction.h), as what sampler
// and trainer round differently is. PipelineRL (arXiv 2509.19128) and the one-step-off recipes of others go further; here the lag is one step, always.
#pragma once

#include <cstdint>
#include <functional>
#include <future>
#include <optional>
#include <string>
#include <vector>

#include "train/rl/policy_batch.h"
#include "train/rollout/rollout.h"
#include "train/run/stateful.h"

namespace pith {

struct SampledStep {
  int64_t step = -1;              // from 0; it is for this one
  std::vector<size_t> problems;   // entries of Session::problems
  Groups groups;
  GenerateStats stats;
};

class Ahead : public Stateful {
 public:
  using OnCompletion = std::function<void(const std::vector<size_t>& problems, size_t i, const Completion& completion)>;
  // The sampler outlives it, and samples for nobody else between Begin() and End(). on_completion is called from the thread that samples.
  Ahead(Sampler* sampler, OnCompletion on_completion) : sampler_(sampler), on_completion_(std::move(on_completion)) {}

  // Starts to sample for step `step`, in a thread of its own.
  void Begin(LoraAdapter adapter, std::vector<size_t> problems, int64_t step);
  // Waits for that, and tells the other ranks, which call it too. What sampling threw is thrown here.
  void End();
  // What waits for this step. What waits for another (the run was rolled back) is dropped.
  std::optional<SampledStep> Take(int64_t step);

  std::string key() const override { return "ahead"; }
  std::string Save() const override;
  void Load(const std::string& json) override;
  bool rolls_back() const override { return true; }
  bool may_lack() const override { return true; }
  void SaveFiles(const std::string& folder) const override;
  void LoadFiles(const std::string& folder) override;
  void Hold() override { held_ = waiting_; }
  void SaveHeld(const std::string& folder) const override;

 private:
  Sampler* sampler_;
  const OnCompletion on_completion_;
  SampledStep waiting_, held_;
  std::future<void> sampling_;  // into waiting_
};

}  // namespace pith
