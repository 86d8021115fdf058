// The quantities by hand.
#include <gtest/gtest.h>

#include <cmath>
#include <initializer_list>
#include <vector>

#include "export/divergence.h"

namespace pith {
namespace {

std::vector<float> Logits(std::initializer_list<double> probabilities, double shift) {
  std::vector<float> logits;
  for (const double p : probabilities) logits.push_back(static_cast<float>(std::log(p) + shift));
  return logits;
}

TEST(CompareLogits, ByHand) {
  // Softmax knows no shift. KLD = 1/2 ln 2 + 1/4 ln 1 + 1/4 ln 1/2.
  const std::vector<float> base = Logits({0.5, 0.25, 0.25}, 7), q = Logits({0.25, 0.25, 0.5}, -3);
  const TokenDivergence token = CompareLogits(q.data(), base.data(), 3, 0);
  EXPECT_NEAR(token.nll_base, std::log(2.0), 1e-6);
  EXPECT_NEAR(token.nll_q, std::log(4.0), 1e-6);
  EXPECT_NEAR(token.kld, 0.25 * std::log(2.0), 1e-6);
  EXPECT_NEAR(token.delta_p, -0.25, 1e-6);
  EXPECT_FALSE(token.same_top);
  // The divergence is of Q from base, which is another one than of base from Q.
  const std::vector<float> flat = Logits({1 / 3.0, 1 / 3.0, 1 / 3.0}, 0);
  EXPECT_NEAR(CompareLogits(flat.data(), base.data(), 3, 2).kld, 0.5 * std::log(1.5) + 0.5 * std::log(0.75), 1e-6);
  EXPECT_NEAR(CompareLogits(base.data(), flat.data(), 3, 2).kld, std::log(2 / 3.0) / 3 + 2 * std::log(4 / 3.0) / 3, 1e-6);
  EXPECT_TRUE(CompareLogits(flat.data(), base.data(), 3, 2).same_top) << "the first of equals";
}

TEST(CompareLogits, EqualRowsDoNotDiffer) {
  const std::vector<float> row = {3.25f, -80.5f, 90.125f, 0.1f, 1e-3f};
  const TokenDivergence token = CompareLogits(row.data(), row.data(), 5, 1);
  EXPECT_EQ(token.kld, 0);
  EXPECT_EQ(token.delta_p, 0);
  EXPECT_TRUE(token.same_top);
  EXPECT_NEAR(token.nll_q, 170.625, 1e-9) << "a token that is next to impossible";
}

TEST(Summarise, ByHand) {
  const TokenDivergence tokens[] = {{1.5, 1, 0.1, -0.5, true}, {2, 2, 0.4, 0, true}, {4, 3, 0.1, -0.1, false}};
  const Divergence d = Summarise(tokens);
  const auto expect = [](const Estimate& got, double value, double error) {
    EXPECT_NEAR(got.value, value, 1e-6);
    EXPECT_NEAR(got.error, error, 1e-6);
  };
  EXPECT_EQ(d.num_tokens, 3);
  // Squares of deviations: 3.5 of Q, 2 of base, products 2.5; each divided by 3 · 2.
  const double spread_q = std::sqrt(3.5 / 6), spread_base = std::sqrt(2 / 6.0), together = 2.5 / 6, ratio = std::sqrt(3.5 / 6 + 2 / 6.0 - 2 * together);
  expect(d.ppl_q, std::exp(2.5), std::exp(2.5) * spread_q);
  expect(d.ppl_base, std::exp(2.0), std::exp(2.0) * spread_base);
  EXPECT_NEAR(d.correlation, 2.5 / std::sqrt(3.5 * 2), 1e-9);
  expect(d.ln_ppl_ratio, 0.5, ratio);
  expect(d.ppl_ratio, std::exp(0.5), std::exp(0.5) * ratio);
  expect(d.ppl_difference, std::exp(2.5) - std::exp(2.0),
         std::sqrt(std::exp(5.0) * 3.5 / 6 + std::exp(4.0) * 2 / 6 - 2 * std::exp(4.5) * together));
  expect(d.mean_kld, 0.2, 0.1);
  expect(d.mean_delta_p, -0.2, std::sqrt((0.09 + 0.04 + 0.01) / 6));
  const double mean = 0.26 / 3, spread = std::sqrt((std::pow(0.25 - mean, 2) + mean * mean + std::pow(0.01 - mean, 2)) / 6);
  expect(d.rms_delta_p, std::sqrt(mean), spread / 2 / std::sqrt(mean));
  expect(d.same_top, 2 / 3.0, 1 / 3.0);
  EXPECT_EQ(d.kld, (std::vector<double>{0.1, 0.1, 0.4}));
  EXPECT_EQ(d.delta_p, (std::vector<double>{-0.5, -0.1, 0}));
}

TEST(Percentile, LiesOnTheLineBetweenTwoValues) {
  const std::vector<double> values = {0, 1, 2, 4};
  EXPECT_EQ(Percentile(values, 0), 0);
  EXPECT_EQ(Percentile(values, 0.5), 1.5) << "the median of an even number";
  EXPECT_NEAR(Percentile(values, 0.9), 2 + 0.7 * 2, 1e-12);
  EXPECT_EQ(Percentile(values, 1), 4);
  EXPECT_EQ(Percentile(std::vector<double>{3}, 0.999), 3);
}

}  // namespace
}  // namespace pith
