#include "train/rl/rl_run.h"

#include <cmath>
#include <optional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "runtime/evaluation/attempt.h"
#include "train/doctor/doctor.h"
#include "train/model/optimizer.h"
#include "train/rl/ahead.h"
#include "train/rl/policy_learner.h"
#include "train/rl/problem_source.h"
#include "train/rl/rl_metrics.h"
#include "train/rl/rl_steering.h"
#include "train/rollout/evaluation_hook.h"
#include "train/rollout/rollout.h"
#include "train/session/training_state.h"

namespace pith {
namespace {

std::vector<const Prompt*> AllPrompts(const Session& session) {
  std::vector<const Prompt*> prompts;
  for (const PreparedProblem& p : session.problems) prompts.push_back(&p.prompt);
  return prompts;
}

class RlStage : public Stage, public Stateful {
 public:
  RlStage(const Session& session, const RunOptions& options)
      : session_(session),
        config_(session.config),
        reward_(config_.reward, MakeBudget(config_.budget), config_.rollout.max_completion_tokens),
        steering_(session),
        model_(MakeModel(session)),
        optimizer_(config_.optimizer, model_->parameters()),
        learner_(session, model_.get(), &optimizer_),
        updates_(session, model_.get(), &optimizer_),
        problems_(config_, session.sources()),
        evaluation_(session.config.eval.every > 0 ? std::make_unique<EvaluationHook>(session) : nullptr),
        sampler_(session, evaluation_ ? evaluation_->kv_tokens() : 0),
        ahead_(&sampler_, [this](const std::vector<size_t>& problems, size_t i, const Completion& completion) { Prepare(problems[i], completion); }),
        encoder_(*model_, AllPrompts(session)),
        doctor_(options.doctor ? std::make_unique<Doctor>(session, model_.get(), &optimizer_) : nullptr) {
    if (evaluation_) evaluation_->Begin(sampler_.engine(), [this] { return model_->ToLora(); }, total_steps());
  }

  int64_t total_steps() const override { return config_.rl.steps; }
  std::string Line(const StepRecord& record) const override { return StepLine(record.step, config_.rl.steps, record.metrics); }
  LoraAdapter Adapter() const override { return model_->ToLora(); }
  std::vector<Stateful*> parts() override {
    std::vector<Stateful*> parts = {this, &learner_, &problems_};
    if (config_.rl.steps_ahead > 0) parts.push_back(&ahead_);
    for (Stateful* part : steering_.parts()) parts.push_back(part);
    return parts;
  }
  std::vector<StepHook*> hooks() override {
    std::vector<StepHook*> hooks = steering_.hooks();
    if (evaluation_) hooks.insert(hooks.begin(), evaluation_.get());  // alarms may look at what was evaluated
    if (doctor_) hooks.insert(hooks.begin(), doctor_.get());
    return hooks;
  }

  std::string key() const override { return "rl"; }
  std::string Save() const override { return nlohmann::json{{"num_tokens", num_tokens_}}.dump(); }
  void Load(const std::string& json) override { num_tokens_ = nlohmann::json::parse(json).at("num_tokens").get<int64_t>(); }

  StepRecord Step(int64_t step, Ledger* ledger) override {
    GenerateStats stats;
    Paid all;  // of every group that was sampled
    const std::optional<SampledStep> waiting = ahead_.Take(step);
    const DrawnGroups drawn = Draw(step, waiting ? &*waiting : nullptr, &all, &stats, ledger);
    steering_.Observe(drawn.problems, Outcomes(drawn.groups, all));
    if (config_.rl.steps_ahead > 0 && step + 1 < total_steps()) ahead_.Begin(model_->ToLora(), DrawProblems(step + 1, 0), step + 1);
    std::vector<size_t> problems;  // what is learned from
    Groups groups;
    for (size_t g : drawn.learned) {
      problems.push_back(drawn.problems[g]);
      groups.push_back(drawn.groups[g]);
    }
    Paid paid = ChoosePaid(config_.rl, drawn.groups, drawn.learned, all);

    std::vector<const Prompt*> prompts;
    for (size_t i : problems) prompts.push_back(&session_.problems[i].prompt);
    Ledger::Scope encoding = ledger->Time("encode");
    const std::vector<EncodedPrompt> encoded = encoder_.Encode(prompts);
    encoding.End();

    StepRecord record;
    record.rate_tokens = stats.generated_tokens;
    record.metrics = updates_.Learn(step, problems, groups, encoded, &paid, ledger);
    Ledger::Scope sampling = ledger->Time("rollout");  // what is left of it
    ahead_.End();
    sampling.End();
    if (config_.rl.steps_ahead > 0) record.metrics.emplace_back("sampling/steps_behind", waiting ? 1.0 : 0.0);
    for (const Metrics& measured : {RewardMetrics(config_, reward_, drawn.groups, all), SourceMetrics(session_, drawn.problems, drawn.groups, all)}) {
      record.metrics.insert(record.metrics.end(), measured.begin(), measured.end());
    }
    if (!config_.curriculum.enabled) record.metrics.emplace_back("epoch", problems_.epochs());
    if (config_.rl.dynamic_sampling) {
      record.metrics.insert(record.metrics.end(), {{"dynamic_sampling/rounds", static_cast<double>(drawn.rounds)},
                                                   {"dynamic_sampling/drawn", static_cast<double>(drawn.drawn())},
                                                   {"dynamic_sampling/kept", static_cast<double>(drawn.kept)},
                                                   {"dynamic_sampling/accuracy", drawn.accuracy}});
    }
    const Metrics steering = steering_.StepMetrics();
    record.metrics.insert(record.metrics.end(), steering.begin(), steering.end());
    record.metrics.insert(record.metrics.end(), {{"num_tokens", static_cast<double>(num_tokens_)},
                                                 {"completion_tokens", static_cast<double>(stats.generated_tokens)}});
    if (config_.log.completions) record.completions = CompletionLines(session_, step + 1, problems, groups, paid);
    return record;
  }

