#include "train/stage/evaluation_hook.h"

#include "base/error.h"
#include "base/log.h"
#include "configs/data_sources.h"
#include "data/dataset.h"
#include "rewards/reward.h"
#include "runtime/evaluation/eval.h"
#include "train/run/ranks.h"
#include "train/stage/judging.h"
#include "train/stage/rollout.h"

namespace pith {
namespace {

std::vector<Problem> LoadHeldOut(const TrainConfig& config) {
  DatasetSettings data = EvaluatedData(config);
  data.split = config.eval.split;
  data.limit = config.eval.limit;
  data.seed = config.eval.seed;
  data.shuffle = true;
  std::vector<Problem> problems = LoadProblems(SpecOf(data));
  if (problems.empty()) ThrowUser("eval: ", data.dataset, " (", data.split, ") has no problems");
  return problems;
}

EvalSettings SettingsOf(const TrainConfig& config) {
  const EvaluationSettings& e = config.eval;
  EvalSettings settings;
  settings.dataset = EvaluatedData(config).dataset;
  settings.budgets = e.budgets;
  if (config.run.stage == "rl") settings.budget = MakeBudget(config.budget);
  settings.max_tokens = e.max_tokens;
  settings.chains = e.chains;
  settings.sampling = SamplingParams{e.temperature, 0, 1, 0, e.seed};
  settings.system = config.data.system;
  settings.max_batch = e.max_batch;
  return settings;
}

}  // namespace

EvaluationHook::EvaluationHook(const Session& session)
    : session_(session), problems_(LoadHeldOut(session.config)), settings_(SettingsOf(session.config)) {
  const NamedAdapter mode = {"adapter", PackForSampling(session, session.initial)};
  settings_.verifiers = Ranks::World().size() == 1 ? session.verifiers : MakeVerifiers(session.config, VerifierLog(session.config));
  plan_ = PlanEval(session.base->config(), *session.prompter, problems_, {mode}, settings_);
}

void EvaluationHook::Begin(Engine* engine, std::function<LoraAdapter()> adapter, int64_t total_steps) {
  engine_ = engine;
  adapter_ = std::move(adapter);
  total_steps_ = total_steps;
  begin_ = Clock::now();
}

// Whether another evaluation, as long as the last one, would leave the share. The first shows how long one is.
bool EvaluationHook::Affordable() const {
  const double elapsed = std::chrono::duration<double>(Clock::now() - begin_).count();
  return last_seconds_ == 0 || spent_seconds_ + last_seconds_ <= session_.config.eval.max_share * (elapsed + last_seconds_);
}

void EvaluationHook::After(StepRecord* record, Ledger* ledger) {
  PITH_CHECK(engine_ != nullptr, "Begin() was not called");
  if (!Ranks::World().first()) return;  // nobody would read what it measures
  if (record->step % session_.config.eval.every != 0 && record->step != total_steps_) return;
  if (!Affordable()) {
    LogInfo(Str("step ", record->step, ": no evaluation, it would take more than eval.max_share = ", session_.config.eval.max_share,
                " of the time"));
    return;
  }
  const Ledger::Scope timing = ledger->Time("eval");
  const Clock::time_point start = Clock::now();
  const std::vector<NamedAdapter> modes = {{"adapter", PackForSampling(session_, adapter_())}};
  const auto silent = [](int64_t, int64_t, const std::string&) {};
  const std::vector<EvalRow> rows = RunEval(*engine_, session_.prompter->tokenizer(), problems_, modes, settings_, plan_, silent);
  for (const EvalRow& row : rows) {
    const std::string budget = row.budget > 0 ? std::to_string(row.budget) : "none";
    const std::string prefix = rows.size() > 1 ? "eval/" + budget + "/" : "eval/";
    const auto add = [&](const std::string& name, double value) { record->metrics.emplace_back(prefix + name, value); };
    add("accuracy", row.accuracy);
    add("accuracy_lenient", row.accuracy_lenient);
    add("mean_tokens", row.mean_tokens);
    add("truncated_rate", row.truncated_rate);
    add("cut_rate", row.cut_rate);
    add("accuracy_uncut", row.accuracy_uncut);
    if (row.budget > 0) add("forced_rate", row.forced_rate);
    if (settings_.chains > 1) {
      add(Str("pass_at_", settings_.chains), row.pass_at_k);
      add(Str("maj_at_", settings_.chains), row.maj_at_k);
    }
  }
  last_seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
  spent_seconds_ += last_seconds_;
}

}  // namespace pith
