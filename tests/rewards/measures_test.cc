#include "rewards/measures.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pith {
namespace {

TEST(Repetition, CountsTrigramsSeenBefore) {
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(Repetition(Ids{}), 0);
  EXPECT_EQ(Repetition(Ids{1, 1}), 0);                            // fewer than three
  EXPECT_EQ(Repetition(Ids{1, 2, 3, 4, 5}), 0);
  EXPECT_DOUBLE_EQ(Repetition(Ids{1, 1, 1, 1, 1}), 1 - 1.0 / 3);  // 111 three times
  EXPECT_DOUBLE_EQ(Repetition(Ids{1, 2, 3, 1, 2, 3}), 0.25);      // 123 231 312 123
  EXPECT_DOUBLE_EQ(Repetition(Ids{1, 2, 1, 2}, 2), 1 - 2.0 / 3);  // 12 21 12
  EXPECT_EQ(Repetition(Ids{-1, 0, 70000, -1, 0}), 0);
}

TEST(CloseEnd, IsTheEndOfTheThinkingOrOfTheFirstMarkedLine) {
  EXPECT_EQ(CloseEnd(""), -1);
  EXPECT_EQ(CloseEnd("so 4"), -1);
  EXPECT_EQ(CloseEnd("a</think>b"), 9);
  EXPECT_EQ(CloseEnd("#### 4\na</think>b</think>"), 16);          // the tag counts where there is one
  EXPECT_EQ(CloseEnd("x\n#### 4"), 8);
  EXPECT_EQ(CloseEnd("x\n#### 4\nmore\n#### 5"), 8);
  EXPECT_EQ(CloseEnd("####\n#### 4\n"), 11);                      // a mark without an answer closes nothing
  EXPECT_EQ(CloseEnd("####"), -1);
  EXPECT_EQ(CloseEnd("######"), -1);
}

TEST(TokensAfter, CountsWholeTokensBehindTheBorder) {
  const std::vector<std::string> tokens = {"ab", "c", "def", "", "g"};
  const auto bytes = [&](int64_t k) {
    int64_t n = 0;
    for (int64_t i = 0; i < k; ++i) n += static_cast<int64_t>(tokens[static_cast<size_t>(i)].size());
    return n;
  };
  EXPECT_EQ(TokensAfter(-1, 5, bytes), 0);
  EXPECT_EQ(TokensAfter(0, 5, bytes), 5);
  EXPECT_EQ(TokensAfter(2, 5, bytes), 4);
  EXPECT_EQ(TokensAfter(3, 5, bytes), 3);
  EXPECT_EQ(TokensAfter(4, 5, bytes), 2) << "the token across the border counts before it";
  EXPECT_EQ(TokensAfter(6, 5, bytes), 2);
  EXPECT_EQ(TokensAfter(7, 5, bytes), 0);
  EXPECT_EQ(TokensAfter(0, 0, bytes), 0);
}

}  // namespace
}  // namespace pith
