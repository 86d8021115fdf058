// The budget at decode time: where the reasoning is closed, and that nothing passes B.
#include <filesystem>

#include "base/error.h"
#include "runtime/generation/closer.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

const Tokenizer& TinyTokenizer() {
  static const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::Load(Golden("tiny-llama"));
  return *tokenizer;
}

TEST(Budget, KnowsWhereSentencesEnd) {
  EXPECT_TRUE(SentenceEnds("He has 7 apples.", " Then"));
  EXPECT_TRUE(SentenceEnds("He has 7.", " Then"));
  EXPECT_TRUE(SentenceEnds("Is it 7?", "\n"));
  EXPECT_TRUE(SentenceEnds("(It is 7!)", " So"));
  EXPECT_TRUE(SentenceEnds("a line\n", "b"));
  EXPECT_TRUE(SentenceEnds("1. Tom has 3.", " He"));
  EXPECT_FALSE(SentenceEnds("He has 3.", "5"));     // a decimal point
  EXPECT_FALSE(SentenceEnds("First:\n2.", " Add"));  // a line's number
  EXPECT_FALSE(SentenceEnds("3.", " Add"));
  EXPECT_FALSE(SentenceEnds("He has 7", " apples"));
  EXPECT_FALSE(SentenceEnds("so,", " he"));
  EXPECT_FALSE(SentenceEnds("", " A"));
  EXPECT_FALSE(SentenceEnds("a.", "b"));
}

// Tokens of the tiny tokenizer for bytes: every byte is a token of its own.
int32_t Byte(char c) { return TinyTokenizer().Encode(std::string(1, c)).at(0); }

TEST(Budget, ClosesAtASentenceEndThenAtOnce) {
  const DecodeBudget budget{40, 20, TinyTokenizer().Encode("\n#### ")};
  // Sentences end after 12 and after 26 tokens; B − R is 20.
  const std::string text = "aaaaaaaaaaa. bbbbbbbbbbbb. cccccccccccccc";
  BudgetCloser closer(&TinyTokenizer(), &budget);
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    const bool due = i == 26 || i >= 30;
    EXPECT_EQ(closer.CloseBefore(Byte(text[i])), due) << i;
    EXPECT_FALSE(closer.CloseBefore(TinyTokenizer().eos_id())) << "the model ends by itself";
    closer.Append(Byte(text[i]));
  }
}

TEST(Budget, LeavesAResponseAloneThatHasClosedItself) {
  const DecodeBudget budget{40, 20, TinyTokenizer().Encode("\n#### ")};
  BudgetCloser closer(&TinyTokenizer(), &budget);
  for (char c : std::string("It is 7.\n####7")) closer.Append(Byte(c));
  for (int i = 0; i < 24; ++i) {
    EXPECT_FALSE(closer.CloseBefore(Byte('x')));
    closer.Append(Byte('x'));
  }
  BudgetCloser never(&TinyTokenizer(), nullptr);
  for (int i = 0; i < 100; ++i) never.Append(Byte('\n'));
  EXPECT_FALSE(never.CloseBefore(Byte('x')));
}

