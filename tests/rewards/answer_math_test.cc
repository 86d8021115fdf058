// The gold answers of MATH: each is accepted against itself and in other dress, and refused once changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "rewards/answers/answer.h"
#include "rewards/math/parser.h"

namespace pith {
namespace {

// Of the same value; work may be left in it.
bool Accepts(std::string_view gold, std::string_view answer) {
  const Verdict verdict = JudgeAnswer(gold, answer);
  return verdict == Verdict::kCorrect || verdict == Verdict::kUnsimplified;
}

struct Solved {
  std::string solution, answer;
};

std::vector<Solved> Math() {
  std::vector<Solved> all;
  const char* data = std::getenv("PITH_DATA");
  if (data == nullptr) return all;
  for (const char* name : {"/math/train.jsonl", "/math/math500.jsonl"}) {
    std::ifstream in(std::string(data) + name);
    for (std::string line; std::getline(in, line);) {
      const auto object = nlohmann::json::parse(line);
      Solved solved{object["solution"], ""};
      const auto marked = ExtractAnswer(solved.solution, Reading::kStrict);
      solved.answer = object.contains("answer") ? object["answer"].get<std::string>() : marked.value_or("");
      all.push_back(std::move(solved));
    }
  }
  return all;
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  return text;
}

// What responses wrap an answer in; each means the same for every kind of answer.
std::vector<std::string> Dressed(const std::string& a) {
  return {a, " " + a + " ", a + ".", "$" + a + "$", "$$" + a + "$$", "\\(" + a + "\\)", "\\[" + a + "\\]", "\\boxed{" + a + "}", "$\\boxed{ " + a + " }$",
          "\\fbox{" + a + "}", "\\boxed{\\displaystyle " + a + "}", "\\boxed{\\boxed{" + a + "}}", "so it is $\\boxed{" + a + "}$, as 3 < 4.",
          "\\[ \\boxed{\\displaystyle " + a + "} \\]", "First \\boxed{17}, which is wrong.\nNow \\boxed{" + a + "}", "#### " + a,
          "The work of 77 lines.\n####   " + a + "  ", "The final answer is $\\boxed{" + a + "}$. I hope it is correct.", "The answer is $" + a + "$.",
          "**Answer:** $" + a + "$", Replaced(a, "\\frac", "\\dfrac"), Replaced(Replaced(a, "\\left", ""), "\\right", ""), "\\boxed{" + a + ".}"};
}

#define SKIP_WITHOUT_DATA(all) \
  if ((all).empty()) GTEST_SKIP() << "PITH_DATA names no folder with the published data sets"

TEST(MathGolds, EachIsAcceptedAgainstItselfAndInOtherDress) {
  const std::vector<Solved> all = Math();
  SKIP_WITHOUT_DATA(all);
  ASSERT_GE(all.size(), 5000u);
  for (const Solved& s : all) {
    ASSERT_FALSE(s.answer.empty()) << s.solution;
    EXPECT_EQ(GradeResponse(s.solution, s.solution, Reading::kStrict).verdict, Verdict::kCorrect) << s.answer;
    const std::vector<std::string> dressed = Dressed(s.answer);
    ASSERT_GE(dressed.size(), 20u);
    for (const std::string& response : dressed) {
      EXPECT_EQ(GradePrediction(s.answer, response).verdict, Verdict::kCorrect) << s.answer << " | " << response;
    }
  }
}

// Through the tree, not the text: a form that reads differently and means the same; one that means something else.
TEST(MathGolds, RewrittenIsAcceptedAndChangedIsRefused) {
  const std::vector<Solved> all = Math();
  SKIP_WITHOUT_DATA(all);
  size_t values = 0, unread = 0;
  for (const Solved& s : all) {
    Work work;
    const auto tree = ParseAnswer(s.answer, {}, &work);
    if (!tree) {
      ++unread;
      continue;
    }
    if (!IsArithmetic(*tree) || (tree->Is(Op::kSymbol) && tree->text.size() == 1) || Contains(*tree, Op::kPercent) || Contains(*tree, Op::kDegree) ||
        Contains(*tree, Op::kBased)) {
      continue;
    }
    ++values;
    std::string a = s.answer.ends_with('.') ? s.answer.substr(0, s.answer.size() - 1) : s.answer;
    if (tree->Is(Op::kNumber) && a.find("{,}") == std::string::npos && a.find("{{") == std::string::npos) a = Replaced(a, ",", "{,}");  // (1,234) would be a pair
    for (const std::string& same : {"0+" + a, "(" + a + ")\\cdot 1", "\\frac{2(" + a + ")}{2}", "-(-(" + a + "))", "\\sqrt[3]{(" + a + ")^3}", "(" + a + ")+1-1"}) {
      if (same[1] == 's' && (a.find_first_of("xyabcdhikmnprtzR") != std::string::npos)) continue;  // the real root of a real number
      EXPECT_TRUE(Accepts(a, same)) << a << " | " << same;
    }
    for (const std::string& other : {"(" + a + ")+1", "(" + a + ")\\sqrt{2}+\\frac{1}{7}", "(" + a + ")+10^{-30}", "(" + a + "), 17", "\\{" + a + ", 10^9+7\\}", "(" + a + ", 3)"}) {
      EXPECT_FALSE(Accepts(a, other)) << a << " | " << other;
    }
    if (!Accepts(a, "0")) {
      EXPECT_FALSE(Accepts(a, "-(" + a + ")")) << a;
    }
  }
  std::cout << all.size() << " gold answers, " << values << " of them values; " << unread << " are compared as words\n";
  EXPECT_GT(values, 4000u);
  EXPECT_LT(unread, 25u);
}

TEST(MathGolds, AreJudgedInWellUnderAMillisecondAndAlikeByManyThreads) {
  std::vector<Solved> all = Math();
  SKIP_WITHOUT_DATA(all);
  // Each against the next one, so that text equality settles little.
  std::vector<Verdict> alone(all.size());
  std::vector<double> microseconds;
  for (size_t i = 0; i < all.size(); ++i) {
    const auto start = std::chrono::steady_clock::now();
    alone[i] = JudgeAnswer(all[i].answer, "0+" + all[(i + 1) % all.size()].answer);
    microseconds.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    EXPECT_NE(alone[i], Verdict::kTimeout) << all[i].answer;
  }
  std::sort(microseconds.begin(), microseconds.end());
  std::cout << "per pair: median " << microseconds[microseconds.size() / 2] << " us, 99th percentile "
            << microseconds[microseconds.size() * 99 / 100] << " us, longest " << microseconds.back() << " us\n";
  std::vector<std::thread> threads;
  std::vector<int> different(4, 0);
  for (size_t t = 0; t < different.size(); ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < all.size(); i += 2) {  // pairs of threads share their pairs
        different[t] += JudgeAnswer(all[i].answer, "0+" + all[(i + 1) % all.size()].answer) != alone[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(different, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace pith
