#include "configs/rules.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <set>

#include "base/error.h"
#include "configs/adapter_rules.h"

namespace pith {
namespace {

class Checker {
 public:
  Checker(const TrainConfig& config, Problems* problems) : config_(config), problems_(problems) {}

  void All() {
    Data();
    Adapter();
    CheckAdapterRules(config_, problems_);
    Schedule();
    if (config_.run.stage == "rl") {
      Terms("reward.times", config_.reward.times);
      Terms("reward.plus", config_.reward.plus);
      Budget();
      CheckDropout();
    }
  }

 private:
  // True when none of the keys is, or holds, something already reported.
  bool Clean(std::initializer_list<std::string> keys) const {
    for (const std::string& key : keys) {
      for (const ConfigProblem& problem : *problems_) {
        if (StandsIn(problem.key, key)) return false;
      }
    }
    return true;
  }

  void Report(const std::string& key, const std::string& text) { problems_->push_back({key, text, {}}); }

  void Data() {
    const DataSettings& data = config_.data;
    if (data.dataset != "synthetic") return;
    if (Clean({"data.limit"}) && data.limit == 0) {
      Report("data.limit", "generated data has no end; set how many problems to make");
    }
    if (Clean({"data.min_steps", "data.max_steps"}) && data.min_steps > data.max_steps) {
      Report("data.min_steps", Str("got ", data.min_steps, ", expected at most data.max_steps, which is ",
                                   data.max_steps));
    }
  }

  void Adapter() {
    const std::vector<std::string>& targets = config_.adapter.targets;
    if (!Clean({"adapter.targets"})) return;
    if (targets.empty()) Report("adapter.targets", "is empty; name at least one layer, such as q_proj");
    if (std::set<std::string>(targets.begin(), targets.end()).size() != targets.size()) {
      Report("adapter.targets", "names a layer twice");
    }
  }

  void Schedule() {
    if (config_.run.stage != "rl" || !Clean({"optimizer.warmup_steps", "rl.steps", "rl.updates_per_rollout"})) return;
    const double updates = static_cast<double>(config_.rl.steps) * static_cast<double>(config_.rl.updates_per_rollout);
    if (static_cast<double>(config_.optimizer.warmup_steps) > updates) {
      Report("optimizer.warmup_steps", Str("got ", config_.optimizer.warmup_steps,
                                           ", more than the run's ", updates, " optimiser steps"));
    }
  }

  void CheckDropout() {
    if (Clean({"adapter.dropout"}) && config_.adapter.dropout > 0) {
      Report("adapter.dropout", "must be 0 when stage is rl: the trainer would score completions with another policy "
                                "than the one that sampled them");
    }
  }

  void Terms(const std::string& list, const std::vector<RewardTerm>& terms) {
    if (!Clean({list})) return;
    const bool times = list == "reward.times";
    const int64_t limit = config_.rollout.max_completion_tokens;
    const bool limit_known = Clean({"rollout.max_completion_tokens"});
    for (size_t i = 0; i < terms.size(); ++i) {
      const RewardTerm& term = terms[i];
      const std::string path = Str(list, "[", i, "]");
      if (times && (term.weight != 1.0 || term.always)) {
        Report(path, "weight and always belong to plus: terms; a times: term multiplies the reward as it is");
      }
      if (times && term.kind == "soft_overlong") {
        Report(path, "soft_overlong is a penalty from 0 to -1, so as a factor it would pay nothing; put it under plus:");
      }
      if (term.kind == "free_then_falling" && limit_known && term.free_tokens + term.fall_tokens > limit) {
        Report(path, Str("falls until ", term.free_tokens + term.fall_tokens, " tokens but completions end at "
                         "rollout.max_completion_tokens, which is ", limit, ", so its penalty could not fire in full; "
                         "raise that or lower free_tokens + fall_tokens"));
      }
      if (term.kind == "soft_overlong") {
        if (term.cache_tokens > term.max_tokens) {
          Report(path, Str("cache_tokens is ", term.cache_tokens, ", expected at most max_tokens, which is ",
                           term.max_tokens));
        }
        // Without a cache the penalty starts beyond max_tokens.
        const int64_t needed = term.max_tokens + (term.cache_tokens == 0 ? 1 : 0);
        if (limit_known && needed > limit) {
          Report(path, Str("reaches -1 at ", needed, " tokens but completions end at rollout.max_completion_tokens, "
                           "which is ", limit, ", so its penalty could not fire in full; raise that or lower "
                           "max_tokens"));
        }
      }
    }
  }

  void Budget() {
    if (!Clean({"reward.times", "reward.plus", "budget.tokens", "budget.window", "budget.floor"})) return;
    std::string path;
    for (const auto* list : {&config_.reward.plus, &config_.reward.times}) {
      for (size_t i = 0; i < list->size(); ++i) {
        if ((*list)[i].kind == "budget") {
          path = Str(list == &config_.reward.times ? "reward.times" : "reward.plus", "[", i, "]");
        }
      }
    }
    const BudgetSettings& budget = config_.budget;
    if (path.empty()) {
      if (budget.tokens > 0 && budget.sentence.empty()) {
        Report("budget.tokens", "has no effect: neither does reward.times list a budget term nor is there a "
                                "budget.sentence");
      }
      return;
    }
    if (budget.tokens == 0) {
      Report(path, "pays by a budget but budget.tokens is 0; set budget.tokens");
      return;
    }
    if (budget.floor == 1) Report("budget.floor", "is 1, so the budget term would always be 1 and its penalty never fires");
    const int64_t limit = config_.rollout.max_completion_tokens;
    const double falls_to = (1.0 + budget.window) * static_cast<double>(budget.tokens);
    // The tolerance takes (1 + 0.4) * 45 = 63.000000000000007 for 63.
    if (Clean({"rollout.max_completion_tokens"}) && static_cast<double>(limit) < falls_to * (1 - 1e-12)) {
      Report("rollout.max_completion_tokens",
             Str("got ", limit, ", expected at least (1 + m)·B = ", std::ceil(falls_to * (1 - 1e-12)),
                 " tokens (budget.tokens ", budget.tokens, ", budget.window ", PrintValue(budget.window),
                 "), since the penalty could not fire on completions that are cut off before"));
    }
  }

  const TrainConfig& config_;
  Problems* problems_;
};

}  // namespace

void CheckRulesBetweenFields(const TrainConfig& config, Problems* problems) { Checker(config, problems).All(); }

}  // namespace pith