TEST(Budget, ForcesTheClosingTextAndStopsAtB) {
  EngineOptions options;
  options.num_threads = 1;
  options.activations = ActivationType::kBF16;
  Engine engine(TinyBase(), options);
  const std::vector<int32_t> close = TinyTokenizer().Encode("\n#### ");
  constexpr int64_t kBudget = 40, kReserve = 20;
  GenerateRequest request;
  request.prompt = RandomTokens(5, 30);
  request.adapter = TinyAdapter("tiny-alora");
  request.invocation_start = 25;
  request.sampling = {.temperature = 1, .seed = 3};
  request.num_samples = 40;
  request.max_tokens = 100;
  const auto free = Generate(engine, TinyTokenizer(), {&request, 1}, {})[0];
  request.budget = DecodeBudget{kBudget, kReserve, close};
  const auto held = Generate(engine, TinyTokenizer(), {&request, 1}, {})[0];
  int forced = 0, early = 0, cut = 0;
  for (size_t i = 0; i < held.size(); ++i) {
    const Completion& c = held[i];
    ASSERT_LE(static_cast<int64_t>(c.tokens.size()), kBudget);
    ASSERT_EQ(c.tokens.size(), c.logprobs.size());
    const size_t same = c.forced_begin >= 0 ? static_cast<size_t>(c.forced_begin) : c.tokens.size();
    ASSERT_LE(same, free[i].tokens.size());
    EXPECT_TRUE(std::equal(c.tokens.begin(), c.tokens.begin() + static_cast<int64_t>(same), free[i].tokens.begin()));
    EXPECT_EQ(c.finish, TinyTokenizer().IsEnd(c.tokens.back()) ? Finish::kStop : Finish::kLength);
    cut += c.finish == Finish::kLength && static_cast<int64_t>(c.tokens.size()) == kBudget;
    if (c.forced_begin < 0) {
      EXPECT_EQ(c.forced_end, -1);
      EXPECT_EQ(c.tokens, free[i].tokens);
      continue;
    }
    ++forced;
    EXPECT_GE(c.forced_begin, kBudget - kReserve);
    EXPECT_LE(c.forced_begin, kBudget - kReserve / 2);
    early += c.forced_begin < kBudget - kReserve / 2;
    ASSERT_EQ(c.forced_end - c.forced_begin, static_cast<int64_t>(close.size()));
    EXPECT_TRUE(std::equal(close.begin(), close.end(), c.tokens.begin() + c.forced_begin));
    for (int64_t t = 0; t < static_cast<int64_t>(c.tokens.size()); ++t) {
      EXPECT_EQ(c.logprobs[t] == 0, t >= c.forced_begin && t < c.forced_end) << t;
    }
    // What follows is what the model says after the forced text.
    GenerateRequest after = request;
    after.num_samples = 1;
    after.first_sample = i;
    after.response_prefix.assign(c.tokens.begin(), c.tokens.begin() + c.forced_end);
    EXPECT_EQ(Generate(engine, TinyTokenizer(), {&after, 1}, {})[0][0].tokens, c.tokens);
  }
  EXPECT_GT(forced, 10);
  EXPECT_GT(early, 0);
  EXPECT_GT(cut, 0);
}

// An evaluation takes its budgets from one greedy trace: the same as running each budget by itself.
TEST(Budget, ManyBudgetsFromOneTrace) {
  EngineOptions options;
  options.num_threads = 1;
  Engine engine(TinyBase(), options);
  const std::vector<int32_t> close = TinyTokenizer().Encode("\n#### ");
  GenerateRequest request;
  request.prompt = RandomTokens(6, 30);
  request.max_tokens = 120;
  int forced = 0;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    request.prompt = RandomTokens(60 + seed, 30);
    const Completion trace = Generate(engine, TinyTokenizer(), {&request, 1}, {})[0][0];
    for (int64_t tokens : {32, 48, 80}) {
      GenerateRequest direct = request;
      direct.budget = DecodeBudget{tokens, 16, close};
      GenerateRequest resumed = direct;
      const int64_t known = std::min(tokens - 16, static_cast<int64_t>(trace.tokens.size()));
      resumed.response_prefix.assign(trace.tokens.begin(), trace.tokens.begin() + known);
      const Completion a = Generate(engine, TinyTokenizer(), {&direct, 1}, {})[0][0];
      const Completion b = Generate(engine, TinyTokenizer(), {&resumed, 1}, {})[0][0];
      EXPECT_EQ(a.tokens, b.tokens);
      EXPECT_EQ(a.finish, b.finish);
      EXPECT_EQ(a.forced_begin, b.forced_begin);
      forced += a.forced_begin >= 0;
    }
  }
  EXPECT_GT(forced, 6);
}

}  // namespace
}  // namespace pith::testing
