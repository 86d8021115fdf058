// A row's result does not depend on how it is batched: bitwise, at every precision.
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

class EngineBatch : public ::testing::TestWithParam<ActivationType> {
 protected:
  EngineOptions Options(int threads = 1) const {
    EngineOptions options;
    options.num_threads = threads;
    options.activations = GetParam();
    options.kv_tokens = 2048;
    options.share_prefixes = false;
    return options;
  }
};

INSTANTIATE_TEST_SUITE_P(Precisions, EngineBatch,
                         ::testing::Values(ActivationType::kF32, ActivationType::kBF16, ActivationType::kInt8),
                         [](const auto& info) { return ActivationTypeName(info.param); });

TEST_P(EngineBatch, PrefillEqualsTokenByToken) {
  const std::vector<int32_t> tokens = RandomTokens(1, 53);
  const AdapterRef adapter = TinyAdapter("tiny-lora", TensorType::kBF16);
  for (const AdapterRef& writer : {AdapterRef(), adapter}) {
    Engine engine(TinyBase(), Options(2));
    const SequenceId whole = engine.NewSequence(), single = engine.NewSequence(), chunked = engine.NewSequence();
    for (SequenceId id : {whole, single, chunked}) engine.SetAdapter(id, writer);
    const std::vector<float> expected = RunTokens(engine, whole, tokens);
    std::vector<float> one_by_one, in_chunks;
    for (int32_t token : tokens) {
      const std::vector<float> logits = RunTokens(engine, single, {&token, 1});
      one_by_one.insert(one_by_one.end(), logits.begin(), logits.end());
    }
    for (size_t begin = 0; begin < tokens.size(); begin += 7) {
      const size_t count = std::min<size_t>(7, tokens.size() - begin);
      const std::vector<float> logits = RunTokens(engine, chunked, std::span(tokens).subspan(begin, count));
      in_chunks.insert(in_chunks.end(), logits.begin(), logits.end());
    }
    EXPECT_TRUE(SameBits(expected, one_by_one));
    EXPECT_TRUE(SameBits(expected, in_chunks));
    std::vector<float> last(expected.size() / tokens.size());
    const SequenceId prefilled = engine.NewSequence();
    engine.SetAdapter(prefilled, writer);
    engine.Prefill(prefilled, tokens, last.data());
    EXPECT_TRUE(SameBits(Last(engine, expected), last));
  }
}

// Sequences of several lengths and writers, rows interleaved, against each of them alone on another number of threads.
TEST_P(EngineBatch, ManySequencesEqualEachAlone) {
  const AdapterRef writers[] = {nullptr, TinyAdapter("tiny-lora", TensorType::kBF16),
                                TinyAdapter("tiny-alora", TensorType::kF16)};
  constexpr int kSequences = 11;
  Engine together(TinyBase(), Options(2)), alone(TinyBase(), Options(1));
  const size_t vocab = static_cast<size_t>(together.config().vocab_size);
  std::vector<SequenceId> ids;
  std::vector<std::vector<int32_t>> texts;
  for (int i = 0; i < kSequences; ++i) {
    ids.push_back(together.NewSequence());
    together.SetAdapter(ids.back(), writers[i % 3]);
    texts.push_back(RandomTokens(100 + i, 3 + 5 * i));
  }
  std::vector<ForwardRow> rows;
  std::vector<std::pair<int, size_t>> places;  // (sequence, position) of each row
  for (size_t position = 0; position < texts.back().size(); ++position) {
    for (int i = 0; i < kSequences; ++i) {
      if (position >= texts[i].size()) continue;
      rows.push_back({ids[i], texts[i][position], true});
      places.push_back({i, position});
    }
  }
  // Two calls, so that the second one finds sequences of different lengths in the cache.
  std::vector<float> logits(rows.size() * vocab);
  const size_t half = rows.size() / 3;
  together.Forward(std::span(rows).first(half), logits.data());
  together.Forward(std::span(rows).subspan(half), logits.data() + half * vocab);
  for (int i = 0; i < kSequences; ++i) {
    const SequenceId id = alone.NewSequence();
    alone.SetAdapter(id, writers[i % 3]);
    const std::vector<float> expected = RunTokens(alone, id, texts[i]);
    for (size_t r = 0; r < rows.size(); ++r) {
      if (places[r].first != i) continue;
      ASSERT_EQ(0, std::memcmp(&logits[r * vocab], &expected[places[r].second * vocab], vocab * sizeof(float)))
          << "sequence " << i << ", position " << places[r].second;
    }
  }
}

// With fewer rows and KV heads than threads, and a long context, these share each row's attention.
TEST_P(EngineBatch, ThreadsThatShareARowGiveTheBitsOfOne) {
  const std::vector<int32_t> tokens = RandomTokens(41, 330);
  for (const KvType kv : {KvType::kF32, KvType::kF16}) {
    std::vector<float> expected;
    for (const int threads : {1, 2, 3, 8}) {
      EngineOptions options = Options(threads);
      options.kv_type = kv;
      Engine engine(TinyBase(), options);
      const SequenceId sequence = engine.NewSequence();
      std::vector<float> logits(static_cast<size_t>(engine.config().vocab_size));
      engine.Prefill(sequence, std::span(tokens).first(300), logits.data());
      std::vector<float> all;
      for (size_t i = 300; i < tokens.size(); ++i) {
        const std::vector<float> step = RunTokens(engine, sequence, {&tokens[i], 1});
        all.insert(all.end(), step.begin(), step.end());
      }
      if (threads == 1) expected = all;
      ASSERT_EQ(std::memcmp(all.data(), expected.data(), all.size() * sizeof(float)), 0) << threads << " threads";
    }
  }
}

TEST_P(EngineBatch, OnlyWantedRowsGiveLogitsInTheCallersOrder) {
  Engine engine(TinyBase(), Options());
  const AdapterRef adapter = TinyAdapter("tiny-lora");
  const std::vector<int32_t> a = RandomTokens(7, 5), b = RandomTokens(8, 5);
  const std::vector<float> a_alone = Fresh(Options(), {{a, nullptr}}), b_alone = Fresh(Options(), {{b, adapter}});
  const SequenceId first = engine.NewSequence(), second = engine.NewSequence();
  engine.SetAdapter(second, adapter);
  std::vector<ForwardRow> rows;
  for (size_t i = 0; i < 5; ++i) {  // the adapter's rows come first, and its last row before the base's
    rows.push_back({second, b[i], i == 4});
    rows.push_back({first, a[i], i == 4});
  }
  std::vector<float> logits(2 * a_alone.size());
  engine.Forward(rows, logits.data());
  const auto middle = logits.begin() + static_cast<int64_t>(a_alone.size());
  EXPECT_TRUE(SameBits(b_alone, {logits.begin(), middle}));
  EXPECT_TRUE(SameBits(a_alone, {middle, logits.end()}));
}

}  // namespace
}  // namespace pith::testing
