// Speculation changes nothing that is said: whatever is drafted, each completion is to the bit what plain decoding gives.
#include <map>

#include "base/error.h"
#include "runtime/generation/scheduler.h"
#include "runtime/speculation/draft_rule.h"
#include "runtime/speculation/layers_draft.h"
#include "runtime/speculation/model_draft.h"
#include "runtime/speculation/ngram_draft.h"
#include "tests/runtime/scheduler_requests.h"
#include "tests/runtime/sown_draft.h"

namespace pith::testing {
namespace {

std::unique_ptr<Engine> EngineFor(ActivationType activations, int64_t kv_tokens = 8192, int threads = 1) {
  EngineOptions options;
  options.activations = activations;
  options.kv_tokens = kv_tokens;
  options.num_threads = threads;
  return std::make_unique<Engine>(TinyBase(), options);
}

// Requests of every kind of rule that looks at tokens as they come.
std::vector<GenerateRequest> AllKinds() {
  std::vector<GenerateRequest> requests = Requests(9, /*end_bias=*/0);
  for (size_t i = 0; i < requests.size(); ++i) requests[i].max_tokens = 40 + 5 * static_cast<int64_t>(i);
  const auto add = [&](size_t like, auto change) {
    requests.push_back(requests[like]);
    requests.back().max_tokens = 90;
    change(requests.back());
  };
  for (size_t like = 0; like < 3; ++like) {
    add(like, [](GenerateRequest& r) { r.budget = BudgetFor(64, 16); });
    add(like, [](GenerateRequest& r) {
      r.budget = BudgetFor(0, 16);
      r.budget->Split(40, 20);
      r.budget->min_think_tokens = 12;
    });
    add(like, [](GenerateRequest& r) {
      r.response_prefix = Words().Encode("budget 64:");
      r.announced = static_cast<int64_t>(r.response_prefix.size());
      r.response_prefix.push_back(50);
      r.budget = BudgetFor(64, 16);
    });
    add(like, [](GenerateRequest& r) {
      r.sampling.temperature = 0.8;
      r.sampling.top_p = 0.9;
      r.sampling.min_p = 0.01;
      r.sampling.repetition_penalty = 1.2;
      r.sampling.frequency_penalty = 0.3;
      r.sampling.presence_penalty = 0.2;
    });
    add(like, [](GenerateRequest& r) {
      r.sampling.top_k = 7;
      r.min_tokens = 30;
      r.first_sample = 11;
    });
    add(like, [](GenerateRequest& r) {
      r.stop = {"e", "th", "  "};
      r.stop_ids = {40, 41};
      r.min_tokens = 5;
    });
    add(like, [](GenerateRequest& r) {  // says one token until it is stopped as a loop
      r.sampling.logit_bias = {{77, 100}};
      r.budget = BudgetFor(0, 16);
    });
  }
  return requests;
}

void ExpectSame(const Completion& a, const Completion& b, const std::string& what) {
  EXPECT_EQ(a.tokens, b.tokens) << what;
  EXPECT_TRUE(SameBits(a.logprobs, b.logprobs)) << what;
  EXPECT_EQ(a.finish, b.finish) << what;
  EXPECT_EQ(a.forced_begin, b.forced_begin) << what;
  EXPECT_EQ(a.forced_end, b.forced_end) << what;
  EXPECT_EQ(a.near_ties, b.near_ties) << what;
  EXPECT_EQ(a.cut_bytes, b.cut_bytes) << what;
  EXPECT_EQ(a.announced, b.announced) << what;
  EXPECT_EQ(a.usage.thinking_tokens, b.usage.thinking_tokens) << what;
  EXPECT_EQ(a.usage.answer_tokens, b.usage.answer_tokens) << what;
  EXPECT_EQ(a.usage.forced_tokens, b.usage.forced_tokens) << what;
  EXPECT_EQ(a.usage.forced_by, b.usage.forced_by) << what;
}

using Results = std::vector<std::vector<Completion>>;

GenerateStats ExpectSameWith(Engine& engine, std::shared_ptr<Drafter> drafter, const std::vector<GenerateRequest>& requests, const Results& plain, int max_batch,
                             const std::string& what, bool always = true) {
  GenerateStats stats;
  const int64_t free = engine.kv_tokens_free();
  const Results drafted = Generate(engine, Words(), requests, {.max_batch = max_batch, .drafter = std::move(drafter), .draft_always = always}, &stats);
  EXPECT_EQ(engine.kv_tokens_free(), free) << what;
  int64_t run = 0, accepted = 0, generated = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    EXPECT_EQ(drafted[i].size(), plain[i].size());
    for (size_t s = 0; s < plain[i].size(); ++s) {
      ExpectSame(drafted[i][s], plain[i][s], Str(what, ", request ", i, ", sample ", s));
      run += drafted[i][s].usage.drafted_tokens;
      accepted += drafted[i][s].usage.accepted_tokens;
      generated += static_cast<int64_t>(drafted[i][s].tokens.size() - requests[i].response_prefix.size());
    }
  }
  EXPECT_EQ(stats.drafted_tokens, run) << what;
  EXPECT_EQ(stats.accepted_tokens, accepted) << what;
  EXPECT_EQ(stats.generated_tokens, generated) << what;
  EXPECT_LE(accepted, run) << what;
  return stats;
}

TEST(Speculation, WhateverIsDraftedTheCompletionsAreThoseOfPlainDecoding) {
  const std::vector<GenerateRequest> requests = AllKinds();
  for (const ActivationType activations : {ActivationType::kInt8, ActivationType::kBF16, ActivationType::kF32}) {
    const auto engine = EngineFor(activations);
    GenerateStats without;
    const Results plain = Generate(*engine, Words(), requests, {.max_batch = 8}, &without);
    int forced = 0, stopped = 0, looped = 0, cut = 0;
    for (const auto& group : plain) {
      for (const Completion& c : group) {
        forced += c.forced_begin >= 0;
        stopped += c.finish == Finish::kStop;
        looped += c.usage.forced_by == ForcedBy::kLoop;
        cut += c.cut_bytes > 0;
      }
    }
    EXPECT_GT(forced, 10);
    EXPECT_GT(stopped, 10);
    EXPECT_GT(looped, 2);
    EXPECT_GT(cut, 3);
    for (const double errors : {0.0, 0.15, 0.5, 1.0}) {
      for (const int max_batch : {1, 8}) {
        const auto drafter = std::make_shared<SownDraft>(requests, plain, errors);
        const GenerateStats stats = ExpectSameWith(*engine, drafter, requests, plain, max_batch, Str("errors ", errors, ", batch ", max_batch));
        EXPECT_GT(stats.drafted_tokens, 1000);
        if (errors == 0.0) {
          EXPECT_LT(2 * stats.steps, without.steps * (max_batch == 1 ? 8 : 1)) << "fewer passes";
          EXPECT_GT(stats.accepted_tokens, 1000);
        }
        if (errors == 1.0) {
          EXPECT_EQ(stats.accepted_tokens, 0);
        }
      }
    }
  }
}

TEST(Speculation, EachDrafterIsExact) {
  const std::vector<GenerateRequest> requests = AllKinds();
  const auto engine = EngineFor(ActivationType::kInt8);
  const Results plain = Generate(*engine, Words(), requests, {.max_batch = 6});
  EngineOptions options = engine->options();
  const auto ngrams = ExpectSameWith(*engine, std::make_shared<NgramDraft>(), requests, plain, 6, "n-grams");
  const auto layers = ExpectSameWith(*engine, std::make_shared<LayersDraft>(*engine, 1), requests, plain, 6, "layers");
  const auto itself = ExpectSameWith(*engine, std::make_shared<ModelDraft>(TinyBase(), options, Words()), requests, plain, 6, "a draft model");
  options.kv_tokens = 160;  // has room for some of its chains
  const auto narrow = ExpectSameWith(*engine, std::make_shared<ModelDraft>(TinyBase(), options, Words()), requests, plain, 6, "a draft model with little room");
  for (const GenerateStats* stats : {&ngrams, &layers, &itself, &narrow}) EXPECT_GT(stats->accepted_tokens, 20);
  EXPECT_LT(narrow.drafted_tokens, itself.drafted_tokens);
  // And where it is left to the rule whether to draft.
  ExpectSameWith(*engine, std::make_shared<NgramDraft>(), requests, plain, 6, "n-grams", /*always=*/false);
  ExpectSameWith(*engine, std::make_shared<LayersDraft>(*engine, 1), requests, plain, 6, "layers", /*always=*/false);
}

// The draft draws with the random number of its position, so the model that drafts for itself is right at any temperature.
TEST(Speculation, AModelThatDraftsForItselfIsAlwaysRight) {
  GenerateRequest request = Requests(2)[1];
  request.adapter = nullptr;
  request.sampling = {.temperature = 1.5, .top_p = 0.95, .seed = 4, .frequency_penalty = 0.5};
  request.max_tokens = 120;
  const auto engine = EngineFor(ActivationType::kBF16);
  const Results plain = Generate(*engine, Words(), {&request, 1}, {});
  const auto drafter = std::make_shared<ModelDraft>(TinyBase(), engine->options(), Words());
  const GenerateStats stats = ExpectSameWith(*engine, drafter, {request}, plain, 4, "itself");
  EXPECT_GT(stats.accepted_tokens, 60);
  int64_t left = 0;  // drafted behind the end
  for (const Completion& c : plain[0]) left += c.finish == Finish::kStop ? DraftRule::kMostTokens : 0;
  EXPECT_GE(stats.accepted_tokens, stats.drafted_tokens - left);
}

TEST(Speculation, StreamsTheSameEventsInTheSameOrder) {
  const std::vector<GenerateRequest> requests = AllKinds();
  const auto engine = EngineFor(ActivationType::kInt8);
  const Results plain = Generate(*engine, Words(), requests, {});
  const auto events = [&](std::shared_ptr<Drafter> drafter) {
    std::map<std::pair<size_t, int>, std::string> said;
    GenerateOptions options{.drafter = std::move(drafter), .draft_always = true};
    options.on_token = [&](size_t i, const TokenEvent& event) {
      said[{i, event.sample}] += Str(event.token, ResponsePartName(event.part), "'", std::string(event.text), "' ");
    };
    Generate(*engine, Words(), requests, options);
    return said;
  };
  EXPECT_EQ(events(std::make_shared<SownDraft>(requests, plain, 0.2)), events(nullptr));
}

// What a callback asks for holds before the next token, though that may be drafted and right.
TEST(Speculation, CancelAndCloseNowHoldBeforeTheNextToken) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 1;
  request.max_tokens = 60;
  request.budget = BudgetFor(0, 16);
  const auto engine = EngineFor(ActivationType::kInt8);
  const Results plain = Generate(*engine, Words(), {&request, 1}, {});
  const std::vector<GenerateRequest> requests = {request};
  for (const bool cancel : {true, false}) {
    for (const size_t at : {size_t{1}, size_t{9}, size_t{20}}) {
      const auto run = [&](std::shared_ptr<Drafter> drafter) {
        Scheduler scheduler(*engine, Words(), {.drafter = std::move(drafter), .draft_always = true});
        std::vector<Completion> done;
        RequestId id = 0;
        size_t seen = 0;
        id = scheduler.Submit(request, {.on_token = [&](const TokenEvent& event) {
                                          if (event.token < 0 || ++seen != at) return;
                                          cancel ? scheduler.Cancel(id) : scheduler.CloseNow(id);
                                        },
                                        .on_done = [&](std::vector<Completion> completions) { done = std::move(completions); }});
        while (scheduler.Step()) {
        }
        return done.at(0);
      };
      const Completion expected = run(nullptr), drafted = run(std::make_shared<SownDraft>(requests, plain, 0.0));
      ExpectSame(drafted, expected, Str(cancel ? "cancelled" : "closed", " at ", at));
      EXPECT_EQ(drafted.usage.accepted_tokens > 0, at > 1);
    }
  }
}

