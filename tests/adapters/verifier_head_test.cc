// The verifier's head: its two forms of file, and what is refused.
#include "adapters/verifier_head.h"

#include <gtest/gtest.h>

#include <cmath>

#include "adapters/packed_adapter.h"
#include "adapters/peft.h"
#include "base/error.h"
#include "base/file.h"
#include "base/gguf.h"
#include "base/rng.h"
#include "tests/adapters/random_adapter.h"
#include "tests/base/temp_folder.h"

namespace pith {
namespace {

using pith::testing::Refusal;

const std::string kTinyAlora = PITH_TEST_GOLDEN "/tiny-alora";

VerifierHead SomeHead(const std::string& adapter_sha256) {
  VerifierHead head;
  Rng rng(8);
  for (int i = 0; i < 64; ++i) head.weights.push_back(static_cast<float>(rng.Uniform() - 0.5) * (i % 7 == 0 ? 1e-20f : 3.0f));
  head.bias = -0.1f;
  head.check_text = "Is it \"right\"?\n<|im_end|>";
  head.check_ids = {5, 300, 17};
  head.end_id = 2;
  head.by_base = true;
  head.adapter_sha256 = adapter_sha256;
  head.fit = {.dataset = "synthetic", .type = "q8_0", .activations = "int8", .kv_type = "f16", .temperature = 0.75, .fit_problems = 30, .fit_chains = 120,
              .held_out_problems = 10, .held_out_chains = 40, .l2 = 0.03125, .right_share = 0.5, .auc = 0.75, .calibration_error = 0.0625, .log_loss = 0.5};
  return head;
}

TEST(VerifierHead, GoesThroughJsonAndBack) {
  const VerifierHead head = SomeHead(std::string(64, 'a'));
  EXPECT_EQ(ReadVerifierJson("x", VerifierJson(head)), head);
}

TEST(VerifierHead, TravelsFromThePeftFolderIntoTheGguf) {
  const TempFolder folder;
  ModelConfig config = BaseModel::Load(PITH_TEST_GOLDEN "/tiny-llama")->config();
  config.rope = config.gguf_rope;  // as a GGUF of it would be read
  LoraAdapter lora = ReadPeft(kTinyAlora);
  EXPECT_FALSE(lora.verifier) << "a folder without one has none";
  lora.verifier = SomeHead(AdapterHash(lora));
  WritePeft(lora, folder / "adapter");
  EXPECT_EQ(ReadPeft(folder / "adapter").verifier, lora.verifier);

  const std::string path = folder / "a.gguf", bare = folder / "bare.gguf";
  PackedAdapter::FromLora(ReadPeft(folder / "adapter"), config, TensorType::kF16)->WriteGguf(path);
  const auto packed = PackedAdapter::FromGguf(path, config);
  EXPECT_EQ(packed->verifier(), lora.verifier);
  EXPECT_FALSE(PackedAdapter::Scaled(packed, 0.5f)->verifier()) << "it was fitted at this scale alone";

  // For llama.cpp there is nothing new: the tensors are those of a file without a head, which has no key of ours more.
  LoraAdapter without = ReadPeft(kTinyAlora);
  PackedAdapter::FromLora(without, config, TensorType::kF16)->WriteGguf(bare);
  const GgufFile a(path), b(bare);
  ASSERT_EQ(a.tensors().size(), b.tensors().size());
  for (size_t i = 0; i < a.tensors().size(); ++i) EXPECT_EQ(a.tensors()[i].name, b.tensors()[i].name);
  for (const GgufEntry& entry : a.entries()) EXPECT_TRUE(b.Has(entry.key) || entry.key.starts_with("pith.verifier.")) << entry.key;
  EXPECT_FALSE(PackedAdapter::FromGguf(bare, config)->verifier());
  const GgufEntry* weights = nullptr;
  for (const GgufEntry& entry : a.entries()) {
    if (entry.key == "pith.verifier.weights") weights = &entry;
  }
  ASSERT_NE(weights, nullptr);
  constexpr uint32_t kF32 = 6;  // of GGUF's metadata
  EXPECT_EQ(weights->bytes[0], kF32) << "an array of F32";
}

TEST(VerifierHead, IsLeftOutWhereTheTensorsWereChanged) {
  const TempFolder folder;
  LoraAdapter lora = ReadPeft(kTinyAlora);
  lora.verifier = SomeHead(AdapterHash(lora));
  lora.pairs.begin()->second.b[0] += 1;
  WritePeft(lora, folder / "adapter");
  EXPECT_FALSE(FileExists(folder / "adapter/" + std::string(kVerifierFile)));
}

TEST(VerifierHead, RefusesWhatIsNone) {
  const std::string good = VerifierJson(SomeHead(""));
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    return Refusal([&] { ReadVerifierJson("h.json", text); });
  };
  const std::string head = "'h.json': the adapter's verifier ", remedy = "; fit it again with stage: verifier";
  EXPECT_EQ(with("\"version\": 1", "\"version\": 2"), head + "has version 2, this pith reads 1" + remedy);
  EXPECT_EQ(with("\"reader\": \"base\"", "\"reader\": \"me\""), head + "is read by 'me', expected adapter or base" + remedy);
  EXPECT_EQ(with("\"check_ids\": [5,300,17]", "\"check_ids\": []"), head + "asks with 0 tokens, expected 1 to 4096" + remedy);
  EXPECT_EQ(with("\"end_id\": 2", "\"end_id\": -1"), head + "asks with the token -1" + remedy);
  EXPECT_EQ(with("\"bias\": -0.1", "\"bias\": 1e300, \"x\": 0.1"), head + "has a bias that is not finite" + remedy);
  EXPECT_EQ(with("\"fit_chains\": 120", "\"fit_chains\": -1"), head + "was fitted on -1 problems or chains" + remedy);
  EXPECT_EQ(with("\"auc\"", "\"auk\""), head + "lacks auc" + remedy);
  EXPECT_NE(with("\"weights\": [", "\"weights\": [\"a\", "), "");
  EXPECT_NE(Refusal([] { ReadVerifierJson("h.json", "[]"); }), "");

  const ModelConfig config = BaseModel::Load(PITH_TEST_GOLDEN "/tiny-llama")->config();
  VerifierHead wide = SomeHead("");
  wide.weights.push_back(1);
  EXPECT_EQ(Refusal([&] { CheckVerifierFits("a.gguf", wide, config); }),
            "'a.gguf': the adapter's verifier has 65 weights, and the base's hidden states 64 values; the adapter belongs to another base");
  VerifierHead foreign = SomeHead("");
  foreign.check_ids = {320};
  EXPECT_EQ(Refusal([&] { CheckVerifierFits("a.gguf", foreign, config); }),
            "'a.gguf': the adapter's verifier asks with the token 320, and the base's vocabulary has 320; the adapter belongs to another base");
}

TEST(LinearHead, IsALogisticRegression) {
  const LinearHead head{{1, -2, 0.5f}, 0.25f};
  const float hidden[] = {2, 1, -1};
  EXPECT_DOUBLE_EQ(HeadLogit(head, hidden), -0.25);
  EXPECT_DOUBLE_EQ(Probability(0), 0.5);
  EXPECT_DOUBLE_EQ(Probability(std::log(3.0)), 0.75);
  EXPECT_EQ(Probability(-1e4), 0.0);
  EXPECT_EQ(Probability(1e4), 1.0);
}

}  // namespace
}  // namespace pith
