// Samples from the present policy by the phone's engine: the trainer's adapter is swapped in as a phone changes modes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "runtime/generation/generate.h"
#include "train/session/session.h"

namespace pith {

// The adapter as an engine takes it, in the precision that rollouts use.
AdapterRef PackForSampling(const Session& session, const LoraAdapter& adapter);

// Of rollout.kv_type.
KvType SamplerKvType(const RolloutSettings& rollout);
// Tokens of the cache that a step of rollouts needs at most, on one rank: the longest prompts that run at a time, each once, and of every
// completion that runs its own tokens. prompt_lengths: of all problems.
int64_t StepKvTokens(const TrainConfig& config, std::vector<int64_t> prompt_lengths);
// Of the requests of step `step` (from 0): pith-run generate --seed with it samples those of the step's first prompt.
uint64_t RolloutSeed(const TrainConfig& config, int64_t step);

class Sampler {
 public:
  // The engine works on the session's base file; its cache has room for a step of the largest prompts (StepKvTokens), and for `kv_tokens` of somebody
  // else who samples with it. Where there is nobody else, its memory goes back to the system after each Sample(), as gradients need it more.
  explicit Sampler(const Session& session, int64_t kv_tokens = 0);
  ~Sampler();
  Engine* engine() { return engine_.get(); }
  // group_size completions for each problem, seeded by (run.seed, step) and the problem's place in the step alone: problems[0]
  // has place `first_place`. on_completion(i, completion), where given, hears of each completion of problems[i] as it ends, of those
  // that this rank samples. Under rollout.close: forced each is closed by its prompt's budget, as pith-run would close it for the same seed and sample.
  std::vector<std::vector<Completion>> Sample(const LoraAdapter& adapter, std::span<const size_t> problems, int64_t step,
                                              GenerateStats* stats, int64_t first_place = 0,
                                              const std::function<void(size_t i, const Completion& completion)>& on_completion = nullptr);
  // The same, of this rank's places alone; the others' are empty until ExchangeGroups(). From any one thread at a time.
  std::vector<std::vector<Completion>> SampleOwn(const LoraAdapter& adapter, std::span<const size_t> problems, int64_t step,
                                                 GenerateStats* stats, int64_t first_place = 0,
                                                 const std::function<void(size_t i, const Completion& completion)>& on_completion = nullptr);

 private:
  const Session& session_;
  const bool keeps_prompts_;  // that somebody else has encoded and will ask for again
  std::unique_ptr<Engine> engine_;
};

}  // namespace pith
