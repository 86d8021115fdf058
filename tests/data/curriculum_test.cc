#include "data/curriculum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/rng.h"

namespace pith {
namespace {

std::vector<std::string> Ids(int n) {
  std::vector<std::string> ids;
  for (int i = 0; i < n; ++i) ids.push_back("p" + std::to_string(i));
  return ids;
}

CurriculumSettings Settings(double revisit) {
  CurriculumSettings s;
  s.enabled = true;
  s.solved_above = 0.9;
  s.hopeless_below = 0.1;
  s.visits = 2;
  s.revisit = revisit;
  s.ema = 0.5;
  return s;
}

TEST(Curriculum, MovesProblemsBetweenPools) {
  Curriculum c(Settings(0), Ids(4));
  EXPECT_EQ(c.Counts(), (std::array<int64_t, 4>{4, 0, 0, 0}));
  c.Observe(0, 1);
  EXPECT_EQ(c.PoolOf(0), Pool::kLearning) << "one visit is no proof";
  c.Observe(0, 1);
  EXPECT_EQ(c.PoolOf(0), Pool::kSolved);
  c.Observe(0, 0.5);  // 0.75
  EXPECT_EQ(c.PoolOf(0), Pool::kLearning);
  c.Observe(1, 0);
  c.Observe(1, 0);
  EXPECT_EQ(c.PoolOf(1), Pool::kHopeless);
  c.Observe(1, 0.5);  // 0.25
  EXPECT_EQ(c.PoolOf(1), Pool::kLearning);
  c.Observe(2, 0.2);
  c.Observe(2, 0);    // 0.1: not below
  EXPECT_EQ(c.PoolOf(2), Pool::kLearning);
  c.Observe(2, 0);    // 0.05
  EXPECT_EQ(c.PoolOf(2), Pool::kHopeless);
  EXPECT_EQ(c.Counts(), (std::array<int64_t, 4>{1, 2, 0, 1}));
}

TEST(Curriculum, DrawsEveryFreshProblemBeforeAnyAgain) {
  Curriculum c(Settings(0.2), Ids(12));
  std::set<size_t> seen;
  for (int64_t step = 0; step < 3; ++step) {
    const std::vector<size_t> drawn = c.Draw(1, step, 4);
    EXPECT_EQ(drawn, c.Draw(1, step, 4));
    const std::vector<size_t> more = c.Draw(1, step, 9);
    EXPECT_EQ(drawn, std::vector<size_t>(more.begin(), more.begin() + 4));
    for (size_t i : drawn) {
      EXPECT_TRUE(seen.insert(i).second) << i;
      c.Observe(i, 0.5);
    }
  }
  EXPECT_EQ(seen.size(), 12u);
  const Curriculum fresh(Settings(0.2), Ids(12));
  EXPECT_NE(fresh.Draw(1, 0, 12), fresh.Draw(2, 0, 12)) << "by the seed";
  EXPECT_NE(fresh.Draw(1, 0, 12), fresh.Draw(1, 1, 12)) << "by the step";
}

TEST(Curriculum, RevisitsSolvedAndHopelessProblemsAtTheSetRate) {
  Curriculum c(Settings(0.25), Ids(400));
  for (size_t i = 0; i < 200; ++i) {
    c.Observe(i, i % 2);
    c.Observe(i, i % 2);
  }
  int64_t revisits = 0, places = 0;
  for (int64_t step = 0; step < 200; ++step) {
    const std::vector<size_t> drawn = c.Draw(3, step, 20);
    EXPECT_EQ(std::set<size_t>(drawn.begin(), drawn.end()).size(), 20u);
    for (size_t i : drawn) {
      revisits += i < 200;
      ++places;
    }
  }
  EXPECT_NEAR(static_cast<double>(revisits) / static_cast<double>(places), 0.25, 3 * 0.433 / std::sqrt(4000.0));
  // Never, when none are wanted.
  Curriculum never(Settings(0), Ids(4));
  for (int k = 0; k < 2; ++k) never.Observe(2, 1);
  for (int64_t step = 0; step < 50; ++step) {
    for (size_t i : never.Draw(3, step, 5)) EXPECT_NE(i, 2u);
  }
}

TEST(Curriculum, FillsEveryPlaceFromWhatThereIs) {
  Curriculum c(Settings(0.1), Ids(3));
  EXPECT_EQ(c.Draw(1, 0, 7).size(), 7u) << "more places than problems";
  for (size_t i = 0; i < 3; ++i) {
    for (int k = 0; k < 2; ++k) c.Observe(i, 1);
  }
  const std::vector<size_t> drawn = c.Draw(1, 0, 3);
  EXPECT_EQ(std::set<size_t>(drawn.begin(), drawn.end()).size(), 3u) << "all solved: only revisits are left";
  Curriculum over(Settings(0), Ids(1));
  for (int k = 0; k < 2; ++k) over.Observe(0, 0);
  try {
    over.Draw(1, 0, 1);
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("0 problems are solved and 1 hopeless"), std::string::npos) << e.what();
  }
}

TEST(Curriculum, GoesOnFromItsSavedState) {
  Curriculum whole(Settings(0.3), Ids(30));
  Rng random(8);
  for (int64_t step = 0; step < 40; ++step) {
    Curriculum resumed(Settings(0.3), Ids(30));
    resumed.Load(whole.Save());
    const std::vector<size_t> drawn = whole.Draw(5, step, 6);
    ASSERT_EQ(drawn, resumed.Draw(5, step, 6)) << step;
    for (size_t i : drawn) {
      const double rate = static_cast<double>(random.Int(0, 8)) / 8;
      whole.Observe(i, i % 3 == 0 ? 1 : i % 3 == 1 ? 0 : rate);
    }
  }
  EXPECT_GT(whole.Counts()[2], 0);
  EXPECT_GT(whole.Counts()[3], 0);
  // Problems are known by id: another order and a new problem.
  std::vector<std::string> ids = Ids(30);
  std::reverse(ids.begin(), ids.end());
  ids.push_back("new");
  Curriculum other(Settings(0.3), ids);
  other.Load(whole.Save());
  for (size_t i = 0; i < 30; ++i) EXPECT_EQ(other.PoolOf(29 - i), whole.PoolOf(i)) << i;
  EXPECT_EQ(other.PoolOf(30), Pool::kFresh);
  for (const char* text : {"", "[]", "{\"p1\": 5}", "{\"p1\": [0, 0.5]}", "{\"p1\": [1, 2]}", "{\"p1\": [1, null]}"}) {
    EXPECT_THROW(other.Load(text), UserError) << text;
  }
  EXPECT_THROW(Curriculum(Settings(0), {"a", "b", "a"}), UserError);
  // A state that knows none of the problems was of others.
  Curriculum strange(Settings(0), {"a", "b"});
  try {
    strange.Load(whole.Save());
    FAIL();
  } catch (const UserError& e) {
    EXPECT_NE(std::string(e.what()).find("is of 30 other problems ('p0' for one, where this run's first is 'a')"), std::string::npos) << e.what();
  }
  strange.Load(Curriculum(Settings(0), Ids(3)).Save());  // nothing was known yet
}

}  // namespace
}  // namespace pith
