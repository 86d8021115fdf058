// --mode auto, --switch-cost: the adapter's switcher chooses who answers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runtime/session/auto_mode.h"

namespace CLI {
class App;
}

namespace pith {

struct AutoOption {
  std::string mode;         // "auto", or empty
  double switch_cost = 0;   // tokens an answer, on average; 0: what the switcher was fitted for

  void AddTo(CLI::App& app, const std::string& doc);
  bool on() const { return !mode.empty(); }
  // Once parsed. UserError for options that have no effect without the mode, or with it.
  void Check(const CLI::App& app) const;
  // By the first adapter's switcher. UserError where there is none, or an arm's adapter is missing. nullptr: it was not asked for.
  std::unique_ptr<AutoMode> Make(const CLI::App& app, const std::vector<NamedAdapter>& adapters, const Tokenizer& tokenizer) const;
};

// "base: right 0.83, 12 tokens" of the arm that was chosen.
std::string ChoiceText(const AutoMode& mode, const SwitchChoice& choice);

}  // namespace pith
