// The decode-time side of a budget.
#pragma once

#include "rewards/budget.h"
#include "runtime/session/mode.h"

namespace pith {

// UserError when B < 2R. See ClosedBy (mode.h).
inline DecodeBudget MakeDecodeBudget(const Budget& budget, bool close_text_given, const Tokenizer& tokenizer) {
  CheckBudget(budget, /*for_decoding=*/true);
  DecodeBudget decode = ClosedBy(budget.close_text, close_text_given, tokenizer);
  decode.tokens = budget.tokens;
  decode.reserve_tokens = budget.reserve_tokens;
  return decode;
}

}  // namespace pith
