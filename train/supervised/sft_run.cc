// Runs that learn from examples, as a stage of the loop: SFT, and distillation.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "train/doctor/doctor.h"
#include "train/model/optimizer.h"
#include "train/rollout/evaluation_hook.h"
#include "train/rollout/exchange.h"
#include "train/run/loop.h"
#include "train/session/training_state.h"
#include "train/supervised/distill.h"
#include "train/supervised/example_order.h"
#include "train/supervised/sft.h"
#include "train/supervised/traces.h"

namespace pith {
namespace {

std::vector<const Prompt*> Prompts(const Session& session, const std::vector<SftExample>& examples) {
  std::vector<const Prompt*> prompts;
  for (const SftExample& e : examples) prompts.push_back(&session.problems[e.problem].prompt);
  return prompts;
}

class ExamplesStage : public Stage, public Stateful {
 public:
  // With a teacher, the examples' tokens are learned as it would say them; else as they stand.
  ExamplesStage(const Session& session, std::vector<SftExample> examples, std::unique_ptr<ScoringTeacher> teacher, const RunOptions& options)
      : session_(session),
        examples_(std::move(examples)),
        teacher_(std::move(teacher)),
        order_(session.config, SourcesOf(session, examples_)),
        total_(CheckedSteps()),
        model_(MakeModel(session)),
        optimizer_(session.config.optimizer, model_->parameters()),
        learner_(session, model_.get(), &optimizer_),
        encoder_(*model_, Prompts(session, examples_)),
        doctor_(options.doctor ? std::make_unique<Doctor>(session, model_.get(), &optimizer_, LastTargets()) : nullptr) {
    if (session.config.eval.every == 0) return;
    evaluation_ = std::make_unique<EvaluationHook>(session);
    EngineOptions engine;
    engine.num_threads = session.config.run.threads;
    engine.activations = ActivationType::kBF16;
    engine.kv_tokens = evaluation_->kv_tokens();
    engine_ = std::make_unique<Engine>(session.base, engine);
    evaluation_->Begin(engine_.get(), [this] { return model_->ToLora(); }, total_);
  }

  int64_t total_steps() const override { return total_; }
  LoraAdapter Adapter() const override { return model_->ToLora(); }
  std::vector<Stateful*> parts() override { return {this, &learner_}; }
  std::vector<StepHook*> hooks() override {
    std::vector<StepHook*> hooks;
    if (doctor_) hooks.push_back(doctor_.get());
    if (evaluation_) hooks.push_back(evaluation_.get());
    return hooks;
  }

  StepRecord Step(int64_t step, Ledger* ledger) override {
    const SftSettings& sft = session_.config.sft;
    Ledger::Scope timing = ledger->Time("gradients");
    const std::vector<size_t> batch = order_.Batch(step);
    SftStepResult r;
    Metrics metrics;
    if (teacher_) {
      DistillStepResult d = DistillGradients(session_, *model_, encoder_, *teacher_, examples_, batch, step);
      metrics = {{"nll", d.nll}, {"teacher/nll", d.teacher_nll}};
      r = std::move(d);
    } else {
      r = SftGradients(session_, *model_, encoder_, examples_, batch, step);
    }
    for (auto& metric : order_.PerSource(batch, r.losses, r.tokens)) metrics.push_back(std::move(metric));
    for (auto& metric : LossByBudget(session_, examples_, batch, r)) metrics.push_back(std::move(metric));
    SumGradients(*model_);
    timing.End();
    const Ledger::Scope updating = ledger->Time("optimizer");
    const Optimizer::StepInfo info = optimizer_.Step(step, total_);
    model_->AdapterChanged();
    num_tokens_ += r.run_tokens;
    StepRecord record;
    record.rate_tokens = r.run_tokens;
    record.metrics = {{"loss", r.loss},
                      {"grad_norm", info.grad_norm},
                      {"learning_rate", info.learning_rate},
                      {"epoch", static_cast<double>((step + 1) * sft.epochs) / static_cast<double>(total_)},
                      {"num_tokens", static_cast<double>(num_tokens_)},
                      {"completion_tokens", static_cast<double>(r.response_tokens)}};
    record.metrics.insert(record.metrics.end(), metrics.begin(), metrics.end());
    return record;
  }

  std::string Line(const StepRecord& record) const override {
    const auto show = [&](const char* name) { return FindMetric(record.metrics, name).value_or(NAN); };
    char line[200];
    std::snprintf(line, sizeof line, "step %lld/%lld  loss %.4f  grad %.3f  rate %.2e  %.0f tok/s", static_cast<long long>(record.step),
                  static_cast<long long>(total_), show("loss"), show("grad_norm"), show("learning_rate"), show("tokens_per_second"));
    return line;
  }

  std::string key() const override { return "sft"; }
  std::string Save() const override { return nlohmann::json{{"num_tokens", num_tokens_}}.dump(); }
  void Load(const std::string& json) override { num_tokens_ = nlohmann::json::parse(json).at("num_tokens").get<int64_t>(); }

 private:
  const Session& session_;
  const std::vector<SftExample> examples_;
  const std::unique_ptr<ScoringTeacher> teacher_;
  ExampleOrder order_;
  const int64_t total_;
  const std::unique_ptr<Model> model_;
  Optimizer optimizer_;
  TrainingState learner_;
  const PromptEncoder encoder_;
  const std::unique_ptr<Doctor> doctor_;
  int64_t num_tokens_ = 0;  // prompts' and responses', of all steps
  std::unique_ptr<EvaluationHook> evaluation_;
  std::unique_ptr<Engine> engine_;  // for the evaluation

  // Of the first examples, for the doctor.
  std::vector<int32_t> LastTargets() const {
    std::vector<int32_t> ids;
    for (size_t i = 0; i < std::min<size_t>(examples_.size(), 64); ++i) ids.push_back(examples_[i].response.back());
    return ids;
  }

  int64_t CheckedSteps() const {
    const int64_t total = order_.steps();
    CheckWarmup(session_.config.optimizer, total);
    return total;
  }
};

}  // namespace

void RunSft(const Session& session, const RunOptions& options) {
  std::vector<SftExample> examples = MakeSftExamples(session);
  if (const std::string budgets = DescribeBudgets(session, examples); !budgets.empty()) LogInfo(budgets);
  ExamplesStage stage(session, std::move(examples), nullptr, options);
  RunLoop(session.config, options, stage);
}

void RunDistill(const Session& session, const RunOptions& options) {
  Teacher teacher = LoadTeacher(session);
  const bool traces = session.config.distill.mode == "traces";
  std::vector<SftExample> examples = traces ? MakeTraces(session, teacher, options.quiet) : MakeSftExamples(session);
  ExamplesStage stage(session, std::move(examples), traces ? nullptr : std::make_unique<ScoringTeacher>(session, std::move(teacher)), options);
  RunLoop(session.config, options, stage);
}

}  // namespace pith
