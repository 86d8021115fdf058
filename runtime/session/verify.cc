#include "runtime/session/verify.h"

#include "base/error.h"
#include "data/template/prompt.h"
#include "runtime/proof_replay.h"

namespace pith {
namespace {

constexpr size_t kWarmPrompts = 4;  // replayed over a cache that others filled

// Where the adapter begins in the proof's prompts by its own invocation.
std::vector<int64_t> BeginsOf(const PackedAdapter& adapter, const AdapterProof& proof) {
  std::vector<int64_t> begins;
  for (const ProofPrompt& prompt : proof.prompts) {
    const bool always = adapter.activation() == Activation::kAlways;
    begins.push_back(always ? 0 : FindInvocation(prompt.ids, adapter.invocation()).value_or(static_cast<int64_t>(prompt.ids.size())));
  }
  return begins;
}

void LookAtTemplate(const ProofPrompts& made, const AdapterProof& proof, ProofEvidence* evidence) {
  if (proof.template_sha256.empty()) return;
  evidence->template_sha256 = made.template_sha256;
  evidence->same_ids = made.ids.size() == proof.prompts.size();
  for (size_t p = 0; evidence->same_ids && p < made.ids.size(); ++p) evidence->same_ids = made.ids[p] == proof.prompts[p].ids;
}

}  // namespace

ProofResult VerifyAdapter(std::shared_ptr<const BaseModel> base, const AdapterRef& adapter, const std::string& origin, const ProofPrompts& prompts,
                          const VerifyOptions& options) {
  if (!adapter->proof()) {
    ThrowUser("'", origin, "' carries no proof, so there is nothing to verify it by; pack it again from its PEFT folder: pith-export adapter computes one");
  }
  const AdapterProof& proof = *adapter->proof();
  ProofEvidence evidence;
  evidence.pairs = StoredPairs(*adapter, base->config());
  evidence.base_sha256 = base->Identity();
  evidence.any_base = options.any_base;
  evidence.begins = BeginsOf(*adapter, proof);
  LookAtTemplate(prompts, proof, &evidence);

  EngineOptions alone = options.engine;
  alone.kv_tokens = ReplayTokens(proof, adapter->verifier());
  alone.kv_max_bytes = 0;
  alone.share_prefixes = false;
  evidence.arithmetic_noise = ArithmeticNoise(alone);
  VerifierReplay verifier;
  SwitcherReplay switcher;
  {
    Engine engine(base, alone);
    evidence.logits = Replay(engine, proof, adapter, evidence.begins);
    if (adapter->verifier()) verifier = ReplayVerifier(engine, proof, adapter, evidence.begins);
    if (adapter->switcher()) switcher = ReplaySwitcher(engine, proof, adapter, evidence.begins);
  }
  evidence.stale_kv = !WarmIsCold(std::move(base), alone, proof, adapter, evidence.begins, kWarmPrompts, evidence.logits);
  ProofResult result = CheckProof(proof, evidence);
  if (adapter->verifier() && !options.any_base) CheckVerifier(*adapter->verifier(), verifier.logits, verifier.spreads, evidence.arithmetic_noise, &result);
  if (adapter->switcher() && !options.any_base) CheckSwitcher(*adapter->switcher(), switcher, evidence.arithmetic_noise, &result);
  return result;
}

}  // namespace pith
