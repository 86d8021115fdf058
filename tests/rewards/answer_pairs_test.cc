// Pairs of answers of every kind with an examiner's judgement: tests/golden/rewards/answer_pairs.txt. No pair is paid that the examiner refuses; some few are
// refused that an examiner pays, since they cannot be told from a hedge or want the question (docs/answers.md names them).
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
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
  int pairs = 0, right = 0, refused = 0, other_reason = 0;
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#') {
      if (!line.starts_with("#### ")) continue;  // a gold answer may begin so
    }
    const size_t first = line.find(" | "), last = line.rfind(" | ");
    ASSERT_TRUE(first != std::string::npos && first < last) << line;
    const std::string gold = WithLineEnds(line.substr(0, first)), judged = line.substr(last + 3);
    const Verdict verdict = GradePrediction(gold, WithLineEnds(line.substr(first + 3, last - first - 3))).verdict;
    const std::string got = std::string(VerdictName(verdict)) + "   " + line;
    ++pairs;
    if (judged == "1") {
      ++right;
      EXPECT_NE(verdict, Verdict::kUnsimplified) << got;
      if (verdict == Verdict::kCorrect) continue;
      ++refused;
      std::cout << "refused: " << got << "\n";
    } else if (judged == "s") {
      EXPECT_EQ(verdict, Verdict::kUnsimplified) << got;
    } else {
      ASSERT_TRUE(judged == "0" || judged == "u") << line;
      EXPECT_TRUE(verdict == Verdict::kWrong || verdict == Verdict::kUnparsed) << got;
      other_reason += verdict != (judged == "0" ? Verdict::kWrong : Verdict::kUnparsed);
    }
    EXPECT_EQ(GradePrediction(gold, gold).verdict, Verdict::kCorrect) << gold;
  }
  std::cout << pairs << " pairs, " << refused << " of " << right << " right ones refused, " << other_reason << " refused as wrong instead of unparsed, or the other way\n";
  EXPECT_GT(pairs, 4600);
  EXPECT_GT(right, 2500);
  EXPECT_LE(refused, 9);
  EXPECT_LE(other_reason, 22);
}

}  // namespace
}  // namespace pith
