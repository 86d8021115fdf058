// --budget and all that says how a response is closed: shared by the subcommands that answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/text/tokenizer.h"
#include "rewards/budget.h"
#include "runtime/session/mode.h"
#include "runtime/generation/decode_budget.h"

namespace CLI {
class App;
}

namespace pith {

struct BudgetOptions {
  Budget budget;                 // tokens: B, or T + A
  std::optional<std::string> announcement;  // --announcement; nothing: each adapter's own
  int64_t think = 0, answer = 0; // --think, --answer; 0: not given
  int64_t min_think = 0;
  double seconds = 0;
  bool pooled = false;

  void AddTo(CLI::App& app);
  // Once parsed, and the adapters are known: what the command line leaves open, the first adapter that was trained with a budget says.
  // UserError for options that have no effect, or contradict each other.
  void Complete(const CLI::App& app, const std::vector<NamedAdapter>& adapters);
  bool limited() const { return budget.tokens > 0 || seconds > 0; }
  // Nothing where neither tokens nor time are limited.
  std::optional<DecodeBudget> Make(const CLI::App& app, const Tokenizer& tokenizer) const;
};

}  // namespace pith
