#include "rewards/reward.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "base/error.h"
#include "configs/reward_kinds.h"

namespace pith {
namespace {

Budget MakeTestBudget(int64_t tokens, double window, double floor = 0) {
  Budget budget;
  budget.tokens = tokens;
  budget.window = window;
  budget.floor = floor;
  return budget;
}

TEST(SoftBudgetWeight, FallsFromOneToTheFloorOverTheWindow) {
  const Budget budget = MakeTestBudget(100, 0.25);
  // w = (125 − L) / 50 inside the window.
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(budget, 0), 1.0);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(budget, 75), 1.0);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(budget, 76), 0.98);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(budget, 100), 0.5);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(budget, 120), 0.1);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(budget, 125), 0.0);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(budget, 1000), 0.0);
  const Budget floored = MakeTestBudget(100, 0.25, 0.2);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(floored, 100), 0.6);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(floored, 126), 0.2);
  const Budget hard = MakeTestBudget(100, 0);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(hard, 100), 1.0);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(hard, 101), 0.0);
  EXPECT_DOUBLE_EQ(SoftBudgetWeight(Budget{}, 100000), 1.0);
}

TEST(FreeThenFallingWeight, IsFreeThenFalls) {
  EXPECT_DOUBLE_EQ(FreeThenFallingWeight(200, 100, 0, 200), 1.0);
  EXPECT_DOUBLE_EQ(FreeThenFallingWeight(200, 100, 0, 225), 0.75);
  EXPECT_DOUBLE_EQ(FreeThenFallingWeight(200, 100, 0, 300), 0.0);
  EXPECT_DOUBLE_EQ(FreeThenFallingWeight(200, 100, 0.5, 250), 0.75);
  EXPECT_DOUBLE_EQ(FreeThenFallingWeight(200, 100, 0.5, 400), 0.5);
}

// Values of TRL's get_soft_overlong_punishment; tests/tools/overlong_golden.py writes them.
TEST(SoftOverlongPunishment, EqualsTrl) {
  std::ifstream golden(std::string(PITH_TEST_GOLDEN) + "/rewards/soft_overlong.txt");
  ASSERT_TRUE(golden.is_open());
  std::string header;
  std::getline(golden, header);
  int rows = 0;
  int64_t max_tokens, cache_tokens, length;
  for (double expected; golden >> max_tokens >> cache_tokens >> length >> expected; ++rows) {
    EXPECT_DOUBLE_EQ(SoftOverlongPunishment(max_tokens, cache_tokens, length), expected)
        << max_tokens << " " << cache_tokens << " " << length;
  }
  EXPECT_GT(rows, 500);
}

TEST(CheckBudget, WarnsTrainingOfWhatDecodingRefuses) {
  for (const int64_t tokens : {0, 1, 20, 63, 64, 1000}) {
    const Budget budget = MakeTestBudget(tokens, 0.4);
    bool refused = false;
    try {
      CheckBudget(budget, /*for_decoding=*/true);
    } catch (const UserError&) {
      refused = true;
    }
    EXPECT_EQ(DecodingWarning(budget).empty(), !refused) << tokens;
  }
  EXPECT_NE(DecodingWarning(MakeTestBudget(20, 0.4)).find("budget.tokens is 20, less than twice budget.reserve_tokens (32)"), std::string::npos);
  EXPECT_NE(DecodingWarning(MakeTestBudget(20, 0.4)).find("set budget.reserve_tokens to 10 or less"), std::string::npos);
}

TEST(CheckBudget, RefusesContradictions) {
  EXPECT_NO_THROW(CheckBudget(MakeTestBudget(45, 0.4), false));
  EXPECT_THROW(CheckBudget(MakeTestBudget(45, 0.4), true), UserError);  // 45 < 2 · 32
  EXPECT_THROW(CheckBudget(MakeTestBudget(63, 0.4), true), UserError);
  EXPECT_NO_THROW(CheckBudget(MakeTestBudget(64, 0.4), true));
  EXPECT_NO_THROW(CheckBudget(Budget{}, true));
  EXPECT_THROW(CheckBudget(MakeTestBudget(45, 1.0), false), UserError);
  EXPECT_THROW(CheckBudget(MakeTestBudget(45, std::nan("")), false), UserError);
  EXPECT_THROW(CheckBudget(MakeTestBudget(-1, 0.4), false), UserError);
  EXPECT_THROW(CheckBudget(MakeTestBudget(45, 0.4, 1.1), false), UserError);
}

