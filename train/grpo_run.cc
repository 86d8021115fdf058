// The loop of a GRPO run: sample, pay, update, write down.
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/progress.h"
#include "train/grpo.h"

namespace pith {
namespace {

using Clock = std::chrono::steady_clock;
using Groups = std::vector<std::vector<Completion>>;
double Seconds(Clock::time_point since) { return std::chrono::duration<double>(Clock::now() - since).count(); }

struct Paid {
  std::vector<RewardResult> results;  // one per completion, group after group
  std::vector<std::string> texts;
  std::vector<double> advantages;
};

Paid Pay(const Session& session, const RewardFunction& reward, std::span<const size_t> problems, const Groups& groups) {
  const Tokenizer& tokenizer = session.prompter->tokenizer();
  Paid paid;
  std::vector<double> rewards;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const Completion& c : groups[g]) {
      std::span<const int32_t> answer = c.tokens;
      if (!answer.empty() && tokenizer.IsEnd(answer.back())) answer = answer.first(answer.size() - 1);
      paid.texts.push_back(tokenizer.Decode(answer));
      RewardInput input;
      input.gold = session.problems[problems[g]].problem.answer;
      input.response = paid.texts.back();
      input.length_tokens = static_cast<int64_t>(c.tokens.size());
      input.truncated = c.finish == Finish::kLength;
      paid.results.push_back(reward(input));
      rewards.push_back(paid.results.back().reward);
    }
  }
  paid.advantages = Advantages(rewards, session.config.rl.group_size, session.config.rl.scale_rewards);
  return paid;
}

// Samples that can move the policy: with an advantage (or a KL term), unmasked, of at least one token.
GrpoBatch MakeBatch(const Session& session, std::span<const size_t> problems, const Groups& groups, const Paid& paid,
                    const std::vector<EncodedPrompt>& encoded) {
  const RlSettings& rl = session.config.rl;
  GrpoBatch batch;
  size_t sample = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (const Completion& c : groups[g]) {
      const double advantage = paid.advantages[sample++];
      if (c.tokens.empty() || (rl.mask_truncated && c.finish == Finish::kLength)) continue;
      batch.loss_tokens += static_cast<int64_t>(c.tokens.size());
      if (advantage == 0.0 && rl.kl_beta == 0.0) continue;
      batch.sequences.push_back(MakeSequence(encoded[g], session.problems[problems[g]].prompt, c.tokens));
      batch.advantages.push_back(advantage);
      batch.sampler_logp.insert(batch.sampler_logp.end(), c.logprobs.begin(), c.logprobs.end());
    }
  }
  return batch;
}

Metrics RewardMetrics(const Session& session, const RewardFunction& reward, const Groups& groups, const Paid& paid) {
  const auto n = static_cast<double>(paid.results.size());
  double mean = 0, squares = 0, strict = 0, lenient = 0, length = 0, truncated = 0, min = 1e18, max = 0, ended_length = 0;
  double group_std = 0, flat = 0;
  std::vector<double> terms(reward.term_names().size(), 0.0);
  size_t sample = 0;
  for (const auto& group : groups) {
    double group_mean = 0, spread = 0;
    for (size_t i = 0; i < group.size(); ++i) group_mean += paid.results[sample + i].reward / static_cast<double>(group.size());
    bool same = true;
    const double first_reward = paid.results[sample].reward;
    for (const Completion& c : group) {
      const RewardResult& r = paid.results[sample++];
      const auto tokens = static_cast<double>(c.tokens.size());
      same &= r.reward == first_reward;
      spread += (r.reward - group_mean) * (r.reward - group_mean);
      mean += r.reward;
      squares += r.reward * r.reward;
      strict += r.correct_strict;
      lenient += r.correct_lenient;
      length += tokens;
      min = std::min(min, tokens);
      max = std::max(max, tokens);
      truncated += c.finish == Finish::kLength;
      if (c.finish != Finish::kLength) ended_length += tokens;
      for (size_t t = 0; t < terms.size() && t < r.terms.size(); ++t) terms[t] += r.terms[t];
    }
    flat += same;
    group_std += group.size() > 1 ? std::sqrt(spread / static_cast<double>(group.size() - 1)) : 0.0;
  }
  mean /= n;
  const auto num_groups = static_cast<double>(groups.size());
  Metrics m = {{"reward", mean},
               {"reward_std", session.config.rl.scale_rewards == "batch" ? std::sqrt(std::max(0.0, (squares - n * mean * mean) / std::max(1.0, n - 1)))
                                                                         : group_std / num_groups},
               {"frac_reward_zero_std", flat / num_groups},
               {"accuracy", strict / n},
               {"accuracy_lenient", lenient / n},
               {"completions/mean_length", length / n},
               {"completions/min_length", min},
               {"completions/max_length", max},
               {"completions/clipped_ratio", truncated / n},
               {"completions/mean_terminated_length", truncated < n ? ended_length / (n - truncated) : 0.0}};
  for (size_t t = 0; t < terms.size(); ++t) m.emplace_back("rewards/" + reward.term_names()[t] + "/mean", terms[t] / n);
  return m;
}

