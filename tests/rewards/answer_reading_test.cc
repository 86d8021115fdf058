// Rules of reading and of finished work, each with a response that is judged otherwise without it. They were found by leaving out one rule at a time.
#include <gtest/gtest.h>

#include <string>

#include "rewards/answers/answer.h"

namespace pith {
namespace {

Verdict Of(const std::string& gold, const std::string& response, const std::string& question = "") { return GradePrediction({gold, question}, response).verdict; }

TEST(AnswerReading, DoubtBeforeTheNumberAndAnotherBehindIt) {
  EXPECT_EQ(Of("5", "Maybe it is 5."), Verdict::kWrong);
  EXPECT_EQ(Of("5", "Perhaps the result is 5."), Verdict::kWrong);
  EXPECT_EQ(Of("5", "The number is 5 six."), Verdict::kWrong);
  EXPECT_EQ(Of("5", "The result is 5."), Verdict::kCorrect);
}

TEST(AnswerReading, TheUnitBehindANumberInProseIsReadWithIt) {
  EXPECT_EQ(Of("5 m", "It is 5 cm long."), Verdict::kWrong);
  EXPECT_EQ(Of("5 m", "It is 500 cm long."), Verdict::kCorrect);
  EXPECT_EQ(Of("5 m", "It is 5 m long."), Verdict::kCorrect);
}

TEST(AnswerReading, TwoDatesAreNoDate) {
  EXPECT_EQ(Of("\\text{March 12}", "It ends on March 12."), Verdict::kCorrect);
  for (const char* gold : {"\\text{March 10}", "\\text{March 12}"}) EXPECT_NE(Of(gold, "From March 10 it goes on to March 12."), Verdict::kCorrect) << gold;
}

TEST(AnswerReading, AnEmptyAnswerTagHoldsNothing) {
  EXPECT_EQ(Of("5", "The answer is 5. <answer></answer>"), Verdict::kCorrect);
  EXPECT_EQ(Of("5", "The answer is 6. <answer>5</answer>"), Verdict::kCorrect);
}

TEST(AnswerReading, BoxesAreReadTogetherWhereSeveralAnswersAreAskedFor) {
  const std::string apart = "The first case gives \\boxed{1}.\n\nThe second case gives \\boxed{2}.";
  EXPECT_EQ(Of("1, 2", apart), Verdict::kCorrect);
  EXPECT_EQ(Of("1, 3", apart), Verdict::kWrong);
  EXPECT_EQ(Of("2", apart), Verdict::kCorrect) << "one is asked for: the last";
  EXPECT_EQ(Of("1", apart), Verdict::kWrong);
  EXPECT_EQ(Of("1, 2, 3, 4", "First \\boxed{1, 2}. Then \\boxed{3, 4}."), Verdict::kWrong) << "boxes that each hold several";
}

TEST(AnswerReading, WhatALineSaysOfItsMathematics) {
  EXPECT_EQ(Of("\\text{even}", "The number 20 is even."), Verdict::kCorrect);
  EXPECT_EQ(Of("20", "The number 20 is even."), Verdict::kUnparsed);
  EXPECT_EQ(Of("10", "So 10 are needed."), Verdict::kCorrect);
}

TEST(AnswerReading, WordsInPassingAreNoAnswerToAQuestionOfMathematics) {
  EXPECT_EQ(Of("5", "The function is even."), Verdict::kUnparsed);
  EXPECT_EQ(Of("5", "\\boxed{\\text{even}}"), Verdict::kWrong) << "what is marked is an answer";
  EXPECT_EQ(Of("\\text{odd}", "The function is even."), Verdict::kWrong);
}

TEST(AnswerReading, AChoiceInLowerCaseWhereTheQuestionOffersChoices) {
  EXPECT_EQ(Of("C", "\\boxed{(c) 17}", "Which is it? (A) 15 (B) 16 (C) 17"), Verdict::kCorrect);
  EXPECT_EQ(Of("B", "\\boxed{(c) 17}", "Which is it? (A) 15 (B) 16 (C) 17"), Verdict::kWrong);
  EXPECT_EQ(Of("C", "\\boxed{(c) 17}"), Verdict::kWrong) << "none are offered";
}

TEST(AnswerReading, TwoNumbersOfTheThingThatIsAskedForAreNone) {
  const std::string question = "How many hours does he work?";
  EXPECT_EQ(Of("6", "He works 6 hours on each of the next 2 days.", question), Verdict::kCorrect);
  EXPECT_NE(Of("6", "He works 5 hours on day one, then 6 hours on the next 2 days.", question), Verdict::kCorrect);
}

TEST(AnswerReading, AFactorialIsMoreWorkThanAProduct) {
  EXPECT_EQ(Of("4 \\cdot 6", "\\boxed{4!}"), Verdict::kUnsimplified);
  EXPECT_EQ(Of("\\sqrt{2 \\cdot 3}", "\\boxed{\\sqrt{3!}}"), Verdict::kUnsimplified);
  EXPECT_EQ(Of("4 \\cdot 6", "\\boxed{3 \\cdot 8}"), Verdict::kCorrect);
}

TEST(AnswerReading, RootsThatComeToANumberAreToBeWorkedOut) {
  EXPECT_EQ(Of("1", "\\boxed{\\sqrt{3+2\\sqrt2}-\\sqrt2}"), Verdict::kUnsimplified);
  EXPECT_EQ(Of("1+\\sqrt2", "\\boxed{\\sqrt{3+2\\sqrt2}}"), Verdict::kCorrect);
}

TEST(AnswerReading, AnExpressionThatIsDefinedAtOnePointIsNoNumber) {
  EXPECT_EQ(Of("2", "\\boxed{(\\frac{x+1}{x-1})!}"), Verdict::kWrong);
}

TEST(AnswerReading, AnEquationIsTheValueOfWhatTheQuestionNames) {
  EXPECT_EQ(Of("25", "\\boxed{x^2+y^2 = 25}", "Find $x^2+y^2$."), Verdict::kCorrect);
  EXPECT_EQ(Of("25", "\\boxed{x^2+y^2 = 25}", "Find $x+y$."), Verdict::kWrong);
}

TEST(AnswerReading, AChoiceIsNotWhatStandsBehindIt) {
  EXPECT_EQ(Of("x", "\\boxed{(B) x}"), Verdict::kWrong);
  EXPECT_EQ(Of("\\textbf{(B)}\\ x", "\\boxed{x}"), Verdict::kCorrect) << "where the gold answer says both";
}

TEST(AnswerReading, WhatStandsInTheQuestionMayBeItsAnswer) {
  EXPECT_EQ(Of("x^2-1", "\\boxed{(x-1)(x+1)}", "Which of $x^2-1$ and $(x-1)(x+1)$ is it?"), Verdict::kCorrect) << "the gold answer stands there too";
  EXPECT_EQ(Of("x^2-1", "\\boxed{(x-1)(x+1)}", "Expand $(x-1)(x+1)$."), Verdict::kUnsimplified);
  EXPECT_EQ(Of("0.50", "\\boxed{0.5}", "What is $0.5$ to the power of $1$?"), Verdict::kCorrect) << "a number in the gold answer's form";
  EXPECT_EQ(Of("\\frac{1}{2}", "\\boxed{0.5}", "What is $0.5$ as a fraction?"), Verdict::kUnsimplified);
}

TEST(AnswerReading, AnExponentialFormIsMetByATrigonometricOne) {
  EXPECT_EQ(Of("e^{i\\pi/5}", "\\boxed{\\cos\\frac\\pi5+i\\sin\\frac\\pi5}"), Verdict::kCorrect);
  EXPECT_EQ(Of("2e^{i\\pi/7}", "\\boxed{2\\operatorname{cis}\\frac\\pi7}"), Verdict::kCorrect);
}

}  // namespace
}  // namespace pith
