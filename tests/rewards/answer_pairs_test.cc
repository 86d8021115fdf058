// Pairs of answers of every kind with an examiner's judgement: tests/golden/rewards/answer_pairs.txt.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "rewards/answers/answer.h"

namespace pith {
namespace {

std::string WithLineEnds(std::string text) {
  for (size_t at = text.find("@n"); at != std::string::npos; at = text.find("@n", at)) text.replace(at, 2, "\n");
  return text;
}

TEST(AnswerPairs, AreJudgedAsAnExaminerWould) {
  std::ifstream in(std::string(PITH_TEST_GOLDEN) + "/rewards/answer_pairs.txt");
  ASSERT_TRUE(in.is_open());
  int same = 0, different = 0, unparsed = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') {
      if (!line.starts_with("#### ")) continue;  // a gold answer may begin so
    }
    const size_t first = line.find(" | "), last = line.rfind(" | ");
    ASSERT_TRUE(first != std::string::npos && first < last) << line;
    const std::string gold = WithLineEnds(line.substr(0, first)), judged = line.substr(last + 3);
    const Grade grade = GradePrediction(gold, WithLineEnds(line.substr(first + 3, last - first - 3)));
    const std::string got = std::string(VerdictName(grade.verdict)) + " [" + grade.extracted + "]   " + line;
    if (judged == "1") {
      ++same;
      EXPECT_EQ(grade.verdict, Verdict::kCorrect) << got;
    } else if (judged == "0") {
      ++different;
      EXPECT_EQ(grade.verdict, Verdict::kWrong) << got;
    } else {
      ++unparsed;
      ASSERT_EQ(judged, "u") << line;
      EXPECT_EQ(grade.verdict, Verdict::kUnparsed) << got;
    }
    EXPECT_EQ(GradePrediction(gold, gold).verdict, Verdict::kCorrect) << gold;
  }
  EXPECT_GT(same, 800);
  EXPECT_GT(different, 380);
  EXPECT_GT(unparsed, 3);
}

}  // namespace
}  // namespace pith
