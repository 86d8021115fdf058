// Weighted mixes: shares, orders that do not depend on the other sources, slots as a function of their number.
#include "data/mixture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/rng.h"

namespace pith {
namespace {

using Draw = Mixture::Draw;

const MixtureSource kA = {"a", 1.0, 7, true}, kB = {"b", 2.5, 100, true}, kC = {"c", 0.5, 1, true};

// The examples of one source, in the order of their slots.
std::vector<int64_t> Of(size_t source, const std::vector<Draw>& draws) {
  std::vector<int64_t> examples;
  for (const Draw& draw : draws) {
    if (draw.source == source) examples.push_back(draw.example);
  }
  return examples;
}

TEST(Mixture, DrawsByWeight) {
  constexpr int64_t kDraws = 10000;
  for (const uint64_t seed : {1u, 2u, 3u}) {
    Mixture mixture({kA, kB, kC}, seed);
    const std::vector<Draw> draws = mixture.Slots(0, kDraws);
    const double expected[] = {0.25, 0.625, 0.125};
    for (size_t s = 0; s < 3; ++s) {
      EXPECT_DOUBLE_EQ(mixture.share(s), expected[s]);
      const double p = expected[s], sigma = std::sqrt(p * (1 - p) / kDraws);
      EXPECT_NEAR(static_cast<double>(Of(s, draws).size()) / kDraws, p, 3 * sigma) << s;
    }
  }
}

// Without this a batch would be a block of one source and then of the next.
TEST(Mixture, DrawsEachSlotByItself) {
  Mixture mixture({{"a", 1, 5, true}, {"b", 1, 5, true}}, 4);
  const std::vector<Draw> draws = mixture.Slots(0, 10000);
  int64_t same = 0;
  for (size_t i = 1; i < draws.size(); ++i) same += draws[i].source == draws[i - 1].source;
  EXPECT_NEAR(static_cast<double>(same), 5000, 150);  // 3 sigma
}

TEST(Mixture, SeesEachExampleOncePerPassAndShufflesEachPass) {
  Mixture mixture({kA, kB}, 9);
  const std::vector<int64_t> seen = Of(0, mixture.Slots(0, 300));
  ASSERT_GT(seen.size(), 35u);
  std::vector<std::vector<int64_t>> passes;
  for (size_t at = 0; at + 7 <= seen.size(); at += 7) {
    passes.emplace_back(seen.begin() + static_cast<ptrdiff_t>(at), seen.begin() + static_cast<ptrdiff_t>(at) + 7);
    std::vector<int64_t> sorted = passes.back(), all(7);
    std::sort(sorted.begin(), sorted.end());
    std::iota(all.begin(), all.end(), 0);
    EXPECT_EQ(sorted, all) << "pass " << passes.size();
  }
  std::sort(passes.begin(), passes.end());
  EXPECT_EQ(std::unique(passes.begin(), passes.end()), passes.end()) << "5 of 5040 orders, and two are equal";

  MixtureSource plain = kA;
  plain.shuffle = false;
  Mixture in_order({plain, kB}, 9);
  const std::vector<int64_t> kept = Of(0, in_order.Slots(0, 100));
  for (size_t i = 0; i < kept.size(); ++i) EXPECT_EQ(kept[i], static_cast<int64_t>(i % 7));
}

TEST(Mixture, OrdersOfASourceDependOnNoOther) {
  Mixture alone({kA}, 5), two({kA, kB}, 5), moved({kB, kC, kA}, 5), other_seed({kA}, 6);
  MixtureSource heavy = kA;
  heavy.weight = 9;
  Mixture reweighted({heavy, kB}, 5);
  const std::vector<int64_t> order = Of(0, alone.Slots(0, 60));
  ASSERT_EQ(order.size(), 60u);
  const auto expect_begins = [&](const std::vector<int64_t>& seen) {
    ASSERT_GT(seen.size(), 20u);
    for (size_t i = 0; i < std::min<size_t>(60, seen.size()); ++i) EXPECT_EQ(seen[i], order[i]) << i;
  };
  expect_begins(Of(0, two.Slots(0, 300)));
  expect_begins(Of(2, moved.Slots(0, 300)));
  expect_begins(Of(0, reweighted.Slots(0, 300)));
  EXPECT_NE(Of(0, other_seed.Slots(0, 60)), order);

  // Two sources of one size do not walk in step.
  MixtureSource twin = kA;
  twin.name = "twin";
  Mixture twins({kA, twin}, 5);
  const std::vector<Draw> draws = twins.Slots(0, 300);
  const std::vector<int64_t> a = Of(0, draws), b = Of(1, draws);
  EXPECT_FALSE(std::equal(a.begin(), a.begin() + 28, b.begin()));
}

TEST(Mixture, ASlotIsAFunctionOfItsNumber) {
  Mixture whole({kA, kB, kC}, 21);
  const std::vector<Draw> all = whole.Slots(0, 2000);
  for (const int64_t first : {int64_t{0}, int64_t{255}, int64_t{256}, int64_t{257}, int64_t{1999}, int64_t{13}}) {
    Mixture resumed({kA, kB, kC}, 21);
    for (const int64_t at : {first, int64_t{700}, first}) {  // forwards, and back
      const int64_t count = std::min<int64_t>(40, 2000 - at);
      const std::vector<Draw> expected(all.begin() + at, all.begin() + at + count);
      EXPECT_EQ(resumed.Slots(at, count), expected) << at;
    }
  }
  EXPECT_TRUE(whole.Slots(5, 0).empty());
}

TEST(MixtureDeathTest, RefusesWhatHasNoMeaning) {
  EXPECT_DEATH(Mixture({}, 1), "");
  EXPECT_DEATH(Mixture({{"a", 0.0, 3, true}}, 1), "weight");
  EXPECT_DEATH(Mixture({{"a", 1.0, 0, true}}, 1), "num_examples");
}

}  // namespace
}  // namespace pith
