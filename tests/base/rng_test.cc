#include "base/rng.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <vector>

namespace pith {
namespace {

TEST(Rng, StreamsAreFixedForEver) {
  // Computed apart from this code, in Python: SplitMix64 seeds, then xoshiro256**.
  Rng plain(42);
  EXPECT_EQ(plain.Next(), 0x15780b2e0c2ec716u);
  EXPECT_EQ(plain.Next(), 0x6104d9866d113a7eu);
  Rng named(42, {7, 9});
  EXPECT_EQ(named.Next(), 0x3c53365753d4fa7u);
  EXPECT_EQ(named.Next(), 0x7a549feff7180038u);
}

TEST(Rng, NormalIsFixedForEver) {
  Rng rng(42);
  // Marsaglia's polar method over the stream above, in Python with the C library's logarithm.
  const double values[] = {-0.7262191382447857, 0.2216227015035933, 0.46417731016247366, 1.476249461018415};
  for (const double expected : values) EXPECT_DOUBLE_EQ(rng.Normal(), expected);
}

TEST(Rng, EveryPathIsAnotherStream) {
  std::set<uint64_t> first;
  int streams = 0;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    first.insert(Rng(seed).Next()), ++streams;
    for (uint64_t a = 0; a < 8; ++a) {
      first.insert(Rng(seed, {a}).Next()), ++streams;
      for (uint64_t b = 0; b < 8; ++b) first.insert(Rng(seed, {a, b}).Next()), ++streams;
    }
  }
  EXPECT_EQ(first.size(), static_cast<size_t>(streams));
}

TEST(Rng, IntCoversItsRangeEvenly) {
  Rng rng(3);
  std::vector<int> counts(7);
  const int draws = 70000;
  for (int i = 0; i < draws; ++i) {
    const int64_t v = rng.Int(-3, 3);
    ASSERT_GE(v, -3);
    ASSERT_LE(v, 3);
    ++counts[static_cast<size_t>(v + 3)];
  }
  for (const int count : counts) EXPECT_NEAR(count, draws / 7, 5 * std::sqrt(draws / 7.0));
  EXPECT_EQ(rng.Int(5, 5), 5);
  // A range of 3·2^62: taking remainders alone would give its first third half of all draws.
  const int64_t third = int64_t{1} << 62, begin = std::numeric_limits<int64_t>::min();
  int first_third = 0;
  for (int i = 0; i < 3000; ++i) first_third += rng.Int(begin, third - 1) < begin + third;
  EXPECT_NEAR(first_third, 1000, 5 * std::sqrt(3000 * 2.0 / 9));
  const int64_t low = std::numeric_limits<int64_t>::min(), high = std::numeric_limits<int64_t>::max();
  bool negative = false, positive = false;
  for (int i = 0; i < 64; ++i) (rng.Int(low, high) < 0 ? negative : positive) = true;
  EXPECT_TRUE(negative && positive);
}

TEST(Rng, UniformAndNormalHaveTheirMoments) {
  Rng rng(4);
  const int n = 200000;
  double uniform = 0, mean = 0, variance = 0, fourth = 0;
  int within_one = 0;
  for (int i = 0; i < n; ++i) {
    const double u = rng.Uniform();
    ASSERT_TRUE(u >= 0 && u < 1);
    uniform += u / n;
    const double z = rng.Normal();
    mean += z / n;
    variance += z * z / n;
    fourth += z * z * z * z / n;
    within_one += std::fabs(z) < 1;
  }
  // Five standard errors each.
  EXPECT_NEAR(uniform, 0.5, 5 * std::sqrt(1.0 / 12 / n));
  EXPECT_NEAR(mean, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(variance, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(fourth, 3, 5 * std::sqrt(96.0 / n));
  EXPECT_NEAR(within_one / double{n}, 0.682689492, 5 * std::sqrt(0.2166 / n));
}

TEST(Rng, ShuffleReachesEveryOrderEvenly) {
  Rng rng(5);
  std::vector<int> counts(24);
  for (int i = 0; i < 24000; ++i) {
    std::vector<int> v{0, 1, 2, 3};
    rng.Shuffle(v);
    int rank = 0;
    for (size_t a = 0; a < 4; ++a) {
      int smaller = 0;
      for (size_t b = a + 1; b < 4; ++b) smaller += v[b] < v[a];
      rank = rank * static_cast<int>(4 - a) + smaller;
    }
    ++counts[static_cast<size_t>(rank)];
  }
  for (const int count : counts) EXPECT_NEAR(count, 1000, 5 * std::sqrt(1000.0));
}

}  // namespace
}  // namespace pith
