// A run of GRPO as a stage of the loop: sample, pay, update, measure.
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "train/evaluation_hook.h"
#include "train/grpo.h"
#include "train/grpo_metrics.h"
#include "train/learner.h"
#include "train/optimizer.h"

namespace pith {
namespace {

std::vector<const Prompt*> AllPrompts(const Session& session) {
  std::vector<const Prompt*> prompts;
  for (const PreparedProblem& p : session.problems) prompts.push_back(&p.prompt);
  return prompts;
}

class GrpoStage : public Stage, public Stateful {
 public:
  explicit GrpoStage(const Session& session)
      : session_(session),
        config_(session.config),
        reward_(config_.reward, MakeBudget(config_.budget)),
        total_updates_(config_.rl.steps * config_.rl.updates_per_rollout),
        model_(MakeModel(session)),
        optimizer_(config_.optimizer, model_->parameters()),
        learner_(session, model_.get(), &optimizer_),
        evaluation_(session.config.eval.every > 0 ? std::make_unique<EvaluationHook>(session) : nullptr),
        sampler_(session, evaluation_ ? evaluation_->kv_tokens() : 0),
        encoder_(*model_, AllPrompts(session)) {
    if (evaluation_) evaluation_->Begin(sampler_.engine(), [this] { return model_->ToLora(); }, total_steps());
  }

  int64_t total_steps() const override { return config_.rl.steps; }
  std::string Line(const StepRecord& record) const override { return StepLine(record.step, config_.rl.steps, record.metrics); }
  LoraAdapter Adapter() const override { return model_->ToLora(); }
  std::vector<Stateful*> parts() override { return {this, &learner_}; }
  std::vector<StepHook*> hooks() override { return evaluation_ ? std::vector<StepHook*>{evaluation_.get()} : std::vector<StepHook*>(); }

  std::string key() const override { return "rl"; }
  std::string Save() const override { return nlohmann::json{{"num_tokens", num_tokens_}}.dump(); }
  void Load(const std::string& json) override { num_tokens_ = nlohmann::json::parse(json).at("num_tokens").get<int64_t>(); }

  StepRecord Step(int64_t step, Ledger* ledger) override {
    const std::vector<size_t> problems = GrpoProblems(config_, session_.problems.size(), step);
    GenerateStats stats;
    Ledger::Scope sampling = ledger->Time("rollout");
    const Groups groups = sampler_.Sample(model_->ToLora(), problems, step, &stats);
    sampling.End();
    CheckSampled(step, problems, groups);
    Ledger::Scope grading = ledger->Time("grade");
    const Paid paid = Pay(session_, reward_, problems, groups);
    grading.End();

    std::vector<const Prompt*> prompts;
    for (size_t i : problems) prompts.push_back(&session_.problems[i].prompt);
    num_tokens_ += stats.generated_tokens;
    for (const Prompt* prompt : prompts) num_tokens_ += config_.rl.group_size * static_cast<int64_t>(prompt->ids.size());
    Ledger::Scope encoding = ledger->Time("encode");
    const GrpoBatch batch = MakeBatch(session_, problems, groups, paid, encoder_.Encode(prompts));
    encoding.End();

    const Learned learned = Learn(step, batch, ledger);
    StepRecord record;
    record.rate_tokens = stats.generated_tokens;
    record.metrics = StepMetrics(learned, batch, RewardMetrics(config_, reward_, groups, paid));
    record.metrics.insert(record.metrics.end(), {{"num_tokens", static_cast<double>(num_tokens_)},
                                                 {"completion_tokens", static_cast<double>(stats.generated_tokens)}});
    if (config_.log.completions) record.completions = CompletionLines(session_, step + 1, problems, groups, paid);
    return record;
  }

