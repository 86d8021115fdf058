// The published data sets, from PITH_DATA.
#include <gtest/gtest.h>

#include <cstdlib>
#include <regex>
#include <set>
#include <string>

#include "base/error.h"
#include "data/dataset.h"
#include "data/published.h"

namespace pith {
namespace {

class PublishedData : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::getenv("PITH_DATA"))
      GTEST_SKIP() << "set PITH_DATA to a folder with gsm8k/, math/ and svamp/ to run this test";
  }
  static std::vector<Problem> Load(const std::string& name, const std::string& split = "train") {
    DatasetSpec spec;
    spec.name = name;
    spec.split = split;
    return LoadProblems(spec);
  }
};

TEST_F(PublishedData, Gsm8k) {
  const std::vector<Problem> train = Load("gsm8k"), test = Load("gsm8k", "test");
  EXPECT_EQ(train.size(), 7473u);
  EXPECT_EQ(test.size(), 1319u);
  EXPECT_EQ(train[0].id, "gsm8k-train-0");
  EXPECT_EQ(train[0].answer, "72");
  EXPECT_TRUE(train[0].solution.starts_with("Natalia sold 48/2 = 24 clips in May.\n")) << train[0].solution;
  for (const Problem& problem : train) {
    EXPECT_EQ(problem.solution.find("<<"), std::string::npos);
    EXPECT_TRUE(problem.solution.ends_with("\n#### " + problem.answer));
    EXPECT_TRUE(std::regex_match(problem.answer, std::regex("-?[0-9,]+"))) << problem.answer;
  }
}

