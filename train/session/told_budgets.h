// The budgets of a run with what tells each, and which of them a worked solution is learned under.
#pragma once

#include <cstdint>
#include <vector>

#include "configs/train_config.h"
#include "data/template/chat_message.h"
#include "data/text/tokenizer.h"
#include "rewards/budget.h"

namespace pith {

struct ToldBudget {
  Budget budget;                      // tokens 0: none, and none is told
  std::vector<int32_t> announcement;  // with which the response begins (data/text/announcement.h); empty: none does
};

class ToldBudgets {
 public:
  // Of budget.choices, where there are any, else of budget.tokens alone. UserError for an announcement that would end a response.
  ToldBudgets(const BudgetSettings& settings, const Tokenizer& tokenizer);

  const std::vector<ToldBudget>& all() const { return all_; }  // in the order of the configuration
  // The smallest that a response of `said_tokens`, the one that ends it counted, keeps: announcement and response together are at most B tokens, which is how L is counted
  // wherever there are budgets. None at all (tokens 0) is kept by every response, and is taken where no other is. Where none is kept, the largest: such
  // an example would break its promise, and is not learned from (PreparedProblem::breaks_budget).
  const ToldBudget& KeptBy(int64_t said_tokens) const;

 private:
  std::vector<ToldBudget> all_;
  std::vector<size_t> ascending_;  // places in all_, by B; no budget is last
};

// Puts the sentence of `budget`, where it has one and tokens, behind the last message, which must then be the user's: UserError.
void TellInPrompt(const Budget& budget, std::vector<ChatMessage>* messages);

}  // namespace pith
