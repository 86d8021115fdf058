#include "rewards/length_terms.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "base/error.h"

namespace pith {
namespace {

// 1 up to `from`, then linearly down to `floor` at `to`, then `floor`.
double Falling(double from, double to, double floor, double length) {
  if (length <= from) return 1.0;
  if (length >= to) return floor;
  return 1.0 - (1.0 - floor) * (length - from) / (to - from);
}

double Mean(const std::vector<int64_t>& values) {
  double sum = 0;
  for (int64_t v : values) sum += static_cast<double>(v);
  return sum / static_cast<double>(values.size());
}

std::vector<int64_t> RightLengths(std::span<const int64_t> lengths, std::span<const uint8_t> right) {
  PITH_CHECK_EQ(lengths.size(), right.size());
  std::vector<int64_t> out;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (right[i]) out.push_back(lengths[i]);
  }
  return out;
}

}  // namespace

double SoftBudgetWeight(const Budget& budget, int64_t length_tokens) {
  if (budget.tokens <= 0) return 1.0;
  return Falling(budget.falls_from(), budget.falls_to(), budget.floor, static_cast<double>(length_tokens));
}

double FreeThenFallingWeight(int64_t free_tokens, int64_t fall_tokens, double floor, int64_t length_tokens) {
  const double from = static_cast<double>(free_tokens);
  return Falling(from, from + static_cast<double>(fall_tokens), floor, static_cast<double>(length_tokens));
}

double SoftOverlongPunishment(int64_t max_tokens, int64_t cache_tokens, int64_t length_tokens) {
  const int64_t free_tokens = max_tokens - cache_tokens;
  if (length_tokens <= free_tokens) return 0.0;
  if (length_tokens > max_tokens) return -1.0;
  return static_cast<double>(free_tokens - length_tokens) / static_cast<double>(cache_tokens);
}

double L1Exact(double alpha, int64_t budget_tokens, int64_t length_tokens) {
  if (budget_tokens <= 0) return 0.0;
  return -alpha * static_cast<double>(std::abs(budget_tokens - length_tokens));
}

double L1Max(double alpha, double delta, int64_t budget_tokens, int64_t length_tokens) {
  if (budget_tokens <= 0) return 1.0;
  return std::clamp(alpha * static_cast<double>(budget_tokens - length_tokens) + delta, 0.0, 1.0);
}

double TruncationWeight(int64_t limit_tokens, bool truncated, int64_t length_tokens) {
  return truncated || length_tokens > limit_tokens ? 0.0 : 1.0;
}

std::vector<double> KimiLengthReward(std::span<const int64_t> lengths, std::span<const uint8_t> right) {
  PITH_CHECK_EQ(lengths.size(), right.size());
  std::vector<double> out(lengths.size(), 0.0);
  if (lengths.empty()) return out;
  const auto [min, max] = std::minmax_element(lengths.begin(), lengths.end());
  if (*min == *max) return out;
  for (size_t i = 0; i < lengths.size(); ++i) {
    const double lambda = 0.5 - static_cast<double>(lengths[i] - *min) / static_cast<double>(*max - *min);
    out[i] = right[i] ? lambda : std::min(0.0, lambda);
  }
  return out;
}

std::vector<double> SigmoidWeights(double alpha, std::span<const int64_t> lengths, std::span<const uint8_t> right) {
  const std::vector<int64_t> of_right = RightLengths(lengths, right);
  std::vector<double> out(lengths.size(), 1.0);
  if (of_right.empty()) return out;
  const double mean = Mean(of_right);
  double squares = 0;
  for (int64_t l : of_right) squares += (static_cast<double>(l) - mean) * (static_cast<double>(l) - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(of_right.size()));
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (!right[i]) continue;
    const double z = deviation > 0 ? (static_cast<double>(lengths[i]) - mean) / deviation : 0.0;
    out[i] = 1.0 - alpha / (1.0 + std::exp(-z));
  }
  return out;
}

std::vector<double> ShorterBetterPenalty(std::span<const int64_t> lengths, std::span<const uint8_t> right) {
  const std::vector<int64_t> of_right = RightLengths(lengths, right);
  std::vector<double> out(lengths.size(), 0.0);
  if (lengths.empty()) return out;
  const double optimal = of_right.empty() ? Mean({lengths.begin(), lengths.end()})
                                          : static_cast<double>(*std::min_element(of_right.begin(), of_right.end()));
  for (size_t i = 0; i < lengths.size(); ++i) out[i] = -std::abs(static_cast<double>(lengths[i]) - optimal);
  return out;
}

std::vector<double> AdaptiveLengthPenalty(int64_t norm_tokens, std::span<const int64_t> lengths, std::span<const uint8_t> right) {
  PITH_CHECK(norm_tokens > 0, norm_tokens);
  std::vector<double> out(lengths.size(), 0.0);
  const auto num_right = static_cast<double>(std::max<size_t>(1, RightLengths(lengths, right).size()));
  const double cost = num_right / static_cast<double>(std::max<size_t>(1, lengths.size())) / static_cast<double>(norm_tokens);
  for (size_t i = 0; i < lengths.size(); ++i) out[i] = -cost * static_cast<double>(lengths[i]);
  return out;
}

Difficulty DifficultyOf(std::span<const uint8_t> right) {
  const auto num_right = std::count_if(right.begin(), right.end(), [](uint8_t r) { return r != 0; });
  const auto n = static_cast<int64_t>(right.size());
  if (n > 0 && 3 * num_right >= 2 * n) return Difficulty::kEasy;
  return n > 0 && 3 * num_right >= n ? Difficulty::kMedium : Difficulty::kHard;
}

std::vector<double> LaserStep(const LengthTargets& targets, std::span<const int64_t> lengths, std::span<const uint8_t> right) {
  const int64_t target = targets.tokens[static_cast<int>(DifficultyOf(right))];
  std::vector<double> out(lengths.size(), 0.0);
  for (size_t i = 0; i < lengths.size(); ++i) out[i] = lengths[i] <= target ? 1.0 : 0.0;
  return out;
}

}  // namespace pith
