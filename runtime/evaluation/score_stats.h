// How well scores tell right from wrong, and how honest they are.
#pragma once

#include <cstdint>
#include <vector>

namespace pith {

// A score in [0, 1] and whether what it is of is right.
struct Scored {
  double score;
  bool right;
};

// The share of pairs of a right and a wrong one in which the right one has the higher score; equal scores count half (the area under the ROC curve;
// Mann and Whitney 1947). 0.5 where all are right, or all wrong.
double AucOf(std::vector<Scored> all);

// Scores in bins of equal width: [0, 1/bins), …, [1 − 1/bins, 1].
struct ReliabilityBin {
  int64_t count = 0;
  double mean_score = 0, right_share = 0;  // 0 for none
};
std::vector<ReliabilityBin> Reliability(const std::vector<Scored>& all, int bins = 10);
// Expected calibration error: Σ count / n · |right_share − mean_score| over the bins (Naeini et al., AAAI 2015). 0 for none.
double CalibrationError(const std::vector<Scored>& all, int bins = 10);

// Mean of −log of what was said of the outcome, nats, and mean of (score − outcome)² (Brier 1950). Scores are kept 1e-12 away from 0 and 1.
double LogLoss(const std::vector<Scored>& all);
double BrierScore(const std::vector<Scored>& all);

}  // namespace pith
