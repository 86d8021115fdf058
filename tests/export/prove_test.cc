// The proof that an exported adapter carries, and the adapters that are not exported.
#include <algorithm>

#include "adapters/packed_adapter.h"
#include "base/file.h"
#include "tests/export/proof_faults.h"

namespace pith {
namespace {

using testing::Refusal;

class ProveTest : public ProofFaults {
 protected:
  // What pith-export adapter makes of `lora`.
  std::optional<AdapterProof> Exported(const LoraAdapter& lora, TensorType type = TensorType::kQ8_0, bool allow_no_effect = false) {
    WritePeft(lora, folder_ / "peft");
    AdapterOptions options{folder_ / "peft", folder_ / "base.gguf", type, folder_ / "out.gguf"};
    options.allow_no_effect = allow_no_effect;
    RunAdapter(options);
    return PackedAdapter::FromGguf(options.out, base_->config())->proof();
  }
};

TEST_F(ProveTest, IsComputedWhereTheFolderHasNone) {
  const auto proof = Exported(Alora());
  ASSERT_TRUE(proof);
  EXPECT_EQ(proof->policy, "exporter");
  EXPECT_EQ(proof->base_sha256, base_->Identity());
  EXPECT_EQ(proof->adapter_sha256, AdapterHash(Alora()));
  EXPECT_EQ(proof->template_sha256.size(), 64u);
  EXPECT_EQ(proof->prompts.size(), 16u);
  EXPECT_EQ(proof->pairs.size(), 14u);
  EXPECT_EQ(proof->stored_logits.size(), proof->num_logits());
  for (const ProofPrompt& prompt : proof->prompts) {
    EXPECT_TRUE(std::equal(lora_.invocation.begin(), lora_.invocation.end(), prompt.ids.begin() + prompt.begin));
    EXPECT_GT(prompt.begin, 0);
    EXPECT_GE(static_cast<int64_t>(prompt.ids.size()), prompt.begin + 6 + kProofPositions);
  }
  EXPECT_LT(ReadFile(folder_ / "out.gguf").size() - 14 * (8 * 192), 100'000u);
}

TEST_F(ProveTest, AnotherMakersIsKeptWhereItFits) {
  LoraAdapter lora = Alora();
  lora.proof = ProveByEngine(base_, lora);
  lora.proof->policy = "trainer";
  EXPECT_EQ(Exported(lora)->policy, "trainer");

  lora.proof->logits.policy[3] += 5;  // computed something else
  WritePeft(lora, folder_ / "peft");
  EXPECT_NE(Refusal([&] { RunAdapter({folder_ / "peft", folder_ / "base.gguf", TensorType::kQ8_0, folder_ / "no.gguf"}); }).find("is not what its proof says"), std::string::npos);
  EXPECT_FALSE(FileExists(folder_ / "no.gguf"));

  // Tensors that changed under the proof: another is made.
  lora.proof->logits.policy[3] -= 5;
  const std::string json = ProofJson(*lora.proof);
  lora.pairs.begin()->second.a[0] += 1;
  WritePeft(lora, folder_ / "peft");
  WriteFile(folder_ / "peft/pith_proof.json", json);
  RunAdapter({folder_ / "peft", folder_ / "base.gguf", TensorType::kQ8_0, folder_ / "out.gguf"});
  EXPECT_EQ(PackedAdapter::FromGguf(folder_ / "out.gguf", base_->config())->proof()->policy, "exporter");
}

TEST_F(ProveTest, NoChangeIsNoAdapter) {
  LoraAdapter lora = Alora();
  for (auto& [name, pair] : lora.pairs) pair.b.assign(pair.b.size(), 0);
  EXPECT_NE(Refusal([&] { Exported(lora); }).find("changes nothing: B·A is zero in all of its 14 pairs"), std::string::npos);
  EXPECT_FALSE(FileExists(folder_ / "out.gguf"));
  EXPECT_TRUE(Exported(lora, TensorType::kQ8_0, /*allow_no_effect=*/true));

  std::filesystem::remove(folder_ / "out.gguf");
  lora = Alora();  // too small for F16, whose smallest step is 6e-8 (a small lora_b would be stored larger)
  for (auto& [name, pair] : lora.pairs) {
    for (float& x : pair.a) x *= 1e-9f;
  }
  EXPECT_NE(Refusal([&] { Exported(lora, TensorType::kF16); }).find("changes nothing as f16"), std::string::npos);
  EXPECT_FALSE(FileExists(folder_ / "out.gguf"));
}

// One that always acts, and one whose invocation is no part of the template.
TEST_F(ProveTest, WhereverItActs) {
  LoraAdapter lora = ReadPeft(kProofGolden + "tiny-lora");
  EXPECT_EQ(Exported(lora)->prompts[0].begin, 0);
  lora = Alora();
  lora.invocation = {300, 301};
  const ProofPrompt prompt = Exported(lora)->prompts[0];
  EXPECT_EQ(prompt.ids[static_cast<size_t>(prompt.begin)], 300);
}

}  // namespace
}  // namespace pith
