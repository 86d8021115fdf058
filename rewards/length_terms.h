// What a completion's length is worth: one function per published length reward, each a few lines with its formula.
//
// L counts every token after the generation prompt (rewards/budget.h). A group is the completions of one problem under one
// prompt: lengths[i], right[i] and truncated[i] belong to completion i. A masked or truncated sample counts in its group's
// statistics like any other. rewards/reward.h says how a term enters the reward; docs/length-rewards.md when to use which.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rewards/budget.h"

namespace pith {

// ---- of one completion alone

// The soft barrier: w(L) = 1 for L ≤ (1−m)B, falls linearly to p at (1+m)B, then p. 1 without a budget.
double SoftBudgetWeight(const Budget& budget, int64_t length_tokens);

// "Free up to `free_tokens`, then it costs": 1, then linearly down to `floor` over `fall_tokens` more tokens.
double FreeThenFallingWeight(int64_t free_tokens, int64_t fall_tokens, double floor, int64_t length_tokens);

// DAPO's soft overlong punishment (arXiv 2503.14476, eq. 13; TRL's get_soft_overlong_punishment): 0 up to
// max − cache, (max − cache − L)/cache up to max, then −1.
double SoftOverlongPunishment(int64_t max_tokens, int64_t cache_tokens, int64_t length_tokens);

// L1 (arXiv 2503.04697). LCPO-Exact adds −α·|n − L| to the verdict, n being the prompt's budget; 0 without one.
double L1Exact(double alpha, int64_t budget_tokens, int64_t length_tokens);
// LCPO-Max multiplies the verdict by clip(α·(n − L) + δ, 0, 1); 1 without a budget.
double L1Max(double alpha, double delta, int64_t budget_tokens, int64_t length_tokens);

// Truncation only (ThinkPrune, arXiv 2504.01296; DLER, arXiv 2510.15110): 0 for a completion that was cut off or is longer
// than `limit_tokens`, else 1.
double TruncationWeight(int64_t limit_tokens, bool truncated, int64_t length_tokens);

// ---- of a group: one value per completion

// Kimi k1.5 (arXiv 2501.12599, section "Length Penalty"): λ = ½ − (L − min)/(max − min) with min and max over all of the
// group; a right answer gets λ, a wrong one min(0, λ). All 0 where max = min.
std::vector<double> KimiLengthReward(std::span<const int64_t> lengths, std::span<const uint8_t> right);

// Arora and Zanette (arXiv 2502.04463): a right answer is worth 1 − α·σ((L − mean)/std), σ the logistic function, mean and
// standard deviation (dividing by n, as in their code) over the group's right answers. Where that deviation is 0, as where one
// answer alone is right, the fraction is 0 and the worth 1 − α/2. Wrong answers get 1: the verdict makes them 0.
std::vector<double> SigmoidWeights(double alpha, std::span<const int64_t> lengths, std::span<const uint8_t> right);

// ShorterBetter (arXiv 2504.21370): −|L − SOL|, the sample optimal length SOL being the shortest right answer's length, or the
// mean length where none is right. Enters the reward times β.
std::vector<double> ShorterBetterPenalty(std::span<const int64_t> lengths, std::span<const uint8_t> right);

// ALP, adaptive length penalty (arXiv 2506.05256): −(L/N)·max(p, 1/K), p the share of the group's K answers that are right,
// so tokens cost most where the problem is easy. Enters the reward times β. N = norm_tokens.
std::vector<double> AdaptiveLengthPenalty(int64_t norm_tokens, std::span<const int64_t> lengths, std::span<const uint8_t> right);

// LASER-D (arXiv 2505.15612): three target lengths, for easy problems (pass rate ≥ ⅔), medium (≥ ⅓) and hard ones.
enum class Difficulty { kEasy, kMedium, kHard };
constexpr int kNumDifficulties = 3;
Difficulty DifficultyOf(std::span<const uint8_t> right);
struct LengthTargets {
  int64_t tokens[kNumDifficulties] = {0, 0, 0};  // by Difficulty; 0: not known yet

  bool operator==(const LengthTargets&) const = default;
};
// 1 where L is at most the target of the group's difficulty, else 0. Enters the reward times ½, on right answers.
std::vector<double> LaserStep(const LengthTargets& targets, std::span<const int64_t> lengths, std::span<const uint8_t> right);

}  // namespace pith
