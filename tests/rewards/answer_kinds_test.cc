// Answers by kind: what a careful examiner accepts and refuses. Written by hand; the generated forms are in answer_forms_test.cc.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "rewards/answers/answer.h"

namespace pith {
namespace {

struct Case {
  std::string gold;
  std::vector<std::string> same, different;
};

void Check(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    EXPECT_EQ(GradePrediction(c.gold, c.gold).verdict, Verdict::kCorrect) << c.gold;
    for (const std::string& answer : c.same) {
      const Verdict verdict = GradePrediction(c.gold, answer).verdict;  // of the same value; work may be left in it
      EXPECT_TRUE(verdict == Verdict::kCorrect || verdict == Verdict::kUnsimplified) << VerdictName(verdict) << "  " << c.gold << "  |  " << answer;
    }
    for (const std::string& answer : c.different) EXPECT_EQ(GradePrediction(c.gold, answer).verdict, Verdict::kWrong) << c.gold << "  |  " << answer;
  }
}

// What other graders are known to get wrong.
TEST(AnswerKinds, PublishedMistakesOfOthers) {
  Check({
      {"4", {"2^2", "\\sqrt{16}"}, {"4\\sqrt{2}", "4\\pi", "4x", "4i", "4!", "4^2", "\\sqrt{4}"}},
      {"2", {}, {"4\\sqrt{2}", "\\frac{\\sqrt{3}}{2}", "x^2", "so the area is 4\\sqrt{2}."}},
      {"\\frac{1}{2004!}", {"1/2004!", "(2004!)^{-1}"}, {"\\frac{1}{2006!}", "\\frac{1}{2003!}", "0"}},
      {"2, 3, 5", {"5, 3, 2", "2, 3 and 5", "2,3 or 5"}, {"2, 3", "2", "5", "2, 3, 5, 7", "2, 3, 6", "2, 2, 3, 5"}},
      {"x^2 + y^2 - 4 = 0", {"x^2 + y^2 = 4", "4 = y^2 + x^2"}, {"x + y = 0", "x^2 - y^2 - 4 = 0", "x^2+y^2=0", "0", "4"}},
      {"x^2+1=0", {"2x^2+2=0"}, {"y-3=0", "x^2-1=0", "x+1=0"}},
      {"-\\frac{3}{4}", {"-0.75", "\\frac{-3}{4}", "\\frac{3}{-4}"}, {"\\frac{3}{4}", "-\\frac{4}{3}", "\\frac{-3}{-4}"}},
      {"-x+1", {"1-x", "-(x-1)"}, {"x+1", "x-1", "-x-1"}},
      {"(-1, 2)", {"\\left(-1,2\\right)"}, {"(1,2)", "(-1,-2)", "(2,-1)"}},
  });
}

TEST(AnswerKinds, Numbers) {
  Check({
      {"12", {"12", "12.0", "+12", "$12$", "\\boxed{12}", "**12**", "12.", "24/2", "3 \\cdot 4", "10+2"}, {"-12", "1.2", "13", "12x", "1 2"}},
      {"0.75", {"3/4", "\\frac34", "\\frac{3}{4}", "\\dfrac 34", "\\tfrac{3}4", ".75", "75%", "75\\%", "¾", "6/8"}, {"0.76", "4/3", "7.5", "75"}},
      {"3\\frac{1}{2}", {"7/2", "3.5", "3 1/2", "3\\tfrac12", "3½", "\\frac{7}{2}"}, {"3/2", "3\\cdot\\frac12", "31/2", "-3\\frac12"}},
      {"-2\\frac{1}{3}", {"-7/3", "-2 1/3"}, {"-5/3", "7/3"}},
      {"50\\%", {"0.5", "1/2", "50", "50%", "50 percent", "\\frac12"}, {"5", "500", "0.05", "5%"}},
      {"66\\frac{2}{3}\\%", {"\\frac{2}{3}", "\\frac{200}{3}\\%"}, {"66\\%", "2/5"}},
      {"12,345", {"12345", "12{,}345", "12,\\!345", "12\\,345", "1.2345\\times 10^4", "12345.00"}, {"12.345", "12,346", "12, 346"}},
      {"120000", {"1.2\\times10^5", "1.2 \\cdot 10^{5}", "1.2e5", "1.2 x 10^5", "120{,}000", "120 thousand"}, {"1.2\\times10^4", "1.2\\times10^{-5}"}},
      {"0.00032", {"3.2 \\times 10^{-4}", "3.2e-4"}, {"3.2\\times 10^{4}", "3.2 \\times 10^{-3}"}},
      {"\\frac{1}{3}", {"0.\\overline{3}", "0.333...", "0.333\\ldots", "2/6"}, {"0.33", "0.3", "0.333333"}},
      {"0.1\\overline{6}", {"1/6", "\\frac{1}{6}", "0.1666..."}, {"0.16", "0.17"}},
      {"10^{100}", {"10^{50} \\cdot 10^{50}", "(10^{10})^{10}"}, {"10^{101}", "10^{99}", "10^{100}+1"}},
  });
}

TEST(AnswerKinds, RealExpressions) {
  Check({
      {"3\\sqrt{2}", {"\\sqrt{18}", "\\frac{6}{\\sqrt2}", "3 \\cdot 2^{1/2}", "3*sqrt(2)", "3√2", "\\sqrt 2 \\cdot 3"}, {"2\\sqrt{3}", "-3\\sqrt2", "\\sqrt{17}", "4.2426"}},
      {"\\sqrt[3]{16}", {"2\\sqrt[3]{2}", "16^{1/3}", "2^{4/3}"}, {"\\sqrt{16}", "4"}},
      {"-2", {"\\sqrt[3]{-8}", "(-8)^{1/3}", "-\\sqrt{4}"}, {"2"}},
      {"\\sqrt{5+2\\sqrt6}", {"\\sqrt2+\\sqrt3"}, {"\\sqrt{5}+2\\sqrt{6}", "\\sqrt{2}+\\sqrt{5}"}},
      {"\\frac{1+\\sqrt{5}}{2}", {"\\frac{2}{\\sqrt5-1}", "(1+sqrt(5))/2", "\\frac12+\\frac{\\sqrt5}2"}, {"\\frac{1-\\sqrt5}{2}", "1+\\frac{\\sqrt5}{2}", "1.618"}},
      {"2\\pi", {"\\pi+\\pi", "2 pi", "2π", "\\frac{4\\pi}{2}"}, {"\\pi^2", "2", "6.28", "3\\pi", "-2\\pi"}},
      {"\\frac{\\pi}{6}", {"pi/6", "30 \\cdot \\frac{\\pi}{180}"}, {"\\frac{6}{\\pi}", "\\pi - 6"}},
      {"e^2", {"\\exp(2)", "e \\cdot e", "\\frac{1}{e^{-2}}"}, {"2e", "e^{-2}", "7.389"}},
      {"\\log_2 8", {"3", "\\log_2(8)", "\\frac{\\ln 8}{\\ln 2}", "\\log 1000"}, {"2", "\\log_8 2", "\\ln 8"}},
      {"\\ln 2", {"\\frac12\\ln 4", "-\\ln\\frac12", "\\log_e 2"}, {"\\log 2", "2\\ln 2"}},
      {"\\sin 30^\\circ", {"\\frac12", "0.5", "\\sin\\frac{\\pi}{6}", "\\cos 60^\\circ", "\\sin(30°)"}, {"\\sin 30", "\\cos 30^\\circ", "-\\frac12"}},
      {"\\frac{\\sqrt{3}}{2}", {"\\cos\\frac{\\pi}{6}", "\\sin 60^{\\circ}", "\\frac{3}{2\\sqrt3}"}, {"\\frac{\\sqrt2}{2}", "\\sqrt{\\frac32}"}},
      {"\\arctan 1", {"\\frac{\\pi}{4}", "\\tan^{-1} 1", "\\tan^{-1}(1)"}, {"\\frac{1}{\\tan 1}", "45"}},
      {"5!", {"120", "\\frac{6!}{6}", "5 \\cdot 4!"}, {"5", "24", "720"}},
      {"\\binom{5}{2}", {"10", "\\dbinom52", "\\frac{5!}{2!3!}", "\\binom{5}{3}", "{5 \\choose 2}"}, {"\\binom{5}{1}", "\\frac52", "20"}},
      {"\\lfloor \\sqrt{10} \\rfloor", {"3"}, {"4", "\\lceil \\sqrt{10} \\rceil", "\\sqrt{10}"}},
      {"|{-3}|", {"3", "\\left|-3\\right|", "|3|", "\\lvert -3 \\rvert"}, {"-3"}},
      {"17 \\bmod 5", {"2"}, {"3"}},
      {"\\gcd(12, 18)", {"6"}, {"36"}},
      {"\\begin{vmatrix} 1 & 2 \\\\ 3 & 4 \\end{vmatrix}", {"-2"}, {"2", "10"}},
  });
}

TEST(AnswerKinds, ComplexNumbersAndBases) {
  Check({
      {"3+4i", {"4i+3", "3 + 4i", "(2+i)^2", "3-(-4i)", "5e^{i\\arctan(4/3)}"}, {"3-4i", "4+3i", "7", "3+4", "-3+4i"}},
      {"\\frac{1}{5} + \\frac{3}{5}i", {"\\frac{1+3i}{5}", "0.2+0.6i", "\\frac{2}{1-3i}"}, {"\\frac{1-3i}{5}", "\\frac15+\\frac35"}},
      {"e^{i\\pi/3}", {"\\frac12+\\frac{\\sqrt3}{2}i", "\\operatorname{cis} 60^\\circ", "\\cos\\frac\\pi3+i\\sin\\frac\\pi3"}, {"e^{-i\\pi/3}"}},
      {"101_2", {"101_{2}", "5", "101", "101 (base 2)", "5_{10}", "12_3"}, {"101_3", "110_2", "6", "111"}},
      {"1A_{16}", {"26", "1A_{16}", "\\text{1A}_{16}"}, {"1B_{16}", "16"}},
      {"0.0011_{2}", {"\\frac{3}{16}", "0.0011_2"}, {"0.0011_3", "0.011_2"}},
  });
}

TEST(AnswerKinds, EquationsAndAlgebra) {
  Check({
      {"5", {"x = 5", "5 = x", "x=5.", "2+3=5", "n = 10/2 = 5"}, {"x = 6", "x = -5", "x > 5", "x \\ne 5"}},
      {"x = 5", {"5", "2x = 10", "x=\\frac{10}{2}"}, {"y = 5", "x = 6", "x = y"}},
      {"y = 2x+3", {"2x+3", "2x - y + 3 = 0", "y-3=2x", "f(x) = 2x+3", "y=3+2x"}, {"y=2x-3", "2x+y+3=0", "y = 3x+2", "3"}},
      {"x^2-5x+6", {"(x-2)(x-3)", "6 - 5x + x^2", "x(x-5)+6", "(3-x)(2-x)", "x^2 - 5x + 6"}, {"(x+2)(x+3)", "x^2-5x-6", "x^2+5x+6", "(x-2)(x-3)(x-1)"}},
      {"\\frac{x+1}{x-1}", {"1+\\frac{2}{x-1}", "\\frac{-x-1}{1-x}", "(x+1)/(x-1)"}, {"\\frac{x-1}{x+1}", "x+1/x-1"}},
      {"\\sqrt{x}", {"x^{1/2}", "\\frac{x}{\\sqrt{x}}"}, {"\\sqrt{2x}", "x", "x^2", "\\sqrt{-x}"}},
      {"|x|", {"\\sqrt{x^2}"}, {"x", "-x"}},
      {"\\sin 2x", {"2\\sin x\\cos x", "\\sin(2x)"}, {"2\\sin x", "\\sin^2 x"}},
      {"1-\\sin^2 \\theta", {"\\cos^2\\theta", "(\\cos\\theta)^2"}, {"\\cos\\theta", "\\sin^2\\theta"}},
      {"2^{n+1}", {"2 \\cdot 2^n"}, {"2^n+1", "2^{n-1}"}},
      {"x^{2004}-1", {"-1+x^{2004}"}, {"x^{2005}-1", "x^{2004}+1"}},
      {"f(2) < f(1) < f(4)", {"f(4) > f(1) > f(2)"}, {"f(1) < f(2) < f(4)"}},
      {"x_1+x_2", {"x_2 + x_1", "x_{1}+x_{2}"}, {"x_1+x_3", "x_1 - x_2"}},
      {"p - q", {"-q+p"}, {"q - p"}},
  });
}

TEST(AnswerKinds, CollectionsAndRegions) {
  Check({
      {"\\{1, 2, 3\\}", {"\\{3,2,1\\}", "1, 2, 3", "\\left\\{1,2,3\\right\\}", "{1,2,3}", "\\{1,1,2,3\\}", "1,2 and 3"}, {"\\{1,2\\}", "\\{1,2,3,4\\}", "(1,2,3)", "\\{1,2,4\\}"}},
      {"(1, 2)", {"(1,2)", "\\left(\\frac22, 2.0\\right)", "1, 2", "x=1, y=2", "y = 2, x = 1", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"}, {"(2,1)", "[1,2]", "(1,2,0)", "\\{1,2\\}", "1", "(1,2]"}},
      {"3, -\\frac{1}{3}", {"-\\frac13, 3", "x = 3 or x = -1/3", "x=3, -\\frac{1}{3}", "\\{3,-1/3\\}"}, {"3, \\frac13", "3", "-1/3"}},
      {"[1,3)", {"1 \\le x < 3", "x \\in [1,3)", "3 > x \\geq 1", "x \\ge 1 and x < 3", "\\left[1,3\\right)"}, {"(1,3)", "[1,3]", "1<x<3", "(1,3]", "[1,4)"}},
      {"(-\\infty, 3)", {"x<3", "3>x", "-x > -3", "2x + 1 < 7", "(-\\infty,3)", "(-inf, 3)", "\\{x : x < 3\\}"}, {"x \\le 3", "x>3", "(-\\infty,3]", "(3,\\infty)"}},
      {"(-\\infty,1)\\cup(2,\\infty)", {"x<1 or x>2", "(2,\\infty) \\cup (-\\infty,1)", "(-inf,1) U (2,inf)", "\\mathbb{R}\\setminus[1,2]"}, {"(-\\infty,1]\\cup(2,\\infty)", "(1,2)", "x<1"}},
      {"(-\\infty,3)\\cup(3,\\infty)", {"x \\neq 3", "\\mathbb{R}\\setminus\\{3\\}", "\\mathbb{R} - \\{3\\}"}, {"x = 3", "\\mathbb{R}", "x \\ne -3"}},
      {"\\mathbb{R}", {"(-\\infty,\\infty)", "all real numbers", "\\text{all real numbers}"}, {"\\emptyset", "(0,\\infty)", "\\mathbb{Z}"}},
      {"\\emptyset", {"\\varnothing", "\\{\\}", "no solution"}, {"\\{0\\}", "0"}},
      {"\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", {"\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}", "[[1,2],[3,4]]", "\\begin{pmatrix} 2/2 & \\sqrt4 \\\\ 3 & 4 \\\\ \\end{pmatrix}"},
       {"\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}", "\\begin{pmatrix}1&2\\\\3&5\\end{pmatrix}", "(1,2,3,4)", "\\begin{pmatrix}1&2\\end{pmatrix}"}},
      {"\\begin{pmatrix} 1/2 \\\\ -3 \\end{pmatrix}", {"\\frac12\\begin{pmatrix}1\\\\-6\\end{pmatrix}", "(1/2,-3)", "\\langle \\frac12, -3 \\rangle"}, {"(-3,1/2)", "\\begin{pmatrix} 1/2 & -3 \\end{pmatrix}"}},
      {"\\pm 3", {"3, -3", "-3, 3", "x = \\pm 3", "3 or -3", "\\mp 3"}, {"3", "-3", "\\pm 2", "0, 3"}},
      {"1 \\pm \\sqrt{5}", {"1+\\sqrt5, 1-\\sqrt5", "\\{1-\\sqrt5, 1+\\sqrt5\\}", "1+\\sqrt5 \\text{ and } 1-\\sqrt5"}, {"1+\\sqrt5", "-1\\pm\\sqrt5", "1\\pm\\sqrt6"}},
      {"\\{1\\pm\\sqrt{5},-2\\}", {"-2, 1+\\sqrt5, 1-\\sqrt5"}, {"1\\pm\\sqrt5", "1\\pm\\sqrt5, 2"}},
  });
}

TEST(AnswerKinds, WordsChoicesTimesUnits) {
  Check({
      {"\\text{Friday}", {"Friday", "friday", "Friday.", "\\textbf{Friday}", "\\mathrm{Friday}"}, {"Monday", "5"}},
      {"\\text{even}", {"even", "Even"}, {"odd"}},
      {"(B)", {"B", "\\text{B}", "\\textbf{(B)}", "(B) 12", "B) 12", "B. 12", "\\text{(B)}"}, {"C", "(A)", "(C) 12"}},
      {"\\textbf{(B)}\\ 12", {"B", "12", "(B)"}, {"C", "13", "(C) 12"}},
      {"\\text{A,C}", {"A, C", "C, A", "A and C"}, {"A", "A, B", "A, B, C"}},
      {"12:30", {"12:30 p.m.", "12:30 PM", "12:30\\text{ p.m.}"}, {"12:31", "2:30", "12.30", "1:30"}},
      {"5:00 \\text{ p.m.}", {"5 p.m.", "5:00 PM", "17:00", "5pm", "5:00"}, {"5 a.m.", "6:00 p.m.", "5:00 AM"}},
      {"3:4", {"6:8", "3/4", "\\frac34", "3 : 4"}, {"4:3", "3:5"}},
      {"90^\\circ", {"90", "90°", "90 degrees", "90^{\\circ}", "\\frac{\\pi}{2}", "90\\text{ degrees}"}, {"91^\\circ", "9", "\\frac{\\pi}{3}", "-90^\\circ"}},
      {"5 \\text{ cm}", {"5", "5cm", "5 cm", "5\\,\\mathrm{cm}", "50 mm", "0.05 m", "5 centimeters"}, {"5 m", "6 cm", "5 kg", "5 cm^2"}},
      {"440\\text{ cm}^2", {"440", "440 square centimeters", "440\\ \\mathrm{cm}^2", "440 cm^2"}, {"440 cm", "44"}},
      {"\\$5.50", {"5.50", "5.5", "$5.50", "5.50 dollars", "550 cents", "\\$ 5.5", "$\\$5.50$"}, {"\\$5.05", "55", "€5.50"}},
      {"5", {"5 dollars", "5 \\text{ apples}", "5 miles per hour", "\\$5", "5^{\\text{th}}", "5th"}, {"5 dozen", "5 and 6"}},
      {"60 \\text{ miles per hour}", {"60 mph", "60", "60 miles/hour", "1 mile per minute"}, {"60 km/h", "61 mph"}},
      {"3 \\pmod{7}", {"3", "10 \\pmod 7", "x \\equiv 3 \\pmod{7}", "3 (mod 7)"}, {"4 \\pmod 7", "3 \\pmod 8"}},
      {"\\overline{CD}", {"$\\overline{CD}$"}, {"\\overline{AB}", "CD^2"}},
  });
}

TEST(AnswerKinds, FoundInResponses) {
  struct Found {
    std::string gold, response, extracted;
  };
  for (const Found& f : std::vector<Found>{
           {"2, 3", "Hence $x=\\boxed{2}$ or $x=\\boxed{3}$.", "2, 3"},
           {"(1,2)", "So $x = \\boxed{1}$ and $y = \\boxed{2}$", "1, 2"},
           {"\\frac{1}{2}", "Thus the value is $\\frac{1}{2}$.", "\\frac{1}{2}"},
           {"4\\sqrt{2}", "so the area is 4\\sqrt{2}.", "4\\sqrt{2}"},
           {"\\frac{\\sqrt{3}}{2}", "The answer is $\\frac{\\sqrt{3}}{2}$.", "$\\frac{\\sqrt{3}}{2}$"},
           {"\\frac{3}{4}", "\\boxed{\\text{The fraction is } \\boxed{\\dfrac{3}{4}}}", "\\dfrac{3}{4}"},
           {"C", "After all that, the answer is (C).", "(C)"},
           {"x+1", "We get \\[ y = x+1 \\] as wanted", "y = x+1"},
       }) {
    const Grade grade = GradePrediction(f.gold, f.response);
    EXPECT_EQ(grade.verdict, Verdict::kCorrect) << f.response << " gave " << grade.extracted;
    EXPECT_EQ(grade.extracted, f.extracted) << f.response;
  }
  EXPECT_EQ(GradePrediction("2", "Hence $x=\\boxed{2}$ or $x=\\boxed{3}$.").verdict, Verdict::kWrong);
  EXPECT_EQ(GradePrediction("3", "First \\boxed{2}. Then, after more work, \\boxed{3}.").verdict, Verdict::kCorrect);
  EXPECT_EQ(GradePrediction("5", "I do not know").verdict, Verdict::kUnparsed);
  EXPECT_EQ(GradePrediction("5", "").verdict, Verdict::kUnparsed);
}

// What fuzzing found, kept.
TEST(AnswerKinds, ReadsChoiceUponChoice) {
  EXPECT_EQ(JudgeAnswer("(C)", "(C) (C) 30"), Verdict::kCorrect);  // once read for ever
  std::string many;
  for (int i = 0; i < 400; ++i) many += "(C) ";
  EXPECT_EQ(JudgeAnswer("30", many + "30"), Verdict::kWrong);
  EXPECT_EQ(JudgeAnswer("(B)", "x = 4 \\implies (B) (C) 5"), Verdict::kCorrect);
}

// Huge numbers and deep nesting end as counted work.
TEST(AnswerKinds, IsBoundedWork) {
  for (const std::string huge : {"10^{10^{10}}", "1000000!", "((9!)!)!", "9^{9^{9^{9}}}", "e^{e^{e^{e^{e}}}}", "2^{-10^{12}}", "1e999999",
                                 "(10^{9000})^{9000}", "\\binom{100000}{50000}", "0.\\overline{0123456789}^{5000}", "x^{999999}-y^{999999}",
                                 "\\frac{1}{10^{-100000}}", "\\lfloor 10^{60000}/7 \\rfloor", "3^{3^{3^{3}}}!"}) {
    for (const std::string& other : {std::string("5"), huge + "+1", "\\sqrt{" + huge + "}", "\\{" + huge + "," + huge + "+1\\}"}) {
      EXPECT_NE(GradePrediction(other, huge).verdict, Verdict::kCorrect) << huge << " | " << other;
      EXPECT_NE(GradePrediction(huge, other).verdict, Verdict::kCorrect) << huge << " | " << other;
    }
    EXPECT_EQ(GradePrediction(huge, " " + huge).verdict, Verdict::kCorrect);
  }
  EXPECT_EQ(GradePrediction("10^{10^{10}}", "10^{10^{10}}+1").verdict, Verdict::kTimeout);
  EXPECT_EQ(GradePrediction("999999!", "\\frac{1000000!}{1000000}").verdict, Verdict::kCorrect);
  EXPECT_EQ(GradePrediction("1000000!", "999999!").verdict, Verdict::kWrong);
  for (const std::string unit : {"(", "{", "\\frac{", "\\sqrt{", "-", "2^", "\\text{", "|", "\\{", "[", "f(", "\\sin ", "\\pm ", "1,", "x^{", "\\log_"}) {
    std::string deep;
    while (deep.size() < 1900) deep += unit;
    GradePrediction("5", "\\boxed{" + deep + "5");
    AnswersEqual(deep, deep + "1");
    AnswersEqual(deep + "1", deep + "2");
  }
}

}  // namespace
}  // namespace pith
