#include "export/prove.h"

#include "base/error.h"
#include "data/template/proof_prompts.h"
#include "runtime/proof_replay.h"

namespace pith {
namespace {

EngineOptions ProofEngine(const AdapterProof& proof, const std::optional<VerifierHead>& verifier = {}) {
  EngineOptions options;
  options.activations = ActivationType::kF32;
  options.kv_type = KvType::kF32;
  options.kv_tokens = ReplayTokens(proof, verifier);
  options.share_prefixes = false;
  return options;
}

std::vector<int64_t> BeginsOf(const AdapterProof& proof) {
  std::vector<int64_t> begins;
  for (const ProofPrompt& prompt : proof.prompts) begins.push_back(prompt.begin);
  return begins;
}

}  // namespace

AdapterProof ProveByEngine(std::shared_ptr<const BaseModel> base, const LoraAdapter& adapter) {
  const ModelConfig& c = base->config();
  const ProofPrompts made = MakeProofPrompts(base->path(), c.vocab_size, c.context_length, adapter.template_now, adapter.template_kwargs, adapter.invocation);
  AdapterProof proof = StartProof(adapter, *base, made.ids, made.begins, made.template_sha256, "exporter");
  const AdapterRef packed = PackedAdapter::FromLora(adapter, c, TensorType::kF32);
  Engine engine(std::move(base), ProofEngine(proof));
  ReplayRows(engine, proof, packed, made.begins, [&](size_t, std::span<const float> policy_V, std::span<const float> base_V) { AddProofRow(policy_V, base_V, &proof); });
  return proof;
}

void ProveStored(std::shared_ptr<const BaseModel> base, const AdapterRef& packed, const std::string& origin, AdapterProof* proof) {
  ProofEvidence evidence;
  evidence.pairs = StoredPairs(*packed, base->config());
  evidence.base_sha256 = base->Identity();
  evidence.begins = BeginsOf(*proof);
  Engine engine(std::move(base), ProofEngine(*proof));
  evidence.logits = Replay(engine, *proof, packed, evidence.begins);
  const ProofResult result = CheckProof(*proof, evidence);
  if (result.verdict == ProofVerdict::kDifferent) {
    ThrowUser("'", origin, "', packed, is not what its proof says: ", result.findings.front().sentence, "; train it again, or remove ", kProofFile, " to have another proof made here");
  }
  proof->stored_logits = evidence.logits.policy;
}

std::vector<float> ProveVerifier(std::shared_ptr<const BaseModel> base, const AdapterRef& packed, const AdapterProof& proof) {
  Engine engine(std::move(base), ProofEngine(proof, packed->verifier()));
  return ReplayVerifier(engine, proof, packed, BeginsOf(proof)).logits;
}

SwitcherReplay ProveSwitcher(std::shared_ptr<const BaseModel> base, const AdapterRef& packed, const AdapterProof& proof) {
  Engine engine(std::move(base), ProofEngine(proof));
  return ReplaySwitcher(engine, proof, packed, BeginsOf(proof));
}

}  // namespace pith
