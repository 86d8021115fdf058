// The budget at decode time: where the reasoning is closed, and that nothing passes B.
#include <filesystem>

#include "base/error.h"
#include "runtime/generation/answer_mark.h"
#include "runtime/generation/closer.h"
#include "runtime/generation/generate.h"
#include "runtime/generation/loop_detector.h"
#include "runtime/generation/scheduler.h"
#include "runtime/generation/sentence.h"
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
  EXPECT_TRUE(SentenceEnds("It is so. ", "Then"));
  EXPECT_FALSE(SentenceEnds("so ", "on"));
  EXPECT_FALSE(SentenceEnds("\n2. ", "Add"));
  EXPECT_FALSE(SentenceEnds("", " A"));
  EXPECT_FALSE(SentenceEnds("a.", "b"));
}

TEST(Budget, KnowsSentencesOfAllScripts) {
  EXPECT_TRUE(SentenceEnds("他有三个。", "然"));
  EXPECT_TRUE(SentenceEnds("すごい！", "次"));
  EXPECT_TRUE(SentenceEnds("「はい。」", "と"));
  EXPECT_TRUE(SentenceEnds("कितने हैं।", " अब"));
  EXPECT_TRUE(SentenceEnds("كم؟", " ثم"));
  EXPECT_TRUE(SentenceEnds("“Seven.”", " Then"));
  EXPECT_FALSE(SentenceEnds("他有三个。", "」"));   // the quote closes first
  EXPECT_FALSE(SentenceEnds("「はい", "。"));
  EXPECT_FALSE(SentenceEnds("なに？", "！"));
  EXPECT_FALSE(SentenceEnds("他有、", "三"));
  EXPECT_FALSE(SentenceEnds("。\xE3\x80", "\x82"));  // within a character
  EXPECT_FALSE(SentenceEnds("\xFF\xFE.", "\x80"));
}

TEST(Budget, TellsAnswersFromHeadings) {
  for (const char* answer : {" 42", "42", " $5.00\n", " -3", " \\frac{1}{2}", " x = 5", " B", " 10 apples per day", " Yes", " no.", " (1, 2)", " **7**", "", " ", " 3.14159", " 1,000 dollars\nmore"}) {
    EXPECT_TRUE(AnswerFollowsHashes(answer)) << answer;
  }
  for (const char* heading : {" Step 2: Add the two numbers", " 1. Add them", " 2) Then multiply", " Solution\nWe add", " Step", " Solution", " 2 Ways to solve\n", "# 42", " Calculate the total number of apples", "\n", " Step 1\nFirst", " **Step 1:** Find x\nIt is"}) {
    EXPECT_FALSE(AnswerFollowsHashes(heading)) << heading;
  }
}

TEST(Budget, SeesLoopsAndNothingElse) {
  const auto loops_at = [](const std::vector<int32_t>& tokens) {
    LoopDetector detector;
    for (size_t i = 0; i < tokens.size(); ++i) {
      detector.Append(tokens[i]);
      if (detector.looping()) return static_cast<int>(i) + 1;
    }
    return -1;
  };
  for (int period : {1, 2, 3, 16, 17, 40, 128}) {
    std::vector<int32_t> tokens = RandomTokens(7, 30);  // what came before
    const std::vector<int32_t> block = RandomTokens(8, period, 100000);
    while (tokens.size() < 1000) tokens.insert(tokens.end(), block.begin(), block.end());
    EXPECT_EQ(loops_at(tokens), 30 + std::max(4 * period, 64)) << period;
    tokens[static_cast<size_t>(30 + std::max(4 * period, 64) - 2)] += 1;  // once otherwise
    EXPECT_GT(loops_at(tokens), 30 + std::max(4 * period, 64)) << period;
  }
  EXPECT_EQ(loops_at(RandomTokens(9, 4000, 20)), -1);
  std::vector<int32_t> long_block;
  for (int i = 0; i < 8; ++i) {
    const std::vector<int32_t> block = RandomTokens(10, 129, 100000);
    long_block.insert(long_block.end(), block.begin(), block.end());
  }
  EXPECT_EQ(loops_at(long_block), -1) << "too long a period to be looked for";
}

// Tokens of the tiny tokenizer for bytes: every byte is a token of its own.
int32_t Byte(char c) { return TinyTokenizer().Encode(std::string(1, c)).at(0); }

