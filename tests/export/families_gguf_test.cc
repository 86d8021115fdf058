// What pith converts against what llama.cpp's converters make of the same folders, of bases and of adapters (tests/tools/families_gguf.py): the
// same tensors, byte for byte, and the same values under the keys that llama.cpp reads.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "base/gguf.h"
#include "base/gguf_types.h"
#include "base/sha256.h"
#include "export/commands.h"
#include "export/reference_logits.h"
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
  return like.is_string() ? json(file.Get<std::string>(key)) : json(file.Get<double>(key));
}

// Windows as wide as the context, the context of before a stretching that there was not, and the ramp that YaRN has by itself.
bool HasNoEffect(const std::string& key, const json& golden) {
  const std::string arch = golden["general.architecture"][1].get<std::string>() + ".";
  if (key == arch + "attention.sliding_window") return golden[key][1] >= golden[arch + "context_length"][1];
  if (key == arch + "rope.scaling.yarn_beta_fast") return golden[key][1] == 32.0;
  if (key == arch + "rope.scaling.yarn_beta_slow") return golden[key][1] == 1.0;
  return key == arch + "rope.scaling.original_context_length" && golden[key][1] == golden[arch + "context_length"][1];
}

// pith may write more keys, which llama.cpp leaves alone, but none of llama.cpp's that has an effect may be missing.
void ExpectMetadata(const GgufFile& file, const json& golden) {
  for (const auto& [key, expected] : golden.items()) {
    const auto entry = std::ranges::find(file.entries(), key, &GgufEntry::key);
    if (entry == file.entries().end()) {
      if (HasNoEffect(key, golden)) continue;
      ADD_FAILURE() << key << " is missing; llama.cpp has " << expected[1];
      continue;
    }
    EXPECT_EQ(entry->type, expected[0].get<uint32_t>()) << key;
    EXPECT_EQ(ValueOf(file, key, expected[1]), expected[1]) << key;
  }
}

TEST_P(FamiliesGguf, TensorsAreThoseOfLlamaCpp) { ExpectTensors(GgufFile(Convert()), golden_["tensors"]); }
TEST_P(FamiliesGguf, MetadataIsThatOfLlamaCpp) { ExpectMetadata(GgufFile(Convert()), golden_["metadata"]); }

GgufValue WriterValue(const json& typed) {
  if (typed[1].is_string()) return typed[1].get<std::string>();
  if (typed[1].is_number_float()) return typed[1].get<double>();
  return typed[1].get<int64_t>();
}

// Files that llama.cpp's converter wrote, without a key of pith's own. What it leaves out is what its architectures have fixed, but for windows of
// llama and qwen2, and Gemma's query scale where it is not 1/√head_dim: those are lost.
TEST_P(FamiliesGguf, FilesOfLlamaCppAreRead) {
  const GgufFile converted(Convert());
  GgufWriter writer;
  for (const auto& [key, typed] : golden_["metadata"].items()) writer.Set(key, WriterValue(typed));
  for (const auto& [name, tensor] : golden_["tensors"].items()) writer.Add(name, converted.Tensor(name));
  writer.Write(folder_ / "theirs.gguf");
  const FamilyGolden family(GetParam());
  const std::vector<float> logits = ReferenceLogits(*BaseModel::Load(folder_ / "theirs.gguf"), nullptr, 0, family.ids());
  const std::set<std::string> lossy = {"mistral", "ministral", "qwen2-window", "gemma2", "gemma3"};
  if (lossy.contains(GetParam())) {
    EXPECT_GT(Distance(logits, family.Values("logits")), 0.02);
  } else {
    EXPECT_LT(Distance(logits, family.Values("logits")), kFamilyTolerance);
  }
}

// A pair on a fused layer comes out as one, under the fused tensor's name: llama.cpp knows no other.
TEST_P(FamiliesGguf, AdapterIsThatOfLlamaCpp) {
  RunAdapter({FamilyGolden(GetParam()).WriteAdapter(folder_), Convert(), TensorType::kF32, folder_ / "adapter.gguf", true});
  const GgufFile file(folder_ / "adapter.gguf");
  ExpectTensors(file, golden_["adapter"]["tensors"]);
  ExpectMetadata(file, golden_["adapter"]["metadata"]);
}

INSTANTIATE_TEST_SUITE_P(, FamiliesGguf, ::testing::ValuesIn(FamilyNames(".gguf.json")), FamilyTestName);

}  // namespace
}  // namespace pith::testing
