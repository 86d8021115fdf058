// The statistics of an evaluation: intervals for shares, and paired tests on the same problems.
#pragma once

#include <cstdint>
#include <vector>

namespace pith {

struct Interval {
  double low, high;
};

// Wilson's score interval at 95 % for `successes` of `n` (Wilson 1927). {0, 1} for n == 0.
Interval WilsonInterval(double successes, int64_t n);

// McNemar's exact test (two-sided, binomial): how likely a split as uneven as `only_first` : `only_second` among the
// discordant pairs is, were both equally good. 1 when there are none.
double McNemarExact(int64_t only_first, int64_t only_second);

// Problems by who has them right, of two on the same ones.
struct PairedCounts {
  int64_t both = 0, only_first = 0, only_second = 0, neither = 0;
};
// Of the difference between two paired shares, second − first, at 95 %: Wilson's intervals of each, squared and added with their correlation (Newcombe, Statistics
// in Medicine 17, 1998, p. 2635, method 10). Unlike the normal one it keeps its width where the two hardly ever differ. {−1, 1} without problems.
Interval NewcombeInterval(const PairedCounts& counts);

// Mean of second − first over pairs, with its 95 % interval (normal approximation of the paired differences).
struct PairedDifference {
  double mean;
  Interval interval;
};
PairedDifference ComparePairs(const std::vector<double>& first, const std::vector<double>& second);

// Value below which a share `q` of the values lies (linear interpolation); 0 for none.
double Quantile(std::vector<double> values, double q);
double Mean(const std::vector<double>& values);

// Unbiased pass@k from n samples of which c are right: 1 − C(n−c, k)/C(n, k) (Chen et al., arXiv 2107.03374, eq. 1).
double PassAtK(int64_t n, int64_t c, int64_t k);

}  // namespace pith
