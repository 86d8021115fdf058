// A scheduler that is handed requests at any time, from any thread: each completion is what its request alone gives.
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/error.h"
#include "data/text/stream_decoder.h"
#include "data/text/tokenizer.h"
#include "runtime/generation/generate.h"
#include "runtime/generation/penalties.h"
#include "runtime/generation/prompt_share.h"
#include "runtime/generation/scheduler.h"
#include "runtime/generation/stop_text.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

const Tokenizer& Words() {
  static const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::Load(Golden("tiny-llama"));
  return *tokenizer;
}

std::unique_ptr<Engine> NewEngine(int64_t kv_tokens = 4096) {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.kv_tokens = kv_tokens;
  options.num_threads = 1;
  return std::make_unique<Engine>(TinyBase(), options);
}

// Requests of many kinds; the bias keeps the end away, so that lengths are their limits'.
std::vector<GenerateRequest> Requests(int count, float end_bias = -100) {
  const AdapterRef adapters[] = {nullptr, TinyAdapter("tiny-alora", TensorType::kBF16), TinyAdapter("tiny-lora", TensorType::kBF16)};
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < count; ++i) {
    GenerateRequest request;
    request.prompt = RandomTokens(100 + static_cast<uint64_t>(i), 5 + 11 * (i % 7));
    request.invocation_start = static_cast<int64_t>(request.prompt.size()) - i % 4;
    request.adapter = adapters[i % 3];
    request.sampling = {.temperature = i % 4 == 0 ? 0.0 : 1.0, .seed = static_cast<uint64_t>(i)};
    for (const int32_t id : Words().end_ids()) request.sampling.logit_bias.emplace_back(id, end_bias);
    request.max_tokens = 20 + 7 * (i % 5);
    request.num_samples = 1 + i % 3;
    requests.push_back(request);
  }
  return requests;
}

// By value: what a loop goes over has to outlive it.
std::vector<Completion> Completions(Engine& engine, const GenerateRequest& request) { return Generate(engine, Words(), {&request, 1}, {}).front(); }

using Tokens = std::vector<std::vector<int32_t>>;  // by sample

Tokens Alone(const GenerateRequest& request) {
  const auto engine = NewEngine();
  Tokens tokens;
  for (const Completion& c : Completions(*engine, request)) tokens.push_back(c.tokens);
  return tokens;
}

Tokens TokensOf(const std::vector<Completion>& completions) {
  Tokens tokens;
  for (const Completion& c : completions) tokens.push_back(c.tokens);
  return tokens;
}

std::string Shown(const std::string& text) {
  StreamDecoder decoder;
  std::string shown = decoder.Push(text);
  return shown += decoder.Flush();
}

TEST(Scheduler, TakesRequestsWhileOthersRun) {
  const std::vector<GenerateRequest> requests = Requests(12);
  for (const double max_stall : {0.0, 3.0}) {
    const auto engine = NewEngine();
    const int64_t free = engine->kv_tokens_free();
    Scheduler scheduler(*engine, Words(), {.max_batch = 6, .max_stall = max_stall});
    std::map<size_t, Tokens> results;
    for (size_t i = 0; i < requests.size(); ++i) {
      scheduler.Submit(requests[i], {.on_done = [&results, i](std::vector<Completion> done) { results[i] = TokensOf(done); }});
      for (size_t step = 0; step < i % 5; ++step) scheduler.Step();
    }
    while (scheduler.Step()) {
    }
    ASSERT_EQ(results.size(), requests.size());
    for (size_t i = 0; i < requests.size(); ++i) EXPECT_EQ(results[i], Alone(requests[i])) << i;
    EXPECT_EQ(engine->kv_tokens_free(), free);
    EXPECT_FALSE(scheduler.Step());
  }
}

