// The fit of a verifier: against Newton's method with a dense Hessian, known solutions, and figures counted by hand.
#include "train/heads/logistic.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/rng.h"
#include "configs/train_config.h"
#include "runtime/evaluation/score_stats.h"
#include "train/heads/fit_verifier.h"

namespace pith {
namespace {

// Features of very different sizes and centres, which one direction explains in part.
LogisticData Noisy(size_t n, size_t width, uint64_t seed, double strength = 1.5) {
  LogisticData data;
  data.width = width;
  Rng rng(seed);
  const auto normal = [&] { return std::sqrt(-2 * std::log(1 - rng.Uniform())) * std::cos(2 * M_PI * rng.Uniform()); };
  for (size_t i = 0; i < n; ++i) {
    double z = 0.3;
    for (size_t j = 0; j < width; ++j) {
      const double u = normal();
      if (j < 3) z += strength * u * (j == 1 ? -1 : 1);
      data.x.push_back(static_cast<float>((5.0 + static_cast<double>(j)) + u * std::pow(10.0, static_cast<double>(j % 4) - 2)));
    }
    data.right.push_back(rng.Uniform() < Probability(z) ? 1 : 0);
    data.group.push_back(static_cast<int64_t>(i / 3));
  }
  return data;
}

// The same objective by Newton's method, Gaussian elimination and all: slow and plain.
std::vector<double> NewtonReference(const LogisticData& data, double l2) {
  const size_t n = data.size(), d = data.width, size = d + 1;
  std::vector<double> mean(d), sigma(d), w(size);
  for (size_t j = 0; j < d; ++j) {
    for (size_t i = 0; i < n; ++i) mean[j] += data.x[i * d + j] / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) sigma[j] += std::pow(data.x[i * d + j] - mean[j], 2) / static_cast<double>(n);
    sigma[j] = std::sqrt(sigma[j]);
  }
  for (int iteration = 0; iteration < 50; ++iteration) {
    std::vector<double> g(size), h(size * size);
    for (size_t i = 0; i < n; ++i) {
      std::vector<double> u(size, 1.0);
      double z = w[d];
      for (size_t j = 0; j < d; ++j) u[j] = (data.x[i * d + j] - mean[j]) / sigma[j], z += w[j] * u[j];
      const double p = 1 / (1 + std::exp(-z));
      for (size_t a = 0; a < size; ++a) {
        g[a] += (p - data.right[i]) * u[a] / static_cast<double>(n);
        for (size_t b = 0; b < size; ++b) h[a * size + b] += p * (1 - p) * u[a] * u[b] / static_cast<double>(n);
      }
    }
    for (size_t j = 0; j < d; ++j) g[j] += l2 * w[j], h[j * size + j] += l2;
    for (size_t k = 0; k < size; ++k) {  // h · step = g
      for (size_t r = k + 1; r < size; ++r) {
        const double f = h[r * size + k] / h[k * size + k];
        for (size_t c = k; c < size; ++c) h[r * size + c] -= f * h[k * size + c];
        g[r] -= f * g[k];
      }
    }
    for (size_t k = size; k-- > 0;) {
      for (size_t c = k + 1; c < size; ++c) g[k] -= h[k * size + c] * g[c];
      g[k] /= h[k * size + k];
    }
    for (size_t k = 0; k < size; ++k) w[k] -= g[k];
  }
  for (size_t j = 0; j < d; ++j) w[d] -= w[j] * mean[j] / sigma[j], w[j] /= sigma[j];
  return w;
}

TEST(Logistic, AgreesWithNewtonsMethod) {
  for (const double l2 : {1.0, 0.01}) {
    const LogisticData data = Noisy(300, 12, 5);
    const LogisticFit fit = FitLogistic(data, l2);
    const std::vector<double> reference = NewtonReference(data, l2);
    EXPECT_LE(fit.gradient_norm, 1e-7);
    EXPECT_GT(fit.iterations, 3);
    for (size_t j = 0; j < data.width; ++j) EXPECT_NEAR(fit.head.weights[j], reference[j], 1e-4 * (std::abs(reference[j]) + 1e-3)) << j;
    for (size_t i = 0; i < 20; ++i) {
      double z = reference[data.width];
      for (size_t j = 0; j < data.width; ++j) z += reference[j] * data.x[i * data.width + j];
      EXPECT_NEAR(HeadLogit(fit.head, data.row(i)), z, 1e-3);
    }
  }
}

TEST(Logistic, MeetsAKnownSolution) {
  // One feature of ±1, right in 3 of 4 where it is 1 and in 1 of 4 where it is −1: without L2 w = log 3, b = 0.
  LogisticData data;
  data.width = 2;
  for (int i = 0; i < 8; ++i) {
    data.x.push_back(i < 4 ? 1.0f : -1.0f);
    data.x.push_back(7.0f);  // does not vary
    data.right.push_back(i < 4 ? i != 0 : i == 4);
    data.group.push_back(i);
  }
  const LogisticFit fit = FitLogistic(data, 1e-9);
  EXPECT_NEAR(fit.head.weights[0], std::log(3.0), 1e-5);
  EXPECT_EQ(fit.head.weights[1], 0.0f);
  EXPECT_NEAR(fit.head.bias, 0, 1e-5);
  // With λ the minimum is where λw = the mean error times the feature: P(1) = 3/4 − λw.
  const LogisticFit drawn = FitLogistic(data, 0.2);
  const double w = drawn.head.weights[0];
  EXPECT_NEAR(Probability(w) + 0.2 * w, 0.75, 1e-6);
  EXPECT_EQ(FitLogistic(data, 0.2).head, drawn.head) << "the same bits each time";
}

TEST(Logistic, RefusesWhatCannotBeToldApart) {
  LogisticData data = Noisy(30, 4, 5);
  std::fill(data.right.begin(), data.right.end(), uint8_t{1});
  try {
    FitLogistic(data, 0.1);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(std::string(error.what()), "all of the 30 answers that a verifier was to be fitted on are right, so there is nothing to tell apart; take problems that are now and then "
                                         "solved, a higher check.temperature or more of them");
  }
}

TEST(Logistic, FoldsNeverSeeTheirOwnGroups) {
  // The outcome is the group's own, drawn by lot, and each group has a feature that gives it away: only who has seen the group can know.
  LogisticData data;
  data.width = 40;
  Rng rng(2);
  for (int64_t group = 0; group < 40; ++group) {
    const auto right = static_cast<uint8_t>(group % 4 < 2 ? group / 4 % 2 : 1 - group / 4 % 2);
    for (int i = 0; i < 3; ++i) {
      for (int64_t j = 0; j < 40; ++j) data.x.push_back(j == group ? 1.0f : 0.0f);
      data.right.push_back(right);
      data.group.push_back(group);
    }
  }
  const auto auc = [&](const std::vector<double>& logits) {
    std::vector<Scored> scored;
    for (size_t i = 0; i < logits.size(); ++i) scored.push_back({Probability(logits[i]), data.right[i] != 0});
    return AucOf(scored);
  };
  const LinearHead seen = FitLogistic(data, 0.001).head;
  std::vector<double> own;
  for (size_t i = 0; i < data.size(); ++i) own.push_back(HeadLogit(seen, data.row(i)));
  EXPECT_EQ(auc(own), 1.0);
  EXPECT_LT(std::abs(auc(OutOfFoldLogits(data, 0.001, 4)) - 0.5), 0.3);
}

TEST(Logistic, ChoosesTheStrengthByWhatHasNotBeenSeen) {
  const L2Choice many = ChooseL2(Noisy(900, 6, 1), 4), few = ChooseL2(Noisy(60, 50, 1, 0.5), 4);
  EXPECT_LT(many.l2, few.l2);
  EXPECT_LT(many.log_loss, 0.6);
  EXPECT_EQ(many.logits.size(), 900u);
}

TEST(Platt, BringsLogitsBackToWhatTheyAreWorth) {
  std::vector<double> logits;
  std::vector<uint8_t> right;
  Rng rng(9);
  for (int i = 0; i < 20000; ++i) {
    const double z = 4 * rng.Uniform() - 2;
    logits.push_back(3 * z + 1);  // three times as sure as it should be
    right.push_back(rng.Uniform() < Probability(z) ? 1 : 0);
  }
  const PlattScale scale = FitPlatt(logits, right);
  EXPECT_NEAR(scale.slope, 1.0 / 3, 0.02);
  EXPECT_NEAR(scale.shift, -1.0 / 3, 0.05);
}

TEST(ScoreStats, AreCounted) {
  const std::vector<Scored> scored = {{0.9, true}, {0.8, false}, {0.8, true}, {0.3, false}, {0.1, false}, {0.05, true}};
  // Pairs of right and wrong: 0.9 beats 3; 0.8 beats 2 and ties 1; 0.05 beats none: 5.5 of 9.
  EXPECT_DOUBLE_EQ(AucOf(scored), 5.5 / 9);
  EXPECT_DOUBLE_EQ(AucOf({{0.2, true}}), 0.5);
  // Two bins: four below 0.5 … of [0, 0.5): 0.3, 0.1, 0.05, mean 0.15, a third right; of [0.5, 1]: 0.9, 0.8, 0.8, mean 2.5/3, two thirds right.
  const auto bins = Reliability(scored, 2);
  EXPECT_EQ(bins[0].count, 3);
  EXPECT_DOUBLE_EQ(bins[0].mean_score, 0.45 / 3);
  EXPECT_DOUBLE_EQ(bins[1].right_share, 2.0 / 3);
  EXPECT_NEAR(CalibrationError(scored, 2), 0.5 * (1.0 / 3 - 0.15) + 0.5 * (2.5 / 3 - 2.0 / 3), 1e-12);
  EXPECT_EQ(Reliability({{1.0, true}}, 10)[9].count, 1);
  EXPECT_NEAR(LogLoss({{0.25, true}, {0.25, false}}), -(std::log(0.25) + std::log(0.75)) / 2, 1e-12);
  EXPECT_NEAR(BrierScore({{0.25, true}, {0.25, false}}), (0.5625 + 0.0625) / 2, 1e-12);
  EXPECT_TRUE(std::isfinite(LogLoss({{0.0, true}})));
}

TEST(FitVerifier, HoldsProblemsOutWhole) {
  std::vector<int64_t> problems;
  for (int64_t i = 0; i < 40; ++i) problems.insert(problems.end(), 4, i);
  const auto held = HeldOutProblems(problems, 0.25, 3);
  EXPECT_EQ(held.size(), 10u);
  EXPECT_EQ(HeldOutProblems(problems, 0.25, 3), held);
  EXPECT_NE(HeldOutProblems(problems, 0.25, 4), held);
  EXPECT_EQ(HeldOutProblems({1, 1, 2}, 0.01, 3).size(), 1u);
  EXPECT_EQ(HeldOutProblems({1, 1, 2}, 0.9, 3).size(), 1u);
  EXPECT_THROW(HeldOutProblems({7, 7}, 0.5, 3), UserError);
}

TEST(FitVerifier, TellsWhatItIsWorthOnOthers) {
  CheckedAnswers data;
  static_cast<LogisticData&>(data) = Noisy(1200, 10, 31, 2.0);
  for (size_t i = 0; i < data.size(); ++i) {
    data.group[i] = static_cast<int64_t>(i / 4);
    data.answers.push_back(data.right[i] != 0 ? "42" : "13");  // the wrong ones agree, too
  }
  CheckSettings settings;
  const FittedVerifier fitted = FitVerifier(data, settings, 7);
  const VerifierFit& f = fitted.head.fit;
  EXPECT_EQ(f.fit_problems, 225);
  EXPECT_EQ(f.held_out_problems, 75);
  EXPECT_EQ(f.held_out_chains, 300);
  EXPECT_GT(f.auc, 0.85);
  EXPECT_LT(f.calibration_error, 0.12);
  EXPECT_GT(*FindMetric(fitted.metrics, "held_out/weighted_at_4"), *FindMetric(fitted.metrics, "held_out/maj_at_4") + 0.05);
  EXPECT_LT(f.log_loss, *FindMetric(fitted.metrics, "held_out/log_loss_of_share") - 0.1);
  settings.l2 = 0.5;
  EXPECT_EQ(FitVerifier(data, settings, 7).head.fit.l2, 0.5);
}

}  // namespace
}  // namespace pith
