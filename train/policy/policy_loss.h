// The losses of policy optimisation, as pure functions of tensors over tokens.
//
// Every loss here is Σ_t share_t · ℓ_t over the tokens of one optimiser batch, where ℓ_t is the token's (or its sequence's)
// term and share_t says how tokens are averaged. Shares depend on the whole batch, not on how it is cut into micro-batches or
// over ranks, so the parts of a batch add up.
//
//   loss     ℓ_t                                               share_t                                 source
//   grpo     −min(r A, clip(r, 1−ε_l, 1+ε_h) A)                1 / (N |y|)                             arXiv 2402.03300
//   bnpo     the same                                          1 / tokens of the minibatch             TRL
//   dr_grpo  the same                                          1 / (N · max_tokens)                    arXiv 2503.20783
//   dapo     the same                                          minibatches / tokens of the rollout     arXiv 2503.14476
//   cispo    −sg[min(r, ε_h)] · A · log p                      as dapo                                 arXiv 2506.13585; cap as in 2510.13786
//   gspo     grpo with s = exp(mean over y of log r) for r     as grpo                                 arXiv 2507.18071
//
// r = e^(log p − old), A the advantage, |y| the sequence's tokens, N the minibatch's completions (those without an advantage
// and masked ones count), sg[] a constant.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "configs/train_config.h"
#include "train/policy/kl.h"

namespace pith {

enum class Loss { kGrpo, kBnpo, kDrGrpo, kDapo, kCispo };  // gspo: kGrpo with sequence_ratio

struct PolicyTerms {
  Loss loss = Loss::kDapo;
  bool sequence_ratio = false;    // r is the geometric mean over the sequence instead of the token's own
  double epsilon_low = 0.2, epsilon_high = 0.28;
  double delta = 0;               // > 0: r is capped at it where clipping would not (A < 0), arXiv 2505.07291
  KlEstimator kl = KlEstimator::kK3;
  double kl_beta = 0;             // of the KL in the loss
  bool kl_times_ratio = false;    // the KL's term is multiplied by r, which is differentiated too (arXiv 2512.02556)
  double entropy_coef = 0;        // the loss falls by this times the mean entropy per kept token
  int64_t max_tokens = 0;         // kDrGrpo
  int64_t minibatches = 1;        // per rollout: kDapo, kCispo
};
// max_completion_tokens: of the rollout. The KL's weight is 0 where it goes into the reward.
PolicyTerms MakePolicyTerms(const RlSettings& rl, int64_t max_completion_tokens);
// Names of `rl.loss` in the form above.
Loss LossNamed(const std::string& name);

// What the batch as a whole is divided by; over all ranks. The same for every part of the batch.
struct Denominators {
  double sequences = 0;           // N
  double minibatch_tokens = 0;    // unmasked ones, of completions without an advantage too
  double rollout_tokens = 0;      // likewise, of all minibatches together
  double kept_tokens = 0;         // of minibatch_tokens, those that top_entropy keeps; all without it
};

// share_t for every token of sequences of these lengths, one after the other; float32.
at::Tensor TokenShares(const PolicyTerms& terms, const Denominators& whole, const std::vector<int64_t>& lengths);

// Per-token tensors of equal shape. With sequence_ratio they hold whole sequences of `lengths`, one after the other.
struct PolicyTokens {
  at::Tensor logp, entropy;       // under the policy now; may require gradients. entropy: with entropy_coef
  at::Tensor old_logp;            // under the policy that sampled, by the trainer
  at::Tensor ref_logp;            // with kl_beta
  at::Tensor advantage, share;
  at::Tensor weight;              // of the sampler correction; undefined: 1
  at::Tensor kept;                // 1 where top_entropy keeps the token, else 0; undefined: all
  std::vector<int64_t> lengths;
};

struct PolicyLoss {
  at::Tensor loss;                // Σ share (weight · kept · ℓ + β k) − entropy_coef · Σ kept · H / kept_tokens; a scalar
  double policy = 0;              // the same without the entropy
  at::Tensor kl;                  // per token, detached (times the ratio where terms say so); with kl_beta
  // Per token, 1 where clipping cut the gradient off: below (A < 0, r < 1 − ε_l) and above (A > 0, r > 1 + ε_h; of cispo,
  // where no gradient is lost but the weight is capped: A > 0, r > ε_h).
  at::Tensor clipped_low, clipped_high;
  double max_ratio_error = 0;     // max |r − 1|
};
PolicyLoss ComputePolicyLoss(const PolicyTerms& terms, const Denominators& whole, const PolicyTokens& tokens);

// The entropy from which on a token belongs to the top `quantile` of `entropies` (arXiv 2506.01939), interpolated linearly
// as torch.quantile does: a token is kept where its entropy is at least this.
double TopEntropyThreshold(const at::Tensor& entropies, double quantile);

// A value per sequence, repeated for each of its tokens; float32.
at::Tensor PerToken(const std::vector<double>& values, const std::vector<int64_t>& lengths);
// The sums of per-token values over each sequence; differentiable.
at::Tensor SequenceSums(const at::Tensor& values, const std::vector<int64_t>& lengths);

}  // namespace pith