TEST_F(PublishedData, Math) {
  const std::vector<Problem> train = Load("math"), test = Load("math500", "test");
  EXPECT_EQ(train.size(), 4500u);
  EXPECT_EQ(test.size(), 500u);
  EXPECT_EQ(train[0].answer, "2");
  // The answers of MATH-500 were extracted by its authors: most must be what our reader of \boxed{} finds.
  int agree = 0;
  for (const Problem& problem : test) agree += LastBoxed(problem.solution) == problem.answer;
  EXPECT_GE(agree, 490);
  EXPECT_EQ(train[0].domain, "Algebra");
  EXPECT_EQ(train[0].level, "3") << "which the file calls 'Level 3'";
  EXPECT_EQ(test[0].domain, "Precalculus");
  EXPECT_EQ(test[0].level, "2");
  std::set<std::string> levels, domains;
  for (const auto* set : {&train, &test}) {
    for (const Problem& problem : *set) levels.insert(problem.level), domains.insert(problem.domain);
  }
  EXPECT_EQ(levels, (std::set<std::string>{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(domains.size(), 7u);
  EXPECT_EQ(Load("math500", "train").size(), 500u);
  EXPECT_THROW(Load("math", "test"), UserError);
}

TEST_F(PublishedData, Svamp) {
  const std::vector<Problem> train = Load("svamp"), test = Load("svamp", "test");
  EXPECT_EQ(train.size(), 700u);
  EXPECT_EQ(test.size(), 300u);
  EXPECT_EQ(train[0].id, "svamp-chal-1");
  EXPECT_EQ(train[0].question,
            "Each pack of dvds costs 76 dollars. If there is a discount of 25 dollars on each pack, how much do you "
            "have to pay to "
            "buy each pack?");
  EXPECT_EQ(train[0].answer, "51");
  EXPECT_EQ(train[0].solution, "76 - 25 = 51\n#### 51");
  int solved = 0;
  for (const Problem& problem : train) solved += problem.solution.ends_with("\n#### " + problem.answer);
  EXPECT_GE(solved, 690);
  std::set<std::string> domains;
  for (const auto* set : {&train, &test}) {
    for (const Problem& problem : *set) domains.insert(problem.domain);
  }
  EXPECT_EQ(domains, (std::set<std::string>{"Addition", "Common-Division", "Multiplication", "Subtraction"}));
}

TEST_F(PublishedData, ShuffleDependsOnTheSeedAndLimitTakesThePrefix) {
  DatasetSpec spec;
  spec.name = "svamp";
  spec.shuffle = true;
  spec.seed = 3;
  const std::vector<Problem> all = LoadProblems(spec);
  spec.limit = 10;
  const std::vector<Problem> few = LoadProblems(spec);
  ASSERT_EQ(few.size(), 10u);
  for (size_t i = 0; i < few.size(); ++i) EXPECT_EQ(few[i].id, all[i].id);
  std::set<std::string> ids;
  for (const Problem& problem : all) ids.insert(problem.id);
  EXPECT_EQ(ids.size(), 700u);
  spec.seed = 4;
  const std::vector<Problem> other = LoadProblems(spec);
  int equal = 0;
  for (size_t i = 0; i < few.size(); ++i) equal += few[i].id == other[i].id;
  EXPECT_LT(equal, 3);
}

// A branch moves, and what is fetched from it would one day be other problems than those of an earlier run.
TEST(PublishedSources, AreFetchedAtAFixedCommit) {
  const char* const set = std::getenv("PITH_DATA");
  const std::string before = set == nullptr ? "" : set;
  ::setenv("PITH_DATA", "/nonexistent", 1);
  for (const auto& [name, split] : {std::pair("gsm8k", "train"), {"gsm8k", "test"}, {"math", "train"}, {"math500", "test"}, {"svamp", "train"}}) {
    try {
      LoadPublished(name, split);
      ADD_FAILURE() << name;
    } catch (const UserError& error) {
      EXPECT_TRUE(std::regex_search(error.what(), std::regex("https://[^ ]*/[0-9a-f]{40}/"))) << error.what();
    }
  }
  before.empty() ? ::unsetenv("PITH_DATA") : ::setenv("PITH_DATA", before.c_str(), 1);
}

TEST(PublishedText, NumbersAreWrittenShort) {
  EXPECT_EQ(ShortestNumber(51.0), "51");
  EXPECT_EQ(ShortestNumber(-2.50), "-2.5");
}

TEST(PublishedText, LastBoxedMatchesBraces) {
  EXPECT_EQ(LastBoxed("so \\boxed{1} or $\\boxed{\\frac{1}{2}}$."), "\\frac{1}{2}");
  EXPECT_EQ(LastBoxed("$\\boxed{\\{1, 2\\}}$"), "\\{1, 2\\}");
  EXPECT_EQ(LastBoxed("$\\boxed 7$ apples"), "7");
  EXPECT_EQ(LastBoxed("$\\fbox{A}$"), "A");
  EXPECT_EQ(LastBoxed("\\boxed{unclosed"), "");
  EXPECT_EQ(LastBoxed("nothing"), "");
}

TEST(PublishedText, CalculatorMarksGo) {
  EXPECT_EQ(WithoutCalculatorMarks("5*2 = <<5*2=10>>10 and 1 << 3"), "5*2 = 10 and 1 << 3");
}

TEST(PublishedText, SvampSentencesAreJoined) {
  EXPECT_EQ(JoinSvampQuestion("He had 4. If he ate 2 ", "How many are left?"),
            "He had 4. If he ate 2, how many are left?");
  EXPECT_EQ(JoinSvampQuestion("Dan has $ 4. Then he got $ 5", "How much?"), "Dan has $ 4. Then he got $ 5. How much?");
  EXPECT_EQ(JoinSvampQuestion("There are 3 cats.", "How many legs?"), "There are 3 cats. How many legs?");
}

TEST(PublishedText, SvampEquationsAreWorkedOut) {
  EXPECT_EQ(SolveSvampEquation("( ( 3.0 + 4.0 ) * 2.0 )", "14"), "3 + 4 = 7\n7 * 2 = 14\n#### 14");
  EXPECT_EQ(SolveSvampEquation("( 5.0 / 2.0 )", "2.5"), "5 / 2 = 2.5\n#### 2.5");
  EXPECT_EQ(SolveSvampEquation("( 3.0 + 4.0 )", "8"), "");
  EXPECT_EQ(SolveSvampEquation("( 3.0 + ", "3"), "");
}

}  // namespace
}  // namespace pith
