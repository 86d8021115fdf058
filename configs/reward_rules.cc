// Rules about pay: a penalty that can never fire, and a setting that nothing reads, are errors when the file is loaded.
#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>

#include "base/error.h"
#include "configs/reward_kinds.h"
#include "configs/rules.h"

namespace pith {
namespace {

class RewardChecker {
 public:
  RewardChecker(const TrainConfig& config, Problems* problems) : config_(config), problems_(problems) {}

  void All() {
    Terms("reward.times", config_.reward.times);
    Terms("reward.plus", config_.reward.plus);
    Budget();
    Closing();
    Controller();
    Curriculum();
    Alarms();
  }

 private:
  bool Clean(std::initializer_list<std::string> keys) const { return NoneReported(*problems_, keys); }
  void Report(const std::string& key, const std::string& text) { problems_->push_back({key, text, {}}); }

  template <class Predicate>
  std::string FirstTerm(const Predicate& predicate) const {
    for (const auto* list : {&config_.reward.times, &config_.reward.plus}) {
      for (size_t i = 0; i < list->size(); ++i) {
        const RewardKind* kind = FindRewardKind((*list)[i].kind);
        if (kind != nullptr && predicate(*kind)) return Str(list == &config_.reward.times ? "reward.times" : "reward.plus", "[", i, "]");
      }
    }
    return "";
  }

  // The budgets that prompts of this run may have.
  std::vector<int64_t> Budgets() const {
    std::vector<int64_t> out;
    for (int64_t b : config_.budget.choices) {
      if (b > 0) out.push_back(b);
    }
    if (config_.budget.choices.empty() && config_.budget.tokens > 0) out.push_back(config_.budget.tokens);
    return out;
  }

  bool Forced() const { return config_.rollout.close == "forced"; }

  // The length that no completion passes, and what ends them there: forced closing does at B, where every prompt has one.
  int64_t Longest() const {
    const std::vector<int64_t> budgets = Budgets();
    const auto prompts = std::max<size_t>(config_.budget.choices.size(), 1);
    const int64_t limit = config_.rollout.max_completion_tokens;
    return Forced() && budgets.size() == prompts ? std::min(limit, *std::max_element(budgets.begin(), budgets.end())) : limit;
  }
  std::string End() const {
    return Longest() < config_.rollout.max_completion_tokens ? Str("the largest budget (rollout.close: forced), which is ", Longest())
                                                             : Str("rollout.max_completion_tokens, which is ", Longest());
  }

  void Terms(const std::string& list, const std::vector<RewardTerm>& terms) {
    if (!Clean({list})) return;
    const bool times = list == "reward.times";
    int lasers = 0;
    for (size_t i = 0; i < terms.size(); ++i) {
      const RewardTerm& term = terms[i];
      const RewardKind& kind = *FindRewardKind(term.kind);
      const std::string path = Str(list, "[", i, "]");
      if (times && !kind.times) {
        Report(path, term.kind == "soft_overlong"
                         ? "soft_overlong is a penalty from 0 to -1, so as a factor it would pay nothing; put it under plus:"
                         : term.kind + " is added to the reward, not multiplied with it; put it under plus:");
        continue;
      }
      if (!times && !kind.plus) {
        Report(path, term.kind + " is a factor of the reward; put it under times:");
        continue;
      }
      if (times && (term.weight != 1.0 || term.always)) {
        Report(path, "weight and always belong to plus: terms; a times: term multiplies the reward as it is");
      }
      if (!times && kind.penalty && term.weight < 0) {
        Report(path, Str("weight is ", PrintValue(term.weight), ", which turns ", term.kind, " around; give it a weight above 0"));
      }
      if (term.kind == "laser_d" && ++lasers > 1) Report(path, "a second laser_d: one run has one set of targets");
      if (kind.relative && Clean({"rl.group_size"}) && config_.rl.group_size < 2) {
        Report(path, term.kind + " compares a completion with the others of its group, so with rl.group_size 1 it could not fire; "
                                 "raise that");
      }
      if (Clean({"rollout.max_completion_tokens"})) Reach(path, term);
    }
  }

