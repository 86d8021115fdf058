// A scheduler that is handed requests at any time, from any thread: each completion is what its request alone gives.
#include <atomic>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/error.h"
#include "runtime/generation/scheduler.h"
#include "tests/runtime/scheduler_requests.h"

namespace pith::testing {
namespace {

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

// An adapter with broken values: its request fails with a sentence, at its first token or in mid-way, and nobody else's tokens change by it.
TEST(Scheduler, ARequestThatFailsFailsAlone) {
  LoraAdapter broken = ReadPeft(Golden("tiny-lora"));
  for (auto& [name, pair] : broken.pairs) std::fill(pair.b.begin(), pair.b.end(), std::numeric_limits<float>::quiet_NaN());
  const AdapterRef adapter = PackedAdapter::FromLora(broken, TinyBase()->config(), TensorType::kBF16);
  std::vector<GenerateRequest> requests = Requests(7);
  for (GenerateRequest& request : requests) request.num_samples = 3;
  const std::set<size_t> fails = {2, 5};
  for (const size_t i : fails) requests[i].adapter = adapter;
  const auto engine = NewEngine();
  const int64_t free = engine->kv_tokens_free();
  Scheduler scheduler(*engine, Words(), {.max_batch = 8});
  std::map<size_t, Tokens> results;
  std::map<size_t, std::string> errors;
  for (size_t i = 0; i < requests.size(); ++i) {
    scheduler.Submit(requests[i], {.on_done = [&results, i](std::vector<Completion> done) { results[i] = TokensOf(done); },
                                   .on_error = [&errors, i](const std::exception_ptr& why) { errors[i] += SentenceOf(why); }});
    scheduler.Step();
  }
  while (scheduler.Step()) {
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    if (fails.count(i) > 0) {
      EXPECT_EQ(errors[i].find("the model's logits are not finite"), 0u) << errors[i];
      EXPECT_EQ(errors[i].find("not finite", 40), std::string::npos) << "told once: " << errors[i];
      EXPECT_EQ(results.count(i), 0u);
    } else {
      EXPECT_EQ(errors.count(i), 0u) << errors[i];
      EXPECT_EQ(results[i], Alone(requests[i])) << i;
    }
  }
  EXPECT_EQ(engine->kv_tokens_free(), free);
  EXPECT_THROW(Completions(*engine, requests[2]), UserError) << "a closed list has nobody to tell";
  EXPECT_EQ(engine->kv_tokens_free(), free);
}

// What the engine itself cannot do ends all that is there, each told of it; and the next request is served.
TEST(Scheduler, AnEngineThatFailsFailsWhatRuns) {
  const auto engine = NewEngine(256);
  const int64_t free = engine->kv_tokens_free();
  Scheduler scheduler(*engine, Words(), {.max_batch = 1});
  std::vector<GenerateRequest> requests = Requests(2);
  std::mutex mutex;
  std::vector<std::string> errors;
  for (GenerateRequest& request : requests) {
    request.num_samples = 1;
    request.prompt = RandomTokens(7, 20);
    request.invocation_start = 20;
    request.max_tokens = 100;
    scheduler.Submit(request, {.on_error = [&](const std::exception_ptr& why) {
      const std::lock_guard lock(mutex);
      errors.push_back(SentenceOf(why));
    }});
  }
  for (int step = 0; step < 3; ++step) scheduler.Step();
  const SequenceId held = engine->NewSequence();  // somebody takes the room that the first was promised
  engine->Prefill(held, RandomTokens(8, engine->kv_tokens_free()), nullptr);
  std::atomic<bool> over{false};
  {
    std::jthread server([&](std::stop_token stop) { scheduler.Run(stop); });
    for (size_t told = 0; told < 2; std::this_thread::yield()) {
      const std::lock_guard lock(mutex);
      told = errors.size();
    }
    scheduler.Call([&] { engine->Free(held); });
    scheduler.Submit(requests[0], {.on_done = [&](const std::vector<Completion>&) { over = true; }});
    while (!over) std::this_thread::yield();
  }
  for (const std::string& error : errors) EXPECT_NE(error.find("KV cache of 256 tokens is full"), std::string::npos) << error;
  EXPECT_EQ(engine->kv_tokens_free(), free);
}

TEST(Scheduler, WhatIsCalledIsDoneBehindWhatWasTold) {
  const auto engine = NewEngine();
  Scheduler scheduler(*engine, Words(), {});
  bool done = false;
  int calls = 0;
  const RequestId id = scheduler.Submit(Requests(1)[0], {.on_done = [&](const std::vector<Completion>&) { done = true; }});
  scheduler.Step();
  scheduler.Call([&] {
    EXPECT_TRUE(done) << "it was cancelled after this was handed in, and before it is done";
    ++calls;
  });
  scheduler.Cancel(id);
  EXPECT_EQ(calls, 0) << "by the thread that steps";
  scheduler.Step();
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(scheduler.Step());
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

// Its room is there for the next in line only in the step that follows: nobody is refused meanwhile.
TEST(Scheduler, ACompletionThatEndsAtOnceMakesRoomForTheNext) {
  std::vector<GenerateRequest> requests = {Requests(2)[1], Requests(2)[1]};
  for (GenerateRequest& request : requests) {
    request.sampling.logit_bias.emplace_back(77, 100.0f);
    request.stop_ids = {77};  // the first token
    request.num_samples = 3;
  }
  const auto engine = NewEngine();
  for (const auto& group : Generate(*engine, Words(), requests, {.max_batch = 1})) {
    for (const Completion& c : group) EXPECT_EQ(c.tokens, std::vector<int32_t>{77});
  }
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
  refused([](auto& r) { r.sampling.logit_bias = {{4, 60}, {5, 1}, {4, 60}}; }, "token 4 twice");
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
