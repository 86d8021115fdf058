// What pith converts against what llama.cpp's converter makes of the same folder (tests/tools/families_gguf.py): the same tensors, byte for
// byte, and the same values under the keys that llama.cpp reads.
#include <gtest/gtest.h>

#include <cstdlib>
#include <set>
#include <string>
#include <vector>

#include "base/gguf.h"
#include "base/gguf_types.h"
#include "base/sha256.h"
#include "export/commands.h"
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

TEST_P(FamiliesGguf, TensorsAreThoseOfLlamaCpp) {
  const GgufFile file(Convert());
  std::set<std::string> names;
  for (const GgufTensor& tensor : file.tensors()) {
    names.insert(tensor.name);
    if (!golden_["tensors"].contains(tensor.name)) {
      ADD_FAILURE() << tensor.name << " is not in llama.cpp's file";
      continue;
    }
    const json& expected = golden_["tensors"][tensor.name];
    EXPECT_EQ(json(tensor.shape), expected[0]) << tensor.name;
    EXPECT_EQ(tensor.ggml_type, 0u) << tensor.name;
    Sha256 hash;
    hash.Update(tensor.data, tensor.bytes);
    EXPECT_EQ(hash.HexDigest(), expected[1].get<std::string>()) << tensor.name;
  }
  for (const auto& [name, value] : golden_["tensors"].items()) EXPECT_TRUE(names.contains(name)) << name << " is missing";
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
TEST_P(FamiliesGguf, MetadataIsThatOfLlamaCpp) {
  const GgufFile file(Convert());
  for (const auto& [key, expected] : golden_["metadata"].items()) {
    const auto entry = std::ranges::find(file.entries(), key, &GgufEntry::key);
    if (entry == file.entries().end()) {
      ADD_FAILURE() << key << " is missing; llama.cpp has " << expected[1];
      continue;
    }
    EXPECT_EQ(TypeOf(*entry), expected[0]) << key;
    EXPECT_EQ(ValueOf(file, key, expected[1]), expected[1]) << key;
  }
}

INSTANTIATE_TEST_SUITE_P(, FamiliesGguf, ::testing::ValuesIn(FamilyNames()), FamilyTestName);

}  // namespace
}  // namespace pith::testing
