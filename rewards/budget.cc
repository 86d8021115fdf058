#include "rewards/budget.h"

#include "base/error.h"

namespace pith {
namespace {

// 1 up to `from`, then linearly down to `floor` at `to`, then `floor`.
double Falling(double from, double to, double floor, double length) {
  if (length <= from) return 1.0;
  if (length >= to) return floor;
  return 1.0 - (1.0 - floor) * (length - from) / (to - from);
}

}  // namespace

double SoftBudgetWeight(const Budget& budget, int64_t length_tokens) {
  if (budget.tokens <= 0) return 1.0;
  return Falling(budget.falls_from(), budget.falls_to(), budget.floor, static_cast<double>(length_tokens));
}

double FreeThenFallingWeight(int64_t free_tokens, int64_t fall_tokens, double floor, int64_t length_tokens) {
  const double from = static_cast<double>(free_tokens);
  return Falling(from, from + static_cast<double>(fall_tokens), floor, static_cast<double>(length_tokens));
}

double SoftOverlongPunishment(int64_t max_tokens, int64_t cache_tokens, int64_t length_tokens) {
  const int64_t free_tokens = max_tokens - cache_tokens;
  if (length_tokens <= free_tokens) return 0.0;
  if (length_tokens > max_tokens) return -1.0;
  return static_cast<double>(free_tokens - length_tokens) / static_cast<double>(cache_tokens);
}

std::string BudgetSentence(const Budget& budget) {
  const std::string mark = "{budget}", tokens = std::to_string(budget.tokens);
  std::string text = budget.sentence;
  for (size_t at = 0; (at = text.find(mark, at)) != std::string::npos; at += tokens.size()) text.replace(at, mark.size(), tokens);
  return text;
}

std::string UserTurn(const std::string& question, const Budget& budget) {
  return budget.tokens > 0 && !budget.sentence.empty() ? question + " " + BudgetSentence(budget) : question;
}

void CheckBudget(const Budget& budget, bool for_decoding) {
  // A not-a-number fails every comparison, so each range is asked for as what holds.
  if (budget.tokens < 0) ThrowUser("the budget is ", budget.tokens, " tokens; expected 0 (none) or more");
  if (!(budget.window >= 0 && budget.window < 1)) {
    ThrowUser("the budget's window is ", budget.window, "; expected a share from 0 to below 1");
  }
  if (!(budget.floor >= 0 && budget.floor <= 1)) {
    ThrowUser("the budget's floor is ", budget.floor, "; expected a value from 0 to 1");
  }
  if (budget.reserve_tokens < 0) {
    ThrowUser("the budget's reserve is ", budget.reserve_tokens, " tokens; expected 0 or more");
  }
  if (for_decoding && budget.tokens > 0 && budget.tokens / 2 < budget.reserve_tokens) {
    ThrowUser("a budget of ", budget.tokens, " tokens is less than twice the reserve of ", budget.reserve_tokens,
              " tokens that closing and answering need; give a larger budget or a smaller reserve");
  }
}

}  // namespace pith
