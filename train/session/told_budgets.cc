#include "train/session/told_budgets.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "data/text/announcement.h"
#include "rewards/reward.h"

namespace pith {

ToldBudgets::ToldBudgets(const BudgetSettings& settings, const Tokenizer& tokenizer) {
  const std::vector<int64_t> tokens = settings.choices.empty() ? std::vector<int64_t>{settings.tokens} : settings.choices;
  for (const int64_t b : tokens) {
    Budget budget = MakeBudget(settings);
    budget.tokens = b;
    all_.push_back({budget, AnnouncementIds(tokenizer, budget.announcement, b)});
  }
  ascending_.resize(all_.size());
  std::iota(ascending_.begin(), ascending_.end(), size_t{0});
  const auto room = [&](size_t place) { return all_[place].budget.tokens > 0 ? all_[place].budget.tokens : INT64_MAX; };
  std::sort(ascending_.begin(), ascending_.end(), [&](size_t a, size_t b) { return room(a) < room(b); });
}

const ToldBudget& ToldBudgets::KeptBy(int64_t said_tokens) const {
  for (const size_t place : ascending_) {
    const ToldBudget& told = all_[place];
    if (told.budget.tokens == 0 || static_cast<int64_t>(told.announcement.size()) + said_tokens <= told.budget.tokens) return told;
  }
  return all_[ascending_.back()];
}

void TellInPrompt(const Budget& budget, std::vector<ChatMessage>* messages) {
  if (budget.tokens == 0 || budget.sentence.empty()) return;
  if (messages->empty() || messages->back().role != "user") {
    ThrowUser("budget.sentence ends the user's turn, but the last word before the response is ", messages->empty() ? "nobody" : messages->back().role,
              "'s; tell budgets by budget.announcement instead");
  }
  messages->back().content = UserTurn(messages->back().content, budget);
}

}  // namespace pith
