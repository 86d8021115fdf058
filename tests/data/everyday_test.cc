// Generated everyday requests: all different, the same for a seed, and train and test about other things.
#include "data/everyday.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/error.h"
#include "data/everyday_words.h"
#include "data/synthetic.h"

namespace pith {
namespace {

DatasetSpec Asked(int64_t limit, const std::string& split = "train", uint64_t seed = 3) {
  DatasetSpec spec;
  spec.name = "everyday";
  spec.limit = limit;
  spec.split = split;
  spec.seed = seed;
  return spec;
}

TEST(Everyday, IsTheSameForASeedAndAllDifferent) {
  const std::vector<Problem> some = LoadProblems(Asked(300)), more = LoadProblems(Asked(500)), others = LoadProblems(Asked(300, "train", 4));
  ASSERT_EQ(more.size(), 500u);
  std::set<std::string> questions, ids;
  std::map<std::string, int> families;
  for (size_t i = 0; i < more.size(); ++i) {
    if (i < some.size()) {
      EXPECT_EQ(some[i].question, more[i].question) << "a larger limit goes on";
    }
    EXPECT_TRUE(questions.insert(more[i].question).second) << more[i].question;
    EXPECT_TRUE(ids.insert(more[i].id).second);
    EXPECT_TRUE(more[i].kind == "copy" || more[i].kind == "mention" || more[i].kind == "spelling") << more[i].kind;
    EXPECT_FALSE(more[i].answer.empty());
    ++families[more[i].domain];
  }
  ASSERT_EQ(families.size(), 6u);
  for (const auto& [family, count] : families) EXPECT_GT(count, 25) << family;
  size_t same = 0;
  for (const Problem& p : others) same += questions.count(p.question);
  EXPECT_LT(same, others.size() / 2);
}

TEST(Everyday, SplitsAreAboutOtherThings) {
  std::set<std::string> about[2];
  for (int split = 0; split < 2; ++split) {
    // As the generator draws them.
    for (uint64_t i = 0; i < 4000; ++i) {
      Rng rng(i);
      const EverydayRequest r = MakeEverydayRequest(rng);
      if (IsTestQuestion(NormaliseQuestion(r.about)) == (split == 1)) about[split].insert(r.about);
    }
  }
  for (const std::string& thing : about[0]) EXPECT_EQ(about[1].count(thing), 0u) << thing;
  std::set<std::string> train;
  for (const Problem& p : LoadProblems(Asked(2000))) train.insert(p.question);
  for (uint64_t seed = 0; seed < 3; ++seed) {
    for (const Problem& p : LoadProblems(Asked(300, "test", seed))) {
      EXPECT_EQ(train.count(p.question), 0u) << p.question;
      if (p.domain != "fact") continue;
      for (const EverydayFact& fact : EverydayFacts()) {  // a fact asked in other words is the same fact
        if (p.question.find(fact.question) == std::string::npos && p.question.find(fact.other) == std::string::npos) continue;
        EXPECT_TRUE(IsTestQuestion(NormaliseQuestion(std::string("fact ") + fact.about)));
      }
    }
  }
}

TEST(Everyday, RefusesWhatCannotBe) {
  EXPECT_THROW(LoadProblems(Asked(0)), UserError);
  EXPECT_THROW(LoadProblems(Asked(kMostEveryday + 1)), UserError);
  EXPECT_THROW(LoadProblems(Asked(3, "dev")), UserError);
}

}  // namespace
}  // namespace pith
