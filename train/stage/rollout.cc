#include "train/stage/rollout.h"

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"
#include "train/stage/exchange.h"

namespace pith {
namespace {

constexpr int64_t kPageSlack = 64;  // tokens that a sequence may waste in its last pages

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

Sampler::Sampler(const Session& session, int64_t kv_tokens) : session_(session) {
  const TrainConfig& c = session.config;
  CheckSampling(Sampling(c.rollout, 0));
  int64_t longest = 0;
  for (const PreparedProblem& p : session.problems) longest = std::max(longest, static_cast<int64_t>(p.prompt.ids.size()));
  const int64_t samples = std::min<int64_t>(c.rollout.max_batch, c.rl.prompts_per_step * c.rl.group_size);
  EngineOptions options;
  options.num_threads = c.run.threads;
  options.activations = Activations(c.rollout.activations);
  options.kv_type = KvType::kF32;
  // An always-on adapter writes the prompt's cache anew per step as well; sharing within a group is Generate()'s.
  options.kv_tokens = std::max(kv_tokens, (c.rl.prompts_per_step + 1) * (longest + kPageSlack) + samples * (c.rollout.max_completion_tokens + 2 * kPageSlack));
  engine_ = std::make_unique<Engine>(session.base, options);
}

Sampler::~Sampler() = default;

uint64_t RolloutSeed(const TrainConfig& config, int64_t step) { return Rng(config.run.seed, {0x726f6c6c, static_cast<uint64_t>(step)}).Next(); }

std::vector<std::vector<Completion>> Sampler::Sample(const LoraAdapter& adapter, std::span<const size_t> problems, int64_t step,
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
  for (size_t i = 0, next = 0; i < groups.size(); ++i) {
    if (Ranks::World().Owns(i)) groups[i] = std::move(mine[next++]);
  }
  ExchangeGroups(Ranks::World(), &groups, stats);
  return groups;
}

}  // namespace pith
