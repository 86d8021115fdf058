// Sequences saved and restored.
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "runtime/kv_cache.h"
#include "tests/runtime/kv_file_tools.h"

namespace pith::testing {
namespace {

std::vector<int32_t> Join(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(KvFile, ARestoredSequenceGoesOnWithTheSameBits) {
  const TempFolder folder;
  const std::vector<int32_t> more = RandomTokens(2, 20);
  struct Case {
    ActivationType activations;
    KvType kv_type;
    bool share;
  };
  for (const Case& c : {Case{ActivationType::kBF16, KvType::kF16, true}, {ActivationType::kInt8, KvType::kF16, true},
                        {ActivationType::kF32, KvType::kF32, true}, {ActivationType::kBF16, KvType::kF16, false}}) {
    EngineOptions options = Options();
    options.activations = c.activations;
    options.kv_type = c.kv_type;
    options.share_prefixes = c.share;
    Save(folder / "kv", options);
    const AdapterRef one = TinyAdapter("tiny-lora"), two = TinyAdapter("tiny-alora");
    const std::vector<AdapterRef> adapters = {ChangedAdapter(1), two, nullptr, one};
    Engine engine(TinyBase(), options);
    const SequenceId id = engine.RestoreKv(folder / "kv", adapters);
    EXPECT_EQ(engine.Length(id), 55);
    const auto segments = engine.Segments(id);
    ASSERT_EQ(segments.size(), 3u);
    EXPECT_EQ(segments[0].writer, nullptr);
    EXPECT_EQ(segments[1].writer, one.get());
    EXPECT_EQ(segments[1].end, 50);
    EXPECT_EQ(segments[2].writer, two.get());
    const std::vector<int32_t>& t = Tokens();
    const auto cold = Fresh(options, {{{t.begin(), t.begin() + 20}, nullptr}, {{t.begin() + 20, t.begin() + 50}, one},
                                      {Join({t.begin() + 50, t.end()}, more), two}});
    EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, id, more)), cold));  // by the adapter that was to go on
    // Its pages are found, by exactly these writers.
    const SequenceId next = engine.NewSequence();
    EXPECT_EQ(engine.AdoptPrefix(next, t, TokenWriters(one, two)), c.share ? 55 : 0);
    EXPECT_EQ(engine.AdoptPrefix(engine.NewSequence(), t, TokenWriters(adapters[0], two)), c.share ? 20 : 0);
  }
}

TEST(KvFile, WhatIsCachedAlreadyIsNotStoredTwice) {
  const TempFolder folder;
  Save(folder / "kv");
  const AdapterRef one = TinyAdapter("tiny-lora"), two = TinyAdapter("tiny-alora");
  const std::vector<AdapterRef> adapters = {one, two};
  Engine engine(TinyBase(), Options(96));
  const SequenceId a = engine.NewSequence();
  engine.Prefill(a, Tokens(), TokenWriters(one, two), nullptr);
  const int64_t before = engine.kv_tokens_free();
  const SequenceId b = engine.RestoreKv(folder / "kv", adapters);
  EXPECT_EQ(before - engine.kv_tokens_free(), 16);  // the page that is not full
  const std::vector<int32_t> more = RandomTokens(3, 9);  // up to the end of that page
  EXPECT_TRUE(SameBits(RunTokens(engine, a, more), RunTokens(engine, b, more)));
}

