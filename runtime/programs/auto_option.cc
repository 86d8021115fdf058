#include "runtime/programs/auto_option.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/error.h"
#include "runtime/programs/command_line.h"

namespace pith {

void AutoOption::AddTo(CLI::App& app, const std::string& doc) {
  app.add_option("--mode", mode, doc)->check(CLI::IsMember({kAutoMode}));
  AddNumber(app, "--switch-cost", &switch_cost, Above(0), "with --mode auto: tokens an answer may cost on average (default: what the switcher was fitted for)");
}

void AutoOption::Check(const CLI::App& app) const {
  if (!on()) return RefuseUnused(app, {"--switch-cost"}, "without --mode auto");
  if (app.get_name() == "eval") return;  // where every other mode takes these
  if (app.get_name() == "generate") RefuseUnused(app, {"--raw"}, "with --mode auto, which reads what the user says in the chat template");
  RefuseUnused(app, {"--budget", "--think", "--answer", "--min-think", "--seconds", "--pool", "--reserve", "--close-text", "--sentence", "--announcement"},
               "with --mode auto, which chooses the budget");
}

std::unique_ptr<AutoMode> AutoOption::Make(const CLI::App& app, const std::vector<NamedAdapter>& adapters, const Tokenizer& tokenizer) const {
  if (!on()) return nullptr;
  const NamedAdapter carrier = adapters.empty() ? NamedAdapter{"base", nullptr} : adapters[0];
  auto made = std::make_unique<AutoMode>(carrier, adapters, app.get_name() + ": --mode auto", tokenizer);
  if (switch_cost > 0) made->SetMeanTokens(switch_cost);
  return made;
}

std::string ChoiceText(const AutoMode& mode, const SwitchChoice& choice) {
  char text[64];
  std::snprintf(text, sizeof text, ": right %.2f, %.0f tokens", choice.right[choice.arm], choice.tokens[choice.arm]);
  return mode.arms()[choice.arm].name + text;
}

}  // namespace pith
