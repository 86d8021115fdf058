#include "train/run/loop.h"

#include <chrono>
#include <optional>
#include <span>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "train/run/best.h"
#include "train/run/card_curve.h"
#include "train/run/checkpoint.h"
#include "train/run/events.h"
#include "train/run/ranks.h"

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

// From step `step` to the best one, which the first rank knows; 0: there is none.
int64_t RollBack(int64_t step, const Checkpoints& checkpoints, const Best& best, std::span<Stateful* const> parts) {
  const int64_t target = std::stoll(Ranks::World().FromFirst(Str(best.step().value_or(0))));
  if (target == 0 || target == step) return target;
  std::vector<Stateful*> back;
  for (Stateful* part : parts) {
    if (part->rolls_back()) back.push_back(part);
  }
  checkpoints.Load(target, back);
  return target;
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
  std::vector<Stateful*> parts = stage.parts();
  parts.push_back(&best);
  std::vector<MetricsLine> kept;
  int64_t step = 0, kept_step = 0;  // kept_step: that of the adapter, where the run was stopped and went back
  if (folder && options.mode == FolderMode::kResume) step = Resume(*folder, checkpoints, metrics, best, parts, &kept);
  if (ranks.size() > 1) {
    step = std::stoll(ranks.FromFirst(Str(step)));
    if (!folder && step > 0) checkpoints.Load(step, parts);
    ranks.Gather("");  // all have read: the first may write again
  }
  std::optional<EventsFile> events;
  if (folder && log.tensorboard) events.emplace(folder->path(), kept);
  const int64_t total = stage.total_steps();
  std::optional<ProgressBar> bar;
  if (folder && !options.quiet) bar.emplace(config.run.name, total);
  Ledger ledger;
  Clock::time_point saved = Clock::now();
  while (step < total) {
    StepRecord record = stage.Step(step, &ledger);
    record.step = ++step;
    for (StepHook* hook : stage.hooks()) hook->After(&record, &ledger);
    const Metrics times = ledger.Close();
    record.metrics.emplace_back("tokens_per_second", static_cast<double>(record.rate_tokens) / ComputingSeconds(times));
    record.metrics.insert(record.metrics.end(), times.begin(), times.end());
    record.metrics.emplace_back("wall_time", WallTime());
    const bool beats = best.Beats(step, record.metrics);
    if (folder) {
      const Ledger::Scope timing = ledger.Time("log");
      metrics.Append(step, record.metrics);
      if (events) events->Append(step, record.metrics);
      if (log.completions && !record.completions.empty()) folder->WriteCompletions(step, record.completions);
      if (bar) {
        bar->Print(stage.Line(record));
        bar->Update(step);
      }
    }
    if (record.demand == Demand::kRollBack) {
      const int64_t went = RollBack(step, checkpoints, best, parts);
      Warn(Str("step ", step, ": ", record.why, went > 0 ? Str("; back to the adapter of step ", went)
                                                         : "; there is no best checkpoint yet, so the run goes on as it is"));
    }
    const bool stop = step == options.stop_after_step || record.demand == Demand::kStop;
    const bool due = log.save_every > 0 && step % log.save_every == 0;
    const bool late = log.save_minutes > 0 && std::chrono::duration<double>(Clock::now() - saved).count() >= 60 * log.save_minutes;
    if (folder && (stop || step == total || due || late || beats)) {
      const Ledger::Scope timing = ledger.Time("save");
      metrics.Sync();
      checkpoints.Save(step, parts, best);
      saved = Clock::now();
    }
    if (record.demand == Demand::kStop) {
      const int64_t went = kept_step = RollBack(step, checkpoints, best, parts);
      Warn(Str("step ", step, ": ", record.why, "; the run is stopped", went > 0 ? Str(", and adapter/ is that of step ", went) : ""));
      break;
    }
    if (stop) return;
  }
  if (!log.best_metric.empty() && !best.step()) {
    Warn(Str("no step had the metric log.best_metric = ", log.best_metric, ", so no checkpoint was kept as the best; metrics.jsonl "
                   "shows which there are"));
  }
  if (!folder) return;
  LoraAdapter adapter = stage.Adapter();
  if (adapter.card) {
    adapter.card->steps = kept_step > 0 ? kept_step : step;
    adapter.card->curve = EvaluatedPoints(config, metrics.Until(adapter.card->steps));
  }
  WritePeft(adapter, folder->adapter_path());
}

}  // namespace pith