RewardTerm Term(const std::string& kind, double weight = 1, bool always = false) {
  RewardTerm term;
  term.kind = kind;
  term.weight = weight;
  term.always = always;
  return term;
}

TEST(RewardFunction, MultipliesTimesAndAddsPlus) {
  RewardSettings settings;
  settings.times = {Term("budget"), Term("format")};
  settings.plus = {Term("soft_overlong", 0.5)};
  settings.plus[0].max_tokens = 120;
  settings.plus[0].cache_tokens = 40;
  const RewardFunction reward(settings, MakeTestBudget(100, 0.25));
  EXPECT_EQ(reward.term_names(), (std::vector<std::string>{"budget", "format", "soft_overlong"}));

  const RewardResult right = reward({"4", "2 + 2\n#### 4", 100});
  EXPECT_DOUBLE_EQ(right.outcome, 1);
  EXPECT_EQ(right.terms, (std::vector<double>{0.5, 1, -0.5}));
  EXPECT_DOUBLE_EQ(right.reward, 0.5 * 1 + 0.5 * -0.5);

  const RewardResult wrong = reward({"4", "2 + 2\n#### 5", 100});
  EXPECT_DOUBLE_EQ(wrong.reward, 0);  // plus terms do not touch wrong answers
  EXPECT_EQ(wrong.terms, right.terms);
}

TEST(RewardFunction, AlwaysTouchesWrongAnswersAndIsWarnedAbout) {
  RewardSettings settings;
  settings.plus = {Term("format", 0.1, true), Term("budget", -0.2, true)};
  testing::internal::CaptureStderr();
  const RewardFunction reward(settings, MakeTestBudget(100, 0.25));
  const std::string warnings = testing::internal::GetCapturedStderr();
  EXPECT_NE(warnings.find("budget with always"), std::string::npos) << warnings;
  EXPECT_EQ(warnings.find("format with always"), std::string::npos) << warnings;
  EXPECT_DOUBLE_EQ(reward({"4", "#### 5", 100}).reward, 0.1 * 1 - 0.2 * 0.5);
}

TEST(RewardFunction, SpreadPaysByTheTokensAlone) {
  RewardSettings settings;
  settings.plus = {DefaultRewardTerm("spread")};
  const RewardFunction reward(settings, Budget{});
  const std::vector<int32_t> tokens = {90, 10, 5}, others = {90, 11};
  RewardInput right = {"4", "#### 4", 3}, wrong = {"4", "#### 5", 2};
  right.tokens = tokens, wrong.tokens = others;
  EXPECT_DOUBLE_EQ(reward(right).reward, 1 + 8.0 / 97);
  EXPECT_DOUBLE_EQ(reward(wrong).reward, 4.0 / 97);
}

TEST(RewardFunction, PaysTheConfiguredReadingAndReportsBoth) {
  RewardSettings settings;
  const RewardResult strict = RewardFunction(settings, Budget{})({"4", "so it is 4", 5});
  EXPECT_DOUBLE_EQ(strict.reward, 0);
  EXPECT_FALSE(strict.judged.strict.right());
  EXPECT_TRUE(strict.judged.lenient.right());
  settings.reading = "lenient";
  EXPECT_DOUBLE_EQ(RewardFunction(settings, Budget{})({"4", "so it is 4", 5}).reward, 1);
}

TEST(RewardFunction, JudgesTruncatedCompletionsAsTheyStand) {
  const RewardFunction reward(RewardSettings{}, Budget{});
  EXPECT_DOUBLE_EQ(reward({"4", "#### 4\nand then I went on and", 160}).reward, 1);
  EXPECT_DOUBLE_EQ(reward({"4", "the sum of 2 and 2 is", 160}).reward, 0);
}