// A stop text that ends within a draft that is right to its end; and a limit that is the context's end.
TEST(Speculation, EndsWithinADraft) {
  GenerateRequest request = Requests(2)[1];
  request.prompt = RandomTokens(5, 452);
  request.invocation_start = 450;
  request.num_samples = 1;
  request.max_tokens = 60;  // to the last token of the context
  const auto engine = EngineFor(ActivationType::kInt8);
  const Results plain = Generate(*engine, Words(), {&request, 1}, {});
  ASSERT_EQ(plain[0][0].tokens.size(), 60u);
  EXPECT_EQ(engine->config().context_length, 512);
  const auto sown = [&] { return std::make_shared<SownDraft>(std::vector<GenerateRequest>{request}, plain, 0.0); };
  ExpectSameWith(*engine, sown(), {request}, plain, 1, "to the context's end");
  const std::string text = ResponseText(Words(), plain[0][0]);
  for (size_t at = 0; at + 3 < text.size(); at += 5) {
    GenerateRequest stopped = request;
    stopped.stop = {text.substr(at, 3)};
    const Results expected = Generate(*engine, Words(), {&stopped, 1}, {});
    ExpectSameWith(*engine, sown(), {stopped}, expected, 1, Str("stopped at ", at));
  }
}

// What one sample of a pool may think hangs on how far the others are: nothing is drafted there, nor beside prompts that come in.
TEST(Speculation, LeavesPoolsAlone) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 3;
  request.max_tokens = 300;
  request.budget = BudgetFor(240, 16);
  request.budget->pooled = true;
  const auto engine = EngineFor(ActivationType::kInt8);
  const Results plain = Generate(*engine, Words(), {&request, 1}, {});
  const auto drafter = std::make_shared<SownDraft>(std::vector<GenerateRequest>{request}, plain, 0.0);
  EXPECT_EQ(ExpectSameWith(*engine, drafter, {request}, plain, 4, "a pool").drafted_tokens, 0);
}

