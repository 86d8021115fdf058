#include "configs/rules.h"

#include <algorithm>
#include <initializer_list>
#include <set>

#include "base/error.h"
#include "configs/adapter_rules.h"
#include "configs/data_sources.h"

namespace pith {
namespace {

class Checker {
 public:
  Checker(const TrainConfig& config, Problems* problems) : config_(config), problems_(problems) {}

  void All() {
    CheckDataRules(config_, problems_);
    Adapter();
    CheckAdapterRules(config_, problems_);
    Schedule();
    Evaluation();
    Judging();
    if (config_.run.stage == "distill") Distillation();
    if (config_.run.stage == "verifier") Checking();
    if (config_.run.stage == "switcher") Switching();
    if (config_.run.stage == "sft") CheckBudgetRules(config_, problems_);
    if (config_.run.stage == "rl") {
      CheckRlRules(config_, problems_);
      CheckBudgetRules(config_, problems_);
      CheckRewardRules(config_, problems_);
      CheckDropout();
    }
  }

 private:
  bool Clean(std::initializer_list<std::string> keys) const { return NoneReported(*problems_, keys); }
  void Report(const std::string& key, const std::string& text) { problems_->push_back({key, text, {}}); }

  void Adapter() {
    const std::vector<std::string>& targets = config_.adapter.targets;
    if (!Clean({"adapter.targets"})) return;
    if (targets.empty()) Report("adapter.targets", "is empty; name at least one layer, such as q_proj");
    if (std::set<std::string>(targets.begin(), targets.end()).size() != targets.size()) {
      Report("adapter.targets", "names a layer twice");
    }
  }

  void Schedule() {
    if (config_.optimizer.warmup_steps > 0 && config_.optimizer.warmup_ratio > 0 && Clean({"optimizer.warmup_steps", "optimizer.warmup_ratio"})) {
      Report("optimizer.warmup_ratio", "and optimizer.warmup_steps are two lengths of the warm-up; keep one of them");
    }
    if (config_.run.stage != "rl" || config_.rl.epochs > 0 || !Clean({"optimizer.warmup_steps", "rl.steps", "rl.updates_per_rollout", "rl.minibatches"})) return;
    const double updates = static_cast<double>(config_.rl.steps) * static_cast<double>(config_.rl.updates_per_step());
    if (static_cast<double>(config_.optimizer.warmup_steps) >= updates) {
      Report("optimizer.warmup_steps", Str("got ", config_.optimizer.warmup_steps, ", expected less than the run's ", updates,
                                           " optimiser steps: the rate would never be reached"));
    }
  }

  void Evaluation() {
    const EvaluationSettings& eval = config_.eval;
    if (Clean({"log.best_metric", "eval.every"}) && config_.log.best_metric.starts_with("eval/") && eval.every == 0) {
      Report("log.best_metric", "is measured by evaluations, but eval.every is 0; set it");
    }
    if (eval.every == 0 || !Clean({"eval"})) return;
    const std::string dataset = EvaluatedData(config_).dataset;
    if (eval.dataset.empty() && dataset.ends_with(".jsonl")) {
      Report("eval.dataset", Str(config_.data.sources.empty() ? "data.dataset" : "the first of data.sources",
                                 " is a file, which has no part that is held out; name another file"));
    }
    if (IsGenerated(dataset) && eval.limit == 0) {
      Report("eval.limit", "generated data has no end; set how many problems to make");
    }
    if (eval.chains > 1 && eval.temperature == 0) {
      Report("eval.chains", Str("got ", eval.chains, ", but at temperature 0 all would be the same; set eval.temperature"));
    }
    if (eval.budgets.empty()) Report("eval.budgets", "is empty; [0] evaluates without a budget");
    if (std::set<int64_t>(eval.budgets.begin(), eval.budgets.end()).size() != eval.budgets.size()) {
      Report("eval.budgets", "names a budget twice");
    }
  }

  void Judging() {
    if (!Clean({"reward.verifier", "reward.form"})) return;
    const VerifierSettings& v = config_.reward.verifier;
    if (!v.command.empty() && !v.url.empty()) Report("reward.verifier.url", "and reward.verifier.command are two judges; keep one of them");
    const bool traces = config_.run.stage == "distill" && config_.distill.mode == "traces";
    const bool fits_head = config_.run.stage == "verifier" || config_.run.stage == "switcher";
    if (config_.run.stage == "rl" || fits_head || traces || config_.eval.every > 0) return;
    if (v.enabled()) Report("reward.verifier", "has no effect: nothing is judged here unless eval.every is above 0; remove it");
    if (config_.reward.form != "finished") Report("reward.form", "has no effect: nothing is judged here unless eval.every is above 0; remove it");
  }

  // `section`: check, of a verifier; switch, of a switcher.
  void HeadOf(const HeadSettings& head, const std::string& section, const std::string& name) {
    if (Clean({"init_adapter"}) && config_.run.init_adapter.empty()) {
      Report("init_adapter", "is empty, but a " + name + " is fitted to what a trained adapter answers; name an earlier run's `adapter` folder");
    }
    const std::string samples = section + ".samples", temperature = section + ".temperature", top_p = section + ".top_p";
    if (Clean({samples, temperature}) && head.samples > 1 && head.temperature == 0) {
      Report(samples, Str("got ", head.samples, ", but at temperature 0 all would be the same; set ", temperature));
    }
    if (Clean({top_p, temperature}) && head.top_p < 1 && head.temperature == 0) Report(top_p, "has no effect at temperature 0; remove it, or set " + temperature);
  }

  void Checking() { HeadOf(config_.check, "check", "verifier"); }

  void Switching() {
    HeadOf(config_.switcher, "switch", "switcher");
    const std::vector<int64_t>& budgets = config_.switcher.budgets;
    if (!Clean({"switch.budgets"})) return;
    if (budgets.empty()) Report("switch.budgets", "is empty, which leaves nothing to choose but the base; [0] is the adapter without a budget");
    if (std::set<int64_t>(budgets.begin(), budgets.end()).size() != budgets.size()) Report("switch.budgets", "names a budget twice");
  }

  void Distillation() {
    const DistillSettings& d = config_.distill;
    if (!Clean({"distill"}) || d.mode != "traces") return;
    if (d.samples > 1 && d.sampling_temperature == 0) {
      Report("distill.samples", Str("got ", d.samples, ", but at temperature 0 all would be the same; set distill.sampling_temperature"));
    }
    if (Clean({"sft.max_length"}) && d.max_tokens >= config_.sft.max_length) {
      Report("distill.max_tokens", Str("got ", d.max_tokens, ", but examples of more than sft.max_length = ", config_.sft.max_length,
                                       " tokens, the prompt's included, are dropped; lower it, or raise that"));
    }
  }

  void CheckDropout() {
    if (Clean({"adapter.dropout"}) && config_.adapter.dropout > 0) {
      Report("adapter.dropout", "must be 0 when stage is rl: the trainer would score completions with another policy "
                                "than the one that sampled them");
    }
  }

  const TrainConfig& config_;
  Problems* problems_;
};

}  // namespace

bool NoneReported(const Problems& problems, std::initializer_list<std::string> keys) {
  for (const std::string& key : keys) {
    for (const ConfigProblem& problem : problems) {
      if (StandsIn(problem.key, key)) return false;
    }
  }
  return true;
}

void CheckRulesBetweenFields(const TrainConfig& config, Problems* problems) { Checker(config, problems).All(); }

}  // namespace pith
