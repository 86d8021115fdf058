// What a step of GRPO computes per token, as pure functions of tensors.
//
// Shao et al., arXiv 2402.03300 (GRPO); Yu et al., arXiv 2503.14476 (DAPO: clip-higher, token aggregation); Schulman's k3
// estimator of KL; truncated importance sampling between sampler and trainer as in TRL's vllm_importance_sampling_cap.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <string>
#include <vector>

namespace pith {

// Advantages of completions, rewards[g·group_size + i] being sample i of group g: reward − mean of its group, divided by
// (standard deviation + 1e-4) of the group ("group"), of all rewards ("batch") or not at all ("none"). Standard deviations
// divide by n − 1. A group whose rewards are all equal gets exact zeros.
std::vector<double> Advantages(const std::vector<double>& rewards, int64_t group_size, const std::string& scale);

struct GrpoTerms {
  double clip_epsilon_low = 0.2, clip_epsilon_high = 0.28;
  double kl_beta = 0.0;
  double importance_cap = 0.0;  // 0: no correction
};

// Per-token tensors of equal shape; only logp may require a gradient.
struct GrpoTokens {
  at::Tensor logp, old_logp;  // trainer's, now and before the update
  at::Tensor sampler_logp;    // as reported by the sampler; needed with importance_cap
  at::Tensor ref_logp;        // needed with kl_beta
  at::Tensor advantage;
};

// loss_t = −w_t · min(r_t A_t, clip(r_t, 1 − low, 1 + high) A_t) + β (e^d − d − 1), with r = e^(logp − old),
// w = min(e^(old − sampler), cap), d = ref − logp.
at::Tensor GrpoTokenLoss(const GrpoTerms& terms, const GrpoTokens& tokens);
// k3 alone, per token.
at::Tensor K3(const at::Tensor& logp, const at::Tensor& ref_logp);
// 1 where clipping cut the gradient off: below (A < 0, r < 1 − low) and above (A > 0, r > 1 + high).
at::Tensor ClippedLow(const GrpoTerms& terms, const GrpoTokens& tokens);
at::Tensor ClippedHigh(const GrpoTerms& terms, const GrpoTokens& tokens);

// How far the sampler's log-probabilities are from the trainer's, over sampled tokens.
struct SamplingGap {
  double mean = 0, p99 = 0, max = 0;  // of |Δ log p|
  double kl = 0;                      // KL(sampler‖trainer), k3 estimate over the sampler's tokens
};
SamplingGap MeasureGap(const std::vector<float>& sampler_logp, const std::vector<float>& trainer_logp);

}  // namespace pith
