// What pith converts against what llama.cpp's converters make of the same folders, of bases and of adapters (tests/tools/families_gguf.py): the
// same tensors, byte for byte, and the same values under the keys that llama.cpp reads.
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "adapters/packed_adapter.h"
#include "base/gguf.h"
#include "base/gguf_types.h"
#include "base/sha256.h"
#include "export/commands.h"
#include "export/reference_logits.h"
#include "runtime/engine.h"
#include "tests/families/family_golden.h"

namespace pith::testing {
namespace {

using nlohmann::json;

class FamiliesGguf : public ::testing::TestWithParam<std::string> {
 protected:
  FamiliesGguf() : golden_(json::parse(ReadFile(PITH_TEST_GOLDEN "/families/" + GetParam() + ".gguf.json"))) {
    ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
  }
  std::string Convert() {
    RunConvert({FamilyGolden(GetParam()).WriteModel(folder_, FamilyGolden::Config::kHub), {TensorType::kF32, {}}, folder_ / "f32.gguf"});
    return folder_ / "f32.gguf";
  }

  json golden_;
  TempFolder folder_;
};

void ExpectTensors(const GgufFile& file, const json& golden) {
  std::set<std::string> names;
  for (const GgufTensor& tensor : file.tensors()) {
    names.insert(tensor.name);
    if (!golden.contains(tensor.name)) {
      ADD_FAILURE() << tensor.name << " is not in llama.cpp's file";
      continue;
    }
    const json& expected = golden[tensor.name];
    EXPECT_EQ(json(tensor.shape), expected[0]) << tensor.name;
    EXPECT_EQ(tensor.ggml_type, 0u) << tensor.name;
    Sha256 hash;
    hash.Update(tensor.data, tensor.bytes);
    EXPECT_EQ(hash.HexDigest(), expected[1].get<std::string>()) << tensor.name;
  }
  for (const auto& [name, value] : golden.items()) EXPECT_TRUE(names.contains(name)) << name << " is missing";
}

// A value of a file as JSON; floats widened.
json ValueOf(const GgufFile& file, const std::string& key, const json& like) {
  if (like.is_string()) return file.Get<std::string>(key);
  if (like.is_boolean()) return file.Get<bool>(key);
  if (!like.is_array()) return file.Get<double>(key);
  if (!like.empty() && like[0].is_boolean()) return file.Get<std::vector<bool>>(key);
  return file.Get<std::vector<double>>(key);
}

// The type of a value, of an array [9, type of its items].
json TypeOf(const GgufEntry& entry) {
  if (entry.type != static_cast<uint32_t>(GgufType::kArray)) return entry.type;
  return {entry.type, entry.bytes[0]};
}

// pith may write more keys, which llama.cpp leaves alone, but none of llama.cpp's may be missing.
void ExpectMetadata(const GgufFile& file, const json& golden) {
  for (const auto& [key, expected] : golden.items()) {
    const auto entry = std::ranges::find(file.entries(), key, &GgufEntry::key);
    if (entry == file.entries().end()) {
      ADD_FAILURE() << key << " is missing; llama.cpp has " << expected[1];
      continue;
    }
    EXPECT_EQ(TypeOf(*entry), expected[0]) << key;
    EXPECT_EQ(ValueOf(file, key, expected[1]), expected[1]) << key;
  }
}

TEST_P(FamiliesGguf, TensorsAreThoseOfLlamaCpp) { ExpectTensors(GgufFile(Convert()), golden_["tensors"]); }
TEST_P(FamiliesGguf, MetadataIsThatOfLlamaCpp) { ExpectMetadata(GgufFile(Convert()), golden_["metadata"]); }

GgufValue WriterValue(const json& typed) {
  const json& value = typed[1];
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_array() && !value.empty() && value[0].is_boolean()) return value.get<std::vector<bool>>();
  if (value.is_array()) return value.get<std::vector<int64_t>>();
  if (typed[0] == static_cast<uint32_t>(GgufType::kF32)) return value.get<double>();
  return value.get<int64_t>();
}

// Files that llama.cpp's converter wrote, without a key of pith's own. What it leaves out is what its own architecture has fixed; of a window in
// arch llama, and of a query scale that is not 1/√head_dim, nothing is left.
TEST_P(FamiliesGguf, FilesOfLlamaCppAreRead) {
  const GgufFile converted(Convert());
  GgufWriter writer;
  for (const auto& [key, typed] : golden_["metadata"].items()) writer.Set(key, WriterValue(typed));
  for (const auto& [name, tensor] : golden_["tensors"].items()) writer.Add(name, converted.Tensor(name));
  writer.Write(folder_ / "theirs.gguf");
  const FamilyGolden family(GetParam());
  const std::vector<float> logits = ReferenceLogits(*BaseModel::Load(folder_ / "theirs.gguf"), nullptr, 0, family.ids());
  if (const std::string& name = GetParam(); name == "mistral" || name == "gemma2" || name == "gemma3") {
    EXPECT_GT(Distance(logits, family.Values("logits")), 0.02);
  } else {
    EXPECT_LT(Distance(logits, family.Values("logits")), kFamilyTolerance);
  }
}

// A pair on a fused layer comes out as one, under the fused tensor's name: llama.cpp knows no other.
TEST_P(FamiliesGguf, AdapterIsThatOfLlamaCpp) {
  FamilyGolden(GetParam()).ReadAdapter(folder_, FamilyGolden::Adapter::kWhole);  // writes its folder
  RunAdapter({folder_ / "adapter", Convert(), TensorType::kF32, folder_ / "adapter.gguf", true});
  const GgufFile file(folder_ / "adapter.gguf");
  ExpectTensors(file, golden_["adapter"]["tensors"]);
  ExpectMetadata(file, golden_["adapter"]["metadata"]);
}

// Pairs of their own for the parts of fused layers: in a form that llama.cpp finds tensors for, and with the same effect.
TEST_P(FamiliesGguf, SplitAdapterNamesTensorsOfTheBase) {
  const FamilyGolden family(GetParam());
  constexpr auto kSplit = FamilyGolden::Adapter::kSplit;
  if (!family.Has(kSplit)) return;
  const auto base = BaseModel::Load(Convert());
  const LoraAdapter lora = family.ReadAdapter(folder_, kSplit);
  PackedAdapter::FromLora(lora, base->config(), TensorType::kF32)->WriteGguf(folder_ / "split.gguf");
  const GgufFile file(folder_ / "split.gguf");
  for (const GgufTensor& tensor : file.tensors()) {
    EXPECT_TRUE(golden_["tensors"].contains(tensor.name.substr(0, tensor.name.rfind(".lora_")))) << tensor.name;
  }
  EngineOptions options;
  options.activations = ActivationType::kF32;
  options.kv_type = KvType::kF32;
  options.kv_tokens = 64;
  Engine engine(BaseModel::Load(folder_ / "f32.gguf"), options);
  const SequenceId sequence = engine.NewSequence();
  engine.SetAdapter(sequence, PackedAdapter::FromGguf(folder_ / "split.gguf", engine.config()));
  std::vector<float> logits(static_cast<size_t>(engine.config().vocab_size));
  engine.Prefill(sequence, family.ids(), logits.data());
  const std::vector<float> expected = family.LastLogits(kSplit);
  EXPECT_LT(Distance(logits, std::span(expected).last(logits.size())), kFamilyTolerance);
}

INSTANTIATE_TEST_SUITE_P(, FamiliesGguf, ::testing::ValuesIn(FamilyNames()), FamilyTestName);

}  // namespace
}  // namespace pith::testing
