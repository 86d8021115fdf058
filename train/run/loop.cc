#include "train/run/loop.h"

#include <chrono>
#include <optional>
#include <span>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "train/ranks/ranks.h"
#include "train/run/best.h"
#include "train/run/card_curve.h"
#include "train/run/checkpoint.h"
#include "train/run/events.h"
#include "train/run/expectation.h"
#include "train/run/metrics_feed.h"
#include "train/run/plateau.h"

namespace pith {
namespace {

using Clock = std::chrono::steady_clock;

// Back to the last checkpoint: the number of steps that are done, and their metrics. Nothing changes on disk before all could
// be read.
int64_t Resume(const RunFolder& folder, const Checkpoints& checkpoints, const MetricsFile& metrics, const Best& best,
               std::span<Stateful* const> parts, std::vector<MetricsLine>* kept) {
  const int64_t step = checkpoints.Last().value_or(0);
  *kept = metrics.Until(step);
  if (step > 0) checkpoints.Load(step, parts);
  metrics.Rewrite(*kept);
  folder.DropCompletionsAfter(step);
  checkpoints.Sweep();
  checkpoints.NoteBest(best);
  return step;
}

// Of a step's times, what the step itself took.
double ComputingSeconds(const Metrics& times) {
  double seconds = FindMetric(times, "step_time").value();
  for (const char* beside : {"time/log", "time/save", "time/eval"}) seconds -= FindMetric(times, beside).value_or(0);
  return seconds;
}

// From step `step` to the best one, which the first rank knows; nothing where there is none.
std::optional<int64_t> RollBack(int64_t step, const Checkpoints& checkpoints, const Best& best, std::span<Stateful* const> parts) {
  const int64_t target = std::stoll(Ranks::World().FromFirst(Str(best.step().value_or(-1))));
  if (target < 0) return std::nullopt;
  if (target == step) return target;
  std::vector<Stateful*> back;
  for (Stateful* part : parts) {
    if (part->rolls_back()) back.push_back(part);
  }
  checkpoints.Load(target, back);
  return target;
}

// What a process that reads the metrics may want to know beside them.
std::vector<std::string> FeedEnvironment(const TrainConfig& config, const RunFolder& folder, int64_t step) {
  return {"PITH_RUN_NAME=" + config.run.name, "PITH_RUN_FOLDER=" + folder.path(), Str("PITH_RUN_STEP=", step)};
}

void Warn(const std::string& text) {
  if (Ranks::World().first()) LogWarning(text);
}

}  // namespace

void StepRecord::Ask(Demand what, const std::string& reason) {
  if (what <= demand) return;
  demand = what;
  why = reason;
}

void RunLoop(const TrainConfig& config, const RunOptions& options, Stage& stage) {
  const LogSettings& log = config.log;
  const Ranks& ranks = Ranks::World();
  std::optional<RunFolder> folder;  // the first rank's alone
  if (ranks.first()) folder.emplace(config, options.mode);
  const Checkpoints checkpoints(RunFolderPath(config), config);
  MetricsFile metrics(RunFolderPath(config) + "/metrics.jsonl");
  Best best(log);
  Plateau plateau(config.eval);
  std::vector<Stateful*> parts = stage.parts();
  parts.push_back(&best);
  parts.push_back(&plateau);
  std::vector<MetricsLine> kept;
  int64_t step = 0;
  std::optional<int64_t> kept_step;  // that of the adapter, where the run was stopped and went back
  std::string stopped;               // why, where it was
  if (folder && options.mode == FolderMode::kResume) step = Resume(*folder, checkpoints, metrics, best, parts, &kept);
  if (ranks.size() > 1) {
    step = std::stoll(ranks.FromFirst(Str(step)));
    if (!folder && step > 0) checkpoints.Load(step, parts);
    ranks.Gather("");  // all have read: the first may write again
  }
  std::optional<EventsFile> events;
  if (folder && log.tensorboard) events.emplace(folder->path(), kept);
  std::optional<Expectation> expectation;
  if (folder && !options.expectation.empty()) expectation.emplace(options.expectation, config);
  for (const MetricsLine& line : kept) {
    if (expectation) expectation->Observe(line.step, line.metrics);
  }
  std::optional<MetricsFeed> feed;
  if (folder && !log.command.empty()) feed.emplace(log.command, FeedEnvironment(config, *folder, step), folder->path() + "/command.log");
  const int64_t total = stage.total_steps();
  std::optional<ProgressBar> bar;
  if (folder && !options.quiet) bar.emplace(config.run.name, total);
  Ledger ledger;
  Clock::time_point saved = Clock::now();
  while (step < total) {
    std::vector<std::string> begin;  // what the step begins with, where the best checkpoint is that
    if (folder && best.judges_begin()) begin = Checkpoints::Hold(parts);
    StepRecord record = stage.Step(step, &ledger);
    record.step = ++step;
    for (StepHook* hook : stage.hooks()) hook->After(&record, &ledger);
    if (plateau.enabled()) {  // the first rank alone knows what was evaluated
      const std::string why = ranks.FromFirst(plateau.Observe(step, &record.metrics));
      if (!why.empty()) record.Ask(Demand::kStop, why);
    }
    const Metrics times = ledger.Close();
    record.metrics.emplace_back("tokens_per_second", static_cast<double>(record.rate_tokens) / ComputingSeconds(times));
    record.metrics.insert(record.metrics.end(), times.begin(), times.end());
    record.metrics.emplace_back("wall_time", WallTime());
    const bool beats = best.Beats(step, record.metrics);
    if (folder) {
      const Ledger::Scope timing = ledger.Time("log");
      const std::string line = metrics.Append(step, record.metrics, record.demand == Demand::kStop ? record.why : "");
      if (feed) feed->Send(line);
      if (events) events->Append(step, record.metrics);
      if (log.completions && !record.completions.empty()) folder->WriteCompletions(step, record.completions);
      if (bar) {
        bar->Print(stage.Line(record));
        bar->Update(step);
      }
      if (expectation) expectation->Observe(step, record.metrics);
    }
    if (folder && beats && best.judges_begin()) {
      const Ledger::Scope timing = ledger.Time("save");
      metrics.Sync();
      checkpoints.SaveHeld(step - 1, parts, begin, best);
    }
    if (record.demand == Demand::kRollBack) {
      const std::optional<int64_t> went = RollBack(step, checkpoints, best, parts);
      Warn(Str("step ", step, ": ", record.why, went ? Str("; back to the adapter of step ", *went)
                                                     : "; there is no best checkpoint yet, so the run goes on as it is"));
    }
    const bool stop = step == options.stop_after_step || record.demand == Demand::kStop;
    const bool due = log.save_every > 0 && step % log.save_every == 0;
    const bool late = log.save_minutes > 0 && std::chrono::duration<double>(Clock::now() - saved).count() >= 60 * log.save_minutes;
    if (folder && (stop || step == total || due || late || (beats && !best.judges_begin()))) {
      const Ledger::Scope timing = ledger.Time("save");
      metrics.Sync();
      checkpoints.Save(step, parts, best);
      saved = Clock::now();
    }
    if (record.demand == Demand::kStop) {
      kept_step = RollBack(step, checkpoints, best, parts);
      stopped = Str("stopped after step ", step, ": ", record.why);
      Warn(Str("step ", step, ": ", record.why, "; the run is stopped", kept_step ? Str(", and adapter/ is that of step ", *kept_step) : ""));
      break;
    }
    if (stop) return;
  }
  if (!log.best_metric.empty() && !best.step()) {
    Warn(Str("no step had the metric log.best_metric = ", log.best_metric, ", so no checkpoint was kept as the best; metrics.jsonl "
                   "shows which there are"));
  }
  if (!folder) return;
  if (plateau.enabled() && !plateau.measured()) {
    Warn(Str("no evaluation had the metric eval.watch = ", plateau.metric(), ", so eval.patience could not end the run; metrics.jsonl shows which there are"));
  }
  if (expectation) LogInfo(expectation->Summary());
  LoraAdapter adapter = stage.Adapter();
  if (adapter.card && !stage.keeps_card()) {
    adapter.card->steps = kept_step.value_or(step);
    adapter.card->stopped = stopped;
    const std::vector<MetricsLine> lines = metrics.Until(adapter.card->steps);
    adapter.card->curve = EvaluatedPoints(config, lines);
    adapter.card->sources = SourceFigures(config, lines);
  }
  WritePeft(adapter, folder->adapter_path());
}

}  // namespace pith
