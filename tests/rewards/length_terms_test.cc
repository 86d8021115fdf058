// Every length term against values worked out by hand; the arithmetic stands beside each.
#include "rewards/length_terms.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "configs/reward_kinds.h"
#include "rewards/reward.h"

namespace pith {
namespace {

using Lengths = std::vector<int64_t>;
using Verdicts = std::vector<uint8_t>;

void ExpectNear(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_EQ(got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], 1e-12) << "completion " << i;
}

TEST(L1Exact, CostsTheDistanceFromTheBudgetOnBothSides) {
  EXPECT_NEAR(L1Exact(3e-4, 100, 100), 0, 1e-15);
  EXPECT_NEAR(L1Exact(3e-4, 100, 60), -0.012, 1e-15);    // −0.0003 · 40
  EXPECT_NEAR(L1Exact(3e-4, 100, 250), -0.045, 1e-15);   // −0.0003 · 150
  EXPECT_EQ(L1Exact(3e-4, 0, 250), 0);                   // no budget
}

TEST(L1Max, PaysWhatIsWithinTheBudgetMore) {
  EXPECT_NEAR(L1Max(0.01, 0.5, 64, 64), 0.5, 1e-15);     // exactly B: δ
  EXPECT_NEAR(L1Max(0.01, 0.5, 64, 44), 0.7, 1e-15);     // 0.01 · 20 + 0.5
  EXPECT_EQ(L1Max(0.01, 0.5, 64, 4), 1);                 // 0.01 · 60 + 0.5 = 1.1, clipped
  EXPECT_NEAR(L1Max(0.01, 0.5, 64, 104), 0.1, 1e-15);    // −0.4 + 0.5
  EXPECT_EQ(L1Max(0.01, 0.5, 64, 130), 0);               // −0.66 + 0.5, clipped
  EXPECT_EQ(L1Max(0.01, 0.5, 0, 130), 1);                // no budget
}

TEST(Truncation, TakesAllFromWhatIsCutOffOrTooLong) {
  EXPECT_EQ(TruncationWeight(100, false, 100), 1);
  EXPECT_EQ(TruncationWeight(100, false, 101), 0);
  EXPECT_EQ(TruncationWeight(100, true, 40), 0);
}

TEST(KimiLengthReward, RanksTheGroupFromShortestToLongest) {
  // min 20, max 100: λ = 0.5 − (L − 20)/80 = 0.5, 0.25, 0, −0.25, −0.5; wrong ones keep only what is below 0.
  ExpectNear(KimiLengthReward(Lengths{20, 40, 60, 80, 100}, Verdicts{1, 1, 1, 1, 1}), {0.5, 0.25, 0, -0.25, -0.5});
  ExpectNear(KimiLengthReward(Lengths{20, 40, 60, 80, 100}, Verdicts{0, 1, 0, 0, 1}), {0, 0.25, 0, -0.25, -0.5});
  ExpectNear(KimiLengthReward(Lengths{50, 50, 50}, Verdicts{1, 0, 1}), {0, 0, 0});
  ExpectNear(KimiLengthReward(Lengths{50}, Verdicts{1}), {0});
  // The longest is a wrong one: it still sets the scale. min 10, max 110.
  ExpectNear(KimiLengthReward(Lengths{10, 60, 110}, Verdicts{1, 1, 0}), {0.5, 0, -0.5});
}

TEST(SigmoidWeights, ComparesRightAnswersAmongThemselves) {
  // Right: 40, 60, 80: mean 60, deviation sqrt((400 + 0 + 400)/3) = 16.3299, z = ∓1.2247448714, 0; σ(1.2247448714) = 0.7729080418.
  const double s = 1 / (1 + std::exp(-std::sqrt(1.5)));
  ExpectNear(SigmoidWeights(0.4, Lengths{40, 500, 60, 80}, Verdicts{1, 0, 1, 1}), {1 - 0.4 * (1 - s), 1, 0.8, 1 - 0.4 * s});
  // Two right: 30 and 70: mean 50, deviation sqrt(800/2) = 20, z = ∓1; σ(1) = 0.7310585786300049.
  const double t = 0.7310585786300049;
  ExpectNear(SigmoidWeights(1.0, Lengths{30, 70, 5}, Verdicts{1, 1, 0}), {t, 1 - t, 1});
  // One alone, or all of one length: σ(0) = ½.
  ExpectNear(SigmoidWeights(0.2, Lengths{30, 70}, Verdicts{0, 1}), {1, 0.9});
  ExpectNear(SigmoidWeights(0.2, Lengths{70, 70}, Verdicts{1, 1}), {0.9, 0.9});
  ExpectNear(SigmoidWeights(0.2, Lengths{70, 70}, Verdicts{0, 0}), {1, 1});
}

TEST(ShorterBetterPenalty, CostsTheDistanceFromTheShortestRightAnswer) {
  ExpectNear(ShorterBetterPenalty(Lengths{30, 50, 90, 40}, Verdicts{0, 1, 1, 0}), {-20, 0, -40, -10});  // SOL 50
  // None right: the mean, (30 + 50 + 90)/3 = 56.666…
  ExpectNear(ShorterBetterPenalty(Lengths{30, 50, 90}, Verdicts{0, 0, 0}), {-80.0 / 3, -20.0 / 3, -100.0 / 3});
}

TEST(AdaptiveLengthPenalty, CostsMostWhereTheProblemIsEasy) {
  // −(L/200)·p: p = 3/4, 1, and at least 1/K = 1/4.
  ExpectNear(AdaptiveLengthPenalty(200, Lengths{40, 80, 120, 200}, Verdicts{1, 1, 0, 1}), {-0.15, -0.3, -0.45, -0.75});
  ExpectNear(AdaptiveLengthPenalty(200, Lengths{40, 80}, Verdicts{1, 1}), {-0.2, -0.4});
  ExpectNear(AdaptiveLengthPenalty(200, Lengths{40, 80, 120, 200}, Verdicts{0, 0, 0, 0}), {-0.05, -0.1, -0.15, -0.25});
}

TEST(LaserStep, TakesTheTargetOfTheGroupsDifficulty) {
  EXPECT_EQ(DifficultyOf(Verdicts{1, 1, 0}), Difficulty::kEasy);           // ⅔
  EXPECT_EQ(DifficultyOf(Verdicts{1, 1, 0, 0}), Difficulty::kMedium);      // ½
  EXPECT_EQ(DifficultyOf(Verdicts{1, 0, 0}), Difficulty::kMedium);         // ⅓
  EXPECT_EQ(DifficultyOf(Verdicts{1, 0, 0, 0}), Difficulty::kHard);        // ¼
  EXPECT_EQ(DifficultyOf(Verdicts{0, 0}), Difficulty::kHard);
  const LengthTargets targets = {{30, 60, 90}};
  ExpectNear(LaserStep(targets, Lengths{30, 31, 90}, Verdicts{1, 1, 1}), {1, 0, 0});
  ExpectNear(LaserStep(targets, Lengths{60, 61, 90}, Verdicts{1, 0, 0}), {1, 0, 0});
  ExpectNear(LaserStep(targets, Lengths{90, 91, 60}, Verdicts{0, 0, 0}), {1, 0, 1});
}

// ---- the terms in the reward of a group

struct Sample {
  bool right;
  int64_t length;
  bool truncated = false;
  std::optional<int64_t> budget = {};
};

std::vector<double> Rewards(const RewardTerm& term, bool times, const std::vector<Sample>& samples, const RewardState& state = {}) {
  RewardSettings settings;
  (times ? settings.times : settings.plus).push_back(term);
  Budget budget;
  budget.tokens = 100;
  testing::internal::CaptureStderr();
  const RewardFunction reward(settings, budget, 200);
  testing::internal::GetCapturedStderr();
  std::vector<RewardInput> inputs;
  for (const Sample& s : samples) inputs.push_back({"4", s.right ? "#### 4" : "#### 5", s.length, s.truncated, s.budget});
  std::vector<double> out;
  for (const RewardResult& r : reward(inputs, state)) out.push_back(r.reward);
  return out;
}

TEST(RewardOfAGroup, HoldsEveryTermAsItsPaperHasIt) {
  const auto term = [](const char* kind, double alpha = 0) {
    RewardTerm t = DefaultRewardTerm(kind);
    if (alpha > 0) t.alpha = alpha;
    return t;
  };
  const std::vector<Sample> group = {{true, 20}, {true, 60}, {false, 100}, {false, 180, true}};
  // B = 100, m = 0.25: 1 up to 75.
  ExpectNear(Rewards(term("budget"), true, group), {1, 1, 0, 0});
  // 1 − 0.001·|100 − L|, wrong ones 0 − …
  ExpectNear(Rewards(term("l1_exact", 0.001), false, group), {0.92, 0.96, 0, -0.08});
  // clip(0.01·(100 − L) + 0.5)
  ExpectNear(Rewards(term("l1_max", 0.01), true, group), {1, 0.9, 0, 0});
  // min 20, max 180: λ = 0.5, 0.25, 0, −0.5
  ExpectNear(Rewards(term("kimi_k15"), false, group), {1.5, 1.25, 0, -0.5});
  // mean 40, deviation sqrt(800) = 28.28, z = ∓0.7071: σ(0.7071) = 0.66976154932…
  ExpectNear(Rewards(term("sigmoid", 0.4), true, group), {1 - 0.4 * 0.2689414213699951, 1 - 0.4 * 0.7310585786300049, 0, 0});
  // SOL 20, β = 0.001
  ExpectNear(Rewards(term("shorter_better"), false, group), {1, 0.96, -0.08, -0.16});
  // p = ½, N = 200, β = ½: −L/800
  ExpectNear(Rewards(term("alp"), false, group), {0.975, 0.925, -0.125, -0.225});
  // p = ½: medium. Without targets start_tokens, which is max_completion_tokens: every right answer gets ½.
  ExpectNear(Rewards(term("laser_d"), false, group), {1.5, 1.5, 0, 0});
  RewardState state;
  state.targets = {{10, 50, 200}};
  ExpectNear(Rewards(term("laser_d"), false, group, state), {1.5, 1, 0, 0});
  ExpectNear(Rewards(term("truncation"), true, {{true, 200}, {true, 200, true}, {true, 5, true}, {false, 5}}), {1, 0, 0, 0});
}

TEST(RewardOfAGroup, PaysByEachPromptsOwnBudget) {
  // m = 0.25: (1.25·B − L)/(0.5·B). B = 40: (50 − 45)/20 = 0.25; none: 1; the function's own, 100: 1.
  ExpectNear(Rewards(DefaultRewardTerm("budget"), true, {{true, 45, false, 40}, {true, 45, false, 0}, {true, 45}}), {0.25, 1, 1});
  RewardTerm exact = DefaultRewardTerm("l1_exact");
  exact.alpha = 0.01;
  ExpectNear(Rewards(exact, false, {{true, 45, false, 40}, {true, 45, false, 0}, {true, 45}}), {0.95, 1, 0.45});
}

TEST(RewardOfAGroup, WeighsLengthTermsByTheControllersWeight) {
  RewardState half, none, twice;
  half.length_weight = 0.5;
  none.length_weight = 0;
  twice.length_weight = 2;
  // Weight w = (125 − 110)/50 = 0.3 at 110 tokens; 1 − λ(1 − w) = 0.65, 1, and max(0, −0.4).
  const std::vector<Sample> group = {{true, 110}, {false, 110}};
  ExpectNear(Rewards(DefaultRewardTerm("budget"), true, group), {0.3, 0});
  ExpectNear(Rewards(DefaultRewardTerm("budget"), true, group, half), {0.65, 0});
  ExpectNear(Rewards(DefaultRewardTerm("budget"), true, group, none), {1, 0});
  ExpectNear(Rewards(DefaultRewardTerm("budget"), true, group, twice), {0, 0});
  // −(110/200)·½·½ = −0.1375, times λ
  ExpectNear(Rewards(DefaultRewardTerm("alp"), false, group, twice), {1 - 0.275, -0.275});
  // No length: format keeps its weight.
  RewardTerm format = DefaultRewardTerm("format");
  format.weight = 0.1;
  ExpectNear(Rewards(format, false, group, none), {1.1, 0});
  // λ = 1 gives the very bits of the weight, which 1 − (1 − w) does not at every length.
  Budget budget;
  budget.tokens = 100;
  for (int64_t length = 76; length < 125; ++length) {
    EXPECT_EQ(Rewards(DefaultRewardTerm("budget"), true, {{true, length}})[0], SoftBudgetWeight(budget, length)) << length;
  }
  RewardSettings strict_form;
  strict_form.times = {DefaultRewardTerm("format")};
  const RewardInput trailing = {"4", "#### 4 and so on", 20};
  EXPECT_EQ(RewardFunction(strict_form, budget)(std::span(&trailing, 1), none)[0].reward, 0) << "format is no term of length";
}

TEST(RewardOfAGroup, RefusesTermsThatCannotBeMade) {
  const auto make = [](RewardTerm term, bool times, int64_t tokens = 100) {
    RewardSettings settings;
    (times ? settings.times : settings.plus).push_back(std::move(term));
    Budget budget;
    budget.tokens = tokens;
    RewardFunction reward(settings, budget, 200);
  };
  for (const char* kind : {"kimi_k15", "shorter_better", "alp", "laser_d", "l1_exact"}) {
    EXPECT_THROW(make(DefaultRewardTerm(kind), true), UserError) << kind;
    EXPECT_NO_THROW(make(DefaultRewardTerm(kind), false)) << kind;
  }
  for (const char* kind : {"sigmoid", "l1_max", "truncation"}) {
    EXPECT_THROW(make(DefaultRewardTerm(kind), false), UserError) << kind;
    EXPECT_NO_THROW(make(DefaultRewardTerm(kind), true)) << kind;
  }
  EXPECT_THROW(make(DefaultRewardTerm("l1_exact"), false, 0), UserError);
  EXPECT_THROW(make(DefaultRewardTerm("l1_max"), true, 0), UserError);
  RewardTerm flat = DefaultRewardTerm("sigmoid");
  flat.alpha = 0;
  EXPECT_THROW(make(flat, true), UserError);
  flat.alpha = std::nan("");
  EXPECT_THROW(make(flat, true), UserError);
  RewardSettings settings;
  settings.plus = {DefaultRewardTerm("alp")};
  EXPECT_THROW(RewardFunction(settings, Budget()), UserError) << "no length to divide by";
}

}  // namespace
}  // namespace pith
