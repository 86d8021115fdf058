#include "train/run/loop.h"

#include <chrono>
#include <optional>
#include <span>

#include "adapters/peft.h"
#include "base/error.h"
#include "base/log.h"
#include "base/progress.h"
#include "train/run/best.h"
#include "train/run/checkpoint.h"
#include "train/run/events.h"

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

// From step `step` to the best one. Whether there was one to go back to.
bool RollBack(int64_t step, const Checkpoints& checkpoints, const Best& best, std::span<Stateful* const> parts) {
  if (!best.step()) return false;
  if (best.step() == step) return true;
  std::vector<Stateful*> back;
  for (Stateful* part : parts) {
    if (part->rolls_back()) back.push_back(part);
  }
  checkpoints.Load(*best.step(), back);
  return true;
}

}  // namespace

void StepRecord::Ask(Demand what, const std::string& reason) {
  if (what <= demand) return;
  demand = what;
  why = reason;
}

void RunLoop(const TrainConfig& config, const RunOptions& options, Stage& stage) {
  const LogSettings& log = config.log;
  const RunFolder folder(config, options.mode);
  const Checkpoints checkpoints(folder.path(), config);
  MetricsFile metrics(folder.metrics_path());
  Best best(log);
  std::vector<Stateful*> parts = stage.parts();
  parts.push_back(&best);
  std::vector<MetricsLine> kept;
  int64_t step = options.mode == FolderMode::kResume ? Resume(folder, checkpoints, metrics, best, parts, &kept) : 0;
  std::optional<EventsFile> events;
  if (log.tensorboard) events.emplace(folder.path(), kept);
  const int64_t total = stage.total_steps();
  std::optional<ProgressBar> bar;
  if (!options.quiet) bar.emplace(config.run.name, total);
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
    {
      const Ledger::Scope timing = ledger.Time("log");
      metrics.Append(step, record.metrics);
      if (events) events->Append(step, record.metrics);
      if (log.completions && !record.completions.empty()) folder.WriteCompletions(step, record.completions);
      if (bar) {
        bar->Print(stage.Line(record));
        bar->Update(step);
      }
    }
    if (record.demand == Demand::kRollBack) {
      const bool went = RollBack(step, checkpoints, best, parts);
      LogWarning(Str("step ", step, ": ", record.why, went ? Str("; back to the adapter of step ", *best.step())
                                                          : "; there is no best checkpoint yet, so the run goes on as it is"));
    }
    const bool stop = step == options.stop_after_step || record.demand == Demand::kStop;
    const bool due = log.save_every > 0 && step % log.save_every == 0;
    const bool late = log.save_minutes > 0 && std::chrono::duration<double>(Clock::now() - saved).count() >= 60 * log.save_minutes;
    if (stop || step == total || due || late || beats) {
      const Ledger::Scope timing = ledger.Time("save");
      metrics.Sync();
      checkpoints.Save(step, parts, best);
      saved = Clock::now();
    }
    if (record.demand == Demand::kStop) {
      const bool went = RollBack(step, checkpoints, best, parts);
      LogWarning(Str("step ", step, ": ", record.why, "; the run is stopped",
                     went ? Str(", and adapter/ is that of step ", *best.step()) : ""));
      break;
    }
    if (stop) return;
  }
  if (!log.best_metric.empty() && !best.step()) {
    LogWarning(Str("no step had the metric log.best_metric = ", log.best_metric, ", so no checkpoint was kept as the best; metrics.jsonl "
                   "shows which there are"));
  }
  WritePeft(stage.Adapter(), folder.adapter_path());
}

}  // namespace pith
