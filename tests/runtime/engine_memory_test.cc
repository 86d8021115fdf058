// Memory that goes back, the limit that it is held to, and what is counted.
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "runtime/kv_cache.h"
#include "tests/runtime/tiny.h"

namespace pith::testing {
namespace {

constexpr int64_t kPageBytes = 4096;  // of the tiny model, in f16

EngineOptions Options(int64_t kv_tokens = 1024) {
  EngineOptions options;
  options.activations = ActivationType::kBF16;
  options.kv_tokens = kv_tokens;
  options.num_threads = 1;
  return options;
}

std::vector<int32_t> Join(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

void PrefillAndFree(Engine& engine, const std::vector<int32_t>& tokens) {
  const SequenceId id = engine.NewSequence();
  engine.Prefill(id, tokens, nullptr);
  engine.Free(id);
}

int64_t Adopted(Engine& engine, const std::vector<int32_t>& tokens) {
  const SequenceId id = engine.NewSequence();
  const int64_t length = engine.AdoptPrefix(id, tokens);
  engine.Free(id);
  return length;
}

TEST(EngineMemory, TrimGivesBackWhatNoSequenceUses) {
  Engine engine(TinyBase(), Options());
  EXPECT_EQ(engine.memory().kv_bytes, 0);
  EXPECT_EQ(engine.Trim(), 0);
  const std::vector<int32_t> used = RandomTokens(1, 40), parked = RandomTokens(2, 100), more = RandomTokens(3, 30);
  const SequenceId id = engine.NewSequence();
  engine.Prefill(id, used, nullptr);
  PrefillAndFree(engine, parked);
  EXPECT_EQ(engine.memory().kv_bytes, 10 * kPageBytes);
  EXPECT_EQ(engine.kv_counters().parked_pages, 7);
  EXPECT_EQ(engine.Trim(), 7 * kPageBytes);
  EXPECT_EQ(engine.memory().kv_bytes, 3 * kPageBytes);
  EXPECT_EQ(Adopted(engine, parked), 0);
  EXPECT_EQ(Adopted(engine, used), 32);
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, id, more)), Fresh(Options(), {{Join(used, more), nullptr}})));
  // And takes it again.
  const SequenceId again = engine.NewSequence();
  EXPECT_TRUE(SameBits(Last(engine, RunTokens(engine, again, parked)), Fresh(Options(), {{parked, nullptr}})));
  EXPECT_EQ(engine.memory().kv_bytes, 12 * kPageBytes);
  engine.Free(id);
  engine.Free(again);
  EXPECT_EQ(engine.Trim(), 12 * kPageBytes);
  EXPECT_EQ(engine.memory().kv_bytes, 0);
  EXPECT_EQ(engine.kv_counters().trimmed_bytes, 19 * kPageBytes);
  EXPECT_EQ(engine.kv_tokens_free(), 1024);
}

TEST(EngineMemory, TrimKeepsThePrefixesThatWereUsedLast) {
  Engine engine(TinyBase(), Options());
  const std::vector<int32_t> old = RandomTokens(4, 64), recent = RandomTokens(5, 64);
  PrefillAndFree(engine, old);
  PrefillAndFree(engine, recent);
  EXPECT_EQ(engine.Trim(8 * kPageBytes), 0);
  EXPECT_EQ(Adopted(engine, old), 64);  // now the one used last
  EXPECT_EQ(engine.Trim(6 * kPageBytes - 1), 3 * kPageBytes);
  EXPECT_EQ(Adopted(engine, recent), 16);
  EXPECT_EQ(Adopted(engine, old), 64);
  // What a sequence uses counts, and stays even beyond what is to be kept.
  const SequenceId id = engine.NewSequence();
  engine.AdoptPrefix(id, old);
  EXPECT_EQ(engine.Trim(4 * kPageBytes), kPageBytes);
  EXPECT_EQ(engine.Trim(0), 0);
  EXPECT_EQ(engine.memory().kv_bytes, 4 * kPageBytes);
}

// Pages of a size that the system's pages do not divide: what is said to be resident is what the system says.
TEST(EngineMemory, ResidentBytesAreTheSystems) {
  ModelConfig config;
  config.num_layers = 1;
  config.num_kv_heads = 3;
  config.head_dim = 24;
  config.value_head_dim = 20;
  const int64_t pages = 90, page_bytes = KvCache::PageBytes(config, KvType::kF16), unit = sysconf(_SC_PAGESIZE);
  ASSERT_NE(page_bytes % unit, 0);
  KvCache cache(config, pages * KvCache::kPageTokens, KvType::kF16);
  std::vector<int32_t> taken;
  for (int64_t i = 0; i < pages; ++i) taken.push_back(cache.Take());
  uint8_t* const memory = cache.K(0, 0, 0);
  std::vector<uint8_t> resident(static_cast<size_t>((pages * page_bytes + unit - 1) / unit));
  Rng rng(6);
  std::vector<uint8_t> content(static_cast<size_t>(page_bytes));
  for (int round = 0; round < 30; ++round) {
    for (const int32_t page : taken) {
      std::fill(content.begin(), content.end(), static_cast<uint8_t>(page + 1));
      cache.CopyIn(page, content.data());
    }
    std::erase_if(taken, [&](int32_t page) {
      if (rng.Int(0, 29) < round) return false;
      cache.Drop(page);
      cache.Return(page);
      return true;
    });
    const int64_t before = cache.resident_bytes(), given_back = cache.Trim();
    EXPECT_EQ(before - given_back, cache.resident_bytes());
    ASSERT_EQ(mincore(memory, static_cast<size_t>(pages * page_bytes), resident.data()), 0);
    const auto count = std::count_if(resident.begin(), resident.end(), [](uint8_t state) { return (state & 1) != 0; });
    ASSERT_EQ(count * unit, cache.resident_bytes()) << "round " << round;
    ASSERT_GE(cache.resident_bytes(), static_cast<int64_t>(taken.size()) * page_bytes);
    for (const int32_t page : taken) {
      for (int64_t i = 0; i < page_bytes; ++i) ASSERT_EQ(cache.K(page, 0, 0)[i], page + 1) << page << " at " << i;
    }
    while (static_cast<int64_t>(taken.size()) < pages) taken.push_back(cache.Take());
  }
}

