#include "train/advice/warnings.h"

#include <algorithm>

#include "base/error.h"

namespace pith {

std::vector<std::string> PolicyWarnings(const RlSettings& rl) {
  std::vector<std::string> out;
  const bool sequence = rl.loss == "gspo" || rl.importance_sampling_level == "sequence";
  if (rl.kl_beta != 0 && rl.kl_in == "loss" && rl.kl_estimator == "k1" && !rl.use_bias_correction_kl) {
    out.emplace_back("rl.kl_estimator: k1 in the loss has the gradient ∇log p, whose expectation under the policy is zero: it adds noise and holds "
                     "nothing back; take k2 or k3, use_bias_correction_kl: true, or kl_in: reward");
  }
  if (sequence && rl.loss != "gspo" && rl.loss != "grpo") {
    out.push_back(Str("rl.importance_sampling_level: sequence with loss: ", rl.loss, " counts a completion's one ratio once per token, so long "
                      "completions weigh more; rl.loss: gspo takes each completion once"));
  }
  // arXiv 2507.18071 clips at 3e-4 and 4e-4: a mean over many tokens strays far less than one token does.
  if (sequence && rl.loss != "cispo" && std::max(rl.clip_epsilon_low, rl.clip_epsilon_high) > 0.02) {
    out.push_back(Str("rl.clip_epsilon_low ", rl.clip_epsilon_low, " and rl.clip_epsilon_high ", rl.clip_epsilon_high, " are made for the ratios of single "
                      "tokens; those of whole completions hardly stray that far and would never be clipped: try 3e-4 and 4e-4"));
  }
  return out;
}

}  // namespace pith
