// Every file that must be refused, and leaves the engine as it was.
#include <filesystem>
#include <functional>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "runtime/adapter_hash.h"
#include "tests/runtime/kv_file_tools.h"

namespace pith::testing {
namespace {

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

TEST(KvFileRefusal, AnotherAdapterIsRefused) {
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

TEST(KvFileRefusal, OtherFilesAreNotReplaced) {
  const TempFolder folder;
  Save(folder / "kv");
  Save(folder / "kv");
  Engine engine(TinyBase(), Options());
  const SequenceId id = engine.NewSequence();
  engine.Prefill(id, RandomTokens(5, 20), nullptr);
  for (const std::string text : {"x", "GGUF and so on, which is somebody's model"}) {
    WriteFile(folder / "other", text);
    EXPECT_THROW(engine.SaveKv(id, folder / "other"), UserError);
    EXPECT_EQ(ReadFile(folder / "other"), text);
  }
  WriteFile(folder / "other", "");
  engine.SaveKv(id, folder / "other");
  EXPECT_EQ(engine.Length(engine.RestoreKv(folder / "other", {})), 20);
}

TEST(KvFileRefusal, AnAdapterIsItsContent) {
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

TEST(KvFileRefusal, AnotherBaseOrOtherRulesAreRefused) {
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

TEST(KvFileRefusal, DamageOfAnyKindIsRefused) {
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
TEST(KvFileRefusal, ForgedFilesDoNoHarm) {
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