 private:
  // A policy that has broken down would go on unseen where its groups have no signal.
  void CheckSampled(int64_t step, std::span<const size_t> problems, const Groups& groups) const {
    for (size_t g = 0; g < groups.size(); ++g) {
      for (const Completion& c : groups[g]) {
        for (size_t t = 0; t < c.logprobs.size(); ++t) {
          if (std::isfinite(c.logprobs[t])) continue;
          ThrowUser("step ", step + 1, ": the sampler's log-probability of token ", t + 1, " of a completion of ",
                    NameOf(session_.problems[problems[g]].problem), " is not finite; the adapter was not updated. Lower "
                    "optimizer.learning_rate in a new run, from an earlier checkpoint's adapter (init_adapter) if that is good");
        }
      }
    }
  }

  std::vector<size_t> DrawProblems(int64_t step, int64_t first_place) {
    return steering_.Draw(step, first_place, config_.rl.prompts_per_step, [&](int64_t n) { return problems_.Next(n); });
  }

  // A judge may begin while others are still sampled.
  void Prepare(size_t entry, const Completion& completion) const {
    const Problem& problem = session_.problems[entry].problem;
    if (!session_.verifiers->Waits(problem.kind)) return;
    const std::string text = JudgedText(session_.prompter->tokenizer(), completion);
    const Attempt attempt = MakeAttempt(problem, text, completion);
    session_.verifiers->Prepare(std::span(&attempt, 1));
  }

  // The step's completions, those that wait for it or fresh ones, and what all of them are paid; counts their tokens.
  DrawnGroups Draw(int64_t step, const SampledStep* waiting, Paid* all, GenerateStats* stats, Ledger* ledger) {
    const auto draw = [&](int64_t first_place) { return waiting != nullptr ? waiting->problems : DrawProblems(step, first_place); };
    const auto sample = [&](std::span<const size_t> problems, int64_t first_place) {
      const Ledger::Scope sampling = ledger->Time("rollout");
      GenerateStats round;
      Groups groups;
      if (waiting != nullptr) {
        groups = waiting->groups;
        round = waiting->stats;
      } else {
        groups = sampler_.Sample(model_->ToLora(), problems, step, &round, first_place,
                                 [&](size_t i, const Completion& completion) { Prepare(problems[i], completion); });
      }
      CheckSampled(step, problems, groups);
      stats->generated_tokens += round.generated_tokens;
      num_tokens_ += round.generated_tokens;
      for (size_t i : problems) {
        const PreparedProblem& p = session_.problems[i];
        num_tokens_ += config_.rl.group_size * static_cast<int64_t>(p.prompt.ids.size() + p.announcement.size());
      }
      return groups;
    };
    const auto judge = [&](std::span<const size_t> problems, const Groups& groups) {
      const Ledger::Scope grading = ledger->Time("grade");
      Paid paid = Pay(session_, reward_, problems, groups, steering_.reward_state());
      std::vector<GroupOutcome> outcomes = Outcomes(groups, paid);
      Append(std::move(paid), all);
      return outcomes;
    };
    return DrawGroups(config_.rl, draw, sample, judge);
  }

  const Session& session_;
  const TrainConfig& config_;
  const RewardFunction reward_;
  RlSteering steering_;
  const std::unique_ptr<Model> model_;
  Optimizer optimizer_;
  TrainingState learner_;
  PolicyLearner updates_;
  ProblemSource problems_;
  const std::unique_ptr<EvaluationHook> evaluation_;
  Sampler sampler_;
  Ahead ahead_;
  const PromptEncoder encoder_;
  const std::unique_ptr<Doctor> doctor_;
  int64_t num_tokens_ = 0;  // prompts' and responses', of all steps
};

}  // namespace

void RunRl(const Session& session, const RunOptions& options) {
  RlStage stage(session, options);
  RunLoop(session.config, options, stage);
}

}  // namespace pith