std::vector<std::string> CompletionLines(const Session& session, int64_t step, std::span<const size_t> problems, const Groups& groups,
                                         const Paid& paid) {
  std::vector<std::string> lines;
  size_t sample = 0;
  for (size_t g = 0; g < groups.size(); ++g) {
    const Problem& problem = session.problems[problems[g]].problem;
    for (const Completion& c : groups[g]) {
      const RewardResult& r = paid.results[sample];
      const nlohmann::ordered_json line = {{"step", step},
                                           {"id", problem.id},
                                           {"question", problem.question},
                                           {"gold", problem.answer},
                                           {"completion", paid.texts[sample]},
                                           {"tokens", c.tokens.size()},
                                           {"finish", FinishName(c.finish)},
                                           {"reward", r.reward},
                                           {"correct", r.correct},
                                           {"advantage", paid.advantages[sample]}};
      lines.push_back(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
      ++sample;
    }
  }
  return lines;
}

}  // namespace

void RunGrpo(const Session& session, const RunOptions& options) {
  const TrainConfig& config = session.config;
  const RlSettings& rl = config.rl;
  const RewardFunction reward(config.reward, MakeBudget(config.budget));
  const int64_t total_updates = rl.steps * rl.updates_per_rollout;
  const std::unique_ptr<Model> model = MakeModel(session);
  Optimizer optimizer(config.optimizer, model->parameters());
  Sampler sampler(session);
  RunFolder folder(config, options.mode);
  int64_t step = options.mode == FolderMode::kResume ? folder.Resume(*model, optimizer) : 0;
  std::vector<const Prompt*> all_prompts;
  for (const PreparedProblem& p : session.problems) all_prompts.push_back(&p.prompt);
  const PromptEncoder encoder(*model, all_prompts);
  std::optional<ProgressBar> bar;
  if (!options.quiet) bar.emplace(config.run.name, rl.steps);
  for (; step < rl.steps; ++step) {
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
    Metrics metrics = RewardMetrics(session, reward, groups, paid);
    SamplingGap gap;
    GrpoUpdate update;
    Optimizer::StepInfo info;
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
          gap = MeasureGap(batch.sampler_logp, {old.data_ptr<float>(), old.data_ptr<float>() + old.numel()});
        }
        info = optimizer.Step(step * rl.updates_per_rollout + u, total_updates);
        model->AdapterChanged();
      }
    } else {
      // No group has a signal: the step counts, the adapter and the moments stay.
      info.learning_rate = LearningRate(config.optimizer, step * rl.updates_per_rollout, total_updates);
    }
    const double train_seconds = Seconds(train_start), seconds = Seconds(start);
    const double rate = static_cast<double>(stats.generated_tokens) / seconds;
    metrics.insert(metrics.begin(), {{"loss", update.loss}, {"grad_norm", info.grad_norm}, {"learning_rate", info.learning_rate}});
    if (rl.kl_beta != 0) metrics.emplace_back("kl", update.kl);
    if (!batch.sequences.empty()) {  // a gap that nobody measured is not zero
      metrics.insert(metrics.end(), {{"sampling/sampling_logp_difference/mean", gap.mean},
                                     {"sampling/sampling_logp_difference/p99", gap.p99},
                                     {"sampling/sampling_logp_difference/max", gap.max},
                                     {"sampling/kl", gap.kl}});
    }
    metrics.insert(metrics.end(), {{"clip_ratio/low_mean", update.clip_low},
                                   {"clip_ratio/high_mean", update.clip_high},
                                   {"clip_ratio/region_mean", update.clip_low + update.clip_high},
                                   {"num_tokens", static_cast<double>(stats.generated_tokens)},
                                   {"tokens_per_second", rate},
                                   {"time/rollout", rollout_seconds},
                                   {"time/train", train_seconds},
                                   {"step_time", seconds}});
    folder.AppendMetrics(step + 1, metrics);
    if (config.log.completions) folder.WriteCompletions(step + 1, CompletionLines(session, step + 1, problems, groups, paid));
    if (bar) {
      const auto get = [&](const char* name) {
        for (const auto& [key, value] : metrics) {
          if (key == name) return value;
        }
        return 0.0;
      };
      char line[240];
      std::snprintf(line, sizeof line,
                    "step %lld/%lld  reward %.3f  accuracy %.0f %%  tokens %.1f  truncated %.0f %%  gap %.4f  %.0f tok/s (%.1f s + %.1f s)",
                    static_cast<long long>(step + 1), static_cast<long long>(rl.steps), get("reward"), 100 * get("accuracy"),
                    get("completions/mean_length"), 100 * get("completions/clipped_ratio"), gap.mean, rate, rollout_seconds, train_seconds);
      bar->Print(line);
      bar->Update(step + 1);
    }
    const bool stop = step + 1 == options.stop_after_step;
    if (stop || step + 1 == rl.steps || (config.log.save_every > 0 && (step + 1) % config.log.save_every == 0)) {
      folder.Save(step + 1, *model, optimizer);
    }
    if (stop) return;
  }
  folder.WriteAdapter(model->ToLora());
}

}  // namespace pith
