// Advantages, losses, KL estimators and sampler corrections against values worked out by hand.

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/quantile.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/tensor.h>

#include <gtest/gtest.h>

#include <cmath>

#include "train/advice/warnings.h"
#include "train/policy/advantages.h"
#include "train/policy/policy_loss.h"
#include "train/policy/sampler_correction.h"

namespace pith {
namespace {

at::Tensor Doubles(const std::vector<double>& x) { return at::tensor(x, at::kDouble); }

TEST(Advantages, ByGroupByBatchAndUnscaled) {
  const std::vector<double> rewards = {1, 0, 0, 1, 0.5, 0.5, 0.5, 0.5};
  // Group 1: mean 0.5, deviation sqrt(4·0.25/3) = 0.57735. All: mean 0.5, deviation sqrt(4·0.25/7) = 0.377964.
  const auto group = Advantages("group", "group", rewards, 4), batch = Advantages("group", "batch", rewards, 4),
             none = Advantages("group", "none", rewards, 4);
  EXPECT_NEAR(group[0], 0.5 / (0.5773502692 + 1e-4), 1e-9);
  EXPECT_NEAR(batch[1], -0.5 / (0.3779644730 + 1e-4), 1e-9);
  EXPECT_EQ(none[3], 0.5);
  for (const auto& a : {group, batch, none}) {
    for (size_t i = 4; i < 8; ++i) EXPECT_EQ(a[i], 0.0);
  }
  // 0.1 + 0.2 style rounding in the mean must not turn a flat group into a signal.
  for (const char* estimator : {"group", "reinforce_pp", "reinforce_pp_baseline"}) {
    for (double a : Advantages(estimator, "batch", {0.1, 0.1, 0.1}, 3)) EXPECT_EQ(a, 0.0);
  }
  for (double a : Advantages("rloo", "none", {0.1, 0.1, 0.1}, 3)) EXPECT_EQ(a, 0.0);
}

TEST(Advantages, LeaveOneOut) {
  // 1 against mean(0, 0.5) = 0.25; 0 against 0.75; 0.5 against 0.5.
  const auto none = Advantages("rloo", "none", {1, 0, 0.5, 1, 1, 1}, 3);
  const std::vector<double> expected = {0.75, -0.75, 0, 0, 0, 0};
  for (size_t i = 0; i < 6; ++i) EXPECT_NEAR(none[i], expected[i], 1e-12) << i;
  // Their deviation: sqrt(2 · 0.5625 / 5) = 0.4743416.
  EXPECT_NEAR(Advantages("rloo", "batch", {1, 0, 0.5, 1, 1, 1}, 3)[0], 0.75 / (0.4743416490 + 1e-4), 1e-9);
}

TEST(Advantages, OverTheBatchWithAndWithoutTheGroupsBaseline) {
  // All: mean 0.75, Σ(r − mean)² = 0.0625 + 0.5625 + 0.0625·2 = 0.75, deviation sqrt(0.25) = 0.5.
  const auto plain = Advantages("reinforce_pp", "batch", {1, 0, 1, 1}, 2);
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(plain[i], (i == 1 ? -0.75 : 0.25) / (0.5 + 1e-4), 1e-12) << i;
  EXPECT_NEAR(Advantages("reinforce_pp", "batch", {1, 0, 1, 1}, 1)[2], 0.25 / (0.5 + 1e-4), 1e-12) << "groups of one";
  // Against the group's mean ±0.5, 0, 0: deviation sqrt(0.5/3) = 0.4082483, not that of the rewards.
  const auto baseline = Advantages("reinforce_pp_baseline", "batch", {1, 0, 1, 1}, 2);
  EXPECT_NEAR(baseline[0], 0.5 / (0.40824829046 + 1e-4), 1e-9);
  EXPECT_EQ(baseline[2], 0.0);
  EXPECT_NEAR(Advantages("group", "batch", {1, 0, 1, 1}, 2)[0], 0.5 / (0.5 + 1e-4), 1e-12);
}

// One token of old log p = ln 0.5, so that ratio r has log p = ln(0.5 r).
struct Case {
  double ratio, advantage, loss, gradient;
};

PolicyTokens OneToken(double ratio, double advantage) {
  PolicyTokens t;
  t.logp = Doubles({std::log(0.5 * ratio)}).set_requires_grad(true);
  t.old_logp = Doubles({std::log(0.5)});
  t.advantage = Doubles({advantage});
  t.share = Doubles({1});
  t.lengths = {1};
  return t;
}

void ExpectCases(const PolicyTerms& terms, const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const PolicyTokens t = OneToken(c.ratio, c.advantage);
    const PolicyLoss loss = ComputePolicyLoss(terms, {}, t);
    loss.loss.backward();
    EXPECT_NEAR(loss.loss.item<double>(), c.loss, 1e-12) << c.ratio << " " << c.advantage;
    EXPECT_NEAR(t.logp.grad().item<double>(), c.gradient, 1e-12) << c.ratio << " " << c.advantage;
    EXPECT_NEAR(loss.max_ratio_error, std::abs(c.ratio - 1), 1e-12);
    if (terms.loss == Loss::kCispo) continue;
    EXPECT_EQ(loss.clipped_high.item<double>(), c.ratio > 1.28 && c.advantage > 0);
    EXPECT_EQ(loss.clipped_low.item<double>(), c.ratio < 0.8 && c.advantage < 0);
  }
}

TEST(PolicyLoss, ClipsHigherAboveThanBelow) {
  ExpectCases({}, {{1.0, 2.0, -2.0, -2.0}, {1.27, 1.0, -1.27, -1.27}, {1.5, 1.0, -1.28, 0.0}, {1.5, -1.0, 1.5, 1.5},
                   {0.7, -1.0, 0.8, 0.0}, {0.7, 1.0, -0.7, -0.7}, {0.9, -2.0, 1.8, 1.8}});
}

TEST(PolicyLoss, DeltaCapsWhatClippingLeavesFree) {
  PolicyTerms terms;
  terms.delta = 1.4;
  ExpectCases(terms, {{1.5, -1.0, 1.4, 0.0}, {1.35, -1.0, 1.35, 1.35}, {1.5, 1.0, -1.28, 0.0}, {0.7, -1.0, 0.8, 0.0}});
}

TEST(PolicyLoss, CispoWeighsByACappedConstantRatio) {
  PolicyTerms terms;
  terms.loss = Loss::kCispo;
  terms.epsilon_high = 2;
  // −min(r, 2) · A · ln(0.5 r)
  ExpectCases(terms, {{1.5, 2.0, -3.0 * std::log(0.75), -3.0}, {3.0, 1.0, -2.0 * std::log(1.5), -2.0}, {3.0, -1.0, 2.0 * std::log(1.5), 2.0}});
  EXPECT_EQ(ComputePolicyLoss(terms, {}, OneToken(3, 1)).clipped_high.item<double>(), 1);
  EXPECT_EQ(ComputePolicyLoss(terms, {}, OneToken(3, -1)).clipped_high.item<double>(), 0);
}

TEST(PolicyLoss, SequenceRatioIsTheGeometricMean) {
  PolicyTerms terms;
  terms.sequence_ratio = true;
  PolicyTokens t;
  // Two sequences: ratios 1.5 · 0.96 → sqrt(1.44) = 1.2; one token of 1.3, which is clipped.
  t.old_logp = Doubles({-1, -2, -1});
  t.logp = Doubles({-1 + std::log(1.5), -2 + std::log(0.96), -1 + std::log(1.3)}).set_requires_grad(true);
  t.advantage = Doubles({1, 1, 2});
  t.share = Doubles({0.25, 0.25, 0.5});  // grpo: 1 / (2 · |y|)
  t.lengths = {2, 1};
  const PolicyLoss loss = ComputePolicyLoss(terms, {}, t);
  loss.loss.backward();
  EXPECT_NEAR(loss.loss.item<double>(), -0.5 * 1.2 - 0.5 * 1.28 * 2, 1e-12);
  // d s / d log p_t = s / |y|
  EXPECT_NEAR(t.logp.grad()[0].item<double>(), -0.5 * 1.2 / 2, 1e-12);
  EXPECT_NEAR(t.logp.grad()[1].item<double>(), -0.5 * 1.2 / 2, 1e-12);
  EXPECT_EQ(t.logp.grad()[2].item<double>(), 0);
  EXPECT_EQ(loss.clipped_high.sum().item<double>(), 1);
}

TEST(PolicyLoss, WeighsBySamplerKeepsTopTokensAndPaysKl) {
  PolicyTerms terms;
  terms.kl_beta = 0.1;
  PolicyTokens t;
  t.logp = Doubles({-1.0, -2.0, -1.0}).set_requires_grad(true);
  t.old_logp = t.logp.detach();
  t.ref_logp = Doubles({-1.0 + std::log(2.0), -2.0, -1.0});
  t.advantage = Doubles({1, -0.5, 3});
  t.share = Doubles({1, 1, 1});
  t.weight = Doubles({1.5, 2, 1});
  t.kept = Doubles({1, 1, 0});
  t.lengths = {3};
  const PolicyLoss loss = ComputePolicyLoss(terms, {}, t);
  loss.loss.backward();
  // k3 at d = ln 2: 2 − ln 2 − 1 = 0.3068528; at 0: 0. Its derivative: 1 − e^d.
  EXPECT_NEAR(loss.loss.item<double>(), -1.5 + 1.0 + 0.1 * 0.30685281944, 1e-10);
  EXPECT_NEAR(t.logp.grad()[0].item<double>(), -1.5 + 0.1 * (1.0 - 2.0), 1e-12);
  EXPECT_NEAR(t.logp.grad()[1].item<double>(), 1.0, 1e-12);
  EXPECT_EQ(t.logp.grad()[2].item<double>(), 0) << "the policy's term is dropped, the KL's is zero at the reference";
  EXPECT_NEAR(loss.kl[0].item<double>(), 0.30685281944, 1e-10);
  // Times the ratio: d(r k)/d log p = r (k + dk) = 0.3068528 − 1.
  terms.kl_times_ratio = true;
  t.logp.mutable_grad() = at::Tensor();
  ComputePolicyLoss(terms, {}, t).loss.backward();
  EXPECT_NEAR(t.logp.grad()[0].item<double>(), -1.5 + 0.1 * (0.30685281944 - 1.0), 1e-10);
}

TEST(PolicyLoss, EntropyBonusIsAMeanOverKeptTokens) {
  PolicyTerms terms;
  terms.entropy_coef = 0.5;
  PolicyTokens t = OneToken(1, 0);
  t.logp = Doubles({-1, -1}), t.old_logp = t.logp, t.advantage = Doubles({0, 0}), t.share = Doubles({1, 1});
  t.entropy = Doubles({2, 3}).set_requires_grad(true);
  t.kept = Doubles({0, 1});
  Denominators whole;
  whole.kept_tokens = 4;  // three more elsewhere
  const PolicyLoss loss = ComputePolicyLoss(terms, whole, t);
  loss.loss.backward();
  EXPECT_NEAR(loss.loss.item<double>(), -0.5 * 3 / 4, 1e-12);
  EXPECT_EQ(loss.policy, 0.0);
  EXPECT_EQ(t.entropy.grad()[0].item<double>(), 0.0);
  EXPECT_NEAR(t.entropy.grad()[1].item<double>(), -0.125, 1e-12);
}

TEST(TokenShares, AreThoseOfTheLoss) {
  const Denominators whole = {8, 40, 100, 40};
  const std::vector<int64_t> lengths = {2, 5};
  PolicyTerms terms;
  terms.max_tokens = 20;
  terms.minibatches = 2;
  const auto expect = [&](Loss loss, double first, double second) {
    terms.loss = loss;
    const at::Tensor shares = TokenShares(terms, whole, lengths);
    ASSERT_EQ(shares.numel(), 7);
    for (int64_t i = 0; i < 7; ++i) EXPECT_NEAR(shares[i].item<double>(), i < 2 ? first : second, 1e-9);
  };
  expect(Loss::kGrpo, 1.0 / (8 * 2), 1.0 / (8 * 5));
  expect(Loss::kBnpo, 1.0 / 40, 1.0 / 40);
  expect(Loss::kDrGrpo, 1.0 / (8 * 20), 1.0 / (8 * 20));
  expect(Loss::kDapo, 2.0 / 100, 2.0 / 100);
  expect(Loss::kCispo, 2.0 / 100, 2.0 / 100);
}

TEST(Kl, EstimatorsAndTheirSlopes) {
  for (const double d : {std::log(2.0), -0.5, 0.0}) {
    const std::vector<std::pair<double, double>> expected = {{-d, 1.0}, {d * d / 2, -d}, {std::exp(d) - d - 1, 1 - std::exp(d)}};
    const char* names[] = {"k1", "k2", "k3"};
    for (size_t i = 0; i < 3; ++i) {
      const at::Tensor logp = Doubles({-1}).set_requires_grad(true);
      const at::Tensor k = Kl(KlEstimatorNamed(names[i]), logp, Doubles({-1 + d}));
      k.sum().backward();
      EXPECT_NEAR(k.item<double>(), expected[i].first, 1e-12) << names[i];
      EXPECT_NEAR(logp.grad().item<double>(), expected[i].second, 1e-12) << names[i];
    }
  }
}

TEST(TopEntropy, ThresholdIsTorchsQuantile) {
  at::manual_seed(2);
  for (const int64_t n : {1, 2, 7, 100}) {
    const at::Tensor h = at::rand({n});
    for (const double q : {0.1, 0.3, 0.5, 0.99}) {
      EXPECT_NEAR(TopEntropyThreshold(h, q), at::quantile(h.to(at::kDouble), 1 - q).item<double>(), 1e-7) << n << " " << q;
    }
  }
  EXPECT_DOUBLE_EQ(TopEntropyThreshold(at::tensor({1.0f, 5.0f, 2.0f, 4.0f, 3.0f}), 0.2), 4.2);
}

TEST(SamplerCorrection, TruncatesOrMasksTokensOrSequences) {
  const at::Tensor old = at::tensor({-1.0f, -1.0f, -1.0f});
  const at::Tensor sampler = old - at::tensor({0.5f, 3.0f, 2.0f}).log();  // ratios 0.5, 3 (a sequence: 1.5) and 2
  const auto weights = [&](Correction kind, double floor, double cap) {
    const at::Tensor w = CorrectionWeights({kind, floor, cap}, old, sampler, {2, 1});
    return std::vector<float>(w.data_ptr<float>(), w.data_ptr<float>() + 3);
  };
  const auto near = [](const std::vector<float>& got, const std::vector<double>& expected) {
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(got[i], expected[i], 1e-5) << i;
  };
  near(weights(Correction::kTokenTruncate, 0, 2.5), {0.5, 2.5, 2});
  near(weights(Correction::kTokenTruncate, 0.75, 1.75), {0.75, 1.75, 1.75});
  near(weights(Correction::kTokenMask, 0.75, 2.5), {0, 0, 2});
  near(weights(Correction::kSequenceTruncate, 0, 1.75), {1.5, 1.5, 1.75});
  near(weights(Correction::kSequenceTruncate, 1.6, 4), {1.6, 1.6, 2});
  near(weights(Correction::kSequenceMask, 0, 1.75), {1.5, 1.5, 0});
  EXPECT_FALSE(CorrectionWeights({}, old, sampler, {2, 1}).defined());
}

TEST(MeasureGap, MeanTailKlAndRatios) {
  std::vector<float> sampler(100, -1.0f), trainer(100, -1.0f);
  trainer[7] = -1.5f;
  trainer[50] = -0.75f;
  const std::vector<int64_t> lengths = {20, 40, 40};  // Σ d: −0.5, 0.25, 0; their mean −1/12
  SamplingGap gap = MeasureGap({}, sampler, trainer, lengths);
  EXPECT_NEAR(gap.mean, 0.0075, 1e-9);
  EXPECT_NEAR(gap.max, 0.5, 1e-9);
  EXPECT_NEAR(gap.p99, 0.5, 1e-9);
  EXPECT_NEAR(gap.kl, ((std::exp(-0.5) + 0.5 - 1) + (std::exp(0.25) - 0.25 - 1)) / 100, 1e-9);
  EXPECT_NEAR(gap.ratio_min, std::exp(-0.5), 1e-7);
  EXPECT_NEAR(gap.ratio_max, std::exp(0.25), 1e-7);
  EXPECT_NEAR(gap.ratio_mean, (98 + std::exp(-0.5) + std::exp(0.25)) / 100, 1e-7);
  // Deviations of {−0.5, 0.25, 0} and of {−0.025, 0.00625, 0}.
  EXPECT_NEAR(gap.sequence_std, std::sqrt((std::pow(-0.5 + 1.0 / 12, 2) + std::pow(0.25 + 1.0 / 12, 2) + std::pow(1.0 / 12, 2)) / 2), 1e-9);
  EXPECT_NEAR(gap.mean_std, 0.0165359457, 1e-8);
  EXPECT_EQ(gap.masked, 0.0);
  gap = MeasureGap({Correction::kTokenTruncate, 0.7, 1.1}, sampler, trainer, lengths);
  EXPECT_NEAR(gap.ratio_min, 0.7, 1e-12);
  EXPECT_NEAR(gap.ratio_max, 1.1, 1e-12);
  gap = MeasureGap({Correction::kSequenceMask, 0.7, 2}, sampler, trainer, lengths);
  EXPECT_NEAR(gap.ratio_mean, (0 + std::exp(0.25) + 1) / 3, 1e-9) << "a sequence counts once";
  EXPECT_NEAR(gap.masked, 1.0 / 3, 1e-12);
}

TEST(NoiseWarning, SpeaksWhereTheGapDecidesAndNamesTheCure) {
  const CorrectionTerms token = {Correction::kTokenTruncate, 0, 2}, truncate = {Correction::kSequenceTruncate, 0, 2},
                        mask = {Correction::kSequenceMask, 0, 2};
  PolicyTerms gspo;
  gspo.loss = Loss::kGrpo;
  gspo.sequence_ratio = true;
  gspo.epsilon_low = 3e-4, gspo.epsilon_high = 4e-4;
  SamplingGap gap;
  gap.sequence_std = 0.34;  // ln(2)/2 = 0.3466
  gap.masked = 0.19;
  gap.mean_std = 2.9e-4;
  for (const auto& c : {token, truncate, mask}) EXPECT_EQ(NoiseWarning(c, gspo, gap), "");
  gap.sequence_std = 0.35;
  EXPECT_EQ(NoiseWarning(token, {}, gap), "");
  EXPECT_NE(NoiseWarning(truncate, {}, gap).find("token_truncate"), std::string::npos);
  gap.sequence_std = 0.1;
  gap.masked = 0.21;
  EXPECT_EQ(NoiseWarning(truncate, {}, gap), "");
  EXPECT_NE(NoiseWarning(mask, {}, gap).find("21 %"), std::string::npos);
  gap.mean_std = 3.1e-4;
  EXPECT_NE(NoiseWarning(token, gspo, gap).find("rollout.activations: f32"), std::string::npos);
  EXPECT_EQ(NoiseWarning(token, {}, gap), "");
}

TEST(PolicyWarnings, NameWhatTeachesLittle) {
  EXPECT_TRUE(PolicyWarnings(RlSettings()).empty());
  const auto warned = [](const std::function<void(RlSettings&)>& change, const std::string& part) {
    RlSettings rl;
    change(rl);
    const std::vector<std::string> warnings = PolicyWarnings(rl);
    return warnings.size() == 1 && warnings[0].find(part) != std::string::npos;
  };
  EXPECT_TRUE(warned([](RlSettings& rl) { rl.kl_beta = 0.1, rl.kl_estimator = "k1"; }, "rl.kl_estimator"));
  EXPECT_FALSE(warned([](RlSettings& rl) { rl.kl_beta = 0.1, rl.kl_estimator = "k1", rl.use_bias_correction_kl = true; }, ""));
  EXPECT_FALSE(warned([](RlSettings& rl) { rl.kl_beta = 0.1, rl.kl_estimator = "k1", rl.kl_in = "reward"; }, ""));
  EXPECT_TRUE(warned([](RlSettings& rl) { rl.loss = "gspo"; }, "rl.clip_epsilon_high"));
  EXPECT_FALSE(warned([](RlSettings& rl) { rl.loss = "gspo", rl.clip_epsilon_low = 3e-4, rl.clip_epsilon_high = 4e-4; }, ""));
  EXPECT_TRUE(warned([](RlSettings& rl) { rl.importance_sampling_level = "sequence", rl.clip_epsilon_low = 3e-4, rl.clip_epsilon_high = 4e-4; },
                     "rl.loss: gspo"));
}

}  // namespace
}  // namespace pith
