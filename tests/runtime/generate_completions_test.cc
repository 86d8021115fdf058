// Generate() against a plain loop over the engine, and each request's independence of all others.
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "data/text/tokenizer.h"
#include "runtime/generation/generate.h"
#include "tests/base/temp_folder.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

const Tokenizer& TinyTokenizer() {
  static const std::unique_ptr<Tokenizer> tokenizer = Tokenizer::Load(Golden("tiny-llama"));
  return *tokenizer;
}

EngineOptions Options(int64_t kv_tokens = 4096, int threads = 1) {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.kv_tokens = kv_tokens;
  options.num_threads = threads;
  return options;
}

DecodeBudget Budget(int64_t tokens, int64_t reserve) {
  return {tokens, reserve, TinyTokenizer().Encode("\n#### ")};
}

// A mixture of everything: lengths, writers, temperatures, numbers of samples, budgets, shared beginnings.
std::vector<GenerateRequest> Mixture() {
  const AdapterRef adapters[] = {nullptr, TinyAdapter("tiny-alora", TensorType::kBF16),
                                 TinyAdapter("tiny-lora", TensorType::kBF16)};
  const std::vector<int32_t> system = RandomTokens(1, 35);
  std::vector<GenerateRequest> requests;
  for (int i = 0; i < 14; ++i) {
    GenerateRequest request;
    if (i % 3 != 0) request.prompt = system;
    const std::vector<int32_t> own = RandomTokens(10 + i / 2, 3 + 4 * i);
    request.prompt.insert(request.prompt.end(), own.begin(), own.end());
    request.invocation_start = static_cast<int64_t>(request.prompt.size()) - i % 4;
    request.adapter = adapters[i % 3];
    request.sampling = {.temperature = i % 4 == 0 ? 0.0 : 0.9, .top_k = i % 5 == 0 ? 40 : 0, .seed = 7};
    request.max_tokens = 10 + 5 * i;
    request.num_samples = 1 + i % 5;
    request.first_sample = static_cast<uint64_t>(i);
    if (i % 6 == 5) {
      request.max_tokens = 90;
      request.budget = Budget(60, 20);
    }
    if (i % 7 == 3) request.response_prefix = RandomTokens(40 + i, 6);
    requests.push_back(request);
  }
  return requests;
}

void ExpectSame(const Completion& a, const Completion& b, const std::string& what) {
  EXPECT_EQ(a.tokens, b.tokens) << what;
  EXPECT_TRUE(SameBits(a.logprobs, b.logprobs)) << what;
  EXPECT_EQ(a.finish, b.finish) << what;
  EXPECT_EQ(a.forced_begin, b.forced_begin) << what;
  EXPECT_EQ(a.forced_end, b.forced_end) << what;
}

// What a completion is, in the plainest way.
Completion Loop(const GenerateRequest& request, int sample) {
  EngineOptions options = Options(1024, 1);
  options.share_prefixes = false;
  Engine engine(TinyBase(), options);
  const SequenceId id = engine.NewSequence();
  std::vector<int32_t> prompt = request.prompt;
  size_t on = prompt.size();
  if (request.adapter) {
    on = request.adapter->activation() == Activation::kAlways ? 0 : static_cast<size_t>(request.invocation_start);
  }
  prompt.insert(prompt.end(), request.response_prefix.begin(), request.response_prefix.end());
  std::vector<float> logits;
  if (on > 0) logits = Last(engine, RunTokens(engine, id, std::span(prompt).first(on)));
  engine.SetAdapter(id, request.adapter);
  if (on < prompt.size()) logits = Last(engine, RunTokens(engine, id, std::span(prompt).subspan(on)));
  Completion out;
  out.tokens = request.response_prefix;
  out.logprobs.assign(out.tokens.size(), 0.0f);
  while (static_cast<int64_t>(out.tokens.size()) < request.max_tokens) {
    const SampledToken token = Sample(logits.data(), engine.config().vocab_size, request.sampling,
                                      request.first_sample + static_cast<uint64_t>(sample), out.tokens.size());
    out.tokens.push_back(token.id);
    out.logprobs.push_back(token.logprob);
    if (TinyTokenizer().IsEnd(token.id)) {
      out.finish = Finish::kStop;
      break;
    }
    logits = RunTokens(engine, id, {&token.id, 1});
  }
  return out;
}

TEST(Generate, EqualsAPlainLoop) {
  std::vector<GenerateRequest> requests = Mixture();
  for (GenerateRequest& request : requests) request.budget.reset();
  Engine engine(TinyBase(), Options());
  const auto results = Generate(engine, TinyTokenizer(), requests, {});
  int stopped = 0, distinct = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(results[i].size(), static_cast<size_t>(requests[i].num_samples));
    std::set<std::vector<int32_t>> texts;
    for (int s = 0; s < requests[i].num_samples; ++s) {
      ExpectSame(results[i][s], Loop(requests[i], s), Str("request ", i, ", sample ", s));
      stopped += results[i][s].finish == Finish::kStop;
      texts.insert(results[i][s].tokens);
      EXPECT_GT(results[i][s].ttft_ms, 0);
      EXPECT_GE(results[i][s].wall_ms, results[i][s].ttft_ms);
    }
    distinct += requests[i].sampling.temperature > 0 && texts.size() > 1;
  }
  EXPECT_GT(stopped, 0);
  EXPECT_GT(distinct, 3);
}