TEST(EngineMemory, ALimitInBytesHolds) {
  EngineOptions options = Options();
  options.kv_max_bytes = 4 * kPageBytes + 100;
  Engine engine(TinyBase(), options);
  EXPECT_EQ(engine.kv_tokens_free(), 64);
  const SequenceId id = engine.NewSequence();
  engine.Prefill(id, RandomTokens(7, 64), nullptr);
  EXPECT_EQ(engine.memory().kv_bytes, 4 * kPageBytes);
  try {
    RunTokens(engine, id, std::vector<int32_t>{5});
    FAIL() << "no room";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("64 tokens is full"), std::string::npos) << error.what();
  }
  options.kv_tokens = 20;  // the smaller of the two counts
  EXPECT_EQ(Engine(TinyBase(), options).kv_tokens_free(), 32);
  for (const int64_t bytes : {kPageBytes - 1, int64_t{-1}}) {
    options.kv_max_bytes = bytes;
    try {
      Engine refused(TinyBase(), options);
      FAIL() << bytes;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find("4096 bytes"), std::string::npos) << error.what();
    }
  }
}

TEST(EngineMemory, WhatIsCounted) {
  Engine engine(TinyBase(), Options(160));
  std::vector<float> logits(static_cast<size_t>(engine.config().vocab_size));
  const std::vector<int32_t> tokens = RandomTokens(8, 41), other = RandomTokens(9, 64);
  const SequenceId a = engine.NewSequence();
  engine.Prefill(a, tokens, logits.data());
  KvCounters c = engine.kv_counters();
  EXPECT_EQ(c.hit_tokens, 0);
  EXPECT_EQ(c.miss_tokens, 40);  // the last one is computed in any case
  const SequenceId b = engine.NewSequence();
  engine.AdoptPrefix(b, tokens);
  engine.Truncate(b, 0);  // in vain
  RunTokens(engine, b, std::vector<int32_t>{5});
  EXPECT_EQ(engine.kv_counters().hit_tokens, 0);
  EXPECT_EQ(engine.kv_counters().miss_tokens, 40);
  engine.Truncate(b, 0);
  engine.Prefill(b, tokens, logits.data());
  const SequenceId fork = engine.Fork(b);
  c = engine.kv_counters();
  EXPECT_EQ(c.hit_tokens, 32);
  EXPECT_EQ(c.miss_tokens, 48);
  EXPECT_EQ(c.used_pages, 4);
  EXPECT_EQ(c.shared_pages, 3);
  EXPECT_EQ(c.parked_pages, 0);
  EXPECT_EQ(c.free_pages, 6);
  EXPECT_EQ(c.page_bytes, kPageBytes);
  EXPECT_EQ(c.resident_bytes, engine.memory().kv_bytes);
  EXPECT_EQ(c.copied_pages, 0);
  RunTokens(engine, fork, std::vector<int32_t>{5});
  EXPECT_EQ(engine.kv_counters().copied_pages, 1);
  EXPECT_EQ(engine.kv_counters().shared_pages, 2);
  for (const SequenceId id : {a, b, fork}) engine.Free(id);
  c = engine.kv_counters();
  EXPECT_EQ(c.shared_pages, 0);
  EXPECT_EQ(c.used_pages, 0);
  EXPECT_EQ(c.parked_pages, 4);  // two that are full, and a last one of two ends
  EXPECT_EQ(c.free_pages, 6);
  PrefillAndFree(engine, other);
  PrefillAndFree(engine, RandomTokens(10, 96));  // two are free, four are evicted
  EXPECT_EQ(engine.kv_counters().evicted_pages, 4);
  EXPECT_EQ(engine.kv_counters().forgotten_pages, 0);
  AdapterRef adapter = TinyAdapter("tiny-lora");
  const SequenceId d = engine.NewSequence();
  engine.SetAdapter(d, adapter);
  engine.Prefill(d, other, nullptr);
  engine.Free(d);
  adapter = nullptr;
  engine.Trim(INT64_MAX);
  EXPECT_EQ(engine.kv_counters().forgotten_pages, 4);
}

}  // namespace
}  // namespace pith::testing