 private:
  // A policy that has broken down would go on unseen where its groups have no signal.
  void CheckSampled(int64_t step, const std::vector<size_t>& problems, const Groups& groups) const {
    for (size_t g = 0; g < groups.size(); ++g) {
      for (const Completion& c : groups[g]) {
        for (size_t t = 0; t < c.logprobs.size(); ++t) {
          if (std::isfinite(c.logprobs[t])) continue;
          ThrowUser("step ", step + 1, ": the sampler's log-probability of token ", t + 1, " of a completion of problem ",
                    session_.problems[problems[g]].problem.id, " is not finite; the adapter was not updated. Lower "
                    "optimizer.learning_rate in a new run, from an earlier checkpoint's adapter (init_adapter) if that is good");
        }
      }
    }
  }

  // What the updates of one step came to.
  struct Learned {
    GrpoUpdate update;  // the last one
    Optimizer::StepInfo info;
    SamplingGap gap;
    double entropy = 0;  // of the policy that sampled
  };

  Learned Learn(int64_t step, const GrpoBatch& batch, Ledger* ledger) {
    const RlSettings& rl = config_.rl;
    Learned l;
    if (batch.sequences.empty()) {
      // No group has a signal: the step counts, the adapter and the moments stay.
      l.info.learning_rate = LearningRate(config_.optimizer, step * rl.updates_per_rollout, total_updates_);
      return l;
    }
    Ledger::Scope referring = ledger->Time("reference");
    const at::Tensor ref = rl.kl_beta != 0 ? ReferenceLogProbs(session_, *model_, batch) : at::Tensor();
    referring.End();
    at::Tensor old;
    for (int64_t u = 0; u < rl.updates_per_rollout; ++u) {
      Ledger::Scope learning = ledger->Time("gradients");
      l.update = GrpoGradients(config_, *model_, batch, old, ref);
      if (!std::isfinite(l.update.loss)) {
        ThrowUser("the loss of step ", step + 1, " is not finite (the log-probabilities of its completions); the adapter was not "
                  "updated. Lower optimizer.learning_rate, or resume from the last checkpoint");
      }
      if (u == 0) {
        old = l.update.logp;
        l.entropy = l.update.entropy;
        l.gap = MeasureGap(batch.sampler_logp, {old.data_ptr<float>(), old.data_ptr<float>() + old.numel()});
      }
      learning.End();
      const Ledger::Scope updating = ledger->Time("optimizer");
      l.info = optimizer_.Step(step * rl.updates_per_rollout + u, total_updates_);
      model_->AdapterChanged();
    }
    return l;
  }

  Metrics StepMetrics(const Learned& l, const GrpoBatch& batch, const Metrics& reward) const {
    Metrics metrics = {{"loss", l.update.loss}, {"grad_norm", l.info.grad_norm}, {"learning_rate", l.info.learning_rate}};
    metrics.insert(metrics.end(), reward.begin(), reward.end());
    if (config_.rl.kl_beta != 0) metrics.emplace_back("kl", l.update.kl);
    if (!batch.sequences.empty()) {  // what nobody measured is not zero
      metrics.insert(metrics.end(), {{"sampling/sampling_logp_difference/mean", l.gap.mean},
                                     {"sampling/sampling_logp_difference/p99", l.gap.p99},
                                     {"sampling/sampling_logp_difference/max", l.gap.max},
                                     {"sampling/kl", l.gap.kl},
                                     {"entropy", l.entropy}});
    }
    metrics.insert(metrics.end(), {{"clip_ratio/low_mean", l.update.clip_low},
                                   {"clip_ratio/high_mean", l.update.clip_high},
                                   {"clip_ratio/region_mean", l.update.clip_low + l.update.clip_high}});
    return metrics;
  }

  const Session& session_;
  const TrainConfig& config_;
  const RewardFunction reward_;
  const int64_t total_updates_;
  const std::unique_ptr<Model> model_;
  Optimizer optimizer_;
  Learner learner_;
  const std::unique_ptr<EvaluationHook> evaluation_;
  Sampler sampler_;
  const PromptEncoder encoder_;
  int64_t num_tokens_ = 0;  // prompts' and responses', of all steps
};

}  // namespace

void RunGrpo(const Session& session, const RunOptions& options) {
  GrpoStage stage(session);
  RunLoop(session.config, options, stage);
}

}  // namespace pith
