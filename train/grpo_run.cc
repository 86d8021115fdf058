// The loop of a GRPO run: sample, pay, update, write down.
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "base/progress.h"
#include "train/grpo.h"
#include "train/grpo_metrics.h"

namespace pith {
namespace {

using Clock = std::chrono::steady_clock;
double Seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

}  // namespace

void RunGrpo(const Session& session, const RunOptions& options) {
  const TrainConfig& config = session.config;
  const RlSettings& rl = config.rl;
  const RewardFunction reward(config.reward, MakeBudget(config.budget), config.rollout.max_completion_tokens);
  const int64_t total_updates = rl.steps * rl.updates_per_rollout;
  const std::unique_ptr<Model> model = MakeModel(session);
  Optimizer optimizer(config.optimizer, model->parameters());
  Sampler sampler(session);
  RunFolder folder(config, options.mode);
  RunProgress progress = options.mode == FolderMode::kResume ? folder.Resume(*model, optimizer) : RunProgress();
  std::vector<const Prompt*> all_prompts;
  for (const PreparedProblem& p : session.problems) all_prompts.push_back(&p.prompt);
  const PromptEncoder encoder(*model, all_prompts);
  std::optional<ProgressBar> bar;
  if (!options.quiet) bar.emplace(config.run.name, rl.steps);
  while (progress.step < rl.steps) {
    const int64_t step = progress.step;
    const auto start = Clock::now();
    const std::vector<size_t> problems = GrpoProblems(config, session.problems.size(), step);
    GenerateStats stats;
    const Groups groups = sampler.Sample(model->ToLora(), problems, step, &stats);
    const double rollout_seconds = Seconds(start);
    const Paid paid = Pay(session, reward, problems, groups);

    const auto train_start = Clock::now();
    std::vector<const Prompt*> prompts;
    for (size_t i : problems) prompts.push_back(&session.problems[i].prompt);
    const GrpoBatch batch = MakeBatch(session, problems, groups, paid, encoder.Encode(prompts));
    Metrics metrics = RewardMetrics(config, reward, groups, paid);
    SamplingGap gap;
    GrpoUpdate update;
    Optimizer::StepInfo info;
    double entropy = 0;  // of the policy that sampled
    if (!batch.sequences.empty()) {
      const at::Tensor ref = rl.kl_beta != 0 ? ReferenceLogProbs(session, *model, batch) : at::Tensor();
      at::Tensor old;
      for (int64_t u = 0; u < rl.updates_per_rollout; ++u) {
        update = GrpoGradients(config, *model, batch, old, ref);
        if (!std::isfinite(update.loss)) {
          ThrowUser("the loss of step ", step + 1, " is not finite (the log-probabilities of its completions); the adapter was not "
                    "updated. Lower optimizer.learning_rate, or resume from the last checkpoint");
        }
        if (u == 0) {
          old = update.logp;
          entropy = update.entropy;
          gap = MeasureGap(batch.sampler_logp, {old.data_ptr<float>(), old.data_ptr<float>() + old.numel()});
        }
        info = optimizer.Step(step * rl.updates_per_rollout + u, total_updates);
        model->AdapterChanged();
      }
    } else {
      // No group has a signal: the step counts, the adapter and the moments stay.
      info.learning_rate = LearningRate(config.optimizer, step * rl.updates_per_rollout, total_updates);
    }
    progress = {step + 1, progress.num_tokens + stats.generated_tokens};
    for (const Prompt* prompt : prompts) progress.num_tokens += rl.group_size * static_cast<int64_t>(prompt->ids.size());
    const double train_seconds = Seconds(train_start), seconds = Seconds(start);
    const double rate = static_cast<double>(stats.generated_tokens) / seconds;
    metrics.insert(metrics.begin(), {{"loss", update.loss}, {"grad_norm", info.grad_norm}, {"learning_rate", info.learning_rate}});
    if (rl.kl_beta != 0) metrics.emplace_back("kl", update.kl);
    if (!batch.sequences.empty()) {  // what nobody measured is not zero
      metrics.insert(metrics.end(), {{"sampling/sampling_logp_difference/mean", gap.mean},
                                     {"sampling/sampling_logp_difference/p99", gap.p99},
                                     {"sampling/sampling_logp_difference/max", gap.max},
                                     {"sampling/kl", gap.kl},
                                     {"entropy", entropy}});
    }
    metrics.insert(metrics.end(), {{"clip_ratio/low_mean", update.clip_low},
                                   {"clip_ratio/high_mean", update.clip_high},
                                   {"clip_ratio/region_mean", update.clip_low + update.clip_high},
                                   {"num_tokens", static_cast<double>(progress.num_tokens)},
                                   {"completion_tokens", static_cast<double>(stats.generated_tokens)},
                                   {"tokens_per_second", rate},
                                   {"time/rollout", rollout_seconds},
                                   {"time/train", train_seconds},
                                   {"step_time", seconds}});
    folder.AppendMetrics(step + 1, metrics);
    if (config.log.completions) folder.WriteCompletions(step + 1, CompletionLines(session, step + 1, problems, groups, paid));
    if (bar) {
      bar->Print(StepLine(step + 1, rl.steps, metrics));
      bar->Update(step + 1);
    }
    const bool stop = step + 1 == options.stop_after_step;
    if (stop || step + 1 == rl.steps || (config.log.save_every > 0 && (step + 1) % config.log.save_every == 0)) {
      folder.Save(progress, *model, optimizer);
    }
    if (stop) return;
  }
  folder.WriteAdapter(model->ToLora());
}

}  // namespace pith
