// When drafts pay: what is learned of passes and of drafts, and what is made of it.
#include <gtest/gtest.h>

#include <vector>

#include "base/rng.h"
#include "runtime/speculation/draft_rule.h"

namespace pith::testing {
namespace {

TEST(PassTimes, LearnALineFromPassesThatFalter) {
  PassTimes times;
  EXPECT_FALSE(times.known());
  times.Note(1, 5);
  EXPECT_TRUE(times.known());
  EXPECT_DOUBLE_EQ(times.Ms(1), 5);
  EXPECT_NEAR(times.Ms(5), 5 * (1 + 4 * PassTimes::kGuess), 1e-9) << "a guess";
  Rng rng(3);
  for (int i = 0; i < 100; ++i) {
    const int64_t rows = rng.Int(1, 16);
    const double falter = rng.Int(0, 15) == 0 ? 10 : 1 + 0.05 * rng.Normal();
    times.Note(rows, falter * (4 + 0.7 * static_cast<double>(rows)));
  }
  for (const int64_t rows : {1, 4, 8, 16}) {
    const double expected = 4 + 0.7 * static_cast<double>(rows);
    EXPECT_NEAR(times.Ms(rows) / expected, 1, 0.2) << rows;
  }
}

TEST(PassTimes, FollowAMachineThatChanges) {
  PassTimes times;
  for (int i = 0; i < 50; ++i) times.Note(1 + i % 8, 5 + 1.0 * (i % 8));
  EXPECT_NEAR(times.Ms(8), 12, 0.5);
  for (int i = 0; i < 200; ++i) times.Note(1 + i % 8, 2 * (5 + 0.5 * (i % 8)));
  EXPECT_NEAR(times.Ms(1), 10, 0.5);
  EXPECT_NEAR(times.Ms(8), 17, 0.5);
  // Where one number of rows alone is seen for long, what was seen of others gives way to the guess.
  for (int i = 0; i < 2000; ++i) times.Note(1, 10);
  EXPECT_NEAR(times.Ms(1), 10, 0.01);
  EXPECT_NEAR(times.Ms(6), 10 * (1 + 5 * PassTimes::kGuess), 0.1);
}

TEST(Acceptance, LearnsByEvidence) {
  Acceptance acceptance;
  EXPECT_LT(acceptance.Rate(1), acceptance.Rate(3));
  EXPECT_LT(acceptance.Rate(3), acceptance.Rate(8));
  EXPECT_EQ(acceptance.Rate(8), acceptance.Rate(30));
  const double before = acceptance.Rate(4);
  for (int i = 0; i < 30; ++i) {
    acceptance.Note(2, true);
    acceptance.Note(20, false);
  }
  EXPECT_GT(acceptance.Rate(2), 0.9);
  EXPECT_LT(acceptance.Rate(8), 0.1);
  EXPECT_EQ(acceptance.Rate(4), before);
  for (int i = 0; i < 30; ++i) acceptance.Note(2, i % 2 == 0);
  EXPECT_NEAR(acceptance.Rate(2), 0.5, 0.1) << "the latest count most";
}

// Passes of 1 to 16 rows that take 5 ms and `more` for each row past the first.
void Learn(DraftRule& rule, double more) {
  for (int i = 0; i < 64; ++i) rule.NotePass(1 + i % 16, 5 + more * (i % 16));
}

Acceptance Of(double rate, int evidence) {
  Acceptance acceptance;
  Rng rng(1);
  for (int i = 0; i < 4000; ++i) acceptance.Note(evidence, i % 100 < 100 * rate);
  for (int i = 0; i < 400; ++i) acceptance.Note(evidence, rng.Uniform() < rate);
  return acceptance;
}

int64_t CountOf(DraftRule& rule, const Acceptance& acceptance, int evidence, int64_t most = 15, int64_t rows = 1) {
  DraftRule::Chain chain{&acceptance, evidence, most};
  rule.Choose({&chain, 1}, rows);
  return chain.count;
}

TEST(DraftRule, RunsWhatPays) {
  const Acceptance sure = Of(1, 8), never = Of(0, 8);
  DraftRule rule(/*costs_passes=*/false, /*always=*/false);
  EXPECT_EQ(CountOf(rule, sure, 8), 0) << "a plain pass comes first";
  Learn(rule, 0.7);
  EXPECT_EQ(CountOf(rule, sure, 8), 15);
  EXPECT_EQ(CountOf(rule, sure, 8, 4), 4) << "no more than there are";
  EXPECT_EQ(CountOf(rule, sure, 8, 0), 0);
  EXPECT_EQ(CountOf(rule, never, 8), 0);
  DraftRule dear(false, false);
  Learn(dear, 5);  // n rows take as long as n passes
  EXPECT_EQ(CountOf(dear, sure, 8), 0);
  DraftRule half(false, false);
  Learn(half, 2);
  const int64_t some = CountOf(half, Of(0.6, 8), 8);
  EXPECT_GT(some, 0);
  EXPECT_LT(some, 5) << "later tokens are right ever less often";
  DraftRule always(false, /*always=*/true);
  EXPECT_EQ(CountOf(always, never, 8), 15);
}

// By all counts there are: what is chosen for several chains is the best of them.
TEST(DraftRule, SharesRowsAmongChainsAsIsBest) {
  DraftRule rule(false, false);
  Learn(rule, 1.2);
  PassTimes times;
  for (int i = 0; i < 64; ++i) times.Note(1 + i % 16, 5 + 1.2 * (i % 16));
  const Acceptance rates[] = {Of(0.9, 8), Of(0.5, 8), Of(0.2, 8)};
  DraftRule::Chain chains[] = {{&rates[0], 8, 4}, {&rates[1], 8, 4}, {&rates[2], 8, 4}};
  rule.Choose(chains, 3);
  double best = (1 + DraftRule::kMargin) * 3 / times.Ms(3);
  int64_t expected[3] = {};
  for (int64_t a = 0; a <= 4; ++a) {
    for (int64_t b = 0; b <= 4; ++b) {
      for (int64_t c = 0; c <= 4; ++c) {
        const int64_t counts[] = {a, b, c};
        double sum = 3;
        for (int i = 0; i < 3; ++i) {
          double right = 1;
          for (int64_t j = 0; j < counts[i]; ++j) sum += right *= rates[i].Rate(8);
        }
        const double rate = sum / times.Ms(3 + a + b + c);
        if (rate <= best * (1 + 1e-12)) continue;
        best = rate;
        std::copy(std::begin(counts), std::end(counts), expected);
      }
    }
  }
  EXPECT_GT(expected[0], 0);
  EXPECT_LT(expected[2], expected[0]);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(chains[i].count, expected[i]) << i;
}

// Drafts that cost passes are tried at first and now and then; nothing else can tell that they have come to pay.
TEST(DraftRule, TriesDearDraftsNowAndThen) {
  DraftRule rule(/*costs_passes=*/true, false);
  Learn(rule, 0.7);
  rule.NoteDraft(1, 2.0);
  const Acceptance never = Of(0, 0);
  int tried = 0;
  for (int i = 0; i < 1000; ++i) tried += CountOf(rule, never, 0) > 0;
  EXPECT_GE(tried, 8);
  EXPECT_LE(tried, 24) << "of a thousand passes";
  const Acceptance often = Of(0.95, 0);
  int drafted = 0;
  for (int i = 0; i < 100; ++i) drafted += CountOf(rule, often, 0) > 0;
  EXPECT_EQ(drafted, 100);
  for (int i = 0; i < 50; ++i) rule.NoteDraft(1, 9.0);  // by now it takes longer than a pass
  EXPECT_EQ(CountOf(rule, often, 0), 0);
}

}  // namespace
}  // namespace pith::testing
