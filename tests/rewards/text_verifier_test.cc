// Answers that are judged as text.
#include "rewards/text_verifier.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "rewards/verifiers.h"

namespace pith {
namespace {

TEST(TextVerifier, ACopyIsTheText) {
  const std::string gold = "The old boat waits.";
  for (const char* same : {"The old boat waits.", " The old  boat\nwaits. ", "\"The old boat waits.\"", "“The old boat waits”.", "'The old boat waits'", "The old boat waits"}) {
    EXPECT_TRUE(IsCopy(same, gold)) << same;
  }
  for (const char* other : {"the old boat waits.", "The old boat waits..", "The old boat waits. The old boat waits.", "Sure: The old boat waits.", "The old boat", "", "#### 4", "\"The old boat waits."}) {
    EXPECT_FALSE(IsCopy(other, gold)) << other;
  }
  EXPECT_TRUE(IsCopy("THE BOAT", "THE BOAT"));
  EXPECT_FALSE(IsCopy("The Boat", "THE BOAT"));
}

TEST(TextVerifier, AMentionIsOfWholeWords) {
  EXPECT_TRUE(Mentions("The capital of France is Paris.", "Paris"));
  EXPECT_TRUE(Mentions("PARIS!", "paris"));
  EXPECT_TRUE(Mentions("It has 7 days.", "seven|7"));
  EXPECT_TRUE(Mentions("It's nice  to\nmeet you, Tom", "hello|nice to meet you"));
  EXPECT_FALSE(Mentions("Parisians", "Paris"));
  EXPECT_FALSE(Mentions("It has 17 days.", "seven|7"));
  EXPECT_FALSE(Mentions("Nice meeting you", "nice to meet you"));
  EXPECT_FALSE(Mentions("", "Paris"));
  EXPECT_FALSE(Mentions("anything", "")) << "nothing is mentioned by nobody";
  EXPECT_FALSE(Mentions("anything", "|"));
}

TEST(TextVerifier, ASpellingIsItsLetters) {
  for (const char* right : {"c-a-t", "C-A-T", "c a t", "c, a, t.", "\"C\" - \"A\" - \"T\""}) EXPECT_TRUE(Spells(right, "cat")) << right;
  for (const char* wrong : {"cat", "c-at", "c-a-t-s", "c-a", "", "k-a-t", "It is c-a-t", "c-a-t cat"}) EXPECT_FALSE(Spells(wrong, "cat")) << wrong;
  EXPECT_FALSE(Spells("", ""));
}

TEST(TextVerifier, IsAskedByTheKind) {
  Verifiers verifiers;
  for (const TextKind& kind : kTextKinds) verifiers.CheckKind(kind.name, "x");
  std::vector<Attempt> attempts(5);
  attempts[0].kind = "copy", attempts[0].gold = "A b.", attempts[0].response = "<think>A b? no</think>\n\nA b.";
  attempts[1].kind = "mention", attempts[1].gold = "b", attempts[1].response = "a c";
  attempts[2].kind = "spelling", attempts[2].gold = "ab", attempts[2].response = "a-b";
  attempts[3].kind = "mention", attempts[3].gold = "b", attempts[3].response = " ", attempts[3].ended_by = EndedBy::kWhole;
  attempts[4].kind = "math", attempts[4].gold = "4", attempts[4].response = "#### 4";
  const std::vector<Judgements> judged = verifiers.JudgeBoth(attempts);
  EXPECT_EQ(judged[0].strict.verdict, Verdict::kCorrect) << "thoughts do not count";
  EXPECT_EQ(judged[0].lenient.verdict, Verdict::kCorrect);
  EXPECT_EQ(judged[1].strict.verdict, Verdict::kWrong);
  EXPECT_EQ(judged[1].strict.extracted, "a c");
  EXPECT_EQ(judged[2].strict.verdict, Verdict::kCorrect);
  EXPECT_EQ(judged[2].strict.score, 1);
  EXPECT_EQ(judged[3].strict.verdict, Verdict::kCut);
  EXPECT_EQ(judged[4].strict.verdict, Verdict::kCorrect);
  // The same texts under another kind are judged anew.
  attempts[1].kind = "copy";
  attempts[1].gold = attempts[1].response;
  EXPECT_EQ(verifiers.JudgeBoth(attempts)[1].strict.verdict, Verdict::kCorrect);
}

// A judge of the user's for such a kind, or for all kinds, comes first.
class AlwaysWrong : public Verifier {
 public:
  std::vector<Judgement> Judge(std::span<const Attempt> attempts) override { return std::vector<Judgement>(attempts.size(), Judgement{Verdict::kWrong, 0, "", ""}); }
  std::string Identity() const override { return "always wrong"; }
};

TEST(TextVerifier, MakesRoomForAJudgeOfTheUsers) {
  std::vector<Attempt> attempts(1);
  attempts[0].kind = "copy", attempts[0].gold = "a", attempts[0].response = "a";
  for (const std::vector<std::string>& kinds : {std::vector<std::string>{"copy"}, std::vector<std::string>{}}) {
    Verifiers verifiers;
    verifiers.Use(std::make_shared<AlwaysWrong>(), kinds);
    EXPECT_EQ(verifiers.Judge(attempts, MathReading::kStrict)[0].verdict, Verdict::kWrong);
  }
}

}  // namespace
}  // namespace pith
