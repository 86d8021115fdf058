// The check behind a finished response: its hidden state is that of the whole sequence computed from nothing, bit for bit, and the response is what
// it would have been without.
#include <limits>

#include "base/error.h"
#include "runtime/generation/scheduler.h"
#include "tests/runtime/scheduler_requests.h"
#include "tests/runtime/sown_draft.h"

namespace pith::testing {
namespace {

constexpr int32_t kEnd = 2;
const std::vector<int32_t> kCheck = {17, 44, 301, 9, 52};

struct Written {
  std::vector<int32_t> tokens;
  AdapterRef writer;
};

// The hidden state behind the last token, by an engine that shares nothing and runs a token at a time.
std::vector<float> HiddenFromNothing(const std::vector<Written>& parts, const EngineOptions& given) {
  EngineOptions options = given;
  options.share_prefixes = false;
  Engine engine(TinyBase(), options);
  const SequenceId sequence = engine.NewSequence();
  std::vector<float> hidden(static_cast<size_t>(engine.config().d_model));
  for (const Written& part : parts) {
    engine.SetAdapter(sequence, part.writer);
    for (const int32_t token : part.tokens) {
      const ForwardRow row = {sequence, token, false, /*drafted=*/false, true};
      engine.Forward({&row, 1}, nullptr, hidden.data());
    }
  }
  return hidden;
}

// What a check of `completion` has to give.
std::vector<float> Expected(const GenerateRequest& request, const Completion& completion) {
  const bool always = request.adapter && request.adapter->activation() == Activation::kAlways;
  const auto cut = request.prompt.begin() + (always ? 0 : request.invocation_start);
  std::vector<int32_t> response(cut, request.prompt.end()), check = request.check.ids;
  response.insert(response.end(), completion.tokens.begin(), completion.tokens.end());
  if (!Words().IsEnd(response.back())) response.push_back(request.check.end_id);
  return HiddenFromNothing({{{request.prompt.begin(), cut}, nullptr}, {response, request.adapter}, {check, request.check.by_base ? nullptr : request.adapter}},
                           NewEngine()->options());
}

TEST(Engine, HiddenStatesAreWhatTheOutputMatrixTakes) {
  EngineOptions options;
  options.activations = ActivationType::kF32;
  options.kv_type = KvType::kF32;
  options.num_threads = 1;
  Engine engine(TinyBase(), options);
  const SequenceId a = engine.NewSequence(), b = engine.NewSequence();
  engine.SetAdapter(b, TinyAdapter("tiny-lora"));
  std::vector<ForwardRow> rows;  // of two adapters, so that they are put into another order
  for (const int32_t token : RandomTokens(5, 6)) {
    rows.push_back({b, token, token % 2 == 0, /*drafted=*/false, true});
    rows.push_back({a, token, true, /*drafted=*/false, token % 3 == 0});
  }
  const auto d = static_cast<size_t>(engine.config().d_model), v = static_cast<size_t>(engine.config().vocab_size);
  std::vector<float> logits(rows.size() * v), hidden(rows.size() * d);
  engine.Forward(rows, logits.data(), hidden.data());
  const std::vector<float> matrix = TinyBase()->Tensor("token_embd.weight").ToF32();  // tied
  size_t both = 0;
  for (size_t r = 0, l = 0, h = 0; r < rows.size(); ++r) {
    if (rows[r].want_logits && rows[r].want_hidden) {
      ++both;
      double worst = 0, largest = 0;
      for (size_t id = 0; id < v; ++id) {
        double sum = 0;
        for (size_t i = 0; i < d; ++i) sum += static_cast<double>(matrix[id * d + i]) * hidden[h * d + i];
        worst = std::max(worst, std::abs(sum - logits[l * v + id]));
        largest = std::max(largest, std::abs(sum));
      }
      EXPECT_LT(worst, 1e-5 * largest) << "row " << r;
    }
    l += rows[r].want_logits;
    h += rows[r].want_hidden;
  }
  EXPECT_GE(both, 3u);
}

TEST(Check, SeesWhatTheWholeSequenceFromNothingGives) {
  for (const bool by_base : {false, true}) {
    // Ended by their limits, and (without the bias) by themselves: with end of turn, and without.
    std::vector<GenerateRequest> requests = Requests(9), plain = requests;
    for (size_t i = 0; i < requests.size(); ++i) {
      if (i % 2 == 1) {
        for (GenerateRequest* r : {&requests[i], &plain[i]}) {
          for (auto& [id, bias] : r->sampling.logit_bias) bias = 2;
        }
      }
      requests[i].check = {kCheck, kEnd, by_base, nullptr, /*keep_hidden=*/true};
    }
    const auto engine = NewEngine();
    const auto checked = Generate(*engine, Words(), requests, {.max_batch = 5});
    const auto without = Generate(*NewEngine(), Words(), plain, {.max_batch = 5});
    int stopped = 0, cut = 0;
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(TokensOf(checked[i]), TokensOf(without[i])) << "a check changes no response";
      for (size_t s = 0; s < checked[i].size(); ++s) {
        const Completion& c = checked[i][s];
        EXPECT_EQ(c.finish, without[i][s].finish);
        ++(c.finish == Finish::kStop ? stopped : cut);
        EXPECT_TRUE(SameBits(c.hidden, Expected(requests[i], c))) << "request " << i << ", sample " << s << (by_base ? ", by the base" : "");
        EXPECT_FALSE(c.score.has_value());
        EXPECT_TRUE(without[i][s].hidden.empty());
      }
    }
    EXPECT_GE(stopped, 3);
    EXPECT_GE(cut, 3);
    EXPECT_EQ(engine->kv_tokens_free(), NewEngine()->kv_tokens_free()) << "every sequence was freed";
  }
}

// A response may end amid tokens that were drafted: what was run behind its end is gone before the check is asked.
TEST(Check, SeesTheSameBehindDraftedTokens) {
  for (const bool by_base : {false, true}) {
    std::vector<GenerateRequest> requests = Requests(9);
    const auto plain = Generate(*NewEngine(), Words(), requests, {.max_batch = 5});
    for (GenerateRequest& request : requests) request.check = {kCheck, kEnd, by_base, nullptr, /*keep_hidden=*/true};
    GenerateStats stats;
    const auto engine = NewEngine();
    const auto checked = Generate(*engine, Words(), requests, {.max_batch = 5, .drafter = std::make_shared<SownDraft>(requests, plain, 0.2), .draft_always = true}, &stats);
    EXPECT_GT(stats.accepted_tokens, 50);
    EXPECT_GT(stats.drafted_tokens, stats.accepted_tokens + 20);
    for (size_t i = 0; i < requests.size(); ++i) {
      EXPECT_EQ(TokensOf(checked[i]), TokensOf(plain[i]));
      for (size_t s = 0; s < checked[i].size(); ++s) EXPECT_TRUE(SameBits(checked[i][s].hidden, Expected(requests[i], checked[i][s]))) << "request " << i << ", sample " << s;
    }
    EXPECT_EQ(engine->kv_tokens_free(), NewEngine()->kv_tokens_free());
  }
}

TEST(Check, AsksAGivenResponseLikeASampledOne) {
  for (const bool by_base : {false, true}) {
    GenerateRequest request = Requests(3)[1];
    request.num_samples = 1;
    for (const float bias : {-100.0f, 3.0f}) {
      for (auto& [id, value] : request.sampling.logit_bias) value = bias;
      request.check = {kCheck, kEnd, by_base, nullptr, true};
      const Completion sampled = Completions(*NewEngine(), request)[0];
      GenerateRequest given = request;
      given.response_prefix = sampled.tokens;
      given.max_tokens = static_cast<int64_t>(sampled.tokens.size());
      for (const int samples : {1, 2}) {
        given.num_samples = samples;
        for (const Completion& c : Completions(*NewEngine(), given)) {
          EXPECT_EQ(c.tokens, sampled.tokens);
          EXPECT_TRUE(SameBits(c.hidden, sampled.hidden)) << by_base << bias << samples;
        }
      }
    }
  }
}

TEST(Check, ScoresByItsHead) {
  GenerateRequest request = Requests(3)[1];
  LinearHead head;
  Rng rng(3);
  for (int i = 0; i < 64; ++i) head.weights.push_back(static_cast<float>(rng.Uniform() - 0.5));
  head.bias = 0.25f;
  request.check = {kCheck, kEnd, false, std::make_shared<LinearHead>(head), true};
  for (const Completion& c : Completions(*NewEngine(), request)) {
    double z = 0.25;
    for (size_t i = 0; i < 64; ++i) z += static_cast<double>(head.weights[i]) * c.hidden[i];
    ASSERT_TRUE(c.score.has_value());
    EXPECT_NEAR(*c.score, 1 / (1 + std::exp(-z)), 1e-12);
    EXPECT_GT(*c.score, 0.0);
    EXPECT_LT(*c.score, 1.0);
  }
  request.check.head = nullptr;
  request.check.keep_hidden = false;
  EXPECT_TRUE(Completions(*NewEngine(), request)[0].hidden.empty());
}

TEST(Check, HasItsRoom) {
  GenerateRequest request = Requests(3)[1];
  request.prompt = RandomTokens(9, 16);
  request.invocation_start = 14;
  request.num_samples = 2;
  request.max_tokens = 16;
  request.check = {RandomTokens(4, 15), kEnd, false, nullptr, true};  // with an end of turn: 16
  for (const int64_t pages : {3, 4, 5}) {  // one chain's: three
    const auto engine = NewEngine(pages * Engine::kPageTokens);
    for (const Completion& c : Completions(*engine, request)) EXPECT_TRUE(SameBits(c.hidden, Expected(request, c))) << pages;
  }
  const auto small = NewEngine(2 * Engine::kPageTokens);
  EXPECT_THROW(Completions(*small, request), UserError);
  request.check.ids = RandomTokens(4, 480);  // beyond the context of 512, with prompt and response
  try {
    Completions(*NewEngine(), request);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(std::string(error.what()), "a prompt of 16 tokens and up to 16 more, with a check of 481, do not fit the model's context of 512 tokens; shorten the prompt or lower the limit");
  }
  request.check.ids = {5, 320};
  EXPECT_THROW(Completions(*NewEngine(), request), UserError);
}

TEST(Check, EndsWithItsRequest) {
  GenerateRequest request = Requests(3)[1];
  request.num_samples = 6;
  request.check = {kCheck, kEnd, true, nullptr, true};
  const auto engine = NewEngine();
  Scheduler scheduler(*engine, Words(), {.max_batch = 2});
  int heard = 0;
  std::vector<Completion> all;
  RequestId id = 0;
  RequestCallbacks callbacks;
  callbacks.on_completion = [&](int, const Completion& c) {
    EXPECT_EQ(c.hidden.size(), 64u) << "who hears of a completion hears of its check";
    if (++heard == 3) scheduler.Cancel(id);
  };
  callbacks.on_done = [&](std::vector<Completion> done) { all = std::move(done); };
  id = scheduler.Submit(request, callbacks);
  while (scheduler.Step()) {
  }
  ASSERT_EQ(all.size(), 6u);
  EXPECT_GE(std::count_if(all.begin(), all.end(), [](const Completion& c) { return c.finish == Finish::kCancelled; }), 2);
  for (int steps = 1; steps < 30; ++steps) {  // cancelled at any moment, within the check too
    Scheduler other(*engine, Words(), {});
    bool done = false;
    RequestCallbacks calls;
    calls.on_done = [&](std::vector<Completion>) { done = true; };
    const RequestId one = other.Submit(request, calls);
    for (int i = 0; i < steps && other.Step(); ++i) {
    }
    other.Cancel(one);
    while (other.Step()) {
    }
    EXPECT_TRUE(done);
  }
  EXPECT_EQ(engine->kv_tokens_free(), 4096);
}

}  // namespace
}  // namespace pith::testing
