#include "train/rollout/evaluation_hook.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/error.h"
#include "base/log.h"
#include "configs/data_sources.h"
#include "data/dataset.h"
#include "rewards/reward.h"
#include "runtime/evaluation/eval.h"
#include "train/ranks/ranks.h"
#include "train/rollout/eval_pieces.h"
#include "train/rollout/rollout.h"
#include "train/session/judging.h"
#include "train/session/prepare.h"

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
  settings.budget = MakeBudget(config.budget);
  settings.max_tokens = e.max_tokens;
  settings.chains = e.chains;
  settings.sampling = SamplingParams{e.temperature, 0, 1, 0, e.seed};
  settings.system = config.data.system;
  settings.max_batch = e.max_batch;
  return settings;
}

// Leaves out what training would leave out (max_prompt_tokens), and what does not fit the model: the rates are of those that are asked.
void DropLongPrompts(const Session& session, const EvalSettings& settings, const NamedAdapter& mode, std::vector<Problem>* problems) {
  int64_t response = 0;
  std::set<std::string> sentences;
  for (const EvalPoint& point : settings.PointsOf(mode)) {
    response = std::max(response, settings.ResponseLimit(point.tokens));
    sentences.insert(UserTurn("", settings.BudgetOf(point)));
  }
  const int64_t context = session.base->config().context_length, limit = PromptLimit(EvaluatedData(session.config), context - response);
  if (context <= response) return;  // the plan refuses that, with the cure
  const auto too_long = [&](const Problem& problem) {
    return std::any_of(sentences.begin(), sentences.end(), [&](const std::string& sentence) {
      return static_cast<int64_t>(session.prompter->Encode(problem.question + sentence, settings.system).size()) > limit;
    });
  };
  const size_t dropped = std::erase_if(*problems, too_long), all = problems->size() + dropped;
  if (dropped == 0) return;
  const std::string why = limit + response < context ? Str("max_prompt_tokens = ", limit) : Str("the ", limit, " that answers of ", response, " leave of the model's context of ", context);
  if (problems->empty()) ThrowUser("eval: the prompts of all ", all, " problems have more tokens than ", why);
  LogWarning(Str("eval: ", dropped, " of ", all, " problems are left out: their prompts have more tokens than ", why));
}

// For other ranks: names end with a zero byte, values are this machine's.
std::string BytesOf(const Metrics& metrics) {
  std::string bytes;
  for (const auto& [name, value] : metrics) {
    bytes.append(name.c_str(), name.size() + 1);
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  return bytes;
}

Metrics MetricsFrom(const std::string& bytes) {
  Metrics metrics;
  for (size_t at = 0; at < bytes.size(); at += sizeof(double)) {
    const std::string name = bytes.c_str() + at;
    at += name.size() + 1;
    double value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    metrics.emplace_back(name, value);
  }
  return metrics;
}

}  // namespace

EvaluationHook::EvaluationHook(const Session& session)
    : session_(session), problems_(LoadHeldOut(session.config)), settings_(SettingsOf(session.config)) {
  const NamedAdapter mode = {"adapter", PackForSampling(session, session.initial)};
  settings_.verifiers = Ranks::World().size() == 1 ? session.verifiers : MakeVerifiers(session.config, VerifierLog(session.config));
  DropLongPrompts(session, settings_, mode, &problems_);
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

Metrics EvaluationHook::Measure() const {
  const Ranks& ranks = Ranks::World();
  const std::vector<NamedAdapter> modes = {{"adapter", PackForSampling(session_, adapter_())}};
  const Tokenizer& tokenizer = session_.prompter->tokenizer();
  EvalPieces pieces;
  if (ranks.size() > 1) {
    AnswerShare(*engine_, tokenizer, problems_, modes, settings_, plan_, [&](size_t problem) { return ranks.Owns(problem); }, &pieces);
    pieces.Exchange(ranks);
    PITH_CHECK_EQ(pieces.size(), plan_.rows.size() * problems_.size());
    if (!ranks.first()) return {};
  }
  const auto silent = [](int64_t, int64_t, const std::string&) {};
  const std::vector<EvalRow> rows = RunEval(*engine_, tokenizer, problems_, modes, settings_, plan_, silent, ranks.size() > 1 ? &pieces : nullptr);
  Metrics metrics;
  for (const EvalRow& row : rows) {
    const std::string budget = row.budget > 0 ? std::to_string(row.budget) : "none";
    const std::string prefix = rows.size() > 1 ? "eval/" + budget + "/" : "eval/";
    const auto add = [&](const std::string& name, double value) { metrics.emplace_back(prefix + name, value); };
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
  return metrics;
}

void EvaluationHook::After(StepRecord* record, Ledger* ledger) {
  PITH_CHECK(engine_ != nullptr, "Begin() was not called");
  if (record->step % session_.config.eval.every != 0 && record->step != total_steps_) return;
  const Ranks& ranks = Ranks::World();
  if (ranks.FromFirst(Affordable() ? "yes" : "no") == "no") {  // clocks differ
    LogInfo(Str("step ", record->step, ": no evaluation, it would take more than eval.max_share = ", session_.config.eval.max_share,
                " of the time"));
    return;
  }
  const Ledger::Scope timing = ledger->Time("eval");
  const Clock::time_point start = Clock::now();
  const Metrics metrics = MetricsFrom(ranks.FromFirst(BytesOf(Measure())));
  record->metrics.insert(record->metrics.end(), metrics.begin(), metrics.end());
  last_seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
  spent_seconds_ += last_seconds_;
}

}  // namespace pith
