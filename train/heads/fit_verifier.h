// From judged answers and their hidden states to a verifier, and to figures of how good it is on problems that it has not seen.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/verifier_head.h"
#include "configs/train_config.h"
#include "train/heads/honest_fit.h"
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

// Fits on the problems that are not held out (check.held_out), as FitHonest() does with check.l2. UserError where all answers there are right, or all wrong.
FittedVerifier FitVerifier(const CheckedAnswers& data, const CheckSettings& settings, uint64_t seed);

}  // namespace pith
