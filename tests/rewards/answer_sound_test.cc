// What no careful teacher pays, and what one response can be made to look like.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rewards/answers/answer.h"

namespace pith {
namespace {

Verdict Of(const std::string& gold, const std::string& response, const std::string& question = "") { return GradePrediction({gold, question}, response).verdict; }

TEST(AnswerSound, RefusesChainsThatDoNotHold) {
  for (const char* gold : {"5", "7"}) EXPECT_EQ(Of(gold, "5=5≈7"), Verdict::kWrong) << gold;
  for (const char* gold : {"5", "600"}) EXPECT_NE(Of(gold, "x=5\\approx600"), Verdict::kCorrect) << gold;
  for (const char* gold : {"1", "2", "3", "4"}) EXPECT_NE(Of(gold, "(((1≈1)≈2)≈3)≈4"), Verdict::kCorrect) << gold;
  for (const char* gold : {"100", "109"}) EXPECT_NE(Of(gold, "100≈109"), Verdict::kCorrect) << gold;
  for (const char* gold : {"5", "7"}) EXPECT_NE(Of(gold, "\\boxed{5 = 7}"), Verdict::kCorrect) << gold;
  for (const char* gold : {"5", "7"}) EXPECT_NE(Of(gold, "\\boxed{x = 5 = 7}"), Verdict::kCorrect) << gold;
  EXPECT_EQ(Of("7", "\\boxed{3 + 4 = 7}"), Verdict::kCorrect);
  EXPECT_EQ(Of("\\frac{11}{36}", "\\boxed{\\frac{11}{36} \\approx 0.306}"), Verdict::kCorrect);
  EXPECT_EQ(Of("0.306", "\\boxed{\\frac{11}{36} \\approx 0.306}"), Verdict::kWrong);
  EXPECT_EQ(Of("0.306", "\\boxed{\\frac{11}{36} \\approx 0.306}", "Round to the nearest thousandth."), Verdict::kCorrect);
}

TEST(AnswerSound, RefusesWhatIsTakenBackDoubtedOrChanged) {
  for (const char* response : {"5 is wrong", "5 maybe six", "5 thousandths", "5 or 6", "5 (or 6)", "Either 5 or 6.", "not 5", "It is not 5.", "5? No, 6.", "half of 5", "\\boxed{5 is wrong}",
                               "\\boxed{5 maybe six}", "#### 5 thousandths", "#### 5 or 6", "\\boxed{5} or \\boxed{6}", "\\boxed{5}, \\boxed{6}", "The answer is 5 or 6.", "5 negative", "I do not think the answer is 5.",
                               "I doubt that it is 5.", "It is not true that x = 5.", "So x cannot be 5.", "It would be wrong to say 5."}) {
    EXPECT_NE(Of("5", response), Verdict::kCorrect) << response;
  }
  EXPECT_NE(Of("20", "20 below zero"), Verdict::kCorrect);
  EXPECT_NE(Of("3", "3 negative"), Verdict::kCorrect);
  EXPECT_FALSE(Of("12", "12 so the answer is thirteen") == Verdict::kCorrect && Of("13", "12 so the answer is thirteen") == Verdict::kCorrect);
  EXPECT_NE(Of("\\text{even}", "\\text{even is wrong, it is odd}"), Verdict::kCorrect);
  for (const char* gold : {"A", "D"}) EXPECT_FALSE(Of("A", "(A) because the answer is D") == Verdict::kCorrect && Of("D", "(A) because the answer is D") == Verdict::kCorrect) << gold;
  EXPECT_NE(Of("a=2, b=3", "3, 2"), Verdict::kCorrect);
  EXPECT_EQ(Of("a=2, b=3", "2, 3"), Verdict::kCorrect);
  EXPECT_EQ(Of("12", "It is 12, not 13."), Verdict::kCorrect);
  EXPECT_EQ(Of("0.05", "5 per cent"), Verdict::kCorrect);
}

TEST(AnswerSound, ANumberIsNotCutOutOfAFormula) {
  const std::vector<std::vector<std::string>> cases = {{"12", "The answer is (12)_3, I think."}, {"16", "so we get \\sqrt{16} for sure"}, {"2", "the graph is x^2 for sure"}, {"3", "The answer is 3:1, I think."},
                                                       {"5", "5 zorgs, not 5 mg"}};
  for (const auto& c : cases) EXPECT_NE(Of(c[0], c[1]), Verdict::kCorrect) << c[1];
  EXPECT_EQ(Of("6", "so we get __6__ for sure"), Verdict::kCorrect);
  EXPECT_EQ(Of("12", "It costs $5 + $7 = $12$"), Verdict::kCorrect);
  EXPECT_EQ(Of("\\$12", "It costs $5, so the answer is $12$"), Verdict::kCorrect);
  EXPECT_EQ(Of("3.5 m/s", "It moves at 3.5\\,\\mathrm{m}/\\mathrm{s} here, as asked."), Verdict::kCorrect);
  EXPECT_EQ(Of("5 \\text{ N}", "\\boxed{(5 \\text{ N}, not 5 \\text{ mg})}"), Verdict::kCorrect);
  EXPECT_EQ(Of("\\angle A", "The largest is \\angle A."), Verdict::kCorrect);
}

TEST(AnswerSound, TwelveIsNeitherNoonNorMidnight) {
  for (const char* gold : {"noon", "midnight", "12:00 \\text{ p.m.}", "12\\text{ a.m.}"}) EXPECT_NE(Of(gold, "12"), Verdict::kCorrect) << gold;
  for (const char* noon : {"12 p.m.", "12:00", "noon", "12\\text{ noon}"}) EXPECT_EQ(Of("noon", noon), Verdict::kCorrect) << noon;
  EXPECT_EQ(Of("5 p.m.", "5"), Verdict::kCorrect);
}

TEST(AnswerSound, ThoughtsAreNoAnswer) {
  EXPECT_EQ(Of("5", "<think>It is \\boxed{5}.</think>"), Verdict::kUnparsed);
  EXPECT_EQ(Of("5", "<think>It is \\boxed{5}."), Verdict::kUnparsed);
  EXPECT_EQ(Of("5", "It is \\boxed{5}.</think>"), Verdict::kUnparsed);
  EXPECT_EQ(Of("5", "It is \\boxed{5}.</think>So \\boxed{6}"), Verdict::kWrong);
  EXPECT_EQ(Of("6", "It is \\boxed{5}.</think>So \\boxed{6}"), Verdict::kCorrect);
}

TEST(AnswerSound, AUnitIsKnownOrAWordOfTheQuestion) {
  EXPECT_EQ(Of("5", "\\boxed{5 \\text{ apples}}"), Verdict::kCorrect);
  EXPECT_EQ(Of("5", "\\boxed{5 \\text{ cm}}"), Verdict::kCorrect);
  EXPECT_EQ(Of("5", "\\boxed{5 \\text{ zorgs}}"), Verdict::kWrong);
  EXPECT_EQ(Of("5", "\\boxed{5 \\text{ zorgs}}", "How many zorgs are there?"), Verdict::kCorrect);
  EXPECT_EQ(Of("5\\text{ zorgs}", "\\boxed{5 \\text{ zorgs}}"), Verdict::kCorrect);
  EXPECT_EQ(Of("5", "\\boxed{5 \\text{ hours}}", "How many hours does it take?"), Verdict::kCorrect);
  EXPECT_EQ(Of("5", "\\boxed{5 \\text{ minutes}}", "How many hours does it take?"), Verdict::kWrong);
  EXPECT_EQ(Of("7", "\\boxed{7 \\text{ dozen}}", "How many dozens of eggs?"), Verdict::kCorrect);
  EXPECT_EQ(Of("7", "\\boxed{7 \\text{ dozen}}", "How many eggs?"), Verdict::kWrong);
}

TEST(AnswerSound, UnitsAreProductsPowersAndGreekLetters) {
  EXPECT_EQ(Of("9.8 m/s^2", "\\boxed{9.8 \\, \\mathrm{m} \\cdot \\mathrm{s}^{-2}}"), Verdict::kCorrect);
  EXPECT_EQ(Of("9.8\\text{ m/s}^2", "9.8 m s^-2"), Verdict::kCorrect);
  EXPECT_EQ(Of("9.8\\text{ m/s}^2", "\\SI{9.8}{\\meter\\per\\second\\squared}"), Verdict::kCorrect);
  EXPECT_EQ(Of("9.8 m/s^2", "\\boxed{9.8 \\text{ m/s}}"), Verdict::kWrong);
  EXPECT_EQ(Of("2 µm", "\\boxed{2\\,\\mu\\text{m}}"), Verdict::kCorrect);
  EXPECT_EQ(Of("2 µm", "\\boxed{2 \\text{ mm}}"), Verdict::kWrong);
  EXPECT_EQ(Of("5 k\\Omega", "5000 \\Omega"), Verdict::kCorrect);
  EXPECT_EQ(Of("6\\text{ N}\\cdot\\text{m}", "6 J"), Verdict::kCorrect);
  EXPECT_EQ(Of("5", "\\boxed{\\qty{5}{m}}"), Verdict::kCorrect);
  EXPECT_EQ(Of("1024", "\\boxed{\\num{1024}}"), Verdict::kCorrect);
  EXPECT_EQ(Of("30^\\circ", "\\ang{30}"), Verdict::kCorrect);
}

TEST(AnswerSound, OneSpellingForWhatMeansTheSame) {
  for (const char* four : {"\\boxed{\u200b4}", "\\boxed{４}", "\\boxed{𝟒}", "\\boxed{٤}", "\\boxed{४}", "#### #### 4", "#### 4 ####", "\\boxed{\u20604\ufeff}", "答案是４。", "④"}) {
    EXPECT_EQ(Of("4", four), Verdict::kCorrect) << four;
    EXPECT_NE(Of("5", four), Verdict::kCorrect) << four;
  }
  for (const char* minus : {"\\boxed{﹣5}", "\\boxed{−5}", "\\boxed{－5}", "\\boxed{‐5}", "\\boxed{–5}"}) EXPECT_EQ(Of("-5", minus), Verdict::kCorrect) << minus;
  for (const char* thousand : {"1 000", "1\u202f000", "1\u2009000", "1'000", "1’000", "1,000", "1{,}000", "1\\,000", "1\u00a0000", "１，０００"}) {
    EXPECT_EQ(Of("1000", std::string("\\boxed{") + thousand + "}"), Verdict::kCorrect) << thousand;
  }
  EXPECT_EQ(Of("1234567", "12,34,567"), Verdict::kCorrect);
  EXPECT_EQ(Of("1234567", "1.234.567"), Verdict::kCorrect);
  EXPECT_EQ(Of("18446744073709551616", "\\boxed{18446744073709551616}"), Verdict::kCorrect);
  EXPECT_EQ(Of("x+1", "\\boxed{𝑥＋1}"), Verdict::kCorrect);
  EXPECT_EQ(Of("9:30 PM", "\\boxed{21{:}30}"), Verdict::kCorrect);
}

TEST(AnswerSound, SeveralChoicesInAnyWriting) {
  for (const char* all : {"\\boxed{A, B, D}", "\\boxed{ABD}", "A, B and D", "The correct options are A, B, and D.", "(A), (B), (D)", "\\boxed{\\text{A, B, D}}", "D, B, A"}) {
    EXPECT_EQ(Of("ABD", all), Verdict::kCorrect) << all;
    EXPECT_EQ(Of("A, B, D", all), Verdict::kCorrect) << all;
    for (const char* gold : {"A", "B", "D", "AB", "ABCD"}) EXPECT_NE(Of(gold, all), Verdict::kCorrect) << all << " for " << gold;
  }
  EXPECT_EQ(Of("BD", "The correct options are B and D."), Verdict::kCorrect);
  EXPECT_NE(Of("B", "The answer is not B."), Verdict::kCorrect);
  EXPECT_NE(Of("B", "B is incorrect."), Verdict::kCorrect);
  // A choice with its text is the letter; it is the text as well where the question offers choices.
  EXPECT_EQ(Of("A", "(A) 12"), Verdict::kCorrect);
  EXPECT_EQ(Of("12", "(A) 12"), Verdict::kWrong);
  EXPECT_EQ(Of("12", "(A) 12", "Which is it? (A) 12 (B) 13"), Verdict::kCorrect);
}

TEST(AnswerSound, WorkLeftUndoneIsAVerdictOfItsOwn) {
  const std::vector<std::vector<std::string>> cases = {
      {"72", "#### 48/2+48"}, {"26000", "\\boxed{513^2-487^2}"}, {"-30^\\circ", "\\boxed{\\arcsin(-\\frac12)}"}, {"4343_6", "\\boxed{999_{10}}"}, {"(5,\\infty)", "\\boxed{\\frac{1}{x-5}>0}"},
      {"120", "\\boxed{5!}"}, {"55", "\\boxed{\\sum_{k=1}^{10} k}"}, {"7", "\\boxed{\\sqrt{49}}"}, {"3", "\\boxed{\\gcd(12, 15)}"}, {"x = 3", "\\boxed{2x = 6}"}};
  for (const auto& c : cases) EXPECT_EQ(Of(c[0], c[1]), Verdict::kUnsimplified) << c[0] << " | " << c[1];
  // The question itself, boxed.
  EXPECT_EQ(Of("x^2+2x+1", "\\boxed{(x+1)^2}", "Expand $(x+1)^2$."), Verdict::kUnsimplified);
  EXPECT_EQ(Of("x^2+2x+1", "\\boxed{(1+x)^2}", "Expand $(x+1)^2$."), Verdict::kUnsimplified);
  EXPECT_EQ(Of("x^2+2x+1", "\\boxed{(x+1)^2}"), Verdict::kCorrect);
  EXPECT_EQ(Of("\\frac12", "\\boxed{0.5}", "Write $0.5$ as a fraction."), Verdict::kUnsimplified);
  EXPECT_EQ(Of("\\frac12", "\\boxed{0.5}"), Verdict::kCorrect);
}

TEST(AnswerSound, WhatIsFinishedIsPaid) {
  const std::vector<std::vector<std::string>> cases = {
      {"\\frac{\\sqrt3}{2}", "\\frac{\\sqrt3}{2}"}, {"2\\cdot3^4", "2\\cdot 3^4"}, {"2\\cdot3^4", "162"}, {"0.5", "\\frac{4}{8}"}, {"1000000", "10^6"}, {"300000", "3 \\times 10^5"},
      {"2\\sqrt3", "\\sqrt{12}"}, {"\\frac14", "25\\%"}, {"1000000", "1 million"}, {"45^\\circ", "\\frac\\pi4"}, {"x^2-1", "(x-1)(x+1)"}, {"7", "3 + 4 = 7"}, {"1 + \\log_2 5", "\\log_2 10"},
      {"(x-1)^2+y^2=9", "(x-1)^2+y^2=3^2"}};
  for (const auto& c : cases) EXPECT_EQ(Of(c[0], "\\boxed{" + c[1] + "}"), Verdict::kCorrect) << c[0] << " | " << c[1];
}

TEST(AnswerSound, ReadsTheWordsThatASentenceComesTo) {
  EXPECT_EQ(Of("\\text{even}", "The function is even."), Verdict::kCorrect);
  EXPECT_EQ(Of("\\text{ellipse}", "So $x^2 + 4y^2 = 4$. The graph is **an ellipse**."), Verdict::kCorrect);
  EXPECT_EQ(Of("\\text{Evelyn}", "Evelyn has the greatest speed."), Verdict::kCorrect);
  EXPECT_EQ(Of("\\text{March 10}", "The project ends on **10 March**."), Verdict::kCorrect);
  EXPECT_EQ(Of("\\text{No}", "No, since $91 = 7 \\cdot 13$."), Verdict::kCorrect);
  EXPECT_EQ(Of("5", "It will take Joy 5 hours to read 120 pages.", "How many hours will it take her to read 120 pages?"), Verdict::kCorrect);
  EXPECT_EQ(Of("72", "She sold 72 clips.\nI hope this helps!"), Verdict::kCorrect);
  for (const char* gold : {"20", "\\text{even}"}) EXPECT_FALSE(Of("20", "20 is even") == Verdict::kCorrect && Of("\\text{even}", "20 is even") == Verdict::kCorrect) << gold;
}

}  // namespace
}  // namespace pith
