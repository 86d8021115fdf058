#include "train/policy/sampler_correction.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace pith {
namespace {

at::Tensor Bounded(const CorrectionTerms& terms, const at::Tensor& ratio) {
  if (terms.kind == Correction::kTokenTruncate || terms.kind == Correction::kSequenceTruncate) {
    return ratio.clamp(terms.floor, terms.cap);
  }
  return at::where((ratio >= terms.floor) & (ratio <= terms.cap), ratio, at::zeros_like(ratio));
}

double Deviation(const std::vector<double>& x) {
  if (x.size() < 2) return 0;
  double mean = 0, sum = 0;
  for (double v : x) mean += v / static_cast<double>(x.size());
  for (double v : x) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(x.size() - 1));
}

at::Tensor Vector(const std::vector<float>& x) { return at::tensor(x, at::kFloat); }

}  // namespace

CorrectionTerms MakeCorrectionTerms(const RlSettings& rl) {
  CorrectionTerms terms;
  terms.floor = rl.importance_floor;
  terms.cap = rl.importance_cap;
  if (rl.sampler_correction == "token_truncate") terms.kind = Correction::kTokenTruncate;
  else if (rl.sampler_correction == "token_mask") terms.kind = Correction::kTokenMask;
  else if (rl.sampler_correction == "sequence_truncate") terms.kind = Correction::kSequenceTruncate;
  else if (rl.sampler_correction == "sequence_mask") terms.kind = Correction::kSequenceMask;
  else PITH_CHECK_EQ(rl.sampler_correction, "none");
  return terms;
}

at::Tensor CorrectionWeights(const CorrectionTerms& terms, const at::Tensor& old_logp, const at::Tensor& sampler_logp,
                             const std::vector<int64_t>& lengths) {
  if (terms.kind == Correction::kNone) return at::Tensor();
  at::NoGradGuard no_grad;
  const at::Tensor d = old_logp - sampler_logp;
  if (!terms.sequence()) return Bounded(terms, d.exp());
  const at::Tensor sums = SequenceSums(d, lengths);
  return Bounded(terms, sums.exp()).repeat_interleave(at::tensor(lengths, at::kLong));
}

SamplingGap MeasureGap(const CorrectionTerms& terms, const std::vector<float>& sampler_logp, const std::vector<float>& trainer_logp,
                       const std::vector<int64_t>& lengths) {
  PITH_CHECK_EQ(sampler_logp.size(), trainer_logp.size());
  SamplingGap gap;
  if (sampler_logp.empty()) return gap;
  std::vector<double> difference(sampler_logp.size()), sums, means;
  size_t token = 0;
  for (int64_t length : lengths) {
    double sum = 0;
    for (int64_t i = 0; i < length; ++i, ++token) {
      const double d = static_cast<double>(trainer_logp.at(token)) - sampler_logp[token];
      sum += d;
      difference[token] = std::abs(d);
      gap.mean += difference[token];
      gap.kl += std::exp(d) - d - 1.0;
    }
    if (length == 0) continue;
    sums.push_back(sum);
    means.push_back(sum / static_cast<double>(length));
  }
  PITH_CHECK_EQ(token, difference.size());
  const auto n = static_cast<double>(difference.size());
  gap.mean /= n;
  gap.kl /= n;
  std::sort(difference.begin(), difference.end());
  gap.p99 = difference[std::min(difference.size() - 1, static_cast<size_t>(0.99 * n))];
  gap.max = difference.back();
  gap.sequence_std = Deviation(sums);
  gap.mean_std = Deviation(means);
  at::Tensor weights;  // a sequence's counts once
  if (terms.sequence()) {
    weights = Bounded(terms, at::tensor(sums, at::kDouble).exp());
  } else {
    weights = (Vector(trainer_logp) - Vector(sampler_logp)).to(at::kDouble).exp();
    if (terms.kind != Correction::kNone) weights = Bounded(terms, weights);
  }
  gap.ratio_min = weights.min().item<double>();
  gap.ratio_mean = weights.mean().item<double>();
  gap.ratio_max = weights.max().item<double>();
  gap.masked = (weights == 0).to(at::kDouble).mean().item<double>();
  return gap;
}

std::string NoiseWarning(const CorrectionTerms& correction, const PolicyTerms& policy, const SamplingGap& gap) {
  const std::string cure = "set rollout.activations: f32";
  if (correction.sequence()) {
    const double limit = 0.5 * std::log(correction.cap);
    if (gap.sequence_std > limit) {
      return Str("the logarithm of a sequence's weight (rl.sampler_correction) varies by ", gap.sequence_std, " from sampler's rounding alone, "
                 "more than ", limit, " = ln(rl.importance_cap)/2: the weights are noise; ", cure, ", or rl.sampler_correction: token_truncate");
    }
    if (correction.kind == Correction::kSequenceMask && gap.masked > 0.2) {
      return Str("rl.sampler_correction: sequence_mask leaves out ", std::lround(100 * gap.masked), " % of the sequences for their gap between "
                 "sampler and trainer; ", cure, ", or rl.sampler_correction: token_truncate");
    }
  }
  if (policy.sequence_ratio) {
    const double range = policy.loss == Loss::kCispo ? policy.epsilon_high : std::min(policy.epsilon_low, policy.epsilon_high);
    if (gap.mean_std > range) {
      return Str("the policy that sampled is further from the trainer's than rl.clip_epsilon_low and rl.clip_epsilon_high let an update go: a "
                 "sequence's mean log-ratio between the two varies by ", gap.mean_std, ", the range is ", range, ". Sequence ratios then say little "
                 "about how far off-policy a completion is; ", cure, ", widen the range, or take a loss with token ratios");
    }
  }
  return "";
}

}  // namespace pith
