// From judged answers and their hidden states to a verifier, and to figures of how good it is on problems that it has not seen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/verifier_head.h"
#include "configs/train_config.h"
#include "train/heads/logistic.h"
#include "train/run/metrics.h"

namespace pith {

// Answers that were judged; group: the index of the problem. Those of one problem stand together.
struct CheckedAnswers : LogisticData {
  std::vector<std::string> answers;  // what was taken for the answer; empty: none
};

struct FittedVerifier {
  VerifierHead head;   // weights, bias and fit's figures; the rest is the caller's
  Metrics metrics;     // "fit/…" of what it was fitted on, "held_out/…"
  std::string report;  // the same with the reliability table, JSON
};

// Which of the problems are held out: drawn by (seed, problem) alone, check.held_out of them, at least one and not all. UserError for fewer than two.
std::vector<int64_t> HeldOutProblems(const std::vector<int64_t>& problems, double share, uint64_t seed);

// Fits on the problems that are not held out: λ as check.l2 says or by cross-validation, then Platt's scaling of the out-of-fold logits, which goes into the
// weights. UserError where all answers there are right, or all wrong.
FittedVerifier FitVerifier(const CheckedAnswers& data, const CheckSettings& settings, uint64_t seed);

}  // namespace pith
