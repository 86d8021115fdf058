// How far a model's predictions are from another's, in the quantities of llama.cpp's llama-perplexity --kl-divergence and under its names.
//
// Q is the model that is asked about (quantised), base the one that it is compared with. At each place of a text both say how likely each token
// of the vocabulary is to come next; p(next) is the probability of the one that does:
//
//   PPL = exp(mean of −ln p(next))     KLD = Σ_v p_base(v) · ln(p_base(v) / p_Q(v))     Δp = p_Q(next) − p_base(next)
//
// An error (±) is one standard error of the mean, as if places were independent; of what is computed from means, the one that follows to first order.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pith {

// One place of the text.
struct TokenDivergence {
  double nll_q = 0, nll_base = 0;  // −ln p(next)
  double kld = 0;                  // in nats
  double delta_p = 0;
  bool same_top = true;            // whether both find the same token likeliest
};

// Two rows of `vocab` logits. Equal rows give a KLD of exactly 0.
TokenDivergence CompareLogits(const float* q_V, const float* base_V, int64_t vocab, int32_t next);

struct Estimate {
  double value = 0, error = 0;
};

struct Divergence {
  int64_t num_tokens = 0;
  Estimate ppl_q, ppl_base;
  double correlation = 0;          // of the two models' ln p(next), Pearson's; not a number where one of them does not vary
  Estimate ln_ppl_ratio;           // ln(PPL(Q) / PPL(base))
  Estimate ppl_ratio, ppl_difference;
  Estimate mean_kld, mean_delta_p;
  Estimate rms_delta_p, same_top;  // same_top: the share
  std::vector<double> kld, delta_p;  // of each token, sorted
};

// At least one token.
Divergence Summarise(std::span<const TokenDivergence> tokens);

// The value below which `share` (0 to 1) of `sorted` lie; between two of them, on the line that joins them.
double Percentile(std::span<const double> sorted, double share);

}  // namespace pith
