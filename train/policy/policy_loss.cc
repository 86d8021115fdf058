#include "train/policy/policy_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/min.h>
#include <ATen/ops/repeat_interleave.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "base/error.h"

namespace pith {
namespace {

// The sequence that each token belongs to.
at::Tensor Owners(const std::vector<int64_t>& lengths) {
  const auto n = static_cast<int64_t>(lengths.size());
  return at::repeat_interleave(at::arange(n), at::tensor(lengths, at::kLong));
}

at::Tensor Flags(const at::Tensor& condition) { return condition.detach().to(at::kFloat); }

}  // namespace

Loss LossNamed(const std::string& name) {
  if (name == "grpo" || name == "gspo") return Loss::kGrpo;
  if (name == "bnpo") return Loss::kBnpo;
  if (name == "dr_grpo") return Loss::kDrGrpo;
  if (name == "cispo") return Loss::kCispo;
  PITH_CHECK_EQ(name, "dapo");
  return Loss::kDapo;
}

PolicyTerms MakePolicyTerms(const RlSettings& rl, int64_t max_completion_tokens) {
  PolicyTerms terms;
  terms.loss = LossNamed(rl.loss);
  terms.sequence_ratio = rl.loss == "gspo" || rl.importance_sampling_level == "sequence";
  terms.epsilon_low = rl.clip_epsilon_low;
  terms.epsilon_high = rl.clip_epsilon_high;
  terms.delta = rl.delta;
  terms.kl = KlEstimatorNamed(rl.kl_estimator);
  terms.kl_beta = rl.kl_in == "loss" ? rl.kl_beta : 0.0;
  terms.kl_times_ratio = rl.use_bias_correction_kl;
  terms.entropy_coef = rl.entropy_coef;
  terms.max_tokens = max_completion_tokens;
  terms.minibatches = rl.minibatches;
  return terms;
}

at::Tensor PerToken(const std::vector<double>& values, const std::vector<int64_t>& lengths) {
  PITH_CHECK_EQ(values.size(), lengths.size());
  std::vector<float> out;
  for (size_t i = 0; i < values.size(); ++i) {
    out.insert(out.end(), static_cast<size_t>(lengths[i]), static_cast<float>(values[i]));
  }
  return at::tensor(out, at::kFloat);
}

at::Tensor SequenceSums(const at::Tensor& values, const std::vector<int64_t>& lengths) {
  return at::zeros({static_cast<int64_t>(lengths.size())}, values.options().requires_grad(false)).index_add(0, Owners(lengths), values);
}

at::Tensor TokenShares(const PolicyTerms& terms, const Denominators& whole, const std::vector<int64_t>& lengths) {
  std::vector<double> shares;
  for (int64_t length : lengths) {
    double divisor = 0;
    switch (terms.loss) {
      case Loss::kGrpo: divisor = whole.sequences * static_cast<double>(length); break;
      case Loss::kBnpo: divisor = whole.minibatch_tokens; break;
      case Loss::kDrGrpo: divisor = whole.sequences * static_cast<double>(terms.max_tokens); break;
      case Loss::kDapo:
      case Loss::kCispo: divisor = whole.rollout_tokens / static_cast<double>(terms.minibatches); break;
    }
    shares.push_back(1.0 / std::max(1.0, divisor));
  }
  return PerToken(shares, lengths);
}

PolicyLoss ComputePolicyLoss(const PolicyTerms& terms, const Denominators& whole, const PolicyTokens& t) {
  PITH_CHECK(terms.kl_beta == 0 || t.ref_logp.defined(), "KL without reference");
  PITH_CHECK(terms.entropy_coef == 0 || t.entropy.defined(), "an entropy bonus without entropies");
  at::Tensor log_ratio = t.logp - t.old_logp;
  if (terms.sequence_ratio) {
    const at::Tensor owners = Owners(t.lengths);
    PITH_CHECK_EQ(owners.numel(), t.logp.numel());
    const at::Tensor counts = at::tensor(t.lengths, at::kLong).to(t.logp.scalar_type());
    log_ratio = (SequenceSums(log_ratio, t.lengths) / counts).index_select(0, owners);
  }
  const at::Tensor ratio = log_ratio.exp();
  const double low = 1.0 - terms.epsilon_low, high = 1.0 + terms.epsilon_high;
  PolicyLoss out;
  at::Tensor policy;
  if (terms.loss == Loss::kCispo) {
    policy = -ratio.detach().clamp_max(terms.epsilon_high) * t.advantage * t.logp;
    out.clipped_low = at::zeros_like(t.advantage);
    out.clipped_high = Flags((ratio > terms.epsilon_high) & (t.advantage > 0));
  } else {
    const at::Tensor capped = terms.delta > 0 ? ratio.clamp_max(terms.delta) : ratio;
    policy = -at::min(capped * t.advantage, ratio.clamp(low, high) * t.advantage);
    out.clipped_low = Flags((ratio < low) & (t.advantage < 0));
    out.clipped_high = Flags((ratio > high) & (t.advantage > 0));
  }
  if (t.weight.defined()) policy = policy * t.weight;
  if (t.kept.defined()) policy = policy * t.kept;
  if (terms.kl_beta != 0) {
    at::Tensor kl = Kl(terms.kl, t.logp, t.ref_logp);
    if (terms.kl_times_ratio) kl = kl * ratio;
    policy = policy + terms.kl_beta * kl;
    out.kl = kl.detach();
  }
  out.loss = (t.share * policy).sum();
  out.policy = out.loss.item<double>();
  if (terms.entropy_coef != 0) {
    const at::Tensor entropy = t.kept.defined() ? t.entropy * t.kept : t.entropy;
    out.loss = out.loss - terms.entropy_coef / std::max(1.0, whole.kept_tokens) * entropy.sum();
  }
  if (ratio.numel() > 0) out.max_ratio_error = (ratio.detach() - 1.0).abs().max().item<double>();
  return out;
}

double TopEntropyThreshold(const at::Tensor& entropies, double quantile) {
  PITH_CHECK(quantile >= 0 && quantile < 1, quantile);
  if (entropies.numel() == 0) return 0;
  // Sorted here: at::quantile takes 16 million values at most.
  const at::Tensor sorted = std::get<0>(entropies.to(at::kFloat).flatten().sort());
  const auto n = sorted.numel();
  const double place = (1.0 - quantile) * static_cast<double>(n - 1);
  const auto below = static_cast<int64_t>(place);
  const double a = sorted[below].item<double>(), b = sorted[std::min(n - 1, below + 1)].item<double>();
  return a + (b - a) * (place - static_cast<double>(below));
}

}  // namespace pith
