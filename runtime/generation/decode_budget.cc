#include "runtime/generation/decode_budget.h"

#include <algorithm>

#include "base/error.h"

namespace pith {

void DecodeBudget::Split(int64_t think, int64_t answer) {
  think_tokens = think;
  answer_tokens = answer > 0 ? answer : reserve_tokens;
  tokens = think_tokens + answer_tokens;
  reserve_tokens = std::min(answer_tokens, tokens / 2);
}

int64_t DecodeBudget::close_window() const { return std::min(answer_reserve() / 2, think_limit() / 4); }

void CheckDecodeBudget(const DecodeBudget& budget, int64_t max_tokens, int num_samples) {
  if (budget.close_ids.empty()) {
    ThrowUser("a budget of ", budget.tokens, " tokens needs a text that closes the reasoning; give one, such as \"\\n#### \"");
  }
  if (budget.min_think_tokens < 0) ThrowUser("thinking was to take at least ", budget.min_think_tokens, " tokens; give 0 (no minimum) or more");
  if (!(budget.time_ms >= 0)) ThrowUser("a budget of ", budget.time_ms, " ms is no time; give 0 (no limit) or more");
  if (budget.tokens == 0 && !budget.split()) return;
  if (budget.split()) {
    if (budget.think_tokens < 1 || budget.answer_tokens < 1) {
      ThrowUser("thinking has ", budget.think_tokens, " tokens and the answer ", budget.answer_tokens, "; give each at least 1");
    }
    if (budget.tokens != budget.think_tokens + budget.answer_tokens) {
      ThrowUser("thinking has ", budget.think_tokens, " tokens and the answer ", budget.answer_tokens, ", which is not the budget of ", budget.tokens, "; leave one of the three away");
    }
  } else if (budget.reserve_tokens < 1 || budget.tokens < 2 * budget.reserve_tokens) {
    ThrowUser("a budget of ", budget.tokens, " tokens with a reserve of ", budget.reserve_tokens,
              " is refused: the budget must be at least twice the reserve, and the reserve at least 1");
  }
  const int64_t think = budget.think_limit();
  if (budget.close_size() > think / 2) {
    ThrowUser("the closing text has ", budget.close_size(), " tokens, but must come within the ", think,
              " tokens of thinking and leave half of them; give a shorter text, or more tokens");
  }
  if (budget.min_think_tokens > budget.closes_from()) {
    ThrowUser("thinking is to take at least ", budget.min_think_tokens, " tokens, but of its ", think, " the closing may begin after ", budget.closes_from(),
              "; lower the minimum or raise the budget");
  }
  if (budget.pooled && think < num_samples * 2 * (budget.close_size() + budget.answer_reserve())) {
    ThrowUser("a budget of ", budget.tokens, " tokens is too small to be pooled over ", num_samples, " chains, each of which closes and answers with ",
              budget.close_size() + budget.answer_reserve(), "; give at least ", num_samples * 3 * (budget.close_size() + budget.answer_reserve()));
  }
  if (max_tokens < budget.tokens) {
    ThrowUser("a limit of ", max_tokens, " tokens ends the response before its budget of ", budget.tokens,
              " tokens can act; raise the limit to at least ", budget.tokens);
  }
}

void CheckAnnouncement(const DecodeBudget& budget, int64_t announced, int num_samples) {
  const int64_t think = budget.pooled ? budget.tokens / num_samples - budget.answer_reserve() : budget.think_limit();
  if (announced + budget.close_size() < think) return;
  ThrowUser("announcing the budget takes ", announced, " tokens and closing ", budget.close_size(), ", which leaves nothing of the ", think,
            " tokens of thinking", budget.pooled ? " of each chain" : "", "; raise the budget, or announce it in fewer words");
}

}  // namespace pith
