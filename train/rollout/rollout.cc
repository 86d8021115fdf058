#include "train/rollout/rollout.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/rng.h"
#include "train/rollout/exchange.h"

namespace pith {
namespace {

ActivationType Activations(const std::string& name) {
  if (name == "f32") return ActivationType::kF32;
  if (name == "int8") return ActivationType::kInt8;
  PITH_CHECK_EQ(name, "bf16");
  return ActivationType::kBF16;
}

SamplingParams Sampling(const RolloutSettings& r, uint64_t seed) { return {r.temperature, r.top_k, r.top_p, r.min_p, seed}; }

}  // namespace

AdapterRef PackForSampling(const Session& session, const LoraAdapter& adapter) {
  // A sampler with bfloat16 activations rounds the factors anyway. What is rounded is s · B, as in training (adapters/torch/lora_linear.h).
  const TensorType type = session.config.rollout.activations == "f32" ? TensorType::kF32 : TensorType::kBF16;
  return PackedAdapter::FromLora(adapter, session.base->config(), type, /*scaled=*/true);
}

KvType SamplerKvType(const RolloutSettings& rollout) {
  if (rollout.kv_type == "auto") return rollout.activations == "f32" ? KvType::kF32 : KvType::kF16;
  if (rollout.kv_type == "f16") return KvType::kF16;
  if (rollout.kv_type == "int8") return KvType::kInt8;
  PITH_CHECK_EQ(rollout.kv_type, "f32");
  return KvType::kF32;
}

int64_t StepKvTokens(const TrainConfig& config, std::vector<int64_t> prompt_lengths) {
  const int64_t page = Engine::kPageTokens, ranks = Ranks::World().size();
  const int64_t prompts = (config.rl.prompts_per_step + ranks - 1) / ranks;  // of one rank
  const int64_t samples = std::min<int64_t>(config.rollout.max_batch, prompts * config.rl.group_size);
  // A prompt is in the cache while one of its samples runs: as many as there are samples, when each is the last of its group.
  const int64_t together = std::min({prompts, samples, static_cast<int64_t>(prompt_lengths.size())});
  std::partial_sort(prompt_lengths.begin(), prompt_lengths.begin() + together, prompt_lengths.end(), std::greater<>());
  // Each sample has a copy of its prompt's last page, and may waste the most of its own last.
  int64_t tokens = samples * (config.rollout.max_completion_tokens + 2 * page);
  for (int64_t i = 0; i < together; ++i) tokens += prompt_lengths[static_cast<size_t>(i)] + page;
  return tokens;
}

Sampler::Sampler(const Session& session, int64_t kv_tokens) : session_(session), keeps_prompts_(kv_tokens > 0) {
  const TrainConfig& c = session.config;
  CheckSampling(Sampling(c.rollout, 0));
  std::vector<int64_t> lengths;
  for (const PreparedProblem& p : session.problems) lengths.push_back(static_cast<int64_t>(p.prompt.ids.size()));
  EngineOptions options;
  options.num_threads = c.run.threads;
  options.activations = Activations(c.rollout.activations);
  options.kv_type = SamplerKvType(c.rollout);
  options.kv_tokens = std::max(kv_tokens, StepKvTokens(c, std::move(lengths)));
  engine_ = std::make_unique<Engine>(session.base, options);
}

Sampler::~Sampler() = default;

uint64_t RolloutSeed(const TrainConfig& config, int64_t step) { return Rng(config.run.seed, {0x726f6c6c, static_cast<uint64_t>(step)}).Next(); }

std::vector<std::vector<Completion>> Sampler::Sample(const LoraAdapter& adapter, std::span<const size_t> problems, int64_t step,
                                                     GenerateStats* stats, int64_t first_place,
                                                     const std::function<void(size_t i, const Completion& completion)>& on_completion) {
  std::vector<std::vector<Completion>> groups = SampleOwn(adapter, problems, step, stats, first_place, on_completion);
  ExchangeGroups(Ranks::World(), &groups, stats);
  return groups;
}

std::vector<std::vector<Completion>> Sampler::SampleOwn(const LoraAdapter& adapter, std::span<const size_t> problems, int64_t step,
                                                        GenerateStats* stats, int64_t first_place,
                                                        const std::function<void(size_t i, const Completion& completion)>& on_completion) {
  const TrainConfig& c = session_.config;
  const AdapterRef packed = PackForSampling(session_, adapter);
  const uint64_t seed = RolloutSeed(c, step);
  std::vector<GenerateRequest> requests;
  std::vector<size_t> places;
  for (size_t i = 0; i < problems.size(); ++i) {
    if (!Ranks::World().Owns(i)) continue;
    const PreparedProblem& problem = session_.problems[problems[i]];
    GenerateRequest r;
    r.prompt = problem.prompt.ids;
    r.invocation_start = problem.prompt.invocation_start;
    r.response_prefix = problem.announcement;
    r.announced = static_cast<int64_t>(problem.announcement.size());
    r.adapter = packed;
    r.sampling = Sampling(c.rollout, seed);
    r.max_tokens = c.rollout.max_completion_tokens;
    r.min_tokens = c.rollout.min_completion_tokens;
    r.budget = session_.closing(problems[i]);
    r.num_samples = static_cast<int>(c.rl.group_size);
    r.first_sample = (static_cast<uint64_t>(first_place) + static_cast<uint64_t>(i)) * static_cast<uint64_t>(c.rl.group_size);
    requests.push_back(std::move(r));
    places.push_back(i);
  }
  GenerateOptions options;
  options.max_batch = c.rollout.max_batch;
  if (on_completion) options.on_completion = [&](size_t request, const Completion& completion) { on_completion(places[request], completion); };
  std::vector<std::vector<Completion>> mine = Generate(*engine_, session_.prompter->tokenizer(), requests, options, stats), groups(problems.size());
  if (!keeps_prompts_) engine_->Trim();
  for (size_t i = 0, next = 0; i < groups.size(); ++i) {
    if (Ranks::World().Owns(i)) groups[i] = std::move(mine[next++]);
  }
  return groups;
}

}  // namespace pith
