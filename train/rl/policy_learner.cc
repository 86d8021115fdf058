#include "train/rl/policy_learner.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/split_with_sizes.h>

#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "train/policy/sampler_correction.h"
#include "train/rl/policy_gradients.h"
#include "train/rollout/exchange.h"

namespace pith {
namespace {

// A tensor of all tokens, cut into one per sequence.
std::vector<at::Tensor> Cut(const at::Tensor& tokens, std::span<const TrainSequence> sequences) {
  std::vector<int64_t> lengths;
  for (const TrainSequence& s : sequences) lengths.push_back(s.response_length());
  return at::split_with_sizes(tokens, lengths);
}

at::Tensor Join(const std::vector<at::Tensor>& per_sample, const std::vector<size_t>& samples) {
  std::vector<at::Tensor> chosen;
  for (size_t i : samples) chosen.push_back(per_sample[i]);
  return chosen.empty() ? at::empty({0}) : at::cat(chosen);
}

// Sampler's and trainer's log-probabilities side by side.
struct Pairs {
  std::vector<float> sampler, trainer;
  std::vector<int64_t> lengths;

  void Add(const std::vector<float>& sampled, const at::Tensor& scored, const std::vector<int64_t>& counts) {
    sampler.insert(sampler.end(), sampled.begin(), sampled.end());
    const at::Tensor c = scored.contiguous();
    trainer.insert(trainer.end(), c.data_ptr<float>(), c.data_ptr<float>() + c.numel());
    lengths.insert(lengths.end(), counts.begin(), counts.end());
  }
};

void CheckScores(const at::Tensor& logp, const std::string& whose, int64_t step) {
  if (at::isfinite(logp).all().item<bool>()) return;
  ThrowUser("step ", step + 1, ": a log-probability of the completions under ", whose, " is not finite; the adapter was not updated. "
            "Lower optimizer.learning_rate, or resume from the last checkpoint");
}

struct Averages {
  PolicyUpdate sum;
  double grad_norm = 0;
  int64_t updates = 0;

