// The GGUF of every family beside llama.cpp, which is not here: tests/golden/families/continuations.json has how it continued a prompt with the
// very file that pith-export makes (tests/tools/family_continuations.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/gguf.h"
#include "base/sha256.h"
#include "export/commands.h"
#include "runtime/engine.h"
#include "tests/families/family_golden.h"

namespace pith::testing {
namespace {

using nlohmann::json;

const json& Continuations() {
  static const json all = json::parse(ReadFile(PITH_TEST_GOLDEN "/families/continuations.json"));
  return all["families"];
}

std::vector<std::string> ContinuedFamilies() {
  std::vector<std::string> names;
  for (const auto& [name, golden] : Continuations().items()) names.push_back(name);
  return names;
}

template <class T>
void Add(const T& value, Sha256* hash) {
  hash->Update(&value, sizeof value);
}

// Of what llama.cpp reads: metadata but for the model's name and pith's own keys, and tensors.
std::string HashOf(const GgufFile& file) {
  Sha256 hash;
  for (const GgufEntry& entry : file.entries()) {
    if (entry.key.starts_with("pith.") || entry.key == "general.name") continue;
    Add(static_cast<uint64_t>(entry.key.size()), &hash);
    hash.Update(entry.key.data(), entry.key.size());
    Add(entry.type, &hash);
    hash.Update(entry.bytes.data(), entry.bytes.size());
  }
  for (const GgufTensor& tensor : file.tensors()) {
    hash.Update(tensor.name.data(), tensor.name.size());
    Add(tensor.ggml_type, &hash);
    for (const int64_t size : tensor.shape) Add(size, &hash);
    hash.Update(tensor.data, tensor.bytes);
  }
  return hash.HexDigest();
}

class FamilyContinuations : public ::testing::TestWithParam<std::string> {
 protected:
  FamilyContinuations() : family_(GetParam()), golden_(Continuations()[GetParam()]) {
    ::setenv("XDG_CACHE_HOME", (folder_ / "cache").c_str(), 1);
    RunConvert({family_.WriteModel(folder_, FamilyGolden::Config::kHub, golden_["changed"]), {TensorType::kF32, {}}, gguf_});
  }

  TempFolder folder_;
  const std::string gguf_ = folder_ / "f32.gguf";
  FamilyGolden family_;
  json golden_;
};

// Where this fails after a change of the exporter's, llama.cpp has not seen the file of today: run the tool again.
TEST_P(FamilyContinuations, TheFileIsTheOneThatLlamaCppRead) { EXPECT_EQ(HashOf(GgufFile(gguf_)), golden_["file"].get<std::string>()); }

TEST_P(FamilyContinuations, GreedyTokensAreThoseOfLlamaCpp) {
  EngineOptions options;
  options.activations = ActivationType::kF32;
  options.kv_type = KvType::kF32;
  options.kv_tokens = 128;
  Engine engine(BaseModel::Load(gguf_), options);
  const SequenceId sequence = engine.NewSequence();
  std::vector<float> logits(static_cast<size_t>(engine.config().vocab_size));
  engine.Prefill(sequence, family_.ids(), logits.data());
  const auto expected = golden_["tokens"].get<std::vector<int32_t>>();
  const auto leads = golden_["leads"].get<std::vector<double>>();
  // Of logits up to ±6. llama.cpp takes GELU from a table of halves.
  const double tolerance = engine.config().feed_forward == FeedForward::kGeGlu ? 5e-3 : 5e-4;
  std::vector<int32_t> tokens;
  while (true) {
    const double lead = leads[tokens.size()];
    tokens.push_back(static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin()));
    std::vector<float> sorted = logits;
    std::ranges::partial_sort(sorted, sorted.begin() + 2, std::greater());
    EXPECT_NEAR(sorted[0] - sorted[1], lead, tolerance) << "token " << tokens.size();
    if (tokens.size() == expected.size()) break;
    const ForwardRow row{sequence, tokens.back(), true};
    engine.Forward({&row, 1}, logits.data());
  }
  EXPECT_EQ(tokens, expected);
}

INSTANTIATE_TEST_SUITE_P(, FamilyContinuations, ::testing::ValuesIn(ContinuedFamilies()), FamilyTestName);

}  // namespace
}  // namespace pith::testing
