#include "runtime/evaluation/eval_plan.h"

#include <algorithm>

#include "base/error.h"
#include "data/text/announcement.h"
#include "runtime/evaluation/eval_budget.h"
#include "runtime/kv_cache.h"

namespace pith {
namespace {

constexpr int64_t kPromptCacheBytes = int64_t{256} << 20;  // for the prompts of a chunk, beside what decoding takes

void CheckBudgets(const EvalSettings& settings, const std::vector<NamedAdapter>& modes, const Tokenizer& tokenizer) {
  for (int64_t tokens : settings.budgets) {
    if (tokens == 0) continue;
    const DecodeBudget budget = MakeDecodeBudget(settings.BudgetOf(tokens), settings.close_text_given, tokenizer);
    CheckDecodeBudget(budget, tokens);
    for (const NamedAdapter& mode : modes) {
      const std::vector<int32_t> announced = AnnouncementIds(tokenizer, settings.AnnouncementTo(mode), tokens);
      if (!announced.empty()) CheckAnnouncement(budget, static_cast<int64_t>(announced.size()), 1);
    }
  }
}

}  // namespace

Budget EvalSettings::BudgetOf(int64_t tokens) const {
  Budget of = budget;
  of.tokens = tokens;
  return of;
}

int64_t EvalSettings::ResponseLimit(int64_t tokens) const { return tokens > 0 ? tokens : max_tokens; }

std::string EvalSettings::AnnouncementTo(const NamedAdapter& mode) const { return AnnouncementOf(mode, announcement, budget.sentence); }

EvalPlan PlanEval(const ModelConfig& config, const Prompter& prompter, const std::vector<Problem>& problems,
                  const std::vector<NamedAdapter>& modes, const EvalSettings& settings) {
  PITH_CHECK(!settings.budgets.empty() && settings.chains >= 1);
  CheckBudgets(settings, modes, prompter.tokenizer());
  for (const Problem& problem : problems) settings.verifiers->CheckKind(problem.kind, Str("problem ", problem.id));
  EvalPlan plan;
  int64_t prompt_pages = 0;  // of all prompts
  for (size_t b = 0; b < (settings.budget.sentence.empty() ? 1 : settings.budgets.size()); ++b) {
    std::vector<Prompt>& prompts = plan.prompts.emplace_back();
    for (const Problem& problem : problems) {
      prompts.push_back(prompter.Build(UserTurn(problem.question, settings.BudgetOf(settings.budgets[b])), settings.system));
      for (const NamedAdapter& mode : modes) FindSwitch(mode, prompts.back(), prompter.tokenizer());
      prompt_pages += KvCache::PagesFor(static_cast<int64_t>(prompts.back().ids.size()));
    }
  }
  for (size_t b = 0; b < settings.budgets.size(); ++b) {
    const int64_t limit = settings.ResponseLimit(settings.budgets[b]);
    for (size_t p = 0; p < problems.size(); ++p) {
      const auto prompt = static_cast<int64_t>(plan.prompt(b, p).ids.size());
      if (prompt > config.context_length - limit) {
        ThrowUser("problem ", problems[p].id, " takes a prompt of ", prompt, " tokens, which with up to ", limit,
                  " more does not fit the model's context of ", config.context_length,
                  " tokens; leave it out or lower the limit");
      }
      plan.longest = std::max(plan.longest, prompt + limit);
    }
  }
  const auto count = static_cast<int64_t>(problems.size());
  const int64_t fit = kPromptCacheBytes / KvCache::PageBytes(config, KvType::kF16) * count / std::max<int64_t>(prompt_pages, 1);
  plan.chunk = std::clamp<int64_t>(fit, std::min<int64_t>(settings.max_batch, count), count);
  // Prompts of average length fill the room on average; a chunk of longer ones loses some to the sequences being decoded.
  plan.kv_tokens = (plan.longest + 2 * KvCache::kPageTokens) * settings.max_batch +
                   (prompt_pages * plan.chunk / std::max<int64_t>(count, 1) + 1) * KvCache::kPageTokens;
  return plan;
}

}  // namespace pith
