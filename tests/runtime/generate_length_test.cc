// A smallest length of completions: nothing ends before it, and what is said of a token is said of the whole vocabulary.
#include "data/text/tokenizer.h"
#include "runtime/generation/generate.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

TEST(GenerateLength, NothingEndsBeforeItsMinimum) {
  const auto tokenizer = Tokenizer::Load(Golden("tiny-llama"));
  EngineOptions options;
  options.activations = ActivationType::kF32;
  options.kv_type = KvType::kF32;
  options.num_threads = 1;
  Engine engine(TinyBase(), options);
  GenerateRequest request;
  request.prompt = RandomTokens(3, 20);
  request.invocation_start = 20;
  request.sampling = {.temperature = 1.3, .seed = 5};
  request.max_tokens = 40;
  request.num_samples = 64;
  const auto ended = [&](const std::vector<Completion>& group, int64_t before) {
    int64_t n = 0;
    for (const Completion& c : group) n += c.finish == Finish::kStop && static_cast<int64_t>(c.tokens.size()) <= before;
    return n;
  };
  const auto run = [&] { return Generate(engine, *tokenizer, {&request, 1}, {}).front(); };
  ASSERT_GT(ended(run(), 30), 0) << "without a minimum some end early";
  request.min_tokens = 30;
  const std::vector<Completion> bounded = run();
  EXPECT_EQ(ended(bounded, 30), 0);
  EXPECT_GT(ended(bounded, 40), 0) << "afterwards they may";
  request.min_tokens = request.max_tokens;
  for (const Completion& c : run()) EXPECT_EQ(c.tokens.size(), 40u);

  // Before the minimum a token's log-probability is that of the model, in which an end has its share.
  const Completion& c = bounded.front();
  std::vector<int32_t> all = request.prompt;
  all.insert(all.end(), c.tokens.begin(), c.tokens.end());
  const int64_t vocab = engine.config().vocab_size;
  const std::vector<float> logits = RunTokens(engine, engine.NewSequence(), all);
  double share = 0;
  for (size_t t = 0; t < 30; ++t) {
    const float* row = logits.data() + static_cast<int64_t>(request.prompt.size() + t - 1) * vocab;
    EXPECT_NEAR(c.logprobs[t], LogProbability(row, vocab, 1.3, c.tokens[t]), 1e-4);
    for (const int32_t end : tokenizer->end_ids()) share = std::max(share, std::exp(double{LogProbability(row, vocab, 1.3, end)}));
  }
  EXPECT_GT(share, 2e-3) << "so that the two kinds of probabilities differ here";
}

}  // namespace
}  // namespace pith::testing