// What was run in vain leaves the cache: the room is that of plain decoding, and who comes next finds what plain decoding would have left.
TEST(Speculation, RejectedDraftsLeaveNoTrace) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 1;
  request.max_tokens = 100;
  const auto left = [&](bool draft) {
    const auto engine = EngineFor(ActivationType::kInt8, 1024);
    const Results plain = Generate(*EngineFor(ActivationType::kInt8), Words(), {&request, 1}, {});
    const auto drafter = std::make_shared<SownDraft>(std::vector<GenerateRequest>{request}, plain, 0.3);
    Generate(*engine, Words(), {&request, 1}, {.drafter = draft ? drafter : nullptr, .draft_always = true});
    const KvCounters counters = engine->kv_counters();
    GenerateRequest next = request;
    next.response_prefix.assign(plain[0][0].tokens.begin(), plain[0][0].tokens.begin() + 99);
    Generate(*engine, Words(), {&next, 1}, {});
    return std::tuple(counters.parked_pages, counters.evicted_pages, counters.copied_pages, engine->kv_counters().hit_tokens - counters.hit_tokens);
  };
  EXPECT_EQ(left(true), left(false));
}

// With room for its completions' longest courses and no page more, nothing that is drafted fails.
TEST(Speculation, NeedsNoRoomOfItsOwn) {
  std::vector<GenerateRequest> requests = Requests(6);
  const Results plain = Generate(*EngineFor(ActivationType::kInt8), Words(), requests, {});
  int64_t longest = 0;
  for (const GenerateRequest& request : requests) longest = std::max<int64_t>(longest, static_cast<int64_t>(request.prompt.size()) + request.max_tokens);
  const auto engine = EngineFor(ActivationType::kInt8, (longest + 15) / 16 * 16 + 16);
  for (const double errors : {0.0, 0.4}) ExpectSameWith(*engine, std::make_shared<SownDraft>(requests, plain, errors), requests, plain, 4, Str("errors ", errors));
}

// Left to the rule: what is always wrong is hardly ever run, what is always right is.
TEST(Speculation, IsOffWhereItDoesNotPay) {
  GenerateRequest request = Requests(2)[1];
  request.num_samples = 1;
  request.max_tokens = 400;
  const auto engine = EngineFor(ActivationType::kInt8);
  const Results plain = Generate(*engine, Words(), {&request, 1}, {});
  const std::vector<GenerateRequest> requests = {request};
  const GenerateStats wrong = ExpectSameWith(*engine, std::make_shared<SownDraft>(requests, plain, 1.0), requests, plain, 1, "wrong", /*always=*/false);
  EXPECT_LT(wrong.drafted_tokens, 120);
  EXPECT_GT(wrong.steps, 395);
  const GenerateStats right = ExpectSameWith(*engine, std::make_shared<SownDraft>(requests, plain, 0.0), requests, plain, 1, "right", /*always=*/false);
  EXPECT_GT(right.accepted_tokens, 100);
  EXPECT_LT(right.steps, 300);
}

}  // namespace
}  // namespace pith::testing
