#include "rewards/answers/answer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <fstream>
#include <random>
#include <string>
#include <vector>

namespace pith {
namespace {

// Of the same value; work may be left in it.
bool Accepts(std::string_view gold, std::string_view answer) {
  const Verdict verdict = JudgeAnswer(gold, answer);
  return verdict == Verdict::kCorrect || verdict == Verdict::kUnsimplified;
}

struct Extraction {
  std::string response, strict, lenient;  // "-": nothing
};

TEST(ExtractAnswer, TakesTheLastMarkElseTheStatementElseTheLastNumber) {
  const std::vector<Extraction> cases = {
      {"2 + 3 = 5\n#### 5", "5", "5"},
      {"#### 4\nNo, wait.\n####  1,234 \nDone", "1,234", "1,234"},
      {"so \\boxed{7}", "7", "7"},
      {"#### 6 then \\boxed{7}", "7", "7"},
      {"\\boxed{7}\n#### 6", "6", "6"},
      {"\\boxed{\\frac{1}{2}}", "\\frac{1}{2}", "\\frac{1}{2}"},
      {"\\boxed{\\{1, 2\\}} and {", "\\{1, 2\\}", "\\{1, 2\\}"},
      {"\\boxed{x = \\boxed{5}}", "5", "5"},
      {"\\boxed 5 ok", "5", "5"},
      {"\\boxed{3} and then \\boxed{4", "3", "3"},     // the second box was cut off
      {"the sum is 12\n####", "-", "12"},              // cut off behind the mark
      {"### 5 apples and ##### 6", "-", "6"},          // headings
      {"The answer is 12, since 5 is odd.", "-", "12"},
      {"The answer is 5 + 3 = 8 apples. 99", "-", "5 + 3 = 8 apples"},
      {"The answer is 5 + 3 = 8, I think. 99", "-", "8"},
      {"8-5", "-", "8-5"},
      {"**Answer:** 14", "-", "14"},
      {"The answer is $1,250.50.", "-", "$1,250.50"},
      {"It costs -$5", "-", "-$5"},
      {"8 - 5", "-", "8 - 5"},
      {"from 3 1/2", "-", "3 1/2"},
      {"half is \\frac{1}{2} of it", "-", "\\frac{1}{2}"},
      {"about 5% more", "-", "5%"},
      {"", "-", "-"},
      {"no idea", "-", "-"},
      {"\\boxed{}", "-", "-"},
  };
  for (const Extraction& c : cases) {
    EXPECT_EQ(ExtractAnswer(c.response, Reading::kStrict).value_or("-"), c.strict) << c.response;
    EXPECT_EQ(ExtractAnswer(c.response, Reading::kLenient).value_or("-"), c.lenient) << c.response;
  }
}

struct Pair {
  std::string gold, answer;
};

TEST(AnswersEqual, AcceptsWhatIsTheSameNumber) {
  const std::vector<Pair> cases = {
      {"12", "12"}, {"12", "12."}, {"12", "12.0"}, {"12", "012"}, {"12", "+12"}, {"1234", "1,234"}, {"1,234", "1234.00"},
      {"12", "$12"}, {"12", "$12$"}, {"12", "\\$12"}, {"12", "12 dollars"}, {"12", "€12"}, {"12", "USD 12"}, {"12", "12 apples."},
      {"12", "**12**"}, {"12", "x = 12"}, {"12", "7 + 5 = 12"}, {"-5", "\u22125"}, {"-5", "-$5"}, {"-5", "$-5"},
      {"0.5", "1/2"}, {"1/2", "\\frac{1}{2}"}, {"0.5", "\\dfrac12"}, {"3.5", "3 1/2"}, {"3.5", "3\\frac{1}{2}"},
      {"-3.5", "-3 1/2"}, {".25", "0.250"}, {"1/3", "2/6"}, {"0", "-0"},
      {"5", "5%"}, {"5", "500%"}, {"12", "twelve"}, {"5%", "5"}, {"5%", "0.05"}, {"0.05", "5%"}, {"5%", "5\\%"}, {"5%", "5 percent"}, {"0", "0%"},
      {"5000000", "5 million"}, {"10000", "10,\\!000"}, {"10000", "10{,}000"}, {"5", "5\\text{ cm}^2"}, {"60", "60^\\circ"}, {"60", "60 miles/hour"},
      {"123456789012345678901234567890", "123,456,789,012,345,678,901,234,567,890.0"},
      {"0.333333333333333333333333333333", "333333333333333333333333333333/1000000000000000000000000000000"},
  };
  for (const Pair& c : cases) EXPECT_TRUE(Accepts(c.gold, c.answer)) << c.gold << " vs " << c.answer;
}

TEST(AnswersEqual, RefusesWhatIsNot) {
  const std::vector<Pair> cases = {
      {"12", "-12"}, {"12", "13"}, {"12", "1.2"}, {"12", "12.0001"}, {"12", "12 or 13"}, {"12", "12, 13"}, {"1234", "1,23,4"},
      {"12", "112"}, {"12", ""}, {"", ""}, {"12", "12x"}, {"4", "4\\sqrt{2}"}, {"5", "5\\pi"}, {"5", "5 pi"}, {"5", "5i"}, {"5", "5 x"},
      {"12", "12 and a half"}, {"12", "12 thousand"}, {"2", "2 dozen"}, {"0.05", "0.05%"}, {"0.5", "50"}, {"5%", "500"},
      {"1/2", "1/3"}, {"1/2", "2/1"}, {"5", "5/0"}, {"3.5", "3 and 1/2 or"}, {"3", "3 4"}, {"31", "3 1"}, {"0", "x^2 + 1 = 0"},
      {"x^2+1=0", "y-3=0"}, {"12", "eleven"}, {"5 p.m.", "5 a.m."}, {"1/3", "0.3333"},
      {"123456789012345678901234567890", "123456789012345678901234567891"}, {"18446744073709551617", "1"},
      {"0.1000000000000000055511151231257827", "0.1"},
  };
  for (const Pair& c : cases) EXPECT_FALSE(Accepts(c.gold, c.answer)) << c.gold << " vs " << c.answer;
}

TEST(AnswersEqual, ComparesOtherAnswersAsText) {
  EXPECT_TRUE(Accepts("\\left( 3, \\frac{\\pi}{2} \\right)", "(3,\\frac{\\pi}{2})"));
  EXPECT_TRUE(Accepts("\\text{Evelyn}", "Evelyn"));
  EXPECT_TRUE(Accepts("Evelyn", "evelyn."));
  EXPECT_TRUE(Accepts("\\text{(A)}", "A"));
  EXPECT_TRUE(Accepts("p - q", "p-q"));
  EXPECT_TRUE(Accepts("\\frac{3\\sqrt{2}}{2}", "$\\dfrac{3\\sqrt{2}}{2}$"));
  EXPECT_FALSE(Accepts("p - q", "q-p"));
  EXPECT_FALSE(Accepts("x \\leftarrow y", "xarrow y"));
  EXPECT_FALSE(Accepts("(3,4)", "(3,5)"));
}

TEST(GradeResponse, TellsWrongFromUnparsed) {
  const std::string gold = "Two and two make <<2+2=4>>4.\n#### 4";
  EXPECT_EQ(GradeResponse(gold, "#### 4", Reading::kStrict).verdict, Verdict::kCorrect);
  EXPECT_EQ(GradeResponse(gold, "#### 5", Reading::kStrict).verdict, Verdict::kWrong);
  EXPECT_EQ(GradeResponse(gold, "#### 5", Reading::kStrict).extracted, "5");
  EXPECT_EQ(GradeResponse(gold, "it is 4", Reading::kStrict).verdict, Verdict::kUnparsed);
  EXPECT_EQ(GradeResponse(gold, "it is 4", Reading::kStrict).extracted, "");
  EXPECT_EQ(GradeResponse(gold, "it is 4", Reading::kLenient).verdict, Verdict::kCorrect);
  EXPECT_STREQ(VerdictName(Verdict::kUnparsed), "unparsed");
}

// A long response of any shape costs time in proportion to its length.
TEST(GradeResponse, IsLinearOnHostileText) {
  for (const std::string unit : {"\\boxed{", "#### ", "#", "{", "}", "$", "-", "1,", "1/", "9", "answer is ", "\\", "\\text{",
                                 "\\frac{1}{", "\u2212", " ", "= ", "(", "####\n", "\\boxed{1}", "1 1/2 ", "\xff", "."}) {
    std::string text;
    while (text.size() < 400000) text += unit;
    const std::clock_t start = std::clock();  // of the processor, which other work does not slow down
    GradeResponse(text, text, Reading::kLenient);
    GradeResponse("5", "#### " + text, Reading::kStrict);
    AnswersEqual(text, text + "1");
    const double seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
    // Linear work takes milliseconds here, quadratic work minutes.
    EXPECT_LT(seconds, 10) << unit;
  }
}

TEST(GradeResponse, SurvivesRandomText) {
  std::mt19937 random(7);
  const std::vector<std::string> pieces = {"\\boxed{", "####", " ", "}", "{", "5", "12", ",", ".", "/", "-", "$", "%", "\\frac",
                                           "answer is", "=", "\n", "\\", "x", "\u2212", "\\text{", "million", std::string(1, '\0'), "\xe2"};
  for (int round = 0; round < 20000; ++round) {
    std::string a, b;
    for (int i = 0; i < 12; ++i) {
      a += pieces[random() % pieces.size()];
      b += pieces[random() % pieces.size()];
    }
    for (Reading reading : {Reading::kStrict, Reading::kLenient}) {
      const Grade grade = GradeResponse(a, b, reading);
      EXPECT_EQ(grade.verdict == Verdict::kUnparsed, grade.extracted.empty()) << b;
    }
    EXPECT_EQ(AnswersEqual(a, b), AnswersEqual(a, " " + b + " "));
  }
}

// The gold answer at the end of each GSM8K line, without a JSON reader: the text behind the last "#### ".
std::vector<std::string> Gsm8kGolds(const std::string& file) {
  std::vector<std::string> golds;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const size_t mark = line.rfind("#### ");
    golds.push_back(line.substr(mark + 5, line.find('"', mark) - mark - 5));
  }
  return golds;
}

TEST(GradeResponse, JudgesGsm8kGolds) {
  const char* data = std::getenv("PITH_DATA");
  if (data == nullptr) GTEST_SKIP() << "PITH_DATA names no folder with the published data sets";
  std::vector<std::string> golds = Gsm8kGolds(std::string(data) + "/gsm8k/test.jsonl");
  ASSERT_EQ(golds.size(), 1319u);
  for (const std::string& gold : golds) {
    std::string plain = gold;
    std::erase(plain, ',');
    std::string grouped = plain;
    const size_t start = grouped[0] == '-' ? 1 : 0;
    if (grouped.find('.') == std::string::npos) {
      for (size_t i = grouped.size(); i > start + 3; i -= 3) grouped.insert(i - 3, ",");
    }
    const std::string rational = plain.find('.') == std::string::npos ? plain + "/1" : plain;
    const std::string full_gold = "Some work: 3 * 4 = <<3*4=12>>12.\\n\n#### " + gold;
    for (const std::string& form : {gold, plain, grouped, rational, "$" + plain, plain + " apples", plain + ".", "\\$" + plain,
                                    plain + (plain.find('.') == std::string::npos ? ".00" : "0"), "$" + plain + "$", "x = " + plain,
                                    "**" + plain + "**", plain + "%"}) {
      // A bare gold below 1 is a share, not so many percent.
      if (form.back() == '%' && plain.starts_with("0.")) continue;
      const Verdict finished = form.ends_with("/1") ? Verdict::kUnsimplified : Verdict::kCorrect;
      EXPECT_EQ(GradeResponse(full_gold, "work 99\n#### " + form, Reading::kStrict).verdict, finished) << gold << " " << form;
      EXPECT_EQ(GradeResponse(gold, "work \\boxed{" + form + "}.", Reading::kStrict).verdict, finished) << gold << " " << form;
    }
    EXPECT_EQ(GradeResponse(gold, "With 99 first, the answer is " + plain + ".", Reading::kLenient).verdict, Verdict::kCorrect) << gold;
    EXPECT_EQ(GradeResponse(gold, "99 is wrong; so there are " + plain + " of them.", Reading::kLenient).verdict, Verdict::kCorrect) << gold;
    for (const std::string& form : {plain + "1", "1" + plain, plain + ".1", plain + "/7", plain + " or 3.5", plain + " million",
                                    plain[0] == '-' ? plain.substr(1) : std::string("-").append(plain), plain + "e", plain + " 5"}) {
      if (plain == "0" || plain.find('.') != std::string::npos) continue;
      EXPECT_EQ(GradeResponse(full_gold, "#### " + form, Reading::kStrict).verdict, Verdict::kWrong) << gold << " " << form;
    }
  }
}

}  // namespace
}  // namespace pith
