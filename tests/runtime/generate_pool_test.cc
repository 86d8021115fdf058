// The pooled hidden state of a prompt: the mean of what its last tokens give when they are computed one by one from nothing, whatever the cache holds and
// whatever runs beside it; and the prompt is in the cache afterwards.
#include "tests/runtime/scheduler_requests.h"

namespace pith::testing {
namespace {

GenerateRequest Encode(std::vector<int32_t> prompt, int64_t pool_tokens, AdapterRef adapter = nullptr) {
  GenerateRequest request;
  request.invocation_start = static_cast<int64_t>(prompt.size()) - (adapter ? 3 : 0);
  request.prompt = std::move(prompt);
  request.adapter = std::move(adapter);
  request.encode_only = true;
  request.pool_tokens = pool_tokens;
  return request;
}

std::vector<float> PooledFromNothing(const GenerateRequest& request) {
  EngineOptions options = NewEngine()->options();
  options.share_prefixes = false;
  Engine engine(TinyBase(), options);
  const SequenceId sequence = engine.NewSequence();
  const auto d = static_cast<size_t>(engine.config().d_model), total = request.prompt.size();
  const size_t count = std::min(total, static_cast<size_t>(request.pool_tokens));
  std::vector<float> hidden(d), mean;
  std::vector<double> sum(d);
  for (size_t t = 0; t < total; ++t) {
    if (request.adapter && static_cast<int64_t>(t) == request.invocation_start) engine.SetAdapter(sequence, request.adapter);
    const ForwardRow row = {sequence, request.prompt[t], false, /*drafted=*/false, true};
    engine.Forward({&row, 1}, nullptr, hidden.data());
    for (size_t i = 0; i < d && t + count >= total; ++i) sum[i] += hidden[i];
  }
  for (const double s : sum) mean.push_back(static_cast<float>(s / static_cast<double>(count)));
  return mean;
}

TEST(Pool, IsTheMeanOfTheLastTokensFromNothing) {
  const AdapterRef adapter = TinyAdapter("tiny-alora", TensorType::kBF16);
  std::vector<GenerateRequest> requests;
  for (const int64_t length : {1, 5, 40, 300}) {
    for (const int64_t pool : {1, 16, 32}) {
      requests.push_back(Encode(RandomTokens(7 + static_cast<uint64_t>(length), length), pool, length == 40 ? adapter : nullptr));
    }
  }
  std::vector<GenerateRequest> others = Requests(6);
  std::vector<GenerateRequest> all = requests;
  all.insert(all.end(), others.begin(), others.end());
  const auto engine = NewEngine(8192);
  for (int round = 0; round < 2; ++round) {  // with a cold cache, and with one that holds all prompts
    const auto done = Generate(*engine, Words(), all, {.max_batch = 6});
    for (size_t i = 0; i < requests.size(); ++i) EXPECT_TRUE(SameBits(done[i][0].hidden, PooledFromNothing(requests[i]))) << round << ": " << i;
    for (size_t i = requests.size(); i < all.size(); ++i) EXPECT_EQ(TokensOf(done[i]), Alone(all[i])) << "who runs beside is none the wiser";
  }
}

TEST(Pool, LeavesThePromptInTheCache) {
  const auto engine = NewEngine();
  const std::vector<int32_t> prompt = RandomTokens(3, 100);
  const GenerateRequest request = Encode(prompt, 16);
  Completions(*engine, request);
  const KvCounters before = engine->kv_counters();
  GenerateRequest next = Requests(1)[0];
  next.prompt = prompt;
  next.prompt.insert(next.prompt.end(), {9, 10, 11});
  next.invocation_start = 100;
  next.num_samples = 1;
  const auto answered = Completions(*engine, next)[0];
  EXPECT_EQ(engine->kv_counters().hit_tokens - before.hit_tokens, 100) << "nothing is encoded twice";
  EXPECT_EQ(answered.tokens, Alone(next)[0]);
  EXPECT_TRUE(Completions(*engine, Encode(prompt, 0))[0].hidden.empty());
}

}  // namespace
}  // namespace pith::testing
