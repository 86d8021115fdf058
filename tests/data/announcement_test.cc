// A budget told at the beginning of the response, as tokens.
#include "data/text/announcement.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace pith {
namespace {

class Announcement : public ::testing::Test {
 protected:
  std::vector<int32_t> Ids(const std::string& text, int64_t budget) const { return AnnouncementIds(*tokenizer_, text, budget); }
  std::string Text(const std::string& text, int64_t budget) const { return tokenizer_->Decode(Ids(text, budget), /*with_control=*/true); }

  std::unique_ptr<Tokenizer> tokenizer_ = Tokenizer::Load(std::string(PITH_TEST_GOLDEN) + "/tiny-llama");
};

TEST_F(Announcement, IsEncodedByItselfWithTheBudgetInIt) {
  EXPECT_EQ(Ids("budget {budget}:", 120), tokenizer_->Encode("budget 120:"));
  EXPECT_EQ(Text("{budget} of {budget}, {budge}\n", 8), "8 of 8, {budge}\n");
  EXPECT_EQ(Ids("be brief:", 8), Ids("be brief:", 9));
}

TEST_F(Announcement, IsOfNoBudgetNothing) {
  EXPECT_TRUE(Ids("budget {budget}:", 0).empty());
  EXPECT_TRUE(Ids("", 120).empty());
}

// The text is the adapter's, as a closing text is: a tag of thoughts in it is that tag.
TEST_F(Announcement, ReadsSpecialTokensAndRefusesEnds) {
  const auto start = tokenizer_->FindToken("<|im_start|>");
  ASSERT_TRUE(start.has_value());
  EXPECT_EQ(Ids("{budget}<|im_start|>", 7).back(), *start);
  EXPECT_THROW(Ids("budget {budget}:<|im_end|>", 120), UserError);
}

}  // namespace
}  // namespace pith
