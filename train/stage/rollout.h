// Samples from the present policy by the phone's engine: the trainer's adapter is swapped in as a phone changes modes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/generation/generate.h"
#include "train/stage/session.h"

namespace pith {

// The adapter as an engine takes it, in the precision that rollouts use.
AdapterRef PackForSampling(const Session& session, const LoraAdapter& adapter);

// Of the requests of step `step` (from 0): pith-run generate --seed with it samples those of the step's first prompt.
uint64_t RolloutSeed(const TrainConfig& config, int64_t step);

class Sampler {
 public:
  // The engine works on the session's base file; its cache has room for a step of the largest prompts, and for `kv_tokens`.
  explicit Sampler(const Session& session, int64_t kv_tokens = 0);
  ~Sampler();
  Engine* engine() { return engine_.get(); }
  // group_size completions for each problem, seeded by (run.seed, step) and the problem's place in the step alone: problems[0]
  // has place `first_place`. on_completion(i, completion), where given, hears of each completion of problems[i] as it ends, of those
  // that this rank samples. Under rollout.close: forced each is closed by its prompt's budget, as pith-run would close it for the same seed and sample.
  std::vector<std::vector<Completion>> Sample(const LoraAdapter& adapter, std::span<const size_t> problems, int64_t step,
                                              GenerateStats* stats, int64_t first_place = 0,
                                              const std::function<void(size_t i, const Completion& completion)>& on_completion = nullptr);

 private:
  const Session& session_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace pith