  void Add(const PolicyUpdate& u, double norm) {
    sum.loss += u.loss, sum.policy_loss += u.policy_loss, sum.kl += u.kl;
    sum.clip_low += u.clip_low, sum.clip_high += u.clip_high;
    sum.clip_low_min += u.clip_low_min, sum.clip_high_max += u.clip_high_max;
    grad_norm += norm;
    ++updates;
  }
  double Of(double total) const { return updates == 0 ? 0.0 : total / static_cast<double>(updates); }
};

}  // namespace

PolicyLearner::PolicyLearner(const Session& session, Model* model, Optimizer* optimizer)
    : session_(session),
      config_(session.config),
      model_(model),
      optimizer_(optimizer),
      total_updates_(session.config.rl.steps * session.config.rl.updates_per_step()) {
  CheckWarmup(session.config.optimizer, total_updates_);
}

Metrics PolicyLearner::Learn(int64_t step, std::span<const size_t> problems, const Groups& groups, const std::vector<EncodedPrompt>& encoded,
                           Paid* paid, Ledger* ledger) {
  const RlSettings& rl = config_.rl;
  const PolicyTerms terms = MakePolicyTerms(rl, config_.rollout.max_completion_tokens);
  const bool kl_in_reward = rl.kl_beta != 0 && rl.kl_in == "reward";
  const std::vector<TrainSequence> sequences = StepSequences(session_, problems, groups, encoded);
  const auto reference = [&](std::span<const TrainSequence> chosen) {
    const Ledger::Scope time = ledger->Time("reference");
    const at::Tensor logp = ReferenceLogProbs(session_, *model_, chosen);
    CheckScores(logp, "the reference", step);
    return logp;
  };
  double entropy_sum = 0, entropy_tokens = 0;  // of the policy that sampled
  const auto score = [&](std::span<const TrainSequence> chosen) {
    const Ledger::Scope time = ledger->Time("score");
    at::Tensor entropy;
    const at::Tensor logp = PolicyLogProbs(config_, *model_, chosen, &entropy);
    CheckScores(logp, "the policy", step);
    entropy_sum += entropy.to(at::kDouble).sum().item<double>();
    entropy_tokens += static_cast<double>(entropy.numel());
    return logp;
  };

  double reward_kl = 0;
  std::vector<at::Tensor> old_logp;  // by sample, where all were scored
  if (kl_in_reward) {
    const at::Tensor old = score(sequences), kl = Kl(terms.kl, old, reference(sequences)).to(at::kDouble);
    old_logp = Cut(old, sequences);
    std::vector<std::vector<double>> of_tokens;
    for (const at::Tensor& tokens : Cut(kl, sequences)) of_tokens.emplace_back(tokens.data_ptr<double>(), tokens.data_ptr<double>() + tokens.numel());
    TakeOffKl(rl, of_tokens, paid);
    if (kl.numel() > 0) reward_kl = kl.mean().item<double>();
  }

  std::vector<PolicyBatch> batches = MakeBatches(config_, step, groups, *paid, sequences);
  Pairs pairs;
  for (PolicyBatch& batch : batches) {
    if (batch.sequences.empty()) continue;
    if (!old_logp.empty()) {
      batch.old_logp = Join(old_logp, batch.samples);
    } else if (rl.minibatches > 1) {  // an earlier minibatch's update would have moved the policy
      batch.old_logp = score(batch.sequences);
    }
    if (batch.old_logp.defined()) pairs.Add(batch.sampler_logp, batch.old_logp, batch.lengths());
    if (terms.kl_beta != 0) batch.ref_logp = reference(batch.sequences);
  }

  Averages averages;
  Optimizer::StepInfo info;
  info.learning_rate = LearningRate(config_.optimizer, step * rl.updates_per_step(), total_updates_);
  for (int64_t u = 0; u < rl.updates_per_step(); ++u) {
    PolicyBatch& batch = batches[static_cast<size_t>(u % rl.minibatches)];
    if (batch.sequences.empty()) continue;  // no signal: the adapter and the moments stay
    Ledger::Scope learning = ledger->Time("gradients");
    KeepTopEntropy(config_, *model_, &batch);
    const PolicyUpdate update = AddPolicyGradients(config_, *model_, batch);
    if (!std::isfinite(update.loss)) {
      ThrowUser("the loss of step ", step + 1, " is not finite, though its log-probabilities are (a probability ratio overflows); the adapter "
                "was not updated. Lower optimizer.learning_rate, or resume from the last checkpoint");
    }
    if (!batch.old_logp.defined()) {
      batch.old_logp = update.logp;
      entropy_sum += update.entropy * static_cast<double>(update.logp.numel());
      entropy_tokens += static_cast<double>(update.logp.numel());
      pairs.Add(batch.sampler_logp, update.logp, batch.lengths());
    }
    SumGradients(*model_);
    learning.End();
    const Ledger::Scope updating = ledger->Time("optimizer");
    info = optimizer_->Step(step * rl.updates_per_step() + u, total_updates_);
    model_->AdapterChanged();
    averages.Add(update, info.grad_norm);
  }
  if (pairs.lengths.empty() && !groups.empty()) {
    const std::span<const TrainSequence> first = std::span(sequences).first(groups[0].size());
    std::vector<float> sampled;
    std::vector<int64_t> lengths;
    for (const Completion& c : groups[0]) {
      const std::vector<float> drawn = c.DrawnLogprobs();
      sampled.insert(sampled.end(), drawn.begin(), drawn.end());
      lengths.push_back(static_cast<int64_t>(drawn.size()));
    }
    pairs.Add(sampled, score(first), lengths);
  }
  const CorrectionTerms correction = MakeCorrectionTerms(rl);
  const SamplingGap gap = MeasureGap(correction, pairs.sampler, pairs.trainer, pairs.lengths);
  if (const std::string warning = NoiseWarning(correction, terms, gap); !warning.empty() && !warned_) {
    LogWarning(Str("step ", step + 1, ": ", warning));
    warned_ = true;
  }

  const PolicyUpdate& sum = averages.sum;
  Metrics metrics = {{"loss", averages.Of(sum.loss)}, {"grad_norm", averages.Of(averages.grad_norm)}, {"learning_rate", info.learning_rate}};
  if (terms.entropy_coef != 0) {
    metrics.emplace_back("policy_loss", averages.Of(sum.policy_loss));
    metrics.emplace_back("entropy_coef", terms.entropy_coef);
  }
  if (terms.kl_beta != 0) metrics.emplace_back("kl", averages.Of(sum.kl));
  if (kl_in_reward) metrics.emplace_back("kl", reward_kl);
  metrics.insert(metrics.end(), {{"sampling/sampling_logp_difference/mean", gap.mean},
                                 {"sampling/sampling_logp_difference/p99", gap.p99},
                                 {"sampling/sampling_logp_difference/max", gap.max},
                                 {"sampling/kl", gap.kl},
                                 {"sampling/importance_sampling_ratio/min", gap.ratio_min},
                                 {"sampling/importance_sampling_ratio/mean", gap.ratio_mean},
                                 {"sampling/importance_sampling_ratio/max", gap.ratio_max},
                                 {"sampling/sequence_log_ratio_std", gap.sequence_std},
                                 {"entropy", entropy_tokens > 0 ? entropy_sum / entropy_tokens : 0.0}});
  if (terms.loss == Loss::kCispo) {
    metrics.emplace_back("cispo_clip_ratio", averages.Of(sum.clip_high));
  } else {
    metrics.insert(metrics.end(), {{"clip_ratio/low_mean", averages.Of(sum.clip_low)},
                                   {"clip_ratio/low_min", averages.Of(sum.clip_low_min)},
                                   {"clip_ratio/high_mean", averages.Of(sum.clip_high)},
                                   {"clip_ratio/high_max", averages.Of(sum.clip_high_max)},
                                   {"clip_ratio/region_mean", averages.Of(sum.clip_low + sum.clip_high)}});
  }
  return metrics;
}

}  // namespace pith
