// Who has the room of cache and steps: shared prompts, prompts that are encoded ahead, prompts beside running answers.
#include <set>

#include "base/error.h"
#include "runtime/generation/prompt_share.h"
#include "runtime/generation/scheduler.h"
#include "tests/runtime/scheduler_requests.h"

namespace pith::testing {
namespace {

// A system prompt of 20 pages, of a cache of 32: alone each of four requests would want 22 of them.
TEST(Scheduler, ASharedPromptIsChargedOnce) {
  const auto engine = NewEngine(512);
  Scheduler scheduler(*engine, Words(), {});
  std::vector<GenerateRequest> requests;
  std::vector<Tokens> results(5);
  std::set<size_t> begun, done;
  for (size_t i = 0; i < 5; ++i) {
    GenerateRequest request = Requests(1)[0];
    request.num_samples = 1;
    request.prompt = RandomTokens(90, 320);
    request.prompt.push_back(static_cast<int32_t>(10 + i));
    request.invocation_start = 321;
    request.max_tokens = i == 0 ? 60 : 20;
    requests.push_back(request);
  }
  const auto submit = [&](size_t i) {
    scheduler.Submit(requests[i], {.on_token = [&, i](const TokenEvent&) { begun.insert(i); },
                                   .on_done = [&, i](std::vector<Completion> all) { done.insert(i), results[i] = TokensOf(all); }});
  };
  submit(0);
  for (int step = 0; step < 6; ++step) scheduler.Step();
  for (size_t i = 1; i < 5; ++i) submit(i);
  for (int step = 0; step < 4; ++step) scheduler.Step();
  EXPECT_EQ(begun.size(), 5u) << "side by side";
  EXPECT_TRUE(done.empty());
  while (scheduler.Step()) {
  }
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(results[i], Alone(requests[i]));
  // To the page: what is exactly as large as the cache fits; and where somebody else holds it, that is said.
  GenerateRequest whole = requests[0];
  whole.max_tokens = 512 - 321;
  EXPECT_EQ(Generate(*engine, Words(), {&whole, 1}, {})[0][0].tokens.size(), 191u);
  engine->Trim();
  const SequenceId held = engine->NewSequence();
  Scheduler late(*engine, Words(), {});
  std::string error;
  late.Submit(whole, {.on_error = [&](const std::exception_ptr& why) { error = SentenceOf(why); }});
  engine->Prefill(held, RandomTokens(91, 40), nullptr);
  while (late.Step()) {
  }
  EXPECT_NE(error.find("KV cache"), std::string::npos) << error;
}

TEST(Scheduler, EncodesForWhoComesNext) {
  GenerateRequest request = Requests(2)[1];
  request.adapter = nullptr;
  request.prompt = RandomTokens(77, 70);
  request.invocation_start = 70;
  const Tokens alone = Alone(request);
  const auto engine = NewEngine();
  Scheduler scheduler(*engine, Words(), {});
  GenerateRequest known = request;
  known.encode_only = true;
  known.max_tokens = 0;
  std::vector<Completion> done;
  scheduler.Submit(known, {.on_done = [&](std::vector<Completion> all) { done = std::move(all); }});
  while (scheduler.Step()) {
  }
  ASSERT_EQ(done.size(), static_cast<size_t>(request.num_samples));
  EXPECT_TRUE(done[0].tokens.empty());
  const SequenceId sequence = engine->NewSequence();
  EXPECT_EQ(engine->AdoptPrefix(sequence, request.prompt), 70);
  engine->Free(sequence);
  EXPECT_EQ(TokensOf(Completions(*engine, request)), alone);
}

TEST(Scheduler, PromptsTakeTheirShareOfAStep) {
  PromptShare share(3.0);
  EXPECT_LE(share.Rows(1), 16u) << "nothing was measured";
  EXPECT_GE(share.Rows(0), 128u) << "nobody waits";
  for (int i = 0; i < 50; ++i) share.Note(1, 0, 10.0);
  for (int i = 0; i < 50; ++i) share.Note(1, share.Rows(1), 10.0 + 0.2 * static_cast<double>(share.Rows(1)));
  const auto rows = static_cast<double>(share.Rows(1));
  EXPECT_LE(10.0 + 0.2 * rows, 30.0);
  EXPECT_GE(10.0 + 0.2 * rows, 20.0);
  for (int i = 0; i < 50; ++i) share.Note(1, share.Rows(1), 10.0 + 8.0 * static_cast<double>(share.Rows(1)));
  EXPECT_GE(share.Rows(1), 1u);
  EXPECT_LE(10.0 + 8.0 * static_cast<double>(share.Rows(1)), 30.0);
  EXPECT_EQ(PromptShare(0).Rows(3), 509u);
  EXPECT_EQ(PromptShare(0).Rows(400), 256u);
}

}  // namespace
}  // namespace pith::testing
