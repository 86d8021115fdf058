// Rules between the fields of the section `rl`.
#include <algorithm>
#include <initializer_list>

#include "base/error.h"
#include "configs/rules.h"

namespace pith {
namespace {

class RlChecker {
 public:
  RlChecker(const TrainConfig& config, Problems* problems) : rl_(config.rl), rollout_(config.rollout), problems_(problems) {}

  void All() {
    Lengths();
    Advantage();
    Minibatches();
    Clipping();
    StepsAhead();
  }

 private:
  bool Clean(std::initializer_list<std::string> keys) const {
    return std::none_of(problems_->begin(), problems_->end(), [&](const ConfigProblem& problem) {
      return std::any_of(keys.begin(), keys.end(), [&](const std::string& key) { return StandsIn(problem.key, "rl." + key); });
    });
  }

  void Report(const std::string& key, const std::string& text) { problems_->push_back({"rl." + key, text, {}}); }

  void Lengths() {
    if (!NoneReported(*problems_, {"rollout.min_completion_tokens", "rollout.max_completion_tokens"})) return;
    if (rollout_.min_completion_tokens <= rollout_.max_completion_tokens) return;
    problems_->push_back({"rollout.min_completion_tokens", Str("got ", rollout_.min_completion_tokens, ", expected at most rollout.max_completion_tokens, which is ",
                                                               rollout_.max_completion_tokens), {}});
  }

  void Advantage() {
    if (!Clean({"group_size", "advantage", "scale_rewards"})) return;
    if (rl_.group_size == 1 && rl_.advantage != "reinforce_pp") {
      Report("group_size", "is 1, so every completion would be compared with itself alone; expected at least 2, or advantage: reinforce_pp");
    }
    if (rl_.advantage == "rloo" && rl_.scale_rewards == "group") {
      Report("scale_rewards", "is group, but leave-one-out advantages are scaled over the batch or not at all; expected batch or none");
    }
    if (rl_.dynamic_sampling && rl_.group_size == 1) {
      Report("dynamic_sampling", "would keep nothing: a group of one is always all right or all wrong");
    }
    if (Clean({"prompts_per_step"}) && rl_.advantage == "reinforce_pp" && rl_.prompts_per_step * rl_.group_size < 2) {
      Report("prompts_per_step", "is 1 and so is group_size: there is nothing to compare a completion with");
    }
  }

  void Minibatches() {
    if (!Clean({"minibatches", "prompts_per_step", "group_size"})) return;
    const int64_t completions = rl_.prompts_per_step * rl_.group_size;
    if (completions % rl_.minibatches != 0) {
      Report("minibatches", Str("got ", rl_.minibatches, ", expected a divisor of a step's completions, prompts_per_step x group_size = ",
                                completions));
    }
  }

  void Clipping() {
    if (!Clean({"loss", "clip_epsilon_low", "clip_epsilon_high", "delta"})) return;
    if (rl_.loss == "cispo") {
      if (rl_.clip_epsilon_high < 1) {
        Report("clip_epsilon_high", Str("got ", rl_.clip_epsilon_high, ", expected at least 1: with loss: cispo it is the cap of the "
                                        "probability ratio itself, such as 5"));
      }
    } else if (rl_.delta != 0) {
      if (rl_.delta <= 1 + rl_.clip_epsilon_high) {
        Report("delta", Str("got ", rl_.delta, ", expected more than 1 + clip_epsilon_high = ", 1 + rl_.clip_epsilon_high,
                            ", where clipping ends"));
      } else if (Clean({"updates_per_rollout", "minibatches"}) && rl_.updates_per_step() == 1) {
        Report("delta", "has no effect: with one update per step the probability ratio is 1; remove it, or raise updates_per_rollout "
                        "or minibatches");
      }
    }
  }

  void StepsAhead() {
    if (rl_.steps_ahead == 0 || !Clean({"steps_ahead", "sampler_correction", "dynamic_sampling"})) return;
    if (rl_.sampler_correction == "none") {
      Report("steps_ahead", "is 1: completions come from the policy of one update back, and sampler_correction: none would take them for the present one's; "
                            "expected token_truncate or another correction");
    }
    if (rl_.dynamic_sampling) {
      Report("steps_ahead", "is 1, but dynamic_sampling judges a step's answers before it knows which problems it draws next; expected one of the two alone");
    }
  }

  const RlSettings& rl_;
  const RolloutSettings& rollout_;
  Problems* problems_;
};

}  // namespace

void CheckRlRules(const TrainConfig& config, Problems* problems) { RlChecker(config, problems).All(); }

}  // namespace pith