TEST(Generate, CompletionsDoNotDependOnWhatRunsBesideThem) {
  const std::vector<GenerateRequest> requests = Mixture();
  Engine engine(TinyBase(), Options(4096, 2));
  const int64_t free_before = engine.kv_tokens_free();
  const auto expected = Generate(engine, TinyTokenizer(), requests, {.max_batch = 64});
  EXPECT_EQ(engine.kv_tokens_free(), free_before);
  for (int max_batch : {1, 3, 8}) {
    for (bool share : {false, true}) {
      EngineOptions options = Options(max_batch == 3 ? 256 : 4096, 1);  // in the small cache requests wait for pages
      options.share_prefixes = share;
      Engine other(TinyBase(), options);
      const auto results = Generate(other, TinyTokenizer(), requests, {.max_batch = max_batch});
      for (size_t i = 0; i < requests.size(); ++i) {
        for (size_t s = 0; s < results[i].size(); ++s) {
          ExpectSame(results[i][s], expected[i][s], Str("max_batch ", max_batch, ", request ", i, ", sample ", s));
        }
      }
      EXPECT_EQ(other.kv_tokens_free(), options.kv_tokens);
    }
  }
  // In another order, over an engine that has all prefixes cached.
  std::vector<GenerateRequest> reversed(requests.rbegin(), requests.rend());
  const auto again = Generate(engine, TinyTokenizer(), reversed, {});
  for (size_t i = 0; i < requests.size(); ++i) {
    for (size_t s = 0; s < again[i].size(); ++s) {
      ExpectSame(again[i][s], expected[requests.size() - 1 - i][s], Str("reversed, request ", i));
    }
  }
}

TEST(Generate, ATraceContinuesFromItsBeginning) {
  GenerateRequest request = Mixture()[11];
  request.budget.reset();
  request.num_samples = 1;
  request.max_tokens = 60;
  Engine engine(TinyBase(), Options());
  const Completion whole = Generate(engine, TinyTokenizer(), {&request, 1}, {})[0][0];
  const size_t n = whole.tokens.size();
  ASSERT_GT(n, 10u);
  for (size_t length : {size_t{1}, n / 3, n - 1, n}) {
    GenerateRequest rest = request;
    rest.response_prefix.assign(whole.tokens.begin(), whole.tokens.begin() + static_cast<int64_t>(length));
    GenerateStats stats;
    const Completion continued = Generate(engine, TinyTokenizer(), {&rest, 1}, {}, &stats)[0][0];
    EXPECT_EQ(continued.tokens, whole.tokens);
    EXPECT_EQ(continued.finish, whole.finish);
    EXPECT_EQ(stats.generated_tokens, static_cast<int64_t>(whole.tokens.size() - length));
    for (size_t i = 0; i < length; ++i) EXPECT_EQ(continued.logprobs[i], 0);
    for (size_t i = length; i < whole.tokens.size(); ++i) EXPECT_EQ(continued.logprobs[i], whole.logprobs[i]);
  }
}

TEST(Generate, StreamsCountsAndCancels) {
  std::vector<GenerateRequest> requests = Mixture();
  for (GenerateRequest& request : requests) request.response_prefix.clear();
  std::vector<std::vector<std::vector<int32_t>>> streamed(requests.size());
  for (size_t i = 0; i < requests.size(); ++i) streamed[i].resize(static_cast<size_t>(requests[i].num_samples));
  int64_t last_done = 0, total = 0, prompt_tokens = 0, generated = 0;
  GenerateOptions options{.max_batch = 5};
  options.on_token = [&](size_t request, const TokenEvent& event) {
    if (event.token >= 0) streamed[request][event.sample].push_back(event.token);
  };
  options.on_progress = [&](int64_t done, int64_t all) {
    EXPECT_GT(done, last_done);
    last_done = done;
    total = all;
  };
  Engine engine(TinyBase(), Options());
  GenerateStats stats;
  const auto results = Generate(engine, TinyTokenizer(), requests, options, &stats);
  for (size_t i = 0; i < requests.size(); ++i) {
    prompt_tokens += static_cast<int64_t>(requests[i].prompt.size());
    for (size_t s = 0; s < results[i].size(); ++s) {
      EXPECT_EQ(results[i][s].tokens, streamed[i][s]);
      generated += static_cast<int64_t>(results[i][s].tokens.size());
    }
  }
  EXPECT_EQ(last_done, total);
  EXPECT_EQ(stats.prompt_tokens, prompt_tokens);
  EXPECT_EQ(stats.generated_tokens, generated);
  EXPECT_GT(stats.seconds, 0);

  int steps = 0;
  GenerateOptions impatient{.max_batch = 5};
  impatient.cancelled = [&] { return ++steps > 12; };
  const int64_t free_before = engine.kv_tokens_free();
  const auto partial = Generate(engine, TinyTokenizer(), requests, impatient);
  EXPECT_EQ(engine.kv_tokens_free(), free_before);
  int cancelled = 0, begun = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    for (size_t s = 0; s < partial[i].size(); ++s) {
      const Completion& part = partial[i][s];
      cancelled += part.finish == Finish::kCancelled;
      begun += part.finish == Finish::kCancelled && !part.tokens.empty();
      ASSERT_LE(part.tokens.size(), results[i][s].tokens.size());
      EXPECT_TRUE(std::equal(part.tokens.begin(), part.tokens.end(), results[i][s].tokens.begin()));
    }
  }
  EXPECT_GT(cancelled, 10);
  EXPECT_GT(begun, 0);
  EXPECT_STREQ(FinishName(Finish::kCancelled), "cancelled");
}

