#include "runtime/evaluation/eval_plan.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "data/text/announcement.h"
#include "runtime/evaluation/eval_budget.h"
#include "runtime/kv_cache.h"
#include "runtime/session/conversation.h"

namespace pith {
namespace {

constexpr int64_t kPromptCacheBytes = int64_t{256} << 20;  // for the prompts of a chunk, beside what decoding takes

void CheckBudget(const EvalSettings& settings, const NamedAdapter& mode, const EvalPoint& point, const Tokenizer& tokenizer) {
  if (point.tokens == 0) return;
  const DecodeBudget budget = MakeDecodeBudget(settings.BudgetOf(point), settings.close_text_given, tokenizer);
  CheckDecodeBudget(budget, point.tokens);
  if (!point.told) return;
  const std::vector<int32_t> announced = AnnouncementIds(tokenizer, settings.AnnouncementTo(mode), point.tokens);
  if (!announced.empty()) CheckAnnouncement(budget, static_cast<int64_t>(announced.size()), 1);
}

}  // namespace

std::string EvalSettings::AnnouncementTo(const NamedAdapter& mode) const { return AnnouncementOf(mode, announcement, budget.sentence); }
ResponseCheck EvalSettings::CheckFor(const NamedAdapter& mode) const {
  return score && mode.adapter && mode.adapter->verifier() ? CheckOf(mode, "--score") : ResponseCheck();
}
bool EvalSettings::CanTell(const NamedAdapter& mode) const { return !budget.sentence.empty() || !AnnouncementTo(mode).empty(); }

std::vector<EvalPoint> EvalSettings::PointsOf(const NamedAdapter& mode) const {
  std::vector<EvalPoint> points;
  const bool tell = CanTell(mode);
  for (int64_t tokens : budgets) points.push_back({tokens, tell && told == Told::kAlways && tokens > 0});
  for (int64_t tokens : budgets) {
    if (tell && told == Told::kBoth && tokens > 0) points.push_back({tokens, true});
  }
  return points;
}

Budget EvalSettings::BudgetOf(const EvalPoint& point) const {
  Budget of = budget;
  of.tokens = point.tokens;
  if (!point.told) of.sentence.clear();
  return of;
}

int64_t EvalSettings::ResponseLimit(int64_t tokens) const { return tokens > 0 ? tokens : max_tokens; }

EvalPlan PlanEval(const ModelConfig& config, const Prompter& prompter, const std::vector<Problem>& problems,
                  const std::vector<NamedAdapter>& modes, const EvalSettings& settings) {
  PITH_CHECK(!settings.budgets.empty() && settings.chains >= 1);
  for (const Problem& problem : problems) settings.verifiers->CheckKind(problem.kind, NameOf(problem));
  EvalPlan plan;
  int64_t prompt_pages = 0;  // of all prompts
  std::map<std::string, size_t> sets;  // by what they tell
  std::vector<EvalPlan::Row> wanted;
  for (size_t mode = 0; mode < modes.size(); ++mode) {
    for (const EvalPoint& point : settings.PointsOf(modes[mode])) wanted.push_back({mode, point, 0});
  }
  if (settings.automatic) {
    wanted.push_back({modes.size(), {}, 0});
    plan.known = Conversation(prompter, settings.system).KnownPrompt();
  }
  for (const auto& [mode, point, unset] : wanted) {
    const Budget budget = settings.BudgetOf(point);
    if (mode < modes.size()) CheckBudget(settings, modes[mode], point, prompter.tokenizer());
    const auto [set, is_new] = sets.emplace(UserTurn("", budget), plan.prompts.size());
    plan.rows.push_back({mode, point, set->second});
    if (!is_new) continue;
    std::vector<Prompt>& prompts = plan.prompts.emplace_back();
    for (const Problem& problem : problems) {
      prompts.push_back(prompter.Build(UserTurn(problem.question, budget), settings.system));
      for (const NamedAdapter& each : modes) FindSwitch(each, prompts.back(), prompter.tokenizer());
      if (settings.automatic) FindSwitch(settings.automatic->carrier(), prompts.back(), prompter.tokenizer());
      prompt_pages += KvCache::PagesFor(static_cast<int64_t>(prompts.back().ids.size()));
    }
  }
  for (size_t row = 0; row < plan.rows.size(); ++row) {
    const bool automatic = plan.rows[row].mode == modes.size();
    const ResponseCheck check = automatic ? ResponseCheck() : settings.CheckFor(modes[plan.rows[row].mode]);
    const int64_t answer = settings.ResponseLimit(plan.rows[row].point.tokens);
    const int64_t limit = (automatic ? std::max(answer, settings.automatic->most_budget()) : answer) + (check.ids.empty() ? 0 : static_cast<int64_t>(check.ids.size()) + 1);
    for (size_t p = 0; p < problems.size(); ++p) {
      const auto prompt = static_cast<int64_t>(plan.prompt(row, p).ids.size());
      if (prompt > config.context_length - limit) {
        ThrowUser(NameOf(problems[p]), " takes a prompt of ", prompt, " tokens, which with up to ", limit,
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
