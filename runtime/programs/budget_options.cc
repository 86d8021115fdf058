#include "runtime/programs/budget_options.h"

#include <CLI/CLI.hpp>

#include "base/error.h"
#include "runtime/evaluation/eval_budget.h"
#include "runtime/programs/command_line.h"

namespace pith {

void BudgetOptions::AddTo(CLI::App& app) {
  AddNumber(app, "--budget", &budget.tokens, BudgetTokens(), "tokens to spend; 0: none");
  AddNumber(app, "--think", &think, BudgetTokens(), "tokens to think with, instead of --budget");
  AddNumber(app, "--answer", &answer, BudgetTokens(), "tokens to answer with, beside --think (default: the reserve)");
  AddNumber(app, "--min-think", &min_think, BudgetTokens(), "tokens before which neither thinking nor the response ends");
  AddNumber(app, "--seconds", &seconds, Between(0, 86400), "time to spend; 0: no limit");
  app.add_flag("--pool", pooled, "the budget is for all chains together");
  AddNumber(app, "--reserve", &budget.reserve_tokens, BudgetTokens(), "of --budget, tokens kept for the answer (R; default: the adapter's, else 32)");
  app.add_option("--close-text", budget.close_text, "closes the reasoning (default: </think> for thoughts that a tag has opened, else the adapter's text)");
  app.add_option("--sentence", budget.sentence, "ends the user's turn; {budget} becomes the budget (default: the adapter's)");
  AddAnnouncement(app, &announcement);
}

void BudgetOptions::Complete(const CLI::App& app, const std::vector<NamedAdapter>& adapters) {
  if (think > 0 && budget.tokens > 0) ThrowUser(app.get_name(), ": --think and --budget both say how long the response may be; give one of them");
  if (think == 0 && app.count("--answer") > 0) ThrowUser(app.get_name(), ": --answer has no effect without --think");
  if (think > 0) RefuseUnused(app, {"--reserve"}, "with --think; --answer says what is kept");
  const bool closes = budget.tokens > 0 || think > 0 || seconds > 0;
  if (!closes) RefuseUnused(app, {"--reserve", "--close-text", "--sentence", "--announcement", "--min-think", "--pool"}, "without --budget, --think or --seconds");
  CheckAnnouncementOption(app, adapters);
  if (!closes) return;
  TakeStoredBudget(app, adapters, announcement, &budget);
  if (think > 0) {
    DecodeBudget split;
    split.reserve_tokens = budget.reserve_tokens;
    split.Split(think, answer);
    answer = split.answer_tokens;
    budget.tokens = split.tokens;
    budget.reserve_tokens = split.reserve_tokens;
  }
  if (pooled && budget.tokens == 0) ThrowUser(app.get_name(), ": --pool wants a budget of tokens; give --budget or --think");
  if (budget.tokens == 0) {
    RefuseUnused(app, {"--sentence", "--announcement"}, "without a budget of tokens; give --budget or --think");
    budget.sentence.clear();
  }
}

std::optional<DecodeBudget> BudgetOptions::Make(const CLI::App& app, const Tokenizer& tokenizer) const {
  if (!limited()) return std::nullopt;
  DecodeBudget decode = MakeDecodeBudget(budget, app.count("--close-text") > 0, tokenizer);
  if (think > 0) decode.Split(think, answer);
  decode.min_think_tokens = min_think;
  decode.time_ms = 1e3 * seconds;
  decode.pooled = pooled;
  return decode;
}

}  // namespace pith
