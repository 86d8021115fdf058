#include "train/heads/arm_sampler.h"

#include <algorithm>

#include "base/error.h"
#include "base/rng.h"
#include "runtime/kv_cache.h"
#include "runtime/session/conversation.h"
#include "train/heads/phone_engine.h"
#include "train/ranks/ranks.h"
#include "train/rollout/exchange.h"

namespace pith {

std::vector<SwitchArm> NamedArms(const SwitchSettings& settings, bool announces) {
  std::vector<SwitchArm> arms(1);
  arms[0].name = "base";
  for (const int64_t budget : settings.budgets) {
    SwitchArm& arm = arms.emplace_back();
    arm.name = budget > 0 ? Str("adapter-", budget) : "adapter";
    arm.adapter = kOwnAdapter;
    arm.budget_tokens = budget;
    arm.told = budget > 0 && announces;
  }
  return arms;
}

int64_t SwitchKvTokens(const Session& session) {
  const SwitchSettings& s = session.config.switcher;
  const int64_t page = Engine::kPageTokens, arms = 1 + static_cast<int64_t>(s.budgets.size());
  const int64_t together = std::min<int64_t>(s.max_batch, s.problems_per_step * arms * s.samples);
  int64_t longest = 0;
  for (const PreparedProblem& p : session.problems) longest = std::max(longest, static_cast<int64_t>(p.prompt.ids.size()));
  // Each sequence has copies of its prompt's last pages, and wastes at most the most of its own last; the prompts of a step stay in the cache for all arms.
  return together * (s.longest_answer() + 3 * page) + (s.problems_per_step + 1) * (longest + page);
}

int64_t SwitchKvBytes(const Session& session) {
  return SwitchKvTokens(session) / Engine::kPageTokens * KvCache::PageBytes(session.base->config(), PhoneEngine(session.config.switcher, 1).kv_type);
}

ArmSampler::ArmSampler(const Session& session) : session_(session), known_(Conversation(*session.prompter, session.config.data.system).KnownPrompt()) {
  const SwitchSettings& s = session.config.switcher;
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  named_ = NamedArms(s, session.initial.budget && !session.initial.budget->announcement.empty());
  const NamedAdapter own = {"init_adapter", PackedAdapter::FromLora(session.initial, session.base->config(), HeadTypeOf(s.type))};
  for (const SwitchArm& arm : named_) arms_.push_back(MakeAutoArm(arm, arm.adapter.empty() ? NamedAdapter{"base", nullptr} : own, "stage: switcher", tokenizer));
  for (const AutoArm& arm : arms_) {
    if (arm.budget) CheckIds(session, arm.budget->close_ids, "the text that closes reasoning");
  }
  EngineOptions options = PhoneEngine(s, session.config.run.threads);
  options.kv_tokens = SwitchKvTokens(session);
  engine_ = std::make_unique<Engine>(session.base, options);
}

ArmSampler::~ArmSampler() = default;

GenerateRequest ArmSampler::Question(size_t problem) const {
  const Prompt& prompt = session_.problems[problem].prompt;
  return AutoQuestion(prompt.ids, TurnBegin(prompt.ids, known_, prompt.invocation_start), prompt.invocation_start);
}

GenerateRequest ArmSampler::Request(size_t problem, size_t arm) const {
  const SwitchSettings& s = session_.config.switcher;
  const Prompt& prompt = session_.problems[problem].prompt;
  GenerateRequest request = ArmRequest(arms_[arm], prompt, session_.prompter->tokenizer());
  request.sampling = {.temperature = s.temperature, .top_p = s.top_p, .seed = Rng(session_.config.run.seed, {0x737769746368, arm}).Next()};
  if (!request.budget) request.max_tokens = s.max_tokens;
  request.num_samples = static_cast<int>(s.samples);
  request.first_sample = problem * static_cast<uint64_t>(s.samples);
  return request;
}

std::vector<ArmAnswers> ArmSampler::Sample(std::span<const size_t> problems, GenerateStats* stats) {
  const Tokenizer& tokenizer = session_.prompter->tokenizer();
  const auto samples = static_cast<size_t>(session_.config.switcher.samples);
  std::vector<GenerateRequest> questions, requests;
  for (size_t i = 0; i < problems.size(); ++i) {
    if (!Ranks::World().Owns(i)) continue;
    questions.push_back(Question(problems[i]));
    for (size_t arm = 0; arm < arms_.size(); ++arm) requests.push_back(Request(problems[i], arm));
  }
  const GenerateOptions options = {.max_batch = session_.config.switcher.max_batch};
  const auto asked = Generate(*engine_, tokenizer, questions, options);
  const auto answered = Generate(*engine_, tokenizer, requests, options, stats);
  engine_->Trim();
  // Of each problem the question, then the arms' answers: as ranks exchange them.
  std::vector<std::vector<Completion>> groups(problems.size());
  for (size_t i = 0, next = 0; i < problems.size(); ++i) {
    if (!Ranks::World().Owns(i)) continue;
    groups[i].push_back(asked[next][0]);
    for (size_t arm = 0; arm < arms_.size(); ++arm) {
      const std::vector<Completion>& of = answered[next * arms_.size() + arm];
      groups[i].insert(groups[i].end(), of.begin(), of.end());
    }
    ++next;
  }
  ExchangeGroups(Ranks::World(), &groups, stats);
  std::vector<ArmAnswers> out(problems.size());
  for (size_t i = 0; i < problems.size(); ++i) {
    PITH_CHECK_EQ(groups[i].size(), 1 + arms_.size() * samples);
    out[i].pooled = groups[i][0].hidden;
    for (size_t arm = 0; arm < arms_.size(); ++arm) {
      const auto begin = groups[i].begin() + 1 + static_cast<std::ptrdiff_t>(arm * samples);
      out[i].by_arm.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(samples));
    }
  }
  return out;
}

}  // namespace pith
