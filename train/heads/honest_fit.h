// A logistic head whose scores are honest, and which problems are kept from it.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "train/heads/logistic.h"

namespace pith {

inline constexpr int kFitFolds = 4;  // of cross-validation

struct HonestFit {
  LinearHead head;              // scaled
  double l2 = 0;
  LogisticFit fit;              // before scaling
  PlattScale scale;
  std::vector<double> unseen;   // of each row the scaled logit of a fit that has not seen its group
};

// λ as `l2` says or by cross-validation, then Platt's scaling of the out-of-fold logits, which goes into the weights. UserError where all outcomes are the same.
HonestFit FitHonest(const LogisticData& data, std::optional<double> l2);

// Which of the problems are held out: drawn by (seed, problem) alone, `share` of them, at least one and not all. UserError for fewer than two; `head` is what would
// be fitted: "a verifier".
std::vector<int64_t> HeldOutProblems(const std::vector<int64_t>& problems, double share, uint64_t seed, const char* head = "a verifier");

}  // namespace pith
