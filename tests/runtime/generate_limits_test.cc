// Budgets of the scheduler's requests: a minimum, thinking and answer apart, a pool, time, and closing when asked for.
#include "runtime/generation/scheduler.h"
#include "tests/runtime/scheduler_requests.h"

namespace pith::testing {
namespace {

TEST(Scheduler, ClosesNow) {
  std::vector<GenerateRequest> requests = Requests(2);
  for (GenerateRequest& request : requests) {
    request.num_samples = 2;
    request.max_tokens = 60;
    request.budget = BudgetFor(0, 32);  // no limit: it can be closed
  }
  const auto engine = NewEngine();
  Scheduler scheduler(*engine, Words(), {});
  std::vector<std::vector<Completion>> results(2);
  std::vector<RequestId> ids;
  for (size_t i = 0; i < 2; ++i) {
    ids.push_back(scheduler.Submit(requests[i], {.on_done = [&results, i](std::vector<Completion> done) { results[i] = std::move(done); }}));
  }
  for (int step = 0; step < 10; ++step) scheduler.Step();
  scheduler.CloseNow(ids[0], 1);
  while (scheduler.Step()) {
  }
  const Tokens alone = Alone(requests[0]);
  EXPECT_EQ(results[0][0].tokens, alone[0]);
  EXPECT_EQ(TokensOf(results[1]), Alone(requests[1]));
  const Completion& closed = results[0][1];
  ASSERT_GT(closed.forced_begin, 3);
  EXPECT_LT(closed.forced_begin, 12);
  EXPECT_EQ(closed.usage.forced_by, ForcedBy::kRequest);
  EXPECT_TRUE(std::equal(closed.tokens.begin(), closed.tokens.begin() + closed.forced_begin, alone[1].begin()));
  EXPECT_EQ(std::vector<int32_t>(closed.tokens.begin() + closed.forced_begin, closed.tokens.begin() + closed.forced_end), requests[0].budget->close_ids);
  EXPECT_EQ(closed.tokens.size(), 60u);
}

// Asked of what waits to be admitted, a request or one of its samples, it holds when that is.
TEST(Scheduler, ClosesNowWhatHasNotBegun) {
  std::vector<GenerateRequest> requests = Requests(3);
  for (GenerateRequest& request : requests) {
    request.num_samples = 3;
    request.max_tokens = 30;
    request.budget = BudgetFor(0, 32);
  }
  const auto engine = NewEngine();
  Scheduler scheduler(*engine, Words(), {.max_batch = 2});
  std::vector<std::vector<Completion>> results(3);
  std::vector<RequestId> ids;
  for (size_t i = 0; i < 3; ++i) {
    ids.push_back(scheduler.Submit(requests[i], {.on_done = [&results, i](std::vector<Completion> done) { results[i] = std::move(done); }}));
  }
  scheduler.CloseNow(ids[0], 0);  // before the first step
  for (int step = 0; step < 6; ++step) scheduler.Step();
  scheduler.CloseNow(ids[0], 2);
  scheduler.CloseNow(ids[2]);
  while (scheduler.Step()) {
  }
  for (size_t i = 0; i < 3; ++i) {
    const Tokens alone = Alone(requests[i]);
    for (size_t s = 0; s < 3; ++s) {
      const Completion& c = results[i][s];
      const bool closed = i == 2 || (i == 0 && s != 1);
      EXPECT_EQ(c.usage.forced_by, closed ? ForcedBy::kRequest : ForcedBy::kNone) << i << " " << s;
      EXPECT_EQ(c.forced_begin, closed ? 0 : -1) << i << " " << s;
      if (!closed) {
        EXPECT_EQ(c.tokens, alone[s]);
      }
    }
  }
}

TEST(Scheduler, ThinksAtLeast) {
  GenerateRequest request = Requests(2, +30)[1];  // it wants to end at once
  request.num_samples = 3;
  request.max_tokens = 60;
  const auto engine = NewEngine();
  for (const Completion& c : Completions(*engine, request)) EXPECT_LT(c.tokens.size(), 6u);
  request.budget = BudgetFor(60, 16);
  request.budget->min_think_tokens = 25;
  request.stop_ids = {50};
  request.sampling.logit_bias.emplace_back(50, 30);
  for (const Completion& c : Completions(*engine, request)) {
    EXPECT_GT(c.tokens.size(), 25u);
    for (size_t t = 0; t < 25; ++t) EXPECT_FALSE(Words().IsEnd(c.tokens[t]) || c.tokens[t] == 50);
  }
  GenerateRequest texts = Requests(2)[1];  // and no text ends it before
  texts.max_tokens = 60;
  texts.num_samples = 1;
  const std::string whole = ResponseText(Words(), Completions(*engine, texts)[0]);
  texts.stop = {whole.substr(2, 1), whole.substr(0, 4)};
  EXPECT_LT(Completions(*engine, texts)[0].tokens.size(), 6u);
  texts.budget = BudgetFor(0, 16);
  texts.budget->min_think_tokens = 25;
  EXPECT_GT(Completions(*engine, texts)[0].tokens.size(), 25u);
  texts.budget.reset();
  texts.min_tokens = 25;
  EXPECT_GT(Completions(*engine, texts)[0].tokens.size(), 25u);
}

TEST(Scheduler, ThinkingAndAnswerHaveTheirOwnBudgets) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 20;
  request.max_tokens = 200;
  request.budget = BudgetFor(70, 0);
  request.budget->think_tokens = 50;
  request.budget->answer_tokens = 20;
  const auto engine = NewEngine();
  for (const Completion& c : Completions(*engine, request)) {
    ASSERT_GE(c.forced_begin, 0);
    EXPECT_LE(c.forced_end, 50);
    EXPECT_GE(c.forced_end, 50 - request.budget->close_window());
    EXPECT_EQ(static_cast<int64_t>(c.tokens.size()) - c.forced_end, 20) << "the whole reserve, and no more";
    EXPECT_EQ(c.usage.thinking_tokens, c.forced_end);
    EXPECT_EQ(c.usage.answer_tokens, 20);
  }
  GenerateRequest short_one = Requests(2, +30)[1];  // ends by itself, without a tag or a mark
  short_one.max_tokens = 200;
  short_one.budget = request.budget;
  for (const Completion& c : Completions(*engine, short_one)) {
    ASSERT_EQ(c.finish, Finish::kStop);
    EXPECT_EQ(c.usage.thinking_tokens, static_cast<int64_t>(c.tokens.size())) << "what thinking's budget has paid for";
  }
}

TEST(Scheduler, ChainsShareAPool) {
  GenerateRequest request = Requests(2, -0.5f)[1];  // some end early
  request.num_samples = 6;
  request.max_tokens = 400;
  request.budget = BudgetFor(400, 10);
  request.budget->pooled = true;
  const Tokens alone = Alone(request);
  int64_t total = 0, longest = 0, forced = 0;
  for (const auto& tokens : alone) {
    total += static_cast<int64_t>(tokens.size());
    longest = std::max(longest, static_cast<int64_t>(tokens.size()));
  }
  EXPECT_LE(total, 400);
  EXPECT_GT(longest, 400 / 6) << "what others left";
  // The same beside others.
  const auto engine = NewEngine(8192);
  std::vector<GenerateRequest> requests = Requests(5);
  requests.insert(requests.begin() + 2, request);
  const auto results = Generate(*engine, Words(), requests, {.max_batch = 7});
  EXPECT_EQ(TokensOf(results[2]), alone);
  for (const Completion& c : results[2]) forced += c.forced_begin >= 0;
  EXPECT_GT(forced, 0);
  request.sampling.logit_bias = Requests(1)[0].sampling.logit_bias;  // none ends by itself
  total = 0;
  for (const auto& tokens : Alone(request)) total += static_cast<int64_t>(tokens.size());
  EXPECT_LE(total, 400);
  EXPECT_GT(total, 400 - 6 * 12);
}

TEST(Scheduler, TimeRunsOut) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 2;
  request.max_tokens = 300;
  request.budget = BudgetFor(0, 16);
  request.budget->time_ms = 1e-3;  // has passed when the first token comes
  const auto engine = NewEngine();
  for (const Completion& c : Completions(*engine, request)) {
    EXPECT_EQ(c.forced_begin, 0);
    EXPECT_EQ(c.usage.forced_by, ForcedBy::kTime);
    EXPECT_EQ(c.finish, Finish::kLength);
    EXPECT_EQ(c.tokens, request.budget->close_ids) << "closed, and ended";
  }
  request.budget->time_ms = 1e9;
  for (const Completion& c : Completions(*engine, request)) EXPECT_EQ(c.tokens.size(), 300u);
}

}  // namespace
}  // namespace pith::testing
