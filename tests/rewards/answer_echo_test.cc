// Echo: what of a question is paid as its answer. Every formula of every question of MATH in a box; every sum of a GSM8K question's numbers that comes to the gold
// answer without being worked out.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "rewards/answers/answer.h"
#include "rewards/answers/find_mathematics.h"

namespace pith {
namespace {

struct Asked {
  std::string question, gold;
};

std::vector<Asked> Questions(const std::string& file) {
  std::vector<Asked> all;
  const char* data = std::getenv("PITH_DATA");
  if (data == nullptr) return all;
  std::ifstream in(data + file);
  for (std::string line; std::getline(in, line);) {
    const auto record = nlohmann::json::parse(line);
    all.push_back({record[record.contains("problem") ? "problem" : "question"], record[record.contains("answer") ? "answer" : "solution"]});
  }
  return all;
}

TEST(AnswerEcho, AFormulaOfTheQuestionIsHardlyEverItsAnswer) {
  size_t questions = 0, formulas = 0, paid = 0, unsimplified = 0;
  for (const char* file : {"/math/math500.jsonl", "/math/train.jsonl"}) {
    for (const Asked& asked : Questions(file)) {
      ++questions;
      for (const Formula& formula : FindFormulas(asked.question)) {
        ++formulas;
        const Verdict verdict = GradeResponse({asked.gold, asked.question}, "\\boxed{" + std::string(formula.content) + "}", Reading::kStrict).verdict;
        paid += verdict == Verdict::kCorrect;
        unsimplified += verdict == Verdict::kUnsimplified;
      }
    }
  }
  if (questions == 0) GTEST_SKIP() << "PITH_DATA names no folder with the published data sets";
  std::cout << questions << " questions, " << formulas << " formulas: " << paid << " paid, " << unsimplified << " unsimplified\n";
  // What is left stands in the question because it is the answer: a choice, a point that is offered, a number that comes out again.
  EXPECT_LE(paid * 200, formulas);
  EXPECT_GT(unsimplified, 200u);
}

// All numbers of a text, as written.
std::vector<std::string> Numbers(const std::string& text) {
  std::vector<std::string> numbers;
  for (size_t at = 0; at < text.size() && numbers.size() < 6; ++at) {
    size_t end = at;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    if (end > at && end - at < 6) numbers.push_back(text.substr(at, end - at));
    at = std::max(at, end);
  }
  return numbers;
}

TEST(AnswerEcho, ASumOfTheQuestionsNumbersIsNoAnswer) {
  std::vector<Asked> all = Questions("/gsm8k/test.jsonl");
  if (all.empty()) GTEST_SKIP() << "PITH_DATA names no folder with the published data sets";
  all.resize(300);
  size_t tried = 0, unsimplified = 0;
  const std::string signs = "+-*/";
  const auto judge = [&](const Asked& asked, const std::string& sum) {
    ++tried;
    const Verdict verdict = GradeResponse({asked.gold, asked.question}, "#### " + sum, Reading::kStrict).verdict;
    unsimplified += verdict == Verdict::kUnsimplified;
    EXPECT_NE(verdict, Verdict::kCorrect) << sum << " for " << asked.question;
  };
  for (const Asked& asked : all) {
    const std::vector<std::string> numbers = Numbers(asked.question);
    for (const std::string& a : numbers) {
      for (const std::string& b : numbers) {
        for (const char first : signs) {
          const std::string two = a + first + b;
          judge(asked, two);
          if (numbers.size() > 4) continue;
          for (const std::string& c : numbers) {
            for (const char second : signs) {
              judge(asked, two + second + c);
              judge(asked, "(" + two + ")" + second + c);
              if (numbers.size() < 4) judge(asked, two + second + c + "+" + numbers[0]);
            }
          }
        }
      }
    }
  }
  std::cout << tried << " sums, " << unsimplified << " of them the gold answer's value\n";
  EXPECT_GT(unsimplified, 300u);
}

}  // namespace
}  // namespace pith
