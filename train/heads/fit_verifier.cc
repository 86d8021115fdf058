#include "train/heads/fit_verifier.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "base/error.h"
#include "runtime/evaluation/score_stats.h"
#include "runtime/evaluation/stats.h"
#include "runtime/session/vote.h"

namespace pith {
namespace {

std::vector<Scored> ScoresOf(const LogisticData& data, const LinearHead& head) {
  std::vector<Scored> scored;
  for (size_t i = 0; i < data.size(); ++i) scored.push_back({Probability(HeadLogit(head, data.row(i))), data.right[i] != 0});
  return scored;
}

// Shares of problems whose vote is right.
struct VotesOfProblems {
  int64_t problems = 0, majority = 0, weighted = 0, any = 0;
  double chains = 0;  // share of right ones
};

VotesOfProblems CountVotes(const CheckedAnswers& data, const std::vector<size_t>& rows, const std::vector<Scored>& scored) {
  VotesOfProblems counts;
  for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
    while (end < rows.size() && data.group[rows[end]] == data.group[rows[begin]]) ++end;
    Vote majority(end - begin), weighted(end - begin, VoteKind::kWeighted);
    bool any = false;
    for (size_t i = begin; i < end; ++i) {
      const std::string& text = data.answers[rows[i]];
      const auto answer = text.empty() ? std::nullopt : std::optional(text);
      majority.AddAnswer(i - begin, answer);
      weighted.AddAnswer(i - begin, answer, scored[i].score);
      any |= scored[i].right;
      counts.chains += scored[i].right;
    }
    const auto is_right = [&](const Vote& vote) {
      const Vote::Result winner = vote.Winner();
      return winner.votes > 0 && scored[begin + winner.chain].right;
    };
    ++counts.problems;
    counts.majority += is_right(majority);
    counts.weighted += is_right(weighted);
    counts.any += any;
  }
  counts.chains /= static_cast<double>(rows.size());
  return counts;
}

nlohmann::ordered_json ReliabilityJson(const std::vector<Scored>& scored) {
  auto bins = nlohmann::ordered_json::array();
  for (const ReliabilityBin& bin : Reliability(scored)) bins.push_back({{"count", bin.count}, {"mean_score", bin.mean_score}, {"right_share", bin.right_share}});
  return bins;
}

}  // namespace

FittedVerifier FitVerifier(const CheckedAnswers& data, const CheckSettings& settings, uint64_t seed) {
  const std::vector<int64_t> held = HeldOutProblems(data.group, settings.held_out, seed);
  std::vector<size_t> fit_rows, held_rows;
  for (size_t i = 0; i < data.size(); ++i) (std::binary_search(held.begin(), held.end(), data.group[i]) ? held_rows : fit_rows).push_back(i);
  const LogisticData fit_data = data.Rows(fit_rows), held_data = data.Rows(held_rows);

  const HonestFit fit = FitHonest(fit_data, settings.l2);
  const std::vector<Scored> fit_scores = ScoresOf(fit_data, fit.head), held_scores = ScoresOf(held_data, fit.head);
  const VotesOfProblems votes = CountVotes(data, held_rows, held_scores);
  FittedVerifier out;
  static_cast<LinearHead&>(out.head) = fit.head;
  VerifierFit& f = out.head.fit;
  f.type = settings.type;
  f.activations = settings.activations;
  f.kv_type = settings.kv_type;
  f.temperature = settings.temperature;
  f.fit_chains = static_cast<int64_t>(fit_rows.size());
  f.held_out_chains = static_cast<int64_t>(held_rows.size());
  f.held_out_problems = static_cast<int64_t>(held.size());
  f.fit_problems = static_cast<int64_t>(std::set<int64_t>(data.group.begin(), data.group.end()).size()) - f.held_out_problems;
  f.l2 = fit.l2;
  f.right_share = votes.chains;
  f.auc = AucOf(held_scores);
  f.calibration_error = CalibrationError(held_scores);
  f.log_loss = LogLoss(held_scores);

  const double n = static_cast<double>(votes.problems), p = votes.chains;
  const double blind = p > 0 && p < 1 ? -(p * std::log(p) + (1 - p) * std::log(1 - p)) : 0;
  const auto share = [&](int64_t count) { return static_cast<double>(count) / n; };
  out.metrics = {{"fit/l2", fit.l2}, {"fit/iterations", fit.fit.iterations}, {"fit/gradient_norm", fit.fit.gradient_norm}, {"fit/platt_slope", fit.scale.slope},
                 {"fit/platt_shift", fit.scale.shift}, {"fit/auc", AucOf(fit_scores)}, {"fit/log_loss", LogLoss(fit_scores)}, {"fit/chains", static_cast<double>(f.fit_chains)},
                 {"held_out/chains", static_cast<double>(f.held_out_chains)}, {"held_out/accuracy", p}, {"held_out/auc", f.auc},
                 {"held_out/calibration_error", f.calibration_error}, {"held_out/log_loss", f.log_loss}, {"held_out/log_loss_of_share", blind},
                 {"held_out/brier", BrierScore(held_scores)}, {Str("held_out/maj_at_", settings.samples), share(votes.majority)},
                 {Str("held_out/weighted_at_", settings.samples), share(votes.weighted)}, {Str("held_out/pass_at_", settings.samples), share(votes.any)}};
  nlohmann::ordered_json report;
  for (const auto& [name, value] : out.metrics) report[name] = value;
  const auto interval = [&](int64_t count) {
    const Interval wilson = WilsonInterval(static_cast<double>(count), votes.problems);
    return nlohmann::ordered_json{wilson.low, wilson.high};
  };
  report["held_out/problems"] = votes.problems;
  report[Str("held_out/maj_at_", settings.samples, "_ci")] = interval(votes.majority);
  report[Str("held_out/weighted_at_", settings.samples, "_ci")] = interval(votes.weighted);
  report["held_out/reliability"] = ReliabilityJson(held_scores);
  out.report = report.dump(1) + "\n";
  return out;
}

}  // namespace pith