TEST(Generate, RefusesWhatCannotBeDone) {
  Engine engine(TinyBase(), Options(256));
  GenerateRequest good;
  good.prompt = RandomTokens(3, 20);
  good.max_tokens = 16;
  const auto refused = [&](auto change, const std::string& word) {
    GenerateRequest request = good;
    change(request);
    try {
      Generate(engine, TinyTokenizer(), {&request, 1}, {});
      ADD_FAILURE() << "accepted; expected a sentence with '" << word << "'";
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(word), std::string::npos) << error.what();
    }
  };
  refused([](auto& r) { r.prompt.clear(); }, "prompt");
  refused([](auto& r) { r.prompt[3] = 320; }, "vocabulary");
  refused([](auto& r) { r.invocation_start = 21; }, "invocation");
  refused([](auto& r) { r.max_tokens = 0; }, "limit");
  refused([](auto& r) { r.max_tokens = 493; }, "context");
  refused([](auto& r) { r.max_tokens = 240; }, "cache");
  refused([](auto& r) { r.num_samples = 0; }, "completions");
  refused([](auto& r) { r.response_prefix = RandomTokens(4, 17); }, "given");
  refused([](auto& r) { r.sampling.top_p = 0; }, "top_p");
  refused([](auto& r) { r.budget = Budget(25, 13); }, "twice");
  refused([](auto& r) { r.budget = Budget(40, 16); }, "raise the limit");
  refused([](auto& r) { r.budget = Budget(12, 6); }, "closing text");
  refused([](auto& r) { r.budget = DecodeBudget{16, 8, {}}; }, "closes");
  refused([](auto& r) { r.budget = DecodeBudget{16, 8, {-5}}; }, "vocabulary");
  EXPECT_THROW(Generate(engine, TinyTokenizer(), {&good, 1}, {.max_batch = 0}), UserError);
  EXPECT_EQ(Generate(engine, TinyTokenizer(), {&good, 1}, {})[0].size(), 1u);
  EXPECT_TRUE(Generate(engine, TinyTokenizer(), {}, {}).empty());
}

// Real models pad their embedding: Qwen2.5 has 151,936 rows and 151,665 tokens.
TEST(Generate, RowsWithoutATokenAreNeverSampled) {
  auto json = nlohmann::json::parse(ReadFile(Golden("tiny-llama") + "/tokenizer.json"));
  auto& model = json["model"];
  constexpr int kTokens = 300;
  for (auto it = model["vocab"].begin(); it != model["vocab"].end();) {
    it = it.value().get<int>() >= kTokens ? model["vocab"].erase(it) : std::next(it);
  }
  nlohmann::json merges = nlohmann::json::array();
  for (const auto& pair : model["merges"]) {
    if (model["vocab"].contains(pair[0].get<std::string>() + pair[1].get<std::string>())) merges.push_back(pair);
  }
  model["merges"] = merges;
  const TempFolder folder;
  WriteFile(folder.path() + "/tokenizer.json", json.dump());
  const auto smaller = Tokenizer::Load(folder.path() + "/tokenizer.json");
  ASSERT_EQ(smaller->vocab_size(), kTokens);

  GenerateRequest request;
  request.prompt = RandomTokens(3, 9, kTokens);
  request.sampling = {.temperature = 100.0, .seed = 5};  // nearly uniform
  request.max_tokens = 40;
  request.num_samples = 16;
  Engine engine(TinyBase(), Options());
  const auto largest = [&](const Tokenizer& tokenizer) {
    int32_t id = 0;
    const auto results = Generate(engine, tokenizer, {&request, 1}, {});
    for (const Completion& c : results[0]) {
      for (size_t i = 0; i < c.tokens.size(); ++i) {
        id = std::max(id, c.tokens[i]);
        EXPECT_LE(c.logprobs[i], 0.0f);
      }
    }
    return id;
  };
  EXPECT_GE(largest(TinyTokenizer()), kTokens) << "the model never drew a surplus row: this test compares nothing";
  EXPECT_LT(largest(*smaller), kTokens);
}

}  // namespace
}  // namespace pith::testing
