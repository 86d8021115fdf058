#include "base/error.h"

#include <gtest/gtest.h>

#include <locale>
#include <new>

namespace pith {
namespace {

TEST(RunProgram, TurnsUserErrorIntoOneLineAndExitCodeTwo) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunProgram("prog", []() -> int { ThrowUser("got ", 3, ", expected ", 4); }), 2);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "prog: got 3, expected 4\n");
}

TEST(RunProgram, OtherFailuresGiveOne) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunProgram("prog", []() -> int { throw std::bad_alloc(); }), 1);
  EXPECT_EQ(RunProgram("prog", []() -> int { throw std::runtime_error("boom"); }), 1);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "prog: out of memory\nprog: internal error: boom\n");
}

TEST(RunProgram, PassesTheExitCodeOn) { EXPECT_EQ(RunProgram("prog", [] { return 7; }), 7); }

// What files say about themselves stands in messages, and messages go to terminals.
TEST(UserError, ShowsNoControlCharactersAndNoBrokenText) {
  const std::string name("a\0b\x1b[2J\r\xff \xc3\xa4 \xe2\x80\xa6 \xc2\x9b \xed\xa0\x80 \xc3", 25);
  EXPECT_STREQ(UserError("tensor '" + name + "'\nline\ttwo").what(),
               "tensor 'a\\x00b\\x1b[2J\\x0d\\xff \xc3\xa4 \xe2\x80\xa6 \\xc2\\x9b \\xed\\xa0\\x80 \\xc3'\nline\ttwo");
}

TEST(UserError, IsShortHoweverLongTheNameInIt) {
  const std::string sentence = "tensor '" + std::string(10'000'000, 'x') + "' is absent; name another";
  const std::string shown = UserError(sentence).what();
  EXPECT_LT(shown.size(), 40'000u);
  EXPECT_TRUE(shown.starts_with("tensor 'xxx") && shown.ends_with("xxx' is absent; name another")) << shown.substr(0, 100);
  EXPECT_NE(shown.find("bytes left out"), std::string::npos);
}

// A program that pith is built into may have set another locale.
TEST(Str, WritesNumbersAlikeInEveryLocale) {
  struct Groups : std::numpunct<char> {
    std::string do_grouping() const override { return "\3"; }
    char do_thousands_sep() const override { return '.'; }
    char do_decimal_point() const override { return ','; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Groups));
  const std::string text = Str(49152, " ", 0.5, " ", uint64_t{1234567});
  std::locale::global(before);
  EXPECT_EQ(text, "49152 0.5 1234567");
}

TEST(CheckDeathTest, AbortsWithValuesAndPlace) {
  EXPECT_DEATH(PITH_CHECK_EQ(1 + 1, 3), "error_test.cc:[0-9]+: check failed: 1 \\+ 1 == 3: 2 vs 3");
  EXPECT_DEATH(PITH_CHECK(false, "rank ", 5), "check failed: false: rank 5");
}

}  // namespace
}  // namespace pith
