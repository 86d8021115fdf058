// Forks, adapters that come and go, prefixes that are taken over, and errors that change nothing.
#include "base/error.h"
#include "runtime/kv_cache.h"
#include "runtime/prefix_cache.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

EngineOptions Options(int64_t kv_tokens = 1024) {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.kv_tokens = kv_tokens;
  options.num_threads = 1;
  return options;
}

std::vector<float> Prefilled(Engine& engine, SequenceId id, const std::vector<int32_t>& tokens) {
  std::vector<float> logits(static_cast<size_t>(engine.config().vocab_size));
  engine.Prefill(id, tokens, logits.data());
  return logits;
}

std::vector<int32_t> Join(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(EngineCache, ForkEqualsCopyAndSharesMemory) {
  const std::vector<int32_t> prompt = RandomTokens(1, 37), left = RandomTokens(2, 30), right = RandomTokens(3, 30);
  Engine engine(TinyBase(), Options());
  const SequenceId a = engine.NewSequence();
  RunTokens(engine, a, prompt);
  const int64_t free_before = engine.kv_tokens_free();
  const SequenceId b = engine.Fork(a), c = engine.Fork(b);
  EXPECT_EQ(engine.kv_tokens_free(), free_before);
  EXPECT_EQ(engine.Length(c), 37);
  // Both continue in one batch from one shared, half-filled page.
  std::vector<ForwardRow> rows;
  for (size_t i = 0; i < left.size(); ++i) {
    rows.push_back({a, left[i], i + 1 == left.size()});
    rows.push_back({b, right[i], i + 1 == right.size()});
  }
  std::vector<float> logits(2 * static_cast<size_t>(engine.config().vocab_size));
  engine.Forward(rows, logits.data());
  const auto middle = logits.begin() + engine.config().vocab_size;
  EXPECT_TRUE(SameBits({logits.begin(), middle}, Fresh(Options(), {{Join(prompt, left), nullptr}})));
  EXPECT_TRUE(SameBits({middle, logits.end()}, Fresh(Options(), {{Join(prompt, right), nullptr}})));
  // The third still has the prompt alone.
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, c, right)), {middle, logits.end()}));
}

TEST(EngineCache, FreeAndTruncateGiveMemoryBack) {
  Engine engine(TinyBase(), Options());
  const int64_t all = engine.kv_tokens_free();
  EXPECT_EQ(all, 1024);
  const SequenceId a = engine.NewSequence();
  const std::vector<int32_t> tokens = RandomTokens(4, 100), other = RandomTokens(5, 30);
  RunTokens(engine, a, tokens);
  EXPECT_EQ(engine.kv_tokens_free(), all - 112);
  engine.Truncate(a, 41);
  EXPECT_EQ(engine.Length(a), 41);
  EXPECT_EQ(engine.kv_tokens_free(), all - 48);
  const std::vector<int32_t> kept(tokens.begin(), tokens.begin() + 41);
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, a, other)), Fresh(Options(), {{Join(kept, other), nullptr}})));
  engine.Free(a);
  EXPECT_EQ(engine.kv_tokens_free(), all);
}

TEST(EngineCache, TruncatingInsideAFullPageLeavesForksAlone) {
  Engine engine(TinyBase(), Options());
  const std::vector<int32_t> tokens = RandomTokens(6, 32), other = RandomTokens(7, 24), tail = RandomTokens(8, 3);
  const SequenceId a = engine.NewSequence();
  RunTokens(engine, a, tokens);
  const SequenceId b = engine.Fork(a);
  engine.Truncate(a, 20);
  const std::vector<int32_t> kept(tokens.begin(), tokens.begin() + 20);
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, a, other)), Fresh(Options(), {{Join(kept, other), nullptr}})));
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, b, tail)), Fresh(Options(), {{Join(tokens, tail), nullptr}})));
  // The same alone: a full page that the cache knows is changed in place, so the cache must forget it.
  engine.Free(b);
  const SequenceId c = engine.NewSequence();
  Prefilled(engine, c, tokens);
  engine.Truncate(c, 20);
  RunTokens(engine, c, other);
  const SequenceId d = engine.NewSequence();
  EXPECT_TRUE(SameBits(Prefilled(engine, d, Join(tokens, tail)), Fresh(Options(), {{Join(tokens, tail), nullptr}})));
}

TEST(EngineCache, AdapterOffAgainIsAsIfNeverOn) {
  const AdapterRef adapter = TinyAdapter("tiny-lora");
  Engine engine(TinyBase(), Options());
  const std::vector<int32_t> prompt = RandomTokens(9, 21), thought = RandomTokens(10, 17), next = RandomTokens(11, 9);
  const SequenceId a = engine.NewSequence();
  RunTokens(engine, a, prompt);
  engine.SetAdapter(a, adapter);
  const std::vector<float> with = Last(engine, RunTokens(engine, a, thought));
  EXPECT_TRUE(SameBits(with, Fresh(Options(), {{prompt, nullptr}, {thought, adapter}})));
  EXPECT_FALSE(SameBits(with, Fresh(Options(), {{Join(prompt, thought), nullptr}})));
  engine.Truncate(a, 21);
  engine.SetAdapter(a, nullptr);
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, a, next)), Fresh(Options(), {{Join(prompt, next), nullptr}})));
}