TEST(Scheduler, ServesManyThreads) {
  const std::vector<GenerateRequest> requests = Requests(16);
  const auto engine = NewEngine();
  Scheduler scheduler(*engine, Words(), {.max_batch = 8, .max_stall = 3});
  std::mutex mutex;
  std::map<size_t, Tokens> results;
  std::map<size_t, bool> cancelled;
  std::atomic<int> left{static_cast<int>(requests.size())};
  {
    std::jthread server([&](std::stop_token stop) { scheduler.Run(stop); });
    std::vector<std::thread> callers;
    for (size_t t = 0; t < 4; ++t) {
      callers.emplace_back([&, t] {
        for (size_t i = t; i < requests.size(); i += 4) {
          const RequestId id = scheduler.Submit(requests[i], {.on_done = [&, i](std::vector<Completion> done) {
                                                  const std::lock_guard lock(mutex);
                                                  results[i] = TokensOf(done);
                                                  for (const Completion& c : done) cancelled[i] = cancelled[i] || c.finish == Finish::kCancelled;
                                                  --left;
                                                }});
          if (i % 5 == 2) scheduler.Cancel(id);
          if (i % 5 == 3) scheduler.CloseNow(id);  // no budget: nothing happens
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    while (left > 0) std::this_thread::yield();
  }
  ASSERT_EQ(results.size(), requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    const Tokens alone = Alone(requests[i]);
    if (i % 5 != 2) {
      EXPECT_FALSE(cancelled[i]) << i;
    }
    for (size_t s = 0; s < alone.size(); ++s) {
      ASSERT_LE(results[i][s].size(), alone[s].size());
      EXPECT_TRUE(std::equal(results[i][s].begin(), results[i][s].end(), alone[s].begin())) << i;
      if (i % 5 != 2) {
        EXPECT_EQ(results[i][s], alone[s]) << i;
      }
    }
  }
}

TEST(Scheduler, CancelsOneAndLeavesTheOthers) {
  std::vector<GenerateRequest> requests = Requests(3);
  for (GenerateRequest& request : requests) request.num_samples = 3;
  const auto engine = NewEngine();
  const int64_t free = engine->kv_tokens_free();
  Scheduler scheduler(*engine, Words(), {});
  std::vector<std::vector<Completion>> results(3);
  std::vector<RequestId> ids;
  for (size_t i = 0; i < 3; ++i) {
    ids.push_back(scheduler.Submit(requests[i], {.on_done = [&results, i](std::vector<Completion> done) { results[i] = std::move(done); }}));
  }
  for (int step = 0; step < 8; ++step) scheduler.Step();
  scheduler.Cancel(ids[0]);
  scheduler.Cancel(ids[1], 1);
  scheduler.Cancel(ids[1], 1);  // again: nothing
  scheduler.Cancel(12345);
  scheduler.Step();
  EXPECT_EQ(results[0].size(), 3u) << "cancelled at once";
  while (scheduler.Step()) {
  }
  scheduler.Cancel(ids[2]);  // done: nothing
  EXPECT_FALSE(scheduler.Step());
  for (const Completion& c : results[0]) EXPECT_EQ(c.finish, Finish::kCancelled);
  const Tokens alone = Alone(requests[1]);
  for (size_t s = 0; s < 3; ++s) {
    EXPECT_EQ(results[1][s].finish == Finish::kCancelled, s == 1);
    EXPECT_EQ(results[1][s].sample, static_cast<int>(s));
    if (s != 1) {
      EXPECT_EQ(results[1][s].tokens, alone[s]);
    }
    EXPECT_EQ(results[1][s].usage.answer_tokens, static_cast<int64_t>(results[1][s].tokens.size()));
  }
  EXPECT_EQ(TokensOf(results[2]), Alone(requests[2]));
  EXPECT_EQ(engine->kv_tokens_free(), free);

  // What was not admitted yet is cancelled, too; and all of it is taken back when a scheduler goes.
  {
    Scheduler narrow(*engine, Words(), {.max_batch = 1});
    std::vector<Completion> waiting;
    const RequestId first = narrow.Submit(requests[0], {});
    const RequestId second = narrow.Submit(requests[1], {.on_done = [&](std::vector<Completion> done) { waiting = std::move(done); }});
    narrow.Step();
    narrow.Cancel(second, 2);
    narrow.Cancel(second);
    narrow.Step();
    ASSERT_EQ(waiting.size(), 3u);
    for (const Completion& c : waiting) EXPECT_EQ(c.finish, Finish::kCancelled);
    EXPECT_NE(first, second);
  }
  EXPECT_EQ(engine->kv_tokens_free(), free);
}

DecodeBudget BudgetFor(int64_t tokens, int64_t reserve) { return {tokens, reserve, Words().Encode("\n#### ")}; }

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

TEST(Scheduler, ShowsTextAndSaysWhatItIs) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 4;
  request.max_tokens = 80;
  request.budget = BudgetFor(80, 20);
  const auto engine = NewEngine();
  std::map<int, std::string> text, parts;
  std::map<int, size_t> tokens;
  GenerateOptions options;
  options.on_token = [&](size_t, const TokenEvent& event) {
    text[event.sample] += event.text;
    if (event.token < 0) return;
    ++tokens[event.sample];
    parts[event.sample] += ResponsePartName(event.part)[0];
  };
  const auto completions = Generate(*engine, Words(), {&request, 1}, options)[0];
  for (const Completion& c : completions) {
    EXPECT_EQ(tokens[c.sample], c.tokens.size());
    EXPECT_EQ(text[c.sample], Shown(ResponseText(Words(), c)));
    for (int64_t t = 0; t < static_cast<int64_t>(c.tokens.size()); ++t) {
      EXPECT_EQ(parts[c.sample][static_cast<size_t>(t)] == 'f', t >= c.forced_begin && t < c.forced_end) << t;
    }
  }
}

TEST(Scheduler, StopsAtTextsAndTokens) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 1;
  request.max_tokens = 60;
  const auto engine = NewEngine();
  const Completion whole = Completions(*engine, request)[0];
  const std::string text = ResponseText(Words(), whole);
  for (const size_t at : {size_t{0}, size_t{7}, text.size() / 2, text.size() - 3}) {
    GenerateRequest stopped = request;
    stopped.stop = {"no such text", text.substr(at, 3)};
    std::string shown;
    const Completion c = Generate(*engine, Words(), {&stopped, 1}, {.on_token = [&](size_t, const TokenEvent& event) { shown += event.text; }})[0][0];
    const size_t first = text.find(stopped.stop[1]);
    EXPECT_EQ(c.finish, Finish::kStop);
    EXPECT_EQ(ResponseText(Words(), c), text.substr(0, first));
    EXPECT_EQ(shown, Shown(text.substr(0, first)));
    EXPECT_TRUE(std::equal(c.tokens.begin(), c.tokens.end(), whole.tokens.begin()));
  }
  GenerateRequest by_token = request;
  by_token.stop_ids = {whole.tokens[20]};
  const Completion c = Generate(*engine, Words(), {&by_token, 1}, {})[0][0];
  const auto first = std::find(whole.tokens.begin(), whole.tokens.end(), whole.tokens[20]);
  EXPECT_EQ(c.tokens, std::vector<int32_t>(whole.tokens.begin(), first + 1));
  EXPECT_EQ(c.finish, Finish::kStop);
  EXPECT_EQ(ResponseText(Words(), c), Words().Decode(std::vector<int32_t>(whole.tokens.begin(), first)));
}

TEST(Scheduler, StopTextsAreHeldBackWhileTheyMayCome) {
  const std::vector<std::string> stops = {"abab", "b!", "xyz"};
  StopText stop(&stops);
  EXPECT_FALSE(stop.Append("aba"));
  EXPECT_EQ(stop.Held(), 3u);
  EXPECT_FALSE(stop.Append("c"));
  EXPECT_EQ(stop.Held(), 0u);
  EXPECT_FALSE(stop.Append("ab"));
  EXPECT_EQ(stop.Held(), 2u);
  EXPECT_TRUE(stop.Append("ab!z"));
  EXPECT_EQ(stop.found(), 0) << "it begins first";
  EXPECT_EQ(stop.cut_bytes(), 6u);
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

TEST(Scheduler, EnoughIsEnough) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 8;
  request.max_tokens = 12;
  const Tokens alone = Alone(request);
  const auto engine = NewEngine();
  int seen = 0;
  GenerateOptions options;
  options.max_batch = 3;
  options.on_completion = [&](size_t, const Completion&) { ++seen; };
  options.enough = [&](size_t) { return seen >= 3; };
  const auto completions = Generate(*engine, Words(), {&request, 1}, options)[0];
  int cancelled = 0;
  for (const Completion& c : completions) {
    cancelled += c.finish == Finish::kCancelled;
    if (c.finish != Finish::kCancelled) {
      EXPECT_EQ(c.tokens, alone[static_cast<size_t>(c.sample)]);
    }
  }
  EXPECT_EQ(cancelled, 5);
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
  late.Submit(whole, {.on_error = [&](const std::string& message) { error = message; }});
  engine->Prefill(held, RandomTokens(91, 40), nullptr);
  while (late.Step()) {
  }
  EXPECT_NE(error.find("KV cache"), std::string::npos) << error;
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
  for (int i = 0; i < 50; ++i) share.Note(1, share.Rows(1), 10.0 + 5.0 * static_cast<double>(share.Rows(1)));
  EXPECT_GE(share.Rows(1), 1u);
  EXPECT_LE(share.Rows(1), 4u);
  EXPECT_EQ(PromptShare(0).Rows(3), 509u);
  EXPECT_EQ(PromptShare(0).Rows(400), 256u);
}

TEST(Scheduler, PenaltiesAndBiases) {
  SamplingParams params;
  params.repetition_penalty = 2;
  params.presence_penalty = 0.5;
  params.frequency_penalty = 0.25;
  params.logit_bias = {{3, 1.5f}};
  std::vector<float> logits = {4, -4, 3, 1, 0};
  const std::vector<int32_t> prompt = {0, 1}, response = {2, 2, 1}, banned = {4};
  ChangeLogits(params, prompt, response, banned, logits);
  EXPECT_FLOAT_EQ(logits[0], 2);
  EXPECT_FLOAT_EQ(logits[1], -8 - 0.25f - 0.5f);
  EXPECT_FLOAT_EQ(logits[2], 1.5f - 0.5f - 0.5f);
  EXPECT_FLOAT_EQ(logits[3], 2.5f);
  EXPECT_TRUE(std::isinf(logits[4]) && logits[4] < 0);
  EXPECT_FALSE(ChangesLogits({}));
  GenerateRequest request = Requests(1)[0];
  request.sampling.logit_bias = {{123, 100}};
  request.num_samples = 1;
  const Tokens biased = Alone(request);
  for (const int32_t id : biased[0]) EXPECT_EQ(id, 123);
  request.sampling.repetition_penalty = 10;
  request.sampling.frequency_penalty = 2;
  request.sampling.temperature = 1;
  request.max_tokens = 100;
  const Tokens varied = Alone(request);
  EXPECT_LT(std::count(varied[0].begin(), varied[0].end(), 123), 80);
}

TEST(Scheduler, RefusesWhatCannotBeDone) {
  const auto engine = NewEngine(512);
  Scheduler scheduler(*engine, Words(), {.max_batch = 4});
  const GenerateRequest good = Requests(2)[1];
  const auto refused = [&](auto change, const std::string& word) {
    GenerateRequest request = good;
    change(request);
    try {
      scheduler.Submit(request, {});
      ADD_FAILURE() << "accepted; expected a sentence with '" << word << "'";
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
    }
  };
  refused([](auto& r) { r.stop = {""}; }, "stop text");
  refused([](auto& r) { r.stop_ids = {400}; }, "stop token 400");
  refused([](auto& r) { r.sampling.repetition_penalty = 0; }, "repetition_penalty");
  refused([](auto& r) { r.sampling.presence_penalty = 3; }, "presence_penalty");
  refused([](auto& r) { r.sampling.logit_bias = {{400, 1}}; }, "token 400");
  refused([](auto& r) { r.sampling.logit_bias = {{4, 1000}}; }, "logit_bias");
  refused([](auto& r) {
    r.budget = BudgetFor(120, 10);
    r.budget->pooled = true;
    r.num_samples = 6;
    r.max_tokens = 400;
  }, "pooled");
  refused([](auto& r) {
    r.budget = BudgetFor(50, 10);
    r.budget->think_tokens = 30;
    r.budget->answer_tokens = 10;
    r.max_tokens = 100;
  }, "not the budget of 50");
  refused([](auto& r) {
    r.budget = BudgetFor(50, 10);
    r.budget->min_think_tokens = 40;
    r.max_tokens = 100;
  }, "at least 40");
  EXPECT_THROW(Scheduler(*engine, Words(), {.max_stall = 0.5}), UserError);
  EXPECT_FALSE(scheduler.Step()) << "nothing was taken";
}

}  // namespace
}  // namespace pith::testing
