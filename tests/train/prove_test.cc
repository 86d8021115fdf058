// The trainer's proof of what it trained, held against the runtime's engine: two programs that share no forward pass.
#include "train/proof/prove.h"

#include <gtest/gtest.h>

#include "adapters/peft.h"
#include "adapters/proof_check.h"
#include "runtime/proof_replay.h"
#include "tests/train/tiny_run.h"

namespace pith::testing {
namespace {

TEST(Prove, TheEngineComputesWhatTheTrainerDid) {
  const Scratch scratch;
  const TrainConfig config = TinyConfig(scratch, "sft", "proved");
  RunOptions quiet;
  quiet.quiet = true;
  Execute(config, quiet);
  const std::string folder = config.run.folder + "/adapter";
  EXPECT_FALSE(ReadPeft(folder).proof);
  const Session session = OpenSession(config);
  ProveAdapter(session, folder);

  const LoraAdapter adapter = ReadPeft(folder);
  ASSERT_TRUE(adapter.proof);
  const AdapterProof& proof = *adapter.proof;
  EXPECT_EQ(proof.policy, "trainer");
  EXPECT_EQ(proof.adapter_sha256, AdapterHash(adapter));
  EXPECT_EQ(proof.base_sha256, session.base->Identity());
  EXPECT_EQ(proof.prompts.size(), 16u);
  EXPECT_EQ(proof.template_sha256.size(), 64u);
  EXPECT_GT(proof.prompts[0].begin, 0);

  const AdapterRef packed = PackedAdapter::FromLora(adapter, session.base->config(), TensorType::kF32);
  ProofEvidence evidence;
  evidence.pairs = StoredPairs(*packed, session.base->config());
  evidence.base_sha256 = session.base->Identity();
  for (const ProofPrompt& prompt : proof.prompts) evidence.begins.push_back(prompt.begin);
  EngineOptions options;
  options.activations = ActivationType::kF32;
  options.kv_type = KvType::kF32;
  options.kv_tokens = ReplayTokens(proof);
  Engine engine(session.base, options);
  evidence.logits = Replay(engine, proof, packed, evidence.begins);
  const ProofResult result = CheckProof(proof, evidence);
  EXPECT_EQ(result.verdict, ProofVerdict::kEqual) << (result.findings.empty() ? "" : result.findings[0].sentence);
  EXPECT_GT(result.figures.expected_change, 100 * result.figures.equal_bound);

  // Saved anew without a proof, as a run that goes on does: the old one is gone.
  LoraAdapter again = adapter;
  again.proof.reset();
  WritePeft(again, folder);
  EXPECT_FALSE(ReadPeft(folder).proof);
}

}  // namespace
}  // namespace pith::testing
