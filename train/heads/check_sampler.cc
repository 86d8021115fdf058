#include "train/heads/check_sampler.h"

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"
#include "runtime/kv_cache.h"
#include "train/heads/phone_engine.h"
#include "train/ranks/ranks.h"
#include "train/rollout/exchange.h"

namespace pith {

int64_t CheckKvTokens(const Session& session, const CheckTurn& turn) {
  const CheckSettings& c = session.config.check;
  const int64_t page = Engine::kPageTokens, together = std::min<int64_t>(c.max_batch, c.problems_per_step * c.samples);
  int64_t longest = 0;
  for (const PreparedProblem& p : session.problems) longest = std::max(longest, static_cast<int64_t>(p.prompt.ids.size()));
  // Each sequence has a copy of its prompt's last page, and wastes at most the most of its own last; the prompts of as many as run are in the cache.
  return together * (c.max_tokens + static_cast<int64_t>(turn.ids.size()) + 1 + 2 * page) + std::min(together, c.problems_per_step) * (longest + page);
}

int64_t CheckKvBytes(const Session& session, const CheckTurn& turn) {
  return CheckKvTokens(session, turn) / Engine::kPageTokens * KvCache::PageBytes(session.base->config(), PhoneEngine(session.config.check, 1).kv_type);
}

CheckSampler::CheckSampler(const Session& session) : session_(session), turn_(MakeCheckTurn(*session.prompter, session.config.check.text)) {
  const CheckSettings& c = session.config.check;
  CheckIds(session, turn_.ids, "check.text as the chat template renders it");
  adapter_ = PackedAdapter::FromLora(session.initial, session.base->config(), HeadTypeOf(c.type));
  EngineOptions options = PhoneEngine(c, session.config.run.threads);
  options.kv_tokens = kv_tokens_ = CheckKvTokens(session, turn_);
  engine_ = std::make_unique<Engine>(session.base, options);
}

CheckSampler::~CheckSampler() = default;

std::vector<std::vector<Completion>> CheckSampler::Sample(std::span<const size_t> problems, GenerateStats* stats) {
  const CheckSettings& c = session_.config.check;
  std::vector<GenerateRequest> requests;
  for (size_t i = 0; i < problems.size(); ++i) {
    if (!Ranks::World().Owns(i)) continue;
    const Prompt& prompt = session_.problems[problems[i]].prompt;
    GenerateRequest r;
    r.prompt = prompt.ids;
    r.invocation_start = prompt.invocation_start;
    r.adapter = adapter_;
    r.sampling = {.temperature = c.temperature, .top_p = c.top_p, .seed = Rng(session_.config.run.seed, {0x636865636b}).Next()};
    r.max_tokens = c.max_tokens;
    r.num_samples = static_cast<int>(c.samples);
    r.first_sample = problems[i] * static_cast<uint64_t>(c.samples);
    r.check = {turn_.ids, turn_.end_id, c.reader == "base", nullptr, /*keep_hidden=*/true};
    requests.push_back(std::move(r));
  }
  std::vector<std::vector<Completion>> mine = Generate(*engine_, session_.prompter->tokenizer(), requests, {.max_batch = c.max_batch}, stats), groups(problems.size());
  engine_->Trim();
  for (size_t i = 0, next = 0; i < groups.size(); ++i) {
    if (Ranks::World().Owns(i)) groups[i] = std::move(mine[next++]);
  }
  ExchangeGroups(Ranks::World(), &groups, stats);
  return groups;
}

}  // namespace pith
