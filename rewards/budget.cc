#include "rewards/budget.h"

#include "base/error.h"
#include "base/replace_all.h"
#include "base/rng.h"

namespace pith {
namespace {

// B ≥ 2R, or no budget.
bool CanDecode(const Budget& budget) { return budget.tokens == 0 || budget.tokens / 2 >= budget.reserve_tokens; }

}  // namespace

size_t DrawBudget(size_t num_choices, uint64_t seed, int64_t step, int64_t place) {
  PITH_CHECK(num_choices > 0);
  constexpr uint64_t kStream = 0x62756467;  // "budg"
  Rng random(seed, {kStream, static_cast<uint64_t>(step), static_cast<uint64_t>(place)});
  return static_cast<size_t>(random.Int(0, static_cast<int64_t>(num_choices) - 1));
}

std::string BudgetSentence(const Budget& budget) { return ReplaceAll(budget.sentence, "{budget}", std::to_string(budget.tokens)); }

std::string UserTurn(const std::string& question, const Budget& budget) {
  return budget.tokens > 0 && !budget.sentence.empty() ? question + " " + BudgetSentence(budget) : question;
}

std::string DecodingWarning(const Budget& budget) {
  if (CanDecode(budget)) return "";
  return Str("budget.tokens is ", budget.tokens, ", less than twice budget.reserve_tokens (", budget.reserve_tokens,
             "): training goes by the first alone, but decoding will refuse the budget that the adapter carries; set budget.reserve_tokens to ",
             budget.tokens / 2, " or less");
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
  if (!budget.sentence.empty() && !budget.announcement.empty()) {
    ThrowUser("the budget has a sentence and an announcement, which both tell it to the model; keep one of them");
  }
  if (for_decoding && !CanDecode(budget)) {
    ThrowUser("a budget of ", budget.tokens, " tokens is less than twice the reserve of ", budget.reserve_tokens,
              " tokens that closing and answering need; give a larger budget or a smaller reserve");
  }
}

}  // namespace pith
