// 500 pairs that somebody wrote who had not seen the judge, to be judged and counted; nothing is mended by them (docs/answers.md has the numbers).
// tests/golden/rewards/held_out_pairs.jsonl: questions of MATH and GSM8K, and 45 of the examiner's own.
#include <gtest/gtest.h>

#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "rewards/answers/answer.h"

namespace pith {
namespace {

TEST(AnswerHeldOut, ErrorsInBothDirections) {
  std::ifstream in(std::string(PITH_TEST_GOLDEN) + "/rewards/held_out_pairs.jsonl");
  std::map<std::string, std::map<std::string, int>> verdicts;
  for (std::string line; std::getline(in, line);) {
    const auto pair = nlohmann::json::parse(line);
    const std::string gold = pair["gold"], question = pair["question"], response = pair["pred"];
    ++verdicts[pair["expected"]][VerdictName(GradePrediction({gold, question}, response).verdict)];
  }
  int right = 0, lost = 0, not_right = 0, paid = 0;
  for (const auto& [expected, counts] : verdicts) {
    for (const auto& [verdict, count] : counts) {
      std::cout << expected << " judged " << verdict << ": " << count << "\n";
      (expected == "correct" ? right : not_right) += count;
      if (expected == "correct" && verdict != "correct") lost += count;
      if (expected != "correct" && verdict == "correct") paid += count;
    }
  }
  std::cout << "not paid though right: " << lost << " of " << right << ", paid though not: " << paid << " of " << not_right << "\n";
  EXPECT_EQ(right + not_right, 500);
  // No worse than when the judge was written.
  EXPECT_LE(lost, 24);
  EXPECT_LE(paid, 18);
}

}  // namespace
}  // namespace pith