DecodeBudget BudgetOf(int64_t tokens, int64_t reserve) { return {tokens, reserve, TinyTokenizer().Encode("\n#### ")}; }

// Where `text` would be closed under the budget; −1: nowhere.
int64_t ClosesAt(const DecodeBudget& budget, const std::string& text, uint64_t seed = 0, ForcedBy* by = nullptr) {
  Closer closer(&TinyTokenizer(), &budget, Thoughts::kNone, seed, 0, nullptr);
  for (size_t i = 0; i < text.size(); ++i) {
    EXPECT_EQ(closer.CloseBefore(TinyTokenizer().eos_id(), 0, 0), ForcedBy::kNone) << "the model ends by itself";
    const ForcedBy why = closer.CloseBefore(Byte(text[i]), 0, 0);
    if (by) *by = why;
    if (why != ForcedBy::kNone) return static_cast<int64_t>(i);
    closer.Append(Byte(text[i]), false);
  }
  return -1;
}

TEST(Budget, ClosesAtASentenceEndLikelierAsTheEndNears) {
  // B = 80, R = 20: the closing text of 4 tokens begins at 56 at the latest, and within the 10 tokens before at a sentence end.
  const DecodeBudget budget = BudgetOf(80, 20);
  ASSERT_EQ(budget.close_size(), 4);
  EXPECT_EQ(budget.closes_from(), 46);
  EXPECT_EQ(ClosesAt(budget, std::string(80, 'a')), 56);
  std::string text = "xxx";  // sentences end after 46, 50 and 54 tokens
  for (int i = 0; i < 30; ++i) text += " ab.";
  std::vector<int> closed(60);
  for (uint64_t seed = 0; seed < 2000; ++seed) ++closed[static_cast<size_t>(ClosesAt(budget, text, seed))];
  // Before a space and behind it: after 47, 48, 51, 52, 55 tokens, with chances of 2, 3, 6, 7, 10 in 11; the rest at 56.
  double left = 1;
  for (const auto& [at, chance] : {std::pair(47, 2), std::pair(48, 3), std::pair(51, 6), std::pair(52, 7), std::pair(55, 10), std::pair(56, 11)}) {
    EXPECT_NEAR(closed[static_cast<size_t>(at)] / 2000.0, left * chance / 11, 0.035) << at;
    left *= 1 - chance / 11.0;
  }
  EXPECT_EQ(ClosesAt(budget, text, 3), ClosesAt(budget, text, 3));
}

TEST(Budget, LeavesAResponseAloneThatHasAnswered) {
  const DecodeBudget budget = BudgetOf(80, 20);
  EXPECT_EQ(ClosesAt(budget, "It is 7.\n####7" + std::string(60, 'x')), -1);
  EXPECT_EQ(ClosesAt(budget, "It is \\boxed{\\frac{7}{2}}." + std::string(60, 'x')), -1);
  EXPECT_EQ(ClosesAt(budget, "It is \\boxed{7" + std::string(70, 'x')), 56) << "not closed yet";
  EXPECT_EQ(ClosesAt(budget, "#### Step 1: add them all\n" + std::string(60, 'x')), 56) << "a heading";
  ForcedBy by = ForcedBy::kNone;
  EXPECT_EQ(ClosesAt(BudgetOf(400, 20), std::string(300, 'x'), 0, &by), 64);
  EXPECT_EQ(by, ForcedBy::kLoop);
  Closer never(&TinyTokenizer(), nullptr, Thoughts::kNone, 0, 0, nullptr);
  for (int i = 0; i < 100; ++i) never.Append(Byte('\n'), false);
  EXPECT_EQ(never.CloseBefore(Byte('x'), 0, 0), ForcedBy::kNone);
}