TEST(EngineCache, SwapsInMidSequenceAndKnowsTheWriters) {
  const AdapterRef one = TinyAdapter("tiny-lora"), two = TinyAdapter("tiny-alora");
  const std::vector<int32_t> w = RandomTokens(12, 18), x = RandomTokens(13, 5), y = RandomTokens(14, 7),
                             z = RandomTokens(15, 4);
  Engine engine(TinyBase(), Options());
  const SequenceId a = engine.NewSequence();
  std::vector<float> logits;
  for (const Part& part : {Part{w, nullptr}, Part{x, one}, Part{y, two}, Part{z, nullptr}}) {
    engine.SetAdapter(a, part.adapter);
    logits = Last(engine, RunTokens(engine, a, part.tokens));
  }
  EXPECT_TRUE(SameBits(logits, Fresh(Options(), {{w, nullptr}, {x, one}, {y, two}, {z, nullptr}})));
  EXPECT_FALSE(SameBits(logits, Fresh(Options(), {{w, nullptr}, {x, two}, {y, one}, {z, nullptr}})));
  const auto segments = engine.Segments(engine.Fork(a));
  ASSERT_EQ(segments.size(), 4u);
  const PackedAdapter* writers[] = {nullptr, one.get(), two.get(), nullptr};
  const int64_t ends[] = {18, 23, 30, 34};
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(segments[i].writer, writers[i]);
    EXPECT_EQ(segments[i].begin, i == 0 ? 0 : ends[i - 1]);
    EXPECT_EQ(segments[i].end, ends[i]);
  }
  engine.Truncate(a, 23);
  EXPECT_EQ(engine.Segments(a).size(), 2u);
  engine.SetAdapter(a, one);
  RunTokens(engine, a, z);
  EXPECT_EQ(engine.Segments(a).back().end, 27);
  EXPECT_EQ(engine.Segments(a).size(), 2u);
}

TEST(EngineCache, PrefixesAreReusedExactly) {
  Engine engine(TinyBase(), Options());
  const std::vector<int32_t> shared = RandomTokens(16, 50), x = RandomTokens(17, 20), y = RandomTokens(18, 20);
  const SequenceId a = engine.NewSequence();
  Prefilled(engine, a, Join(shared, x));
  // From a live sequence.
  const SequenceId b = engine.NewSequence();
  const int64_t before = engine.kv_tokens_free();
  EXPECT_TRUE(SameBits(Prefilled(engine, b, Join(shared, y)), Fresh(Options(), {{Join(shared, y), nullptr}})));
  EXPECT_EQ(before - engine.kv_tokens_free(), 80 - 48);  // three pages of the prefix were there
  // From freed ones; the whole prompt, of which the last token is computed again.
  engine.Free(a);
  engine.Free(b);
  const SequenceId c = engine.NewSequence();
  EXPECT_TRUE(SameBits(Prefilled(engine, c, Join(shared, y)), Fresh(Options(), {{Join(shared, y), nullptr}})));
  const SequenceId d = engine.NewSequence();
  EXPECT_EQ(engine.AdoptPrefix(d, Join(shared, x)), 70);
  EXPECT_EQ(engine.Length(d), 70);
  EXPECT_EQ(engine.AdoptPrefix(d, Join(shared, x)), 0);  // not empty any more
  // A prompt of whole pages still computes its last token.
  const std::vector<int32_t> pages(shared.begin(), shared.begin() + 48);
  const SequenceId e = engine.NewSequence();
  EXPECT_TRUE(SameBits(Prefilled(engine, e, pages), Fresh(Options(), {{pages, nullptr}})));
}

TEST(EngineCache, PrefixesAreNotReusedAcrossWriters) {
  const AdapterRef one = TinyAdapter("tiny-lora"), two = TinyAdapter("tiny-alora");
  Engine engine(TinyBase(), Options());
  const std::vector<int32_t> tokens = RandomTokens(19, 70);
  const auto adopted = [&](const AdapterRef& adapter) {
    const SequenceId id = engine.NewSequence();
    engine.SetAdapter(id, adapter);
    const int64_t length = engine.AdoptPrefix(id, tokens);
    engine.Free(id);
    return length;
  };
  // Base up to 40, which is inside the third page, then an adapter.
  const SequenceId a = engine.NewSequence();
  RunTokens(engine, a, std::span(tokens).first(40));
  engine.SetAdapter(a, one);
  RunTokens(engine, a, std::span(tokens).subspan(40));
  EXPECT_EQ(adopted(nullptr), 40);
  EXPECT_EQ(adopted(one), 0);
  const SequenceId b = engine.NewSequence();
  engine.SetAdapter(b, one);
  EXPECT_TRUE(SameBits(Prefilled(engine, b, tokens), Fresh(Options(), {{tokens, one}})));
  EXPECT_EQ(adopted(one), 64);
  EXPECT_EQ(adopted(two), 0);
  EXPECT_EQ(adopted(nullptr), 40);
}

