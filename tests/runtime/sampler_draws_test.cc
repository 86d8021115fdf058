#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include <gtest/gtest.h>

#include "base/error.h"
#include "runtime/generation/sampler.h"

namespace pith {
namespace {

constexpr int64_t kVocab = 2500;  // more than one block, and no multiple of a vector

std::vector<float> RandomLogits(uint64_t seed, double spread) {
  Rng rng(seed);
  std::vector<float> logits(kVocab);
  for (float& logit : logits) logit = static_cast<float>(rng.Normal() * spread);
  return logits;
}

// Probabilities by definition: temperature, then top-k, then top-p among what is left, then min-p.
std::vector<double> Reference(const std::vector<float>& logits, const SamplingParams& params) {
  std::vector<int> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return logits[a] > logits[b]; });
  if (params.top_k > 0) order.resize(std::min<size_t>(order.size(), static_cast<size_t>(params.top_k)));
  const auto weight = [&](int id) { return std::exp((double{logits[id]} - logits[order[0]]) / params.temperature); };
  double total = 0, mass = 0, kept = 0;
  for (int id : order) total += weight(id);
  std::vector<double> probabilities(logits.size(), 0.0);
  for (int id : order) {
    if (mass >= params.top_p * total && mass > 0) break;
    mass += weight(id);
    if (weight(id) < params.min_p) continue;
    probabilities[id] = weight(id);
    kept += weight(id);
  }
  for (double& p : probabilities) p /= kept;
  return probabilities;
}

// Pearson's statistic of `draws` draws, in standard deviations from its mean; cells of fewer than 8 expected draws are
// joined. A draw that cannot be fails at once.
double ChiSquareZ(const std::vector<float>& logits, const SamplingParams& params, int draws) {
  const std::vector<double> expected = Reference(logits, params);
  std::map<int, int> counts;
  for (int i = 0; i < draws; ++i) {
    const int32_t id = Sample(logits.data(), kVocab, params, static_cast<uint64_t>(i) / 100, static_cast<uint64_t>(i) % 100).id;
    EXPECT_GT(expected[id], 0) << "token " << id << " is cut";
    ++counts[id];
  }
  double statistic = 0, rest_expected = 0, rest_count = 0;
  int cells = 0;
  const auto add = [&](double e, double count) {
    statistic += (count - e) * (count - e) / e;
    ++cells;
  };
  for (size_t id = 0; id < expected.size(); ++id) {
    const double e = expected[id] * draws;
    const double count = counts.count(static_cast<int>(id)) ? counts[static_cast<int>(id)] : 0;
    if (e >= 8) {
      add(e, count);
    } else {
      rest_expected += e;
      rest_count += count;
    }
  }
  if (rest_expected > 0) add(rest_expected, rest_count);
  const double freedom = std::max(1, cells - 1);
  return (statistic - freedom) / std::sqrt(2 * freedom);
}

SamplingParams Params(double temperature, int64_t top_k = 0, double top_p = 1, double min_p = 0) {
  return {.temperature = temperature, .top_k = top_k, .top_p = top_p, .min_p = min_p, .seed = 20250730};
}

TEST(Sampler, DrawsFollowTheDistribution) {
  // Seeded: these are fixed numbers, well inside what 39 fair samplers give.
  const SamplingParams cases[] = {Params(1),           Params(0.6),          Params(1.7),         Params(1, 20),
                                  Params(1, 1),        Params(1, 0, 0.5),    Params(0.7, 0, 0.9), Params(1, 0, 0.9999),
                                  Params(1, 0, 1, 0.1), Params(1.3, 50, 0.8), Params(1, 30, 0.9, 0.2),
                                  Params(2, 0, 0.95, 0.02), Params(1, 5000, 0.999)};
  for (uint64_t seed : {1, 2, 3}) {
    const std::vector<float> logits = RandomLogits(seed, 2.5);
    for (const SamplingParams& params : cases) {
      const double z = ChiSquareZ(logits, params, 8000);
      EXPECT_LT(std::abs(z), 4) << "temperature " << params.temperature << " top_k " << params.top_k << " top_p "
                                << params.top_p << " min_p " << params.min_p << ", logits " << seed;
    }
  }
}

TEST(Sampler, GreedyTakesTheFirstOfTheBest) {
  std::vector<float> logits = RandomLogits(2, 1);
  logits[1777] = logits[2222] = logits[2499] = 9;
  EXPECT_EQ(Sample(logits.data(), kVocab, Params(0), 0, 0).id, 1777);
  logits[2499] = 9.000001f;
  EXPECT_EQ(Sample(logits.data(), kVocab, Params(0), 3, 4).id, 2499);
  EXPECT_EQ(Sample(logits.data(), kVocab, Params(1, 1), 3, 4).id, 2499);
  EXPECT_EQ(Sample(logits.data(), kVocab, Params(1e-9), 3, 4).id, 2499);
}

