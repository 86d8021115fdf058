#include "base/number_rule.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace pith {
namespace {

template <class Call>
std::string Refusal(Call call) {
  try {
    call();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(NumberRule, TextsAreTakenWholeOrNotAtAll) {
  EXPECT_EQ(ParseNumber<int>("--n", "+12", Between(1, 12)), 12);
  EXPECT_EQ(ParseNumber<int64_t>("--n", "010", AnyNumber()), 10) << "no octal numbers";
  EXPECT_EQ(ParseNumber<int64_t>("--n", "-9223372036854775808", AnyNumber()), INT64_MIN);
  EXPECT_EQ(ParseNumber<uint64_t>("--n", "18446744073709551615", AnyNumber()), UINT64_MAX);
  EXPECT_EQ(ParseNumber<double>("--n", "2.5e-3", Above(0)), 0.0025);
  for (const char* text : {"", " 1", "1 ", "0x10", "1e3", "1.0", "+-1", "++1", "1,2", "4294967297", "99999999999999999999", "one"}) {
    EXPECT_EQ(Refusal([&] { ParseNumber<int>("--n", text, Between(1, 4096)); }), Str("--n: got '", text, "', expected an integer from 1 to 4096"));
  }
  for (const char* text : {"", "nan", "inf", "-inf", "1e999", "1e-999", "0x1p3", "1 ", "0"}) {
    EXPECT_EQ(Refusal([&] { ParseNumber<double>("--n", text, AboveUpTo(0, 1)); }), Str("--n: got '", text, "', expected a number more than 0 and at most 1"));
  }
  EXPECT_EQ(Refusal([] { ParseNumber<uint64_t>("--seed", "-1", AnyNumber()); }), "--seed: got '-1', expected an integer from 0 to 18446744073709551615");
}

TEST(NumberRule, ListsHaveAtLeastOneNumber) {
  EXPECT_EQ(ParseNumbers<int32_t>("--ids", "1,+2,3", Between(0, 9)), (std::vector<int32_t>{1, 2, 3}));
  for (const char* text : {"", ",", "1,", ",1", "1,,2", "1;2", "1,10"}) {
    EXPECT_NE(Refusal([&] { ParseNumbers<int32_t>("--ids", text, Between(0, 9)); }).find(", expected an integer from 0 to 9"), std::string::npos) << text;
  }
}

TEST(NumberRule, WordsReadAsASentence) {
  EXPECT_EQ(NumberWords<double>(AtLeast(0)), "a number of at least 0");
  EXPECT_EQ(NumberWords<double>(AnyNumber()), "a number");
  EXPECT_EQ(NumberWords<int>(Between(0, 1000000000)), "an integer from 0 to 1000000000");
  EXPECT_EQ(NumberWords<double>(FromBelow(0, 0.5)), "a number of at least 0 and less than 0.5");
}

}  // namespace
}  // namespace pith
