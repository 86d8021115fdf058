#include "runtime/evaluation/stats.h"

#include <gtest/gtest.h>

namespace pith {
namespace {

// Values of statsmodels 0.14: proportion_confint(60, 100, method="wilson").
TEST(StatsTest, WilsonInterval) {
  const Interval interval = WilsonInterval(60, 100);
  EXPECT_NEAR(interval.low, 0.502003, 1e-5);
  EXPECT_NEAR(interval.high, 0.690599, 1e-5);
  EXPECT_EQ(WilsonInterval(0, 50).low, 0.0);
  EXPECT_NEAR(WilsonInterval(0, 50).high, 0.0713476, 1e-6);
}

TEST(StatsTest, McNemarIsTheExactBinomialTest) {
  EXPECT_DOUBLE_EQ(McNemarExact(0, 0), 1.0);
  EXPECT_NEAR(McNemarExact(0, 5), 2.0 / 32, 1e-12);              // 2 · C(5,0)/2^5
  EXPECT_NEAR(McNemarExact(2, 8), 2.0 * (1 + 10 + 45) / 1024, 1e-12);
  EXPECT_NEAR(McNemarExact(8, 2), McNemarExact(2, 8), 1e-12);
  EXPECT_DOUBLE_EQ(McNemarExact(7, 7), 1.0);
}

TEST(StatsTest, PairedDifference) {
  const PairedDifference d = ComparePairs({1, 1, 0, 0}, {1, 0, 0, 0});
  EXPECT_DOUBLE_EQ(d.mean, -0.25);
  EXPECT_NEAR(d.interval.low, -0.25 - 1.959964 * 0.25, 1e-6);    // s = 0.5, s/√4 = 0.25
  EXPECT_NEAR(d.interval.high, -0.25 + 1.959964 * 0.25, 1e-6);
}

TEST(StatsTest, QuantileInterpolates) {
  EXPECT_DOUBLE_EQ(Quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_DOUBLE_EQ(Quantile({10}, 0.95), 10);
  EXPECT_DOUBLE_EQ(Quantile({}, 0.5), 0);
}

TEST(StatsTest, PassAtKIsUnbiased) {
  EXPECT_DOUBLE_EQ(PassAtK(4, 0, 2), 0.0);
  EXPECT_NEAR(PassAtK(4, 1, 2), 0.5, 1e-12);                     // 1 − C(3,2)/C(4,2)
  EXPECT_NEAR(PassAtK(4, 2, 2), 1 - 1.0 / 6, 1e-12);
  EXPECT_DOUBLE_EQ(PassAtK(4, 3, 2), 1.0);
}

}  // namespace
}  // namespace pith