TEST(Sampler, LogprobIsOfTheWholeDistribution) {
  for (double spread : {0.1, 3.0, 20.0}) {
    const std::vector<float> logits = RandomLogits(3, spread);
    for (const SamplingParams& params : {Params(0), Params(1), Params(0.5), Params(1.5, 7), Params(1, 0, 0.3)}) {
      const double t = params.temperature == 0 ? 1 : params.temperature;
      const double max = *std::max_element(logits.begin(), logits.end());
      double sum = 0;
      for (float logit : logits) sum += std::exp((logit - max) / t);
      for (uint64_t position = 0; position < 20; ++position) {
        const SampledToken token = Sample(logits.data(), kVocab, params, 5, position);
        // 64 terms of a lane are added in float before doubles take over.
        EXPECT_NEAR(token.logprob, (logits[token.id] - max) / t - std::log(sum), 64 * 0x1p-24 + std::abs(token.logprob) * 0x1p-23);
      }
    }
  }
}

TEST(Sampler, DependsOnSeedSampleAndPositionAlone) {
  const std::vector<float> logits = RandomLogits(4, 0.5), other = RandomLogits(5, 0.5);
  std::map<int32_t, int> by_seed, by_sample, by_position;
  for (uint64_t i = 0; i < 200; ++i) {
    SamplingParams params = Params(1);
    const SampledToken first = Sample(logits.data(), kVocab, params, i, 7);
    Sample(other.data(), kVocab, params, i + 1, 8);
    EXPECT_EQ(Sample(logits.data(), kVocab, params, i, 7).id, first.id);
    ++by_sample[first.id];
    ++by_position[Sample(logits.data(), kVocab, params, 7, i).id];
    params.seed = i;
    ++by_seed[Sample(logits.data(), kVocab, params, 7, 7).id];
  }
  for (const auto* counts : {&by_seed, &by_sample, &by_position}) EXPECT_GT(counts->size(), 120u);
}

TEST(Sampler, MaskedTokensAreNeverDrawn) {
  std::vector<float> logits(kVocab, -INFINITY);
  logits[30] = 1;
  logits[2400] = 2;
  int last = 0;
  for (uint64_t i = 0; i < 300; ++i) {
    const int32_t id = Sample(logits.data(), kVocab, Params(1), i, 0).id;
    ASSERT_TRUE(id == 30 || id == 2400) << id;
    last += id == 2400;
  }
  EXPECT_NEAR(last / 300.0, 1 / (1 + std::exp(-1.0)), 0.1);
  logits[3] = NAN;
  EXPECT_THROW(Sample(logits.data(), kVocab, Params(1), 0, 0), UserError);
}

TEST(Sampler, RefusesValuesOutOfRange) {
  for (const SamplingParams& params : {Params(-1), Params(NAN), Params(1, -1), Params(1, 0, 0), Params(1, 0, 1.1),
                                       Params(1, 0, 1, 1), Params(1, 0, 1, -0.1)}) {
    EXPECT_THROW(CheckSampling(params), UserError);
  }
  EXPECT_NO_THROW(CheckSampling(Params(0.7, 40, 0.95, 0.05)));
}

// Against looking at every logit: rows of all kinds, with the second best anywhere and just within or beyond the margin.
TEST(SamplerTest, KnowsANearTieOfGreedyDecoding) {
  int64_t near = 0, far = 0;
  Rng rng(5);
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    std::vector<float> logits = RandomLogits(seed, seed % 3 == 0 ? 0.01 : seed % 3 == 1 ? 1 : 6);
    const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
    if (seed % 2 == 0) {  // put a rival beside it
      const auto rival = static_cast<size_t>(rng.Int(0, kVocab - 1));
      logits[rival] = static_cast<float>(logits[static_cast<size_t>(best)] - kNearTieMargin * (seed % 4 == 0 ? 0.99 : 1.01));
    }
    std::vector<float> sorted = logits;
    std::nth_element(sorted.begin(), sorted.begin() + 1, sorted.end(), std::greater<float>());
    const bool expected = static_cast<double>(*std::max_element(sorted.begin(), sorted.end())) - sorted[1] <= kNearTieMargin;
    ASSERT_EQ(Sample(logits.data(), kVocab, {}, 0, 0).near_tie, expected) << seed;
    (expected ? near : far) += 1;
    SamplingParams drawn;
    drawn.temperature = 1;
    ASSERT_FALSE(Sample(logits.data(), kVocab, drawn, 0, 0).near_tie) << "a draw is no choice of the best";
  }
  EXPECT_GT(near, 500);
  EXPECT_GT(far, 500);
  const std::vector<float> equal(kVocab, 1.0f);
  EXPECT_TRUE(Sample(equal.data(), kVocab, {}, 0, 0).near_tie);
  EXPECT_FALSE(Sample(equal.data(), 1, {}, 0, 0).near_tie) << "there is no other";
}

}  // namespace
}  // namespace pith
