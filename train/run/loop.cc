#include "train/run/loop.h"

#include <optional>

#include "adapters/peft.h"
#include "base/progress.h"
#include "train/run/checkpoint.h"

namespace pith {
namespace {

// Back to the last checkpoint: the number of steps that are done. Nothing is changed on disk before all could be read.
int64_t Resume(const RunFolder& folder, const Checkpoints& checkpoints, const MetricsFile& metrics, Stage& stage) {
  const int64_t step = checkpoints.Last().value_or(0);
  const std::vector<MetricsLine> kept = metrics.Until(step);
  if (step > 0) checkpoints.Load(step, stage.parts());
  metrics.Rewrite(kept);
  folder.DropCompletionsAfter(step);
  return step;
}

// Of a step's times, what the step itself took.
double ComputingSeconds(const Metrics& times) {
  double seconds = FindMetric(times, "step_time").value();
  for (const char* beside : {"time/log", "time/save", "time/eval"}) seconds -= FindMetric(times, beside).value_or(0);
  return seconds;
}

}  // namespace

void RunLoop(const TrainConfig& config, const RunOptions& options, Stage& stage) {
  const RunFolder folder(config, options.mode);
  const Checkpoints checkpoints(folder.path(), config);
  MetricsFile metrics(folder.metrics_path());
  const int64_t total = stage.total_steps();
  int64_t step = options.mode == FolderMode::kResume ? Resume(folder, checkpoints, metrics, stage) : 0;
  std::optional<ProgressBar> bar;
  if (!options.quiet) bar.emplace(config.run.name, total);
  Ledger ledger;
  while (step < total) {
    StepRecord record = stage.Step(step, &ledger);
    record.step = ++step;
    for (StepHook* hook : stage.hooks()) hook->After(&record, &ledger);
    const Metrics times = ledger.Close();
    record.metrics.emplace_back("tokens_per_second", static_cast<double>(record.rate_tokens) / ComputingSeconds(times));
    record.metrics.insert(record.metrics.end(), times.begin(), times.end());
    {
      const Ledger::Scope timing = ledger.Time("log");
      metrics.Append(step, record.metrics);
      if (config.log.completions && !record.completions.empty()) folder.WriteCompletions(step, record.completions);
      if (bar) {
        bar->Print(stage.Line(record));
        bar->Update(step);
      }
    }
    const bool stop = step == options.stop_after_step;
    if (stop || step == total || (config.log.save_every > 0 && step % config.log.save_every == 0)) {
      const Ledger::Scope timing = ledger.Time("save");
      metrics.Sync();
      checkpoints.Save(step, stage.parts());
    }
    if (stop) return;
  }
  WritePeft(stage.Adapter(), folder.adapter_path());
}

}  // namespace pith
