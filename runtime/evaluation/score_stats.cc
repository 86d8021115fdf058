#include "runtime/evaluation/score_stats.h"

#include <algorithm>
#include <cmath>

namespace pith {

double AucOf(std::vector<Scored> all) {
  std::sort(all.begin(), all.end(), [](const Scored& a, const Scored& b) { return a.score < b.score; });
  double below = 0, wins = 0, right = 0;  // wrong ones below the present score; pairs won
  for (size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    double right_here = 0, wrong_here = 0;
    for (end = begin; end < all.size() && all[end].score == all[begin].score; ++end) ++(all[end].right ? right_here : wrong_here);
    wins += right_here * (below + wrong_here / 2);
    below += wrong_here;
    right += right_here;
  }
  return right > 0 && below > 0 ? wins / (right * below) : 0.5;
}

std::vector<ReliabilityBin> Reliability(const std::vector<Scored>& all, int bins) {
  std::vector<ReliabilityBin> out(static_cast<size_t>(bins));
  for (const Scored& one : all) {
    ReliabilityBin& bin = out[static_cast<size_t>(std::clamp(static_cast<int>(one.score * bins), 0, bins - 1))];
    ++bin.count;
    bin.mean_score += one.score;
    bin.right_share += one.right;
  }
  for (ReliabilityBin& bin : out) {
    if (bin.count == 0) continue;
    bin.mean_score /= static_cast<double>(bin.count);
    bin.right_share /= static_cast<double>(bin.count);
  }
  return out;
}

double CalibrationError(const std::vector<Scored>& all, int bins) {
  double sum = 0;
  for (const ReliabilityBin& bin : Reliability(all, bins)) sum += static_cast<double>(bin.count) * std::abs(bin.right_share - bin.mean_score);
  return all.empty() ? 0 : sum / static_cast<double>(all.size());
}

double LogLoss(const std::vector<Scored>& all) {
  double sum = 0;
  for (const Scored& one : all) {
    const double p = std::clamp(one.score, 1e-12, 1 - 1e-12);
    sum -= std::log(one.right ? p : 1 - p);
  }
  return all.empty() ? 0 : sum / static_cast<double>(all.size());
}

double BrierScore(const std::vector<Scored>& all) {
  double sum = 0;
  for (const Scored& one : all) sum += (one.score - one.right) * (one.score - one.right);
  return all.empty() ? 0 : sum / static_cast<double>(all.size());
}

}  // namespace pith
