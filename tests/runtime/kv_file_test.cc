// Sequences saved and restored, and every file that must be refused.
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "runtime/adapter_hash.h"
#include "runtime/kv_cache.h"
#include "runtime/kv_file.h"
#include "tests/base/temp_folder.h"
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

std::vector<int32_t> Join(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

AdapterRef ChangedAdapter(float by) {
  LoraAdapter lora = ReadPeft(Golden("tiny-lora"));
  lora.pairs.begin()->second.b[0] += by;
  return PackedAdapter::FromLora(lora, TinyBase()->config(), TensorType::kF32);
}

// 20 tokens by the base, 30 by tiny-lora, 5 by tiny-alora, which goes on.
const std::vector<int32_t>& Tokens() {
  static const std::vector<int32_t> tokens = RandomTokens(1, 55);
  return tokens;
}
std::vector<WriterSpan> TokenWriters(const AdapterRef& one, const AdapterRef& two) { return {{20, nullptr}, {50, one}, {55, two}}; }

// In the file, adapters of its own, which are gone when this returns.
void Save(const std::string& path, const EngineOptions& options = Options()) {
  Engine engine(TinyBase(), options);
  const SequenceId id = engine.NewSequence();
  engine.Prefill(id, Tokens(), TokenWriters(TinyAdapter("tiny-lora"), TinyAdapter("tiny-alora")), nullptr);
  engine.SaveKv(id, path);
}

std::string Seen(const KvCounters& c) {
  return Str(c.used_pages, " used, ", c.shared_pages, " shared, ", c.parked_pages, " parked, ", c.free_pages, " free, ", c.evicted_pages, " evicted, ",
             c.hit_tokens, " hit");
}

// An engine that refuses `path` is as it was. Returns what it said.
std::string Refusal(Engine& engine, const std::string& path, const std::vector<AdapterRef>& adapters) {
  const std::string before = Seen(engine.kv_counters());
  try {
    engine.RestoreKv(path, adapters);
  } catch (const UserError& error) {
    EXPECT_EQ(Seen(engine.kv_counters()), before);
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    return error.what();
  }
  return "restored";
}

void ExpectRefused(Engine& engine, const std::string& path, const std::vector<AdapterRef>& adapters, const std::string& because) {
  const std::string said = Refusal(engine, path, adapters);
  EXPECT_NE(said.find(because), std::string::npos) << said;
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
    // Its full pages are found, by exactly these writers.
    const SequenceId next = engine.NewSequence();
    EXPECT_EQ(engine.AdoptPrefix(next, t, TokenWriters(one, two)), c.share ? 48 : 0);
    EXPECT_EQ(engine.AdoptPrefix(engine.NewSequence(), t, TokenWriters(adapters[0], two)), c.share ? 16 : 0);
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

TEST(KvFile, AnotherAdapterIsRefused) {
  const TempFolder folder;
  Save(folder / "kv");
  const AdapterRef one = TinyAdapter("tiny-lora"), two = TinyAdapter("tiny-alora");
  Engine engine(TinyBase(), Options());
  ExpectRefused(engine, folder / "kv", {}, "none of the 0 given");
  ExpectRefused(engine, folder / "kv", {one}, "needs the adapter 'trainer'");
  ExpectRefused(engine, folder / "kv", {ChangedAdapter(1e-3f), two}, AdapterContentHash(*one, TinyBase()->config()));
  ExpectRefused(engine, folder / "kv", {TinyAdapter("tiny-lora", TensorType::kF16), two}, "needs the adapter");
  EXPECT_EQ(Refusal(engine, folder / "kv", {two, one}), "restored");
}

TEST(KvFile, AnAdapterIsItsContent) {
  const ModelConfig& config = TinyBase()->config();
  const auto hash = [&](const LoraAdapter& lora) { return AdapterContentHash(*PackedAdapter::FromLora(lora, config, TensorType::kF32), config); };
  const LoraAdapter lora = ReadPeft(Golden("tiny-lora"));
  const std::string expected = hash(lora);
  EXPECT_EQ(expected.size(), 64u);
  EXPECT_EQ(hash(lora), expected);
  LoraAdapter changed = lora;
  changed.base_path = "elsewhere";  // not what it computes
  EXPECT_EQ(hash(changed), expected);
  changed.alpha *= 2;
  EXPECT_NE(hash(changed), expected);
  changed = lora;
  changed.activation = Activation::kInvocation;
  changed.invocation = {5};
  EXPECT_NE(hash(changed), expected);
  changed = lora;
  changed.pairs.rbegin()->second.a.back() += 1;
  EXPECT_NE(hash(changed), expected);
  changed = lora;
  changed.pairs.rbegin()->second.b.front() += 1;
  EXPECT_NE(hash(changed), expected);
  changed = lora;
  changed.pairs.erase(changed.pairs.begin());
  EXPECT_NE(hash(changed), expected);
}

TEST(KvFile, AnotherBaseOrOtherRulesAreRefused) {
  const TempFolder folder;
  Save(folder / "kv");
  const std::vector<AdapterRef> adapters = {TinyAdapter("tiny-lora"), TinyAdapter("tiny-alora")};
  EngineOptions options = Options();
  options.kv_type = KvType::kF32;
  Engine other_kv(TinyBase(), options);
  ExpectRefused(other_kv, folder / "kv", adapters, "the KV's type is f16, this engine's is f32");
  options = Options();
  options.activations = ActivationType::kInt8;
  Engine other_activations(TinyBase(), options);
  ExpectRefused(other_activations, folder / "kv", adapters, "the type of activations is bf16, this engine's is int8");

  const auto changed_base = [&](const std::string& name, const std::function<void(std::string& config, std::string& tensors)>& change) {
    const std::string path = folder / name;
    std::filesystem::copy(Golden("tiny-llama"), path);
    std::string config = ReadFile(path + "/config.json"), tensors = ReadFile(path + "/model.safetensors");
    change(config, tensors);
    Overwrite(path + "/config.json", config);
    Overwrite(path + "/model.safetensors", tensors);
    return std::shared_ptr<const BaseModel>(BaseModel::Load(path));
  };
  Engine other_weight(changed_base("weight", [](std::string&, std::string& tensors) { tensors.back() ^= 1; }), Options());
  ExpectRefused(other_weight, folder / "kv", adapters, "the base (SHA-256 of its tensors)");
  // The same tensors, computed with otherwise.
  Engine other_form(changed_base("form", [](std::string& config, std::string&) { config.replace(config.find("10000.0"), 7, "20000.0"); }), Options());
  ExpectRefused(other_form, folder / "kv", adapters, "the base's architecture");
  Engine shorter(changed_base("context", [](std::string& config, std::string&) { config.replace(config.find(": 512,"), 6, ": 50,"); }), Options());
  ExpectRefused(shorter, folder / "kv", adapters, "the model's context is 50");
  Engine small(TinyBase(), Options(48));
  ExpectRefused(small, folder / "kv", adapters, "has room for 48");
  const SequenceId id = small.NewSequence();
  small.Prefill(id, RandomTokens(5, 40), nullptr);
  ExpectRefused(small, folder / "kv", adapters, "has room for 0");
}

TEST(KvFile, DamageOfAnyKindIsRefused) {
  const TempFolder folder;
  Save(folder / "kv");
  const std::string whole = ReadFile(folder / "kv");
  const std::vector<AdapterRef> adapters = {TinyAdapter("tiny-lora"), TinyAdapter("tiny-alora")};
  Engine engine(TinyBase(), Options());
  const std::string path = folder / "damaged";
  const auto refused = [&](const std::string& bytes, const std::string& because) {
    Overwrite(path, bytes);
    ExpectRefused(engine, path, adapters, because);
  };
  std::string bytes = whole;
  bytes[0] = 'p';
  refused(bytes, "is no KV file");
  bytes = whole;
  bytes[8] = 2;
  refused(bytes, "is a KV file of version 2, this pith reads version 1");
  refused(whole + "x", "a part of it is missing");
  refused("", "is empty");
  for (size_t size = 1; size < whole.size(); size += size < 4000 ? 41 : 997) {
    refused(whole.substr(0, size), size < 24 ? "is no KV file" : "a part of it is missing");
  }
  for (size_t i = 24; i < whole.size(); i += i < 3000 ? 23 : 463) {
    bytes = whole;
    bytes[i] = static_cast<char>(bytes[i] ^ (1 << (i % 8)));
    refused(bytes, "is damaged");
  }
  EXPECT_EQ(Refusal(engine, folder / "kv", adapters), "restored");
}

// Files whose hash is right and that say what pith never writes: refused, or restored without harm.
TEST(KvFile, ForgedFilesDoNoHarm) {
  const TempFolder folder;
  Save(folder / "kv");
  const std::string whole = ReadFile(folder / "kv"), path = folder / "forged";
  const std::vector<AdapterRef> adapters = {TinyAdapter("tiny-lora"), TinyAdapter("tiny-alora")};
  Engine engine(TinyBase(), Options());
  const auto forged = [&](std::string bytes) {
    const uint64_t size = bytes.size();
    std::memcpy(bytes.data() + 16, &size, sizeof(size));
    bytes.resize(bytes.size() - 32);
    Sha256 hash;
    hash.Update(bytes);
    const Sha256::Bytes digest = hash.Digest();
    Overwrite(path, bytes + std::string(digest.begin(), digest.end()));
    const std::string said = Refusal(engine, path, adapters);
    if (said == "restored") engine.Free(0);
    return said;
  };
  EXPECT_EQ(forged(whole), "restored");
  EXPECT_NE(forged(whole.substr(0, 24) + whole.substr(whole.size() - 32)).find("contradicts itself"), std::string::npos);
  EXPECT_NE(forged(whole.substr(0, whole.size() - 4096 - 32) + std::string(32, 0)).find("contradicts itself"), std::string::npos);  // a page less
  const size_t token = whole.find(std::string(reinterpret_cast<const char*>(Tokens().data()), 4 * 55));
  ASSERT_NE(token, std::string::npos);
  std::string bytes = whole;
  bytes[token + 7] = 1;
  EXPECT_NE(forged(bytes).find("is not in the model's vocabulary"), std::string::npos);
  int restored = 0, refused = 0;
  Rng rng(6);
  for (size_t i = 24; i < token + 4 * 55 + 80; i += 2) {
    bytes = whole;
    bytes[i] = static_cast<char>(rng.Int(0, 1) == 0 ? rng.Int(0, 255) : bytes[i] + rng.Int(-1, 1));
    forged(bytes) == "restored" ? ++restored : ++refused;
  }
  EXPECT_GT(refused, 200);
  EXPECT_GT(restored, 40);  // tokens and names that are others
}

}  // namespace
}  // namespace pith::testing
