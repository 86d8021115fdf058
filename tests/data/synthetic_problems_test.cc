// Generated word problems: sets that stay apart, the same on every machine, with settings that act.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include "base/error.h"
#include "base/sha256.h"
#include "data/dataset.h"
#include "data/synthetic.h"

namespace pith {
namespace {

DatasetSpec Spec(int64_t limit, const std::string& split = "train", uint64_t seed = 1) {
  DatasetSpec spec;
  spec.name = "synthetic";
  spec.limit = limit;
  spec.split = split;
  spec.seed = seed;
  return spec;
}

TEST(SyntheticProblems, TrainAndTestShareNothingWhateverTheSeed) {
  std::set<std::string> train;
  for (const Problem& problem : LoadProblems(Spec(20000, "train", 1)))
    train.insert(NormaliseQuestion(problem.question));
  EXPECT_EQ(train.size(), 20000u) << "two train questions are equal up to names";
  for (const uint64_t seed : {1, 2}) {
    std::set<std::string> test;
    for (const Problem& problem : LoadProblems(Spec(20000, "test", seed))) {
      const std::string key = NormaliseQuestion(problem.question);
      EXPECT_FALSE(train.contains(key)) << problem.question;
      test.insert(key);
    }
    EXPECT_EQ(test.size(), 20000u);
  }
}

TEST(SyntheticProblems, NamesAloneMakeNoNewProblem) {
  EXPECT_EQ(NormaliseQuestion("Mia has 4 apples. She eats 2.  How many does Mia have?"),
            NormaliseQuestion("Tom has 4 apples. He eats 2. How many does Tom have?"));
  EXPECT_NE(NormaliseQuestion("Mia has 4 apples."), NormaliseQuestion("Mia has 5 apples."));
}

TEST(SyntheticProblems, ASmallerLimitIsThePrefix) {
  const std::vector<Problem> few = LoadProblems(Spec(10)), many = LoadProblems(Spec(100));
  ASSERT_EQ(few.size(), 10u);
  ASSERT_EQ(many.size(), 100u);
  for (size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(few[i].id, many[i].id);
    EXPECT_EQ(few[i].question, many[i].question);
    EXPECT_EQ(few[i].solution, many[i].solution);
  }
}

TEST(SyntheticProblems, TheStyleChangesSolutionsAndNothingElse) {
  DatasetSpec brief = Spec(300), verbose = Spec(300);
  brief.verbosity = "short";
  verbose.verbosity = "verbose";
  const std::vector<Problem> a = LoadProblems(brief), b = LoadProblems(verbose);
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].question, b[i].question);
    EXPECT_EQ(a[i].answer, b[i].answer);
    EXPECT_LT(a[i].solution.size() * 2, b[i].solution.size());
  }
}

TEST(SyntheticProblems, SeedsDiffer) {
  const std::vector<Problem> a = LoadProblems(Spec(50, "train", 1)), b = LoadProblems(Spec(50, "train", 2));
  int equal = 0;
  for (size_t i = 0; i < a.size(); ++i) equal += a[i].question == b[i].question;
  EXPECT_LE(equal, 2);
}

// The digest fixes the set for all machines; a deliberate change of the texts changes it, and runs made before it
// cannot be continued with the new ones.
TEST(SyntheticProblems, AreTheSameOnEveryMachine) {
  DatasetSpec spec = Spec(500, "test", 7);
  spec.brief_rate = 0.3;
  Sha256 hash;
  for (const Problem& problem : LoadProblems(spec))
    hash.Update(problem.id + problem.question + problem.answer + problem.solution);
  EXPECT_EQ(hash.HexDigest(), "5d1f9cff632de2a5be031f7cffef82882cb0639521c12d258f9df2b54ff010e6");
}

TEST(SyntheticProblems, NumbersStayWithinTheLimitAndStepsWithinTheRange) {
  for (const int64_t max_number : {10, 30, 500}) {
    DatasetSpec spec = Spec(1500);
    spec.max_number = max_number;
    spec.min_steps = 2;
    spec.max_steps = 5;
    spec.verbosity = "short";
    std::set<int64_t> step_counts;
    int64_t largest = 0;
    for (const Problem& problem : LoadProblems(spec)) {
      int64_t number = 0;
      for (const char c : problem.question + " ") {
        if (std::isdigit(static_cast<unsigned char>(c))) {
          number = number * 10 + (c - '0');
        } else {
          largest = std::max(largest, number);
          EXPECT_LE(number, max_number) << problem.question;
          number = 0;
        }
      }
      const auto steps = std::count(problem.solution.begin(), problem.solution.end(), '=');
      step_counts.insert(steps);
      EXPECT_EQ(problem.level, std::to_string(steps));
      EXPECT_LE(std::stoll(problem.answer), max_number * 10) << problem.question;
    }
    EXPECT_EQ(step_counts, (std::set<int64_t>{2, 3, 4, 5}));
    EXPECT_GT(largest, max_number * 9 / 10);
  }
}

TEST(SyntheticProblems, TheDistractorRateIsTheShareOfStoriesWithOne) {
  int distracted = 0, made = 0;
  Rng rng(3);
  while (made < 500) {
    const Story story = MakeStory(rng, 2, 30, made % 2 == 0);
    if (story.steps.empty()) continue;
    EXPECT_EQ(!story.distraction.empty(), made % 2 == 0);
    EXPECT_EQ(story.steps.size(), 2u);
    distracted += !story.distraction.empty();
    ++made;
  }
  EXPECT_EQ(distracted, 250);
}

TEST(SyntheticProblems, StoriesAreWellFormedEnglishText) {
  for (const Problem& problem : LoadProblems(Spec(3000))) {
    const std::string& q = problem.question;
    EXPECT_EQ(q.find_first_of("{}"), std::string::npos) << q;
    EXPECT_EQ(problem.solution.find_first_of("{}"), std::string::npos) << problem.solution;
    EXPECT_EQ(q.find("  "), std::string::npos) << q;
    EXPECT_EQ(q.back(), '?') << q;
    for (size_t i = 0; i + 2 < q.size(); ++i) {
      if (q[i] != '.') continue;
      EXPECT_TRUE(q[i + 1] == ' ' && !std::islower(static_cast<unsigned char>(q[i + 2]))) << q;
    }
  }
}

void ExpectRefused(const DatasetSpec& spec, const std::string& word) {
  try {
    LoadProblems(spec);
    FAIL() << "accepted; expected an error about " << word;
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
  }
}

TEST(SyntheticProblems, BadSettingsAreNamed) {
  ExpectRefused(Spec(0), "limit");
  ExpectRefused(Spec(5, "validation"), "validation");
  DatasetSpec spec = Spec(5);
  spec.min_steps = 4;
  ExpectRefused(spec, "min_steps");
  spec = Spec(5);
  spec.max_number = 3;
  ExpectRefused(spec, "max_number");
  spec = Spec(5);
  spec.distractor_rate = 1.5;
  ExpectRefused(spec, "distractor_rate");
  spec = Spec(5);
  spec.brief_rate = -1;
  ExpectRefused(spec, "brief_rate");
  spec = Spec(5);
  spec.verbosity = "chatty";
  ExpectRefused(spec, "chatty");
}

}  // namespace
}  // namespace pith