TEST(Budget, ThoughtsAreClosedByTheirTag) {
  DecodeBudget budget = BudgetOf(80, 20);
  budget.think_close_ids = {Byte('$')};
  const auto closing = [&](Thoughts prompt, const std::string& text) {
    Closer closer(&TinyTokenizer(), &budget, prompt, 0, 0, nullptr);
    for (const char c : text) closer.Append(Byte(c), false);
    return closer.progress().reasoning() ? closer.closing_text() : std::vector<int32_t>();
  };
  EXPECT_EQ(closing(Thoughts::kOpen, "so"), budget.think_close_ids);
  EXPECT_EQ(closing(Thoughts::kNone, "<think>so"), budget.think_close_ids) << "opened by the response";
  EXPECT_EQ(closing(Thoughts::kNone, "so"), budget.close_ids) << "never opened";
  EXPECT_EQ(closing(Thoughts::kClosed, "so"), budget.close_ids) << "closed by the prompt";
  EXPECT_EQ(closing(Thoughts::kOpen, "so</think>It is"), std::vector<int32_t>()) << "it answers";
  EXPECT_EQ(closing(Thoughts::kNone, "</think><think>again"), budget.think_close_ids);
  EXPECT_EQ(closing(Thoughts::kClosed, "\\boxed{6}xxxx"), std::vector<int32_t>()) << "it has answered";
}

TEST(Budget, CountsThoughts) {
  const auto count = [](Thoughts prompt, const std::string& text) {
    ResponseProgress progress(&TinyTokenizer(), prompt, "####");
    std::string parts;
    for (const char c : text) parts += ResponsePartName(progress.Append(Byte(c)))[0];
    EXPECT_EQ(progress.tokens(), static_cast<int64_t>(text.size()));
    return std::pair(progress.thinking_tokens(), parts);
  };
  using Pair = std::pair<int64_t, std::string>;
  EXPECT_EQ(count(Thoughts::kNone, "abc"), Pair(0, "aaa"));
  EXPECT_EQ(count(Thoughts::kOpen, "ab"), Pair(2, "tt")) << "never closed";
  EXPECT_EQ(count(Thoughts::kOpen, "a</think>bc"), Pair(9, "tttttttttaa"));
  EXPECT_EQ(count(Thoughts::kClosed, "a</think>bc"), Pair(9, "aaaaaaaataa")) << "nothing had opened them: all of it was";
  EXPECT_EQ(count(Thoughts::kNone, "a<think>b</think>c<think>d").first, 24) << "both, and their tags";
}

TEST(Budget, ForcesTheClosingTextAndStopsAtB) {
  EngineOptions options;
  options.num_threads = 1;
  options.activations = ActivationType::kBF16;
  Engine engine(TinyBase(), options);
  const std::vector<int32_t> close = TinyTokenizer().Encode("\n#### ");
  constexpr int64_t kBudget = 64, kReserve = 20;
  GenerateRequest request;
  request.prompt = RandomTokens(5, 30);
  request.adapter = TinyAdapter("tiny-alora");
  request.invocation_start = 25;
  request.sampling = {.temperature = 1, .seed = 3};
  request.num_samples = 40;
  request.max_tokens = 100;
  const auto free = Generate(engine, TinyTokenizer(), {&request, 1}, {})[0];
  request.budget = BudgetOf(kBudget, kReserve);
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
    EXPECT_GE(c.forced_begin, request.budget->closes_from());
    EXPECT_LE(c.forced_end, kBudget - kReserve);
    early += c.forced_end < kBudget - kReserve;
    EXPECT_EQ(c.usage.forced_by, ForcedBy::kBudget);
    EXPECT_EQ(c.usage.forced_tokens, static_cast<int64_t>(close.size()));
    EXPECT_EQ(c.usage.thinking_tokens + c.usage.answer_tokens, static_cast<int64_t>(c.tokens.size()));
    ASSERT_EQ(c.forced_end - c.forced_begin, static_cast<int64_t>(close.size()));
    EXPECT_TRUE(std::equal(close.begin(), close.end(), c.tokens.begin() + c.forced_begin));
    for (int64_t t = 0; t < static_cast<int64_t>(c.tokens.size()); ++t) {
      EXPECT_EQ(c.logprobs[t] == 0, t >= c.forced_begin && t < c.forced_end) << t;
    }
    // What follows is what the model says after the forced text.
    GenerateRequest after = request;
    after.num_samples = 1;
    after.budget.reset();  // closed it is
    after.max_tokens = kBudget;
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
      direct.budget = BudgetOf(tokens, 16);
      GenerateRequest resumed = direct;
      const int64_t known = TokensBeforeBudget(TinyTokenizer(), *direct.budget, Thoughts::kNone, 0, 0, trace.tokens);
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