TEST(RewardFunction, FormatWantsOneMarkedAnswerAtTheEnd) {
  RewardSettings settings;
  settings.times = {Term("format"), Term("format")};
  const RewardFunction reward(settings, Budget{});
  EXPECT_EQ(reward.term_names()[1], "format_2");
  const auto format = [&](const std::string& response) { return reward({"4", response, 5}).terms[0]; };
  EXPECT_EQ(format("2 + 2 = 4\n#### 4"), 1);
  EXPECT_EQ(format("2 + 2 = 4\n#### 4\n \n"), 1);
  EXPECT_EQ(format("is $\\boxed{4}$."), 1);
  EXPECT_EQ(format("#### \\boxed{4}"), 1);
  EXPECT_EQ(format("#### 4\nsurely"), 0);
  EXPECT_EQ(format("#### 3\n#### 4"), 0);
  EXPECT_EQ(format("\\boxed{4}\n#### 4"), 0);
  EXPECT_EQ(format("2 + 2 = 4"), 0);
  EXPECT_EQ(format("#### "), 0);
}

TEST(RewardFunction, RefusesTermsThatCannotBeMade) {
  const auto make = [](const RewardTerm& term, bool times, const Budget& budget) {
    RewardSettings settings;
    (times ? settings.times : settings.plus).push_back(term);
    RewardFunction reward(settings, budget);
  };
  EXPECT_THROW(make(Term("budgett"), true, MakeTestBudget(100, 0.25)), UserError);
  EXPECT_THROW(make(Term("budget"), true, Budget{}), UserError);
  EXPECT_THROW(make(Term("free_then_falling"), true, Budget{}), UserError);  // no fall_tokens
  RewardTerm overlong = Term("soft_overlong");
  overlong.max_tokens = 10;
  overlong.cache_tokens = 11;
  EXPECT_THROW(make(overlong, false, Budget{}), UserError);
  overlong.cache_tokens = 5;
  EXPECT_NO_THROW(make(overlong, false, Budget{}));
  EXPECT_THROW(make(overlong, true, Budget{}), UserError);
}

TEST(UserTurn, EndsInTheSentenceWithEveryBudgetFilledIn) {
  Budget budget = MakeTestBudget(64, 0.25);
  EXPECT_EQ(UserTurn("2 + 2?", budget), "2 + 2?");
  budget.sentence = "Use {budget} tokens ({budget}, no more than {budget}) {budge}.";
  EXPECT_EQ(BudgetSentence(budget), "Use 64 tokens (64, no more than 64) {budge}.");
  EXPECT_EQ(UserTurn("2 + 2?", budget), "2 + 2? Use 64 tokens (64, no more than 64) {budge}.");
  budget.tokens = 0;
  EXPECT_EQ(UserTurn("2 + 2?", budget), "2 + 2?");
}

TEST(MakeBudget, CarriesEverySetting) {
  BudgetSettings settings;
  settings.tokens = 64;
  settings.window = 0.5;
  settings.floor = 0.1;
  settings.reserve_tokens = 8;
  settings.close_text = "so";
  settings.sentence = "in {budget}";
  const Budget budget = MakeBudget(settings);
  EXPECT_EQ(budget.tokens, 64);
  EXPECT_EQ(budget.falls_from(), 32);
  EXPECT_EQ(budget.falls_to(), 96);
  EXPECT_EQ(budget.floor, 0.1);
  EXPECT_EQ(budget.reserve_tokens, 8);
  EXPECT_EQ(budget.close_text, "so");
  EXPECT_EQ(budget.sentence, "in {budget}");
  settings.sentence = "";
  settings.announcement = "budget {budget}:";
  EXPECT_EQ(MakeBudget(settings).announcement, "budget {budget}:");
  EXPECT_EQ(UserTurn("2 + 2?", MakeBudget(settings)), "2 + 2?") << "an announcement leaves the prompt as it is";
  settings.sentence = "in {budget}";
  EXPECT_THROW(MakeBudget(settings), UserError) << "told twice";
  settings.sentence = "";
  settings.window = 1;
  EXPECT_THROW(MakeBudget(settings), UserError);
}

}  // namespace
}  // namespace pith