// The trainer makes a new adapter every step, often where the last one lay.
TEST(EngineCache, ANewAdapterAtAnOldAddressIsAnother) {
  Engine engine(TinyBase(), Options());
  const std::vector<int32_t> tokens = RandomTokens(20, 40);
  LoraAdapter lora = ReadPeft(Golden("tiny-lora"));
  for (int step = 0; step < 20; ++step) {
    for (auto& [name, pair] : lora.pairs) pair.b[0] += 0.05f;
    const AdapterRef adapter = PackedAdapter::FromLora(lora, TinyBase()->config(), TensorType::kF32);
    const SequenceId id = engine.NewSequence();
    engine.SetAdapter(id, adapter);
    EXPECT_EQ(engine.AdoptPrefix(id, tokens), 0) << "step " << step;
    ASSERT_TRUE(SameBits(Prefilled(engine, id, tokens), Fresh(Options(), {{tokens, adapter}}))) << "step " << step;
    engine.Free(id);
  }
}

TEST(EngineCache, EvictsTheOldestPrefixWhenPagesRunOut) {
  Engine engine(TinyBase(), Options(96));  // six pages
  const std::vector<int32_t> old = RandomTokens(21, 40), recent = RandomTokens(22, 40), big = RandomTokens(23, 60);
  for (const auto* tokens : {&old, &recent}) {
    const SequenceId id = engine.NewSequence();
    RunTokens(engine, id, *tokens);
    engine.Free(id);
  }
  EXPECT_EQ(engine.kv_tokens_free(), 96);
  const SequenceId id = engine.NewSequence();  // four pages: two that are free, and the old prefix's two
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, id, big)), Fresh(Options(), {{big, nullptr}})));
  EXPECT_EQ(engine.AdoptPrefix(engine.NewSequence(), old), 0);
  EXPECT_EQ(engine.AdoptPrefix(engine.NewSequence(), recent), 32);
}

TEST(EngineCache, ErrorsAppendNothing) {
  Engine engine(TinyBase(), Options(64));
  const std::vector<int32_t> tokens = RandomTokens(24, 50), more = RandomTokens(25, 10);
  const SequenceId a = engine.NewSequence(), b = engine.NewSequence();
  RunTokens(engine, a, tokens);
  // The cache has no page for b, and a needs none: neither is touched.
  const ForwardRow rows[] = {{a, more[0], true}, {b, more[0], true}};
  std::vector<float> logits(2 * 320);
  EXPECT_THROW(engine.Forward(rows, logits.data()), UserError);
  EXPECT_EQ(engine.Length(a), 50);
  EXPECT_EQ(engine.Length(b), 0);
  EXPECT_EQ(engine.kv_tokens_free(), 0);
  EXPECT_THROW(RunTokens(engine, a, RandomTokens(26, 15)), UserError);
  for (int32_t bad : {-1, 320}) EXPECT_THROW(RunTokens(engine, a, std::vector<int32_t>{more[0], bad}), UserError);
  EXPECT_EQ(engine.Length(a), 50);
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, a, more)), Fresh(Options(), {{Join(tokens, more), nullptr}})));

  Engine large(TinyBase(), Options(1024));  // the model's context is 512
  const SequenceId c = large.NewSequence();
  EXPECT_THROW(large.Prefill(c, RandomTokens(27, 513), nullptr), UserError);
  EXPECT_EQ(large.Length(c), 0);
  EXPECT_EQ(large.kv_tokens_free(), 1024);
  large.Prefill(c, RandomTokens(27, 512), nullptr);
  EXPECT_THROW(RunTokens(large, c, std::vector<int32_t>{5}), UserError);
  EXPECT_THROW(Engine(TinyBase(), Options(0)), UserError);
}

TEST(EngineCache, HalfPrecisionRoundsAsTheReference) {
  std::vector<float> values = {0.0f, -0.0f, 65504.0f, 65519.9f, 65520.0f, 1e9f, INFINITY, -INFINITY, 6e-8f, 2.9e-8f,
                               2.98023224e-8f, 3e-8f, 6.1e-5f, 6.0975552e-5f, 6.1035156e-5f, NAN};
  Rng rng(28);
  for (int i = 0; i < 200000; ++i) {
    const uint32_t bits = static_cast<uint32_t>(rng.Next());
    float value;
    std::memcpy(&value, &bits, 4);
    values.push_back(value);
    values.push_back(static_cast<float>(rng.Normal() * std::pow(2.0, static_cast<double>(rng.Int(-26, 16)))));
  }
  std::vector<uint16_t> halves(values.size());
  FloatsToF16(values.data(), halves.data(), static_cast<int64_t>(values.size()));
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      EXPECT_TRUE(std::isnan(F16ToF32(halves[i])));
    } else {
      ASSERT_EQ(halves[i], F32ToF16(values[i])) << values[i];
    }
  }
}

}  // namespace
}  // namespace pith::testing
