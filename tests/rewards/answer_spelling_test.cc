// Characters of Unicode that mean ASCII ones, or nothing (rewards/answers/normal_text.h): one answer each that cannot be read without them.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "rewards/answers/answer.h"

namespace pith {
namespace {

Verdict Of(const std::string& gold, const std::string& response) { return GradePrediction(gold, response).verdict; }

std::vector<std::string> Characters(std::string_view text) {
  std::vector<std::string> all;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0) == 0x80) all.back() += c;
    else all.emplace_back(1, c);
  }
  return all;
}

// The fours of Unicode 15's category Nd, in order.
TEST(AnswerSpelling, DigitsOfEveryScript) {
  const auto fours = Characters("٤۴߄४৪੪૪୪௪౪೪൪෪๔໔༤၄႔៤᠔᥊᧔᪄᪔᭔᮴᱄᱔꘤꣔꤄꧔꧴꩔꯴４𐒤𐴴𑁪𑃴𑄺𑇔𑋴𑑔𑓔𑙔𑛄𑜴𑣤𑥔𑱔𑵔𑶤𑽔𖩤𖫄𖭔𝟒𝟜𝟦𝟰𝟺𞅄𞋴𞓴𞥔🯴");
  EXPECT_EQ(fours.size(), 67u);
  for (const std::string& four : fours) {
    EXPECT_EQ(Of("144", "\\boxed{1" + four + four + "}"), Verdict::kCorrect) << four;
    EXPECT_EQ(Of("145", "\\boxed{1" + four + four + "}"), Verdict::kWrong) << four;
  }
}

TEST(AnswerSpelling, InvisibleCharactersAreNothing) {
  for (const char* nothing : {"\u00ad", "\u034f", "\u061c", "\u115f", "\u17b4", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202e", "\u2060", "\u2063", "\u2066",
                              "\u2069", "\ufe00", "\ufe0f", "\ufeff", "\U000e0100"}) {
    EXPECT_EQ(Of("12", std::string("\\boxed{1") + nothing + "2" + nothing + "}"), Verdict::kCorrect) << static_cast<int>(static_cast<unsigned char>(nothing[2]));
  }
}

TEST(AnswerSpelling, EverySpacePartsThousands) {
  for (const char* space : {"\u00a0", "\u1680", "\u2000", "\u2001", "\u2002", "\u2003", "\u2004", "\u2005", "\u2006", "\u2007", "\u2008", "\u2009", "\u200a", "\u202f", "\u205f", "\u3000"}) {
    EXPECT_EQ(Of("12000", std::string("\\boxed{12") + space + "000}"), Verdict::kCorrect) << static_cast<int>(static_cast<unsigned char>(space[2]));
  }
}

TEST(AnswerSpelling, LettersOfMathematicalAlphabets) {
  for (const char* answer : {"2𝜋", "2𝛑", "2𝝿", "2π"}) EXPECT_EQ(Of("2\\pi", std::string("\\boxed{") + answer + "}"), Verdict::kCorrect) << answer;
  for (const char* answer : {"𝑎+𝑏", "𝐚+𝐛", "𝗮＋𝗯"}) EXPECT_EQ(Of("a+b", std::string("\\boxed{") + answer + "}"), Verdict::kCorrect) << answer;
  for (const char* answer : {"Ⓒ", "🄒", "Ｃ", "（Ｃ）", "𝐂"}) EXPECT_EQ(Of("C", std::string("\\boxed{") + answer + "}"), Verdict::kCorrect) << answer;
  EXPECT_EQ(Of("(12)", "\\boxed{⑿}"), Verdict::kCorrect);
}

}  // namespace
}  // namespace pith