TEST(KvFile, FilesHoldWhatWasComputedAndNothingElse) {
  const TempFolder folder;
  Save(folder / "a");
  Save(folder / "b");
  EXPECT_EQ(ReadFile(folder / "a"), ReadFile(folder / "b"));
  // What lay in the page before, past the sequence's end, is not in the file.
  Engine engine(TinyBase(), Options());
  const SequenceId id = engine.NewSequence();
  engine.Prefill(id, Join(Tokens(), RandomTokens(4, 9)), nullptr);
  engine.Truncate(id, 20);
  engine.SetAdapter(id, TinyAdapter("tiny-lora"));
  RunTokens(engine, id, std::span(Tokens()).subspan(20, 30));
  engine.SetAdapter(id, TinyAdapter("tiny-alora"));
  RunTokens(engine, id, std::span(Tokens()).subspan(50));
  RunTokens(engine, id, RandomTokens(7, 5));
  engine.Truncate(id, 55);
  engine.SaveKv(id, folder / "c");
  EXPECT_EQ(ReadFile(folder / "a"), ReadFile(folder / "c"));
  // An empty sequence is one, too.
  const SequenceId empty = engine.NewSequence();
  engine.SaveKv(empty, folder / "empty");
  EXPECT_EQ(engine.Length(engine.RestoreKv(folder / "empty", {})), 0);
  EXPECT_THROW(engine.SaveKv(id, folder / "missing/kv"), UserError);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 4) << "something was left behind";
}

TEST(KvFile, APageGoesOutWithoutWhatItHeldBefore) {
  ModelConfig config;
  config.num_layers = 2;
  config.num_kv_heads = 3;
  config.head_dim = 32;
  config.value_head_dim = 64;
  Rng rng(8);
  std::vector<float> k(3 * 32), v(3 * 64);
  for (const KvType type : {KvType::kF32, KvType::kF16, KvType::kInt8}) {
    KvCache cache(config, 2 * KvCache::kPageTokens, type);
    const int32_t clean = cache.Take(), used = cache.Take();
    const auto bytes = static_cast<size_t>(cache.page_bytes());
    cache.CopyIn(used, std::vector<uint8_t>(bytes, 0x5a).data());
    for (const int64_t tokens : {0, 1, 5, 15, 16}) {
      for (int64_t i = 0; i < 2 * tokens; ++i) {
        for (auto* values : {&k, &v}) {
          for (float& value : *values) value = static_cast<float>(rng.Normal());
        }
        for (const int32_t page : {clean, used}) cache.Write(page, i % 2, i / 2, k.data(), v.data());
      }
      std::vector<uint8_t> a(bytes), b(bytes), again(bytes);
      cache.CopyOut(clean, tokens, a.data());
      cache.CopyOut(used, tokens, b.data());
      EXPECT_EQ(a, b) << tokens;
      if (tokens == 16) EXPECT_EQ(std::memcmp(a.data(), cache.K(used, 0, 0), bytes), 0);
      const bool is_empty = std::all_of(a.begin(), a.end(), [](uint8_t byte) { return byte == 0 || byte == 128; });  // q + 128
      EXPECT_EQ(is_empty, tokens == 0);
      cache.CopyIn(used, b.data());
      cache.CopyOut(used, 16, again.data());
      EXPECT_EQ(again, b);
      cache.CopyIn(used, std::vector<uint8_t>(bytes, 0x5a).data());
    }
  }
}

// The cache that phones take: int8 values, which the tiny model's heads are too small for.
TEST(KvFile, AnInt8CacheIsRestored) {
  if (!FileExists(PITH_DEMO_MODEL)) GTEST_SKIP() << "the demo model is not at " << PITH_DEMO_MODEL << "; ./pith setup fetches it";
  const std::shared_ptr<const BaseModel> base = BaseModel::Load(PITH_DEMO_MODEL);
  const TempFolder folder;
  EngineOptions options;
  options.kv_type = KvType::kInt8;
  options.kv_tokens = 128;
  options.num_threads = 2;
  const std::vector<int32_t> tokens = RandomTokens(9, 40), more = RandomTokens(10, 3);
  std::vector<float> expected;
  {
    Engine engine(base, options);
    const SequenceId id = engine.NewSequence();
    engine.Prefill(id, tokens, nullptr);
    engine.SaveKv(id, folder / "kv");
    expected = RunTokens(engine, id, more);
  }
  Engine engine(base, options);
  EXPECT_TRUE(SameBits(RunTokens(engine, engine.RestoreKv(folder / "kv", {}), more), expected));
  EXPECT_EQ(engine.AdoptPrefix(engine.NewSequence(), tokens), 32);
}

}  // namespace
}  // namespace pith::testing
