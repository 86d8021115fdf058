// The sampler's log-probabilities are not quite the trainer's (other kernels, other rounding): how far they are apart, and the
// weights that correct for it.
//
// Importance weights, truncated or masked, per token or per sequence, under the names of TRL's vllm_importance_sampling_mode.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "configs/train_config.h"
#include "train/policy/policy_loss.h"

namespace pith {

enum class Correction { kNone, kTokenTruncate, kTokenMask, kSequenceTruncate, kSequenceMask };

struct CorrectionTerms {
  Correction kind = Correction::kNone;
  double floor = 0, cap = 2;
  bool sequence() const { return kind == Correction::kSequenceTruncate || kind == Correction::kSequenceMask; }
};
CorrectionTerms MakeCorrectionTerms(const RlSettings& rl);

// Weights of the policy's term, one per token. ρ = e^(old − sampler) of the token, or e^(Σ over the sequence of it) for all its
// tokens; truncated into [floor, cap], or 0 outside of it. kNone: undefined. Sequence kinds need whole sequences of `lengths`.
at::Tensor CorrectionWeights(const CorrectionTerms& terms, const at::Tensor& old_logp, const at::Tensor& sampler_logp,
                             const std::vector<int64_t>& lengths);

// Over sampled tokens; d = trainer's log p − sampler's.
struct SamplingGap {
  double mean = 0, p99 = 0, max = 0;   // of |d|
  double kl = 0;                       // KL(sampler‖trainer), k3 estimate over the sampler's tokens
  double ratio_min = 0, ratio_mean = 0, ratio_max = 0;  // of the weights as they are applied (of e^d without correction), as in TRL
  double sequence_std = 0;             // standard deviation of Σ_t d over sequences: the log of a sequence's weight
  double mean_std = 0;                 // likewise of the mean over its tokens, which is how sequence ratios in the loss count
  double masked = 0;                   // share of weights that are 0
};
SamplingGap MeasureGap(const CorrectionTerms& terms, const std::vector<float>& sampler_logp, const std::vector<float>& trainer_logp,
                       const std::vector<int64_t>& lengths);

// A sentence that names the cure where ratios of whole sequences say more about the gap than about the policy; else empty.
// Sequence correction: sequence_std > ln(cap)/2, or more than a fifth of the sequences masked. Sequence ratios in the loss:
// mean_std > the smaller clipping range: the gap alone takes a sequence further than an update may.
std::string NoiseWarning(const CorrectionTerms& correction, const PolicyTerms& policy, const SamplingGap& gap);

}  // namespace pith