  // Whether completions can be as long, or as short, as the term needs to tell them apart.
  void Reach(const std::string& path, const RewardTerm& term) {
    const int64_t limit = Longest();
    if (term.kind == "free_then_falling" && term.free_tokens + term.fall_tokens > limit) {
      Report(path, Str("falls until ", term.free_tokens + term.fall_tokens, " tokens but completions end at ", End(),
                       ", so its penalty could not fire in full; raise that or lower free_tokens + fall_tokens"));
    }
    if (term.kind == "soft_overlong") {
      if (term.cache_tokens > term.max_tokens) {
        Report(path, Str("cache_tokens is ", term.cache_tokens, ", expected at most max_tokens, which is ",
                         term.max_tokens));
      }
      // Without a cache the penalty starts beyond max_tokens.
      const int64_t needed = term.max_tokens + (term.cache_tokens == 0 ? 1 : 0);
      if (needed > limit) {
        Report(path, Str("reaches -1 at ", needed, " tokens but completions end at ", End(),
                         ", so its penalty could not fire in full; raise that or lower max_tokens"));
      }
    }
    if (term.kind == "l1_max" && Clean({"budget"})) {
      for (int64_t b : Budgets()) {
        const int64_t end = Forced() ? b : limit;
        const double at_end = term.alpha * static_cast<double>(b - end) + term.delta;
        if (at_end >= 1) {
          Report(path, Str("is still 1 at ", Forced() ? "the end that rollout.close: forced makes" : End(), ", under a budget of ", b,
                           ", so its penalty could not fire; ", Forced() ? "lower delta" : "raise that, or lower delta or alpha"));
          break;
        }
        if (term.alpha * static_cast<double>(b - 1) + term.delta <= 0) {
          Report(path, Str("pays nothing even for one token under a budget of ", b, "; raise delta"));
          break;
        }
      }
    }
    if (term.kind == "truncation") {
      const int64_t wanted = term.limit_tokens == 0 ? config_.rollout.max_completion_tokens : term.limit_tokens;
      if (wanted > limit) {
        Report(path, Str("limit_tokens is ", wanted, " but completions end at ", End(), ", so it could not fire; lower limit_tokens"));
      } else if (wanted == limit && config_.rl.mask_truncated && Clean({"rl.mask_truncated"})) {
        Report(path, "takes the pay of completions that were cut off, but rl.mask_truncated leaves just those out of the loss, so it "
                     "could not fire; drop one of the two or set limit_tokens below rollout.max_completion_tokens");
      }
    }
    if (term.kind == "laser_d") {
      if (term.grid_tokens >= limit) {
        Report(path, Str("grid_tokens is ", term.grid_tokens, ", so every target is at least ", End(),
                         ", and each right answer would get the bonus; lower grid_tokens"));
      }
      if (term.start_tokens > limit) {
        Report(path, Str("start_tokens is ", term.start_tokens, ", more than ", End()));
      }
    }
  }

  void Budget() {
    if (!Clean({"reward.times", "reward.plus", "budget.tokens", "budget.window", "budget.floor", "budget.choices"})) return;
    const std::string path = FirstTerm([](const RewardKind& kind) { return kind.needs_budget; });
    const std::string barrier = FirstTerm([](const RewardKind& kind) { return std::string(kind.name) == "budget"; });
    const BudgetSettings& budget = config_.budget;
    if (path.empty()) {
      if (budget.tokens > 0 && budget.sentence.empty() && budget.announcement.empty() && !Forced()) {
        Report("budget.tokens", "has no effect: neither does reward.times list a budget term nor is there a "
                                "budget.sentence or budget.announcement, nor is rollout.close forced");
      }
      return;
    }
    if (budget.tokens == 0) {
      Report(path, "pays by a budget but budget.tokens is 0; set budget.tokens");
      return;
    }
    if (barrier.empty()) return;
    if (budget.floor == 1) Report("budget.floor", "is 1, so the budget term would always be 1 and its penalty never fires");
    const int64_t limit = config_.rollout.max_completion_tokens;
    if (!Clean({"rollout.max_completion_tokens"})) return;
    if (Forced()) {  // no completion passes B, where the weight has fallen half way
      if (budget.window == 0) {
        Report("budget.window", "is 0, so the budget term would be 1 up to B, where rollout.close: forced ends every completion, and its penalty could not "
                                "fire; set a window, or drop the term");
      }
      return;
    }
    for (int64_t tokens : Budgets()) {
      const double falls_to = (1.0 + budget.window) * static_cast<double>(tokens);
      // The tolerance takes (1 + 0.4) * 45 = 63.000000000000007 for 63.
      if (static_cast<double>(limit) < falls_to * (1 - 1e-12)) {
        Report("rollout.max_completion_tokens",
               Str("got ", limit, ", expected at least (1 + m)·B = ", std::ceil(falls_to * (1 - 1e-12)),
                   " tokens (", budget.choices.empty() ? "budget.tokens " : "of budget.choices ", tokens, ", budget.window ",
                   PrintValue(budget.window), "), since the penalty could not fire on completions that are cut off before"));
        return;
      }
    }
  }

