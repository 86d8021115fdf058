// Votes of chains: majority, and weighted by scores.
#include "runtime/session/vote.h"

#include <gtest/gtest.h>

#include "base/rng.h"

namespace pith {
namespace {

std::string Said(const std::string& answer) { return "so it is\n#### " + answer; }

TEST(Vote, MajorityCountsChains) {
  Vote vote(5);
  vote.Add(3, Said("7"), 0.9);
  vote.Add(1, Said("0.5"), 0.01);
  vote.Add(4, Said("1/2"), 0.01);
  vote.Add(0, "I do not know");
  EXPECT_FALSE(vote.Decided());
  const Vote::Result winner = vote.Winner();
  EXPECT_EQ(winner.answer, "0.5");
  EXPECT_EQ(winner.chain, 1u);
  EXPECT_EQ(winner.votes, 2u);
  EXPECT_EQ(winner.weight, 2.0);
  EXPECT_EQ(winner.voters, 3u);
}

TEST(Vote, WeightedCountsScores) {
  Vote vote(4, VoteKind::kWeighted);
  vote.Add(0, Said("8"), 0.2);
  vote.Add(1, Said("8"), 0.3);
  vote.Add(2, Said("9"), 0.6);
  vote.Add(3, "nothing", 1.0);
  const Vote::Result winner = vote.Winner();
  EXPECT_EQ(winner.answer, "9");
  EXPECT_DOUBLE_EQ(winner.weight, 0.6);
  EXPECT_DOUBLE_EQ(winner.all_weight, 1.1);
  EXPECT_EQ(winner.votes, 1u);
  Vote even(3, VoteKind::kWeighted);
  even.Add(0, Said("8"), 0.1);
  even.Add(1, Said("8"), 0.5);
  even.Add(2, Said("9"), 0.5);
  EXPECT_EQ(even.Winner().answer, "8");
  EXPECT_EQ(even.Winner().chain, 1u) << "the best of those that give it";
  Vote none(2, VoteKind::kWeighted);
  none.Add(0, Said("3"), 0);
  none.Add(1, "?", 0.5);
  EXPECT_EQ(none.Winner().answer, "3") << "a score of 0 is a vote still, where there is no other";
}

// No way to go on changes the answer of a vote that is decided; of one that is not, some way does.
TEST(Vote, IsDecidedExactlyWhereNothingCanChangeIt) {
  Rng rng(12);
  int decided = 0, open = 0;
  for (int round = 0; round < 4000; ++round) {
    const auto chains = static_cast<size_t>(rng.Int(2, 7)), known = static_cast<size_t>(rng.Int(1, static_cast<int>(chains)));
    for (const VoteKind kind : {VoteKind::kMajority, VoteKind::kWeighted}) {
      Vote vote(chains, kind);
      for (size_t i = 0; i < known; ++i) vote.AddAnswer(chains - 1 - i, std::to_string(rng.Int(1, 3)), 0.05 * static_cast<double>(rng.Int(0, 20)));
      const std::string winner = vote.Winner().answer;
      bool changes = false;
      for (const char* rival : {"1", "2", "3"}) {  // all that are left speak for one: the most that can be done
        Vote whole = vote;
        for (size_t i = 0; i + known < chains; ++i) whole.AddAnswer(i, rival, 1.0);
        changes |= whole.Winner().answer != winner;
      }
      if (vote.Decided()) {
        EXPECT_FALSE(changes);
        ++decided;
      } else if (!changes) {
        // Even votes, which the numbers of chains would settle: it waits for them.
        ++open;
      }
    }
  }
  EXPECT_GT(decided, 1500);
  EXPECT_LT(open, 600);
}

}  // namespace
}  // namespace pith
