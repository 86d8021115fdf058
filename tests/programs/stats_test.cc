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
  EXPECT_NEAR(McNemarExact(5, 15), 0.041389465332, 1e-11);       // statsmodels 0.15.0: mcnemar([[40, 5], [15, 40]], exact=True); scipy 1.17.1: binomtest(5, 20)
}

// Newcombe's own example (Statistics in Medicine 17, 1998, table II, method 10): 36, 12, 2 and 0 of 50 give 0.0569 to 0.3404, first − second. The others are the
// paper's formula written down in Python over statsmodels 0.15.0's proportion_confint(method="wilson").
TEST(StatsTest, NewcombeIntervalOfPairedShares) {
  const struct {
    PairedCounts counts;
    double low, high;
  } kCases[] = {{{36, 12, 2, 0}, -0.340427603, -0.056929584}, {{40, 5, 15, 40}, 0.012305502, 0.184369029},  {{12, 4, 1, 3}, -0.365530922, 0.082669937},
                {{0, 10, 0, 10}, -0.700701992, -0.242623610}, {{30, 0, 0, 10}, -0.064108707, 0.064108707},  // a positive correlation counts for less
                {{50, 0, 0, 0}, -0.071347599, 0.071347599},  // never different, and yet not sure to be the same
                {{3, 9, 8, 2}, -0.378104459, 0.299076946}};
  for (const auto& [counts, low, high] : kCases) {
    const Interval interval = NewcombeInterval(counts);
    EXPECT_NEAR(interval.low, low, 1e-8) << counts.both << " " << counts.only_first;
    EXPECT_NEAR(interval.high, high, 1e-8) << counts.both << " " << counts.only_first;
    const Interval swapped = NewcombeInterval({counts.both, counts.only_second, counts.only_first, counts.neither});
    EXPECT_NEAR(swapped.low, -high, 1e-8);
    EXPECT_NEAR(swapped.high, -low, 1e-8);
  }
  EXPECT_EQ(NewcombeInterval({}).low, -1.0);
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