  // A budget that cannot close as decoding would.
  void Closing() {
    if (!Forced() || !Clean({"rollout", "budget"})) return;
    const int64_t limit = config_.rollout.max_completion_tokens, answer = config_.rollout.answer_tokens, reserve = config_.budget.reserve_tokens;
    if (config_.budget.tokens == 0) Report("rollout.close", "is forced, but there is no budget to close by; set budget.tokens");
    for (const int64_t b : Budgets()) {
      const std::string of = Str(config_.budget.choices.empty() ? "budget.tokens " : "of budget.choices ", b);
      if (limit < b) {
        Report("rollout.max_completion_tokens", Str("got ", limit, ", expected at least B (", of, "), which holds the thoughts, the closing text and the answer: "
                                                    "rollout.close: forced closes by B"));
      } else if (answer >= b) {
        Report("rollout.answer_tokens", Str("got ", answer, ", which leaves nothing of B (", of, ") to think with; expected less"));
      } else if (answer == 0 && (reserve < 1 || b / 2 < reserve)) {
        Report("budget.reserve_tokens", Str("got ", reserve, ", expected 1 to half of B (", of, "): rollout.close: forced keeps it for the answer"));
      } else {
        continue;
      }
      return;
    }
  }

  void Controller() {
    const ControllerSettings& c = config_.controller;
    if (!c.enabled() || !Clean({"controller", "reward.times", "reward.plus"})) return;
    if (c.target_tokens > 0 && c.accuracy_floor > 0) {
      Report("controller.accuracy_floor", "and controller.target_tokens pull the one weight two ways; keep one of them");
    }
    if (FirstTerm([](const RewardKind& kind) { return kind.length; }).empty()) {
      Report(c.target_tokens > 0 ? "controller.target_tokens" : "controller.accuracy_floor",
             "has no effect: neither reward.times nor reward.plus lists a term of length whose weight could be adapted");
    }
    if (c.target_tokens >= Longest() && Clean({"rollout.max_completion_tokens"})) {
      Report("controller.target_tokens", Str("got ", c.target_tokens, ", but completions end at ", End(), ", so the weight could only fall; lower it"));
    }
    if (c.min_weight >= c.max_weight) {
      Report("controller.min_weight", Str("got ", PrintValue(c.min_weight), ", expected less than controller.max_weight, which is ",
                                          PrintValue(c.max_weight)));
    } else if (c.start_weight < c.min_weight || c.start_weight > c.max_weight) {
      Report("controller.start_weight", Str("got ", PrintValue(c.start_weight), ", expected from controller.min_weight to controller.max_weight, ",
                                            PrintValue(c.min_weight), " to ", PrintValue(c.max_weight)));
    }
  }

  void Curriculum() {
    const CurriculumSettings& c = config_.curriculum;
    if (!c.enabled || !Clean({"curriculum"})) return;
    if (config_.rl.dynamic_sampling) {
      Report("curriculum.enabled", "and rl.dynamic_sampling both choose among problems by their pass rate, and what the latter drops the "
                                   "former would never hear of; keep one of them");
    }
    if (c.hopeless_below >= c.solved_above) {
      Report("curriculum.hopeless_below", Str("got ", PrintValue(c.hopeless_below), ", expected less than curriculum.solved_above, which is ",
                                              PrintValue(c.solved_above)));
    }
  }

  void Alarms() {
    const AlarmSettings& alarms = config_.alarms;
    if (!Clean({"alarms", "log.best_metric"})) return;
    for (const std::string& name : alarms.roll_back) {
      if (std::find(alarms.stop.begin(), alarms.stop.end(), name) != alarms.stop.end()) {
        Report("alarms.roll_back", name + " stands under alarms.stop too; keep one of them");
      }
    }
    if (!alarms.roll_back.empty() && config_.log.best_metric.empty()) {
      Report("alarms.roll_back", "has no checkpoint to go back to; name the metric that the best one is kept by in log.best_metric");
    }
  }

  const TrainConfig& config_;
  Problems* problems_;
};

}  // namespace

void CheckRewardRules(const TrainConfig& config, Problems* problems) { RewardChecker(config, problems).All(); }

}  // namespace pith
